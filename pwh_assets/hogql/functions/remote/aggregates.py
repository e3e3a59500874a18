"""Aggregates and windows that need a dialect's conversions only."""

from pwh_assets.hogql.functions.base import Call, Handler
from pwh_assets.hogql.functions.dialect import conversions_of
from pwh_assets.hogql.functions.sqltext import over_clause, tail

WINDOWS = (
    "row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead", "first_value", "last_value",
    "nth_value",
)  # fmt: skip


def plain_only(call: Call) -> None:
    """
    Raises:
        ValueError: it stands before OVER.
    """
    if call.over_sql:
        raise ValueError("it takes no OVER there.")


def truth(word: str) -> Handler:
    """An aggregate of an argument's truth."""
    return lambda call, /: (
        f"{word}({conversions_of(call.engine).boolean(call.args[0])}){tail(call)}"
    )


def window_of(call: Call) -> str:
    """The call's OVER.

    Raises:
        ValueError: it has none.
    """
    clause = over_clause(call)
    if not clause:
        raise ValueError("it needs OVER (…).")
    return clause
