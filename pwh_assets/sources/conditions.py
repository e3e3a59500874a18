"""Row filters as SQL conditions, for every source that is asked in SQL."""

from collections.abc import Callable, Sequence
from typing import Any

from pwh_assets.core.options import RowFilter


def conditions(
    filters: Sequence[RowFilter], name: Callable[[str], str], value: Callable[[Any], str]
) -> list[str]:
    """One condition per filter, to be joined with AND.

    `name` quotes an identifier; `value` makes a literal, or a placeholder after keeping the value.

    >>> conditions([RowFilter("n", "NOT IN", (1, 2))], lambda n: f'"{n}"', repr)
    ['"n" NOT IN (1, 2)']
    """
    found = []
    for one in filters:
        operator = "<>" if one.operator == "!=" else one.operator
        if isinstance(one.value, tuple):
            words = f"({', '.join(value(each) for each in one.value)})"
        else:
            words = value(one.value)
        found.append(f"{name(one.column)} {operator} {words}")
    return found
