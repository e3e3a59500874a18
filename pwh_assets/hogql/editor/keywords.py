"""The words of the grammar that may stand at a cursor."""

from typing import Final

from pwh_assets.hogql.editor.place import Place
from pwh_assets.hogql.editor.reach import Reach
from pwh_assets.hogql.parser.tokens import CLAUSES, NAMES, UNITS

_STARTS: Final = ("SELECT", "WITH")
_OPERAND: Final = ("CASE WHEN", "NOT", "NULL", "TRUE", "FALSE", "INTERVAL", "CAST", "EXISTS")
_AFTER_OPERAND: Final = (
    "AND", "OR", "IN", "NOT IN", "LIKE", "ILIKE", "NOT LIKE", "NOT ILIKE", "BETWEEN", "IS NULL", "IS NOT NULL",
    "IN COHORT", "NOT IN COHORT",
)  # fmt: skip
_JOINS: Final = (
    "JOIN",
    "LEFT JOIN",
    "INNER JOIN",
    "RIGHT JOIN",
    "FULL JOIN",
    "CROSS JOIN",
    "ARRAY JOIN",
    "LEFT ARRAY JOIN",
)
_SETS: Final = ("UNION ALL", "UNION DISTINCT", "INTERSECT", "EXCEPT")
_TAIL: Final = ("LIMIT", "OFFSET", *_SETS)
_NEXT: Final[dict[str, tuple[str, ...]]] = {
    "select": ("AS", "FROM", *_SETS),
    "from": ("AS", *_JOINS, "SAMPLE", "FINAL", "PREWHERE", "WHERE", "GROUP BY", "ORDER BY", *_TAIL),
    "array join": ("AS", "PREWHERE", "WHERE", "GROUP BY", "ORDER BY", *_TAIL),
    "on": (*_JOINS, "WHERE", "GROUP BY", "ORDER BY", *_TAIL),
    "using": (*_JOINS, "WHERE", "GROUP BY", "ORDER BY", *_TAIL),
    "where": ("GROUP BY", "HAVING", "QUALIFY", "WINDOW", "ORDER BY", *_TAIL),
    "group": ("WITH ROLLUP", "WITH CUBE", "WITH TOTALS", "HAVING", "WINDOW", "ORDER BY", *_TAIL),
    "having": ("QUALIFY", "WINDOW", "ORDER BY", *_TAIL),
    "window": ("ORDER BY", *_TAIL),
    "order": ("ASC", "DESC", "NULLS FIRST", "NULLS LAST", *_TAIL),
    "limit": ("OFFSET", "BY", "WITH TIES", *_SETS),
}
_WINDOW: Final = ("PARTITION BY", "ORDER BY", "ROWS BETWEEN", "RANGE BETWEEN")
_NOT_OPERANDS: Final = frozenset({"NOT", "CASE", "INTERVAL", "LAMBDA", "COHORT", "VALUES"})
_ENDS: Final = (NAMES - CLAUSES - _NOT_OPERANDS) | UNITS | {
    "string", "number", ")", "]", "}", "END", "NULL", "TRUE", "FALSE", "INF", "NAN", "f-end",
}  # fmt: skip
TYPES: Final = (
    "String", "Integer", "Int64", "Float", "Float64", "Decimal", "Boolean", "Date", "DateTime", "UUID",
)  # fmt: skip


def ends_operand(place: Place) -> bool:
    """Whether a value or a table is complete right before the cursor, so that no other can begin."""
    kind = place.previous
    if kind == "*":
        return place.kind(1) in ("SELECT", ",", "(", ".", "DISTINCT")
    return kind in _ENDS and place.chain is None


def keywords(place: Place, found: Reach) -> tuple[str, ...]:
    """Words the grammar takes at the cursor."""
    before = place.previous
    if not before or (before == "(" and not found.clause) or before == ";":
        return _STARTS
    if before in ("ALL", "DISTINCT") and place.kind(1) in ("UNION", "INTERSECT", "EXCEPT"):
        return ("SELECT",)
    if before in ("UNION", "INTERSECT", "EXCEPT"):
        return ("ALL", "DISTINCT") if before != "EXCEPT" else ("SELECT",)
    if before in ("GROUP", "ORDER"):
        return ("BY",)
    if before in ("LEFT", "RIGHT", "FULL", "INNER", "CROSS", "ANTI", "SEMI", "OUTER"):
        return ("JOIN",)
    if before == "IS":
        return ("NULL", "NOT NULL")
    if before == "NULLS":
        return ("FIRST", "LAST")
    if before == "NOT" and place.kind(1) in _ENDS:
        return ("IN", "LIKE", "ILIKE", "BETWEEN", "IN COHORT")
    if before == "IN":
        return ("COHORT",)
    if before == "(" and place.kind(1) == "OVER":
        return _WINDOW
    if (
        before in ("AS", ".", "?.", "COHORT", "FROM", "JOIN", "BY", "USING")
        or place.chain is not None
    ):
        return _OPERAND if before == "BY" else ()
    if found.clause == "with" and before == ")" and not found.is_nested:
        return ("SELECT",)
    if ends_operand(place):
        return _after(place, found)
    return ("DISTINCT", *_OPERAND) if before == "SELECT" else _operand(place, found)


def _operand(place: Place, found: Reach) -> tuple[str, ...]:
    if found.clause in ("from", "limit") and not found.is_nested:
        return ()
    if place.previous == "(" and place.kind(1) in NAMES | {"FROM", "JOIN", "IN", ","}:
        return ("SELECT", *_OPERAND, "DISTINCT")
    if place.previous == "CASE":
        return ("WHEN",)
    return _OPERAND


def _after(place: Place, found: Reach) -> tuple[str, ...]:
    if found.is_nested:
        if in_case := _case_words(place, found.opener):
            return (*in_case, *_AFTER_OPERAND)
        if found.clause == "order":
            return ("DESC", "ASC", "ROWS BETWEEN", *_AFTER_OPERAND)
        return (*_AFTER_OPERAND, "AS")
    own = _NEXT.get(found.clause, ())
    if found.clause == "from":
        is_joined = place.tokens.kinds[found.clause_at] == "JOIN"
        if place.kind(1) not in ("FROM", "JOIN", ",", ".") and place.previous != ")":
            own = tuple(word for word in own if word != "AS")
        return (("ON", "USING") if is_joined else ()) + own
    if found.clause in ("limit", "using", "window"):
        return own
    if place.kind(1) == "AS":
        return tuple(word for word in own if word != "AS")
    if in_case := _case_words(place, found.clause_at):
        return (*in_case, *_AFTER_OPERAND)
    over = ("OVER",) if place.previous == ")" and found.clause in ("select", "order") else ()
    if found.clause in ("where", "having", "on"):
        return (*_AFTER_OPERAND, *own)
    return (*own, *over, *_AFTER_OPERAND)


def _case_words(place: Place, first: int) -> tuple[str, ...]:
    """What goes on from a complete value inside CASE; nothing outside of one."""
    depth = 0
    for index in range(place.before, max(first, 0), -1):
        kind = place.tokens.kinds[index]
        depth += (kind == "END") - (kind == "CASE")
        if depth < 0:
            return ("WHEN",)
        if not depth and kind in _CASE:
            return _CASE[kind]
    return ()


_CASE: Final[dict[str, tuple[str, ...]]] = {
    "WHEN": ("THEN",),
    "THEN": ("WHEN", "ELSE", "END"),
    "ELSE": ("END",),
}
