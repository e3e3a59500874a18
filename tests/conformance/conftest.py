"""What every test here gets."""

from tests.stores import new_stores_are_copies as new_stores_are_copies
