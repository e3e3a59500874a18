"""What every test here gets."""

from tests.new_homes import new_homes_are_copies as new_homes_are_copies
