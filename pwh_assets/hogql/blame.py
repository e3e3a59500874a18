"""An engine's complaint about a running query as a mistake in the user's text: what went wrong, where, and the way out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from pwh_assets.hogql.errors import HogQLError, Problem, SyntaxProblem
from pwh_assets.hogql.resolve.core import span


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of failure: how engines word it, what users read, and the calls and operators that can fail so."""

    words: re.Pattern[str]
    sentence: str
    hint: str
    calls: re.Pattern[str] | None = None
    nodes: tuple[type[exp.Expression], ...] = ()


def _any(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


FAULTS: tuple[Fault, ...] = (
    Fault(
        _any(r"division by zero|divide by zero|illegal_division"),
        "A number is divided by zero",
        "Divide by `nullIf(x, 0)`.",
        _any(r"div|mod|gcd|lcm"),
        (exp.Div, exp.Mod),
    ),
    Fault(
        _any(r"more than one row returned|subquery returned more than one row|more than one row"),
        "A sub-query that stands for one value gives several rows",
        "Add `LIMIT 1`, or aggregate in it.",
        nodes=(exp.Subquery,),
    ),
    Fault(
        _any(r"regex|regular ?expression|missing \)|missing \]|re2|repetition operator|hyperscan"),
        "The pattern is no regular expression",
        "Patterns follow RE2: no look-ahead, no back-references.",
        _any(r"match|regexp|extract|split|token"),
        (exp.RegexpLike, exp.RegexpILike),
    ),
    Fault(
        _any(
            r"equal size|different size|sizes of|same length|same size|list dimension|equal length"
        ),
        "Arrays of different lengths stand side by side",
        "Bring them to one length with `arrayResize`.",
        _any(r"array|map|distance|product|zip|join"),
    ),
    Fault(
        _any(r"recursive cte|recursive query|recursion depth|too deep recursion"),
        "A recursive WITH does not come to an end",
        "Bound it with a condition, such as `WHERE n < 100`.",
        nodes=(exp.With,),
    ),
    Fault(
        _any(r"time ?zone"),
        "There is no such time zone",
        "Write it as in 'Europe/Berlin'.",
        _any(r"zone|format|parse|date|time|start|now"),
    ),
    Fault(
        _any(
            r"convert|parse|invalid input|malformed|unimplemented type for cast|invalid json|field value|badly formatted"
            r"|could not cast|cannot_parse|unexpected value|invalid base64|not valid"
        ),
        "A value cannot be read as what it is converted to",
        "Conversions that may fail end in `OrNull` or `OrZero`.",
        _any(r"to[A-Z]|parse|cast|date|time|json|base|unhex|hex|uuid|decode|make"),
        (exp.Cast, exp.TryCast),
    ),
    Fault(
        _any(r"out of range|overflow|out of bound|too large|too big|exceeds|maximum"),
        "A number or size is outside what is possible",
        "Bound it, for example with `least` and `greatest`.",
        _any(r"."),
        (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Cast),
    ),
    Fault(
        _any(r"correlated"),
        "A sub-query reads the row outside in a way the engine cannot do",
        "Write it as a JOIN.",
        nodes=(exp.Subquery, exp.Exists, exp.In),
    ),
    Fault(
        _any(
            r"no function matches|illegal type|no_common_type|supertype|cannot compare|type mismatch|illegal column"
            r"|must be|should be|cannot deduce|illegal_type|cannot combine types|argument"
        ),
        "The values here are not of types that go together",
        "Convert one of them, for example with `toString` or `toFloat`.",
        _any(r"."),
        (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.EQ, exp.LT, exp.GT),
    ),
)
OTHER = Fault(
    _any("."),
    "The engine could not answer this",
    "Try it in smaller parts, or on the other engine.",
)
WHOLE = 1_000
"""More candidates than this are not told apart."""


def blamed(text: str, reason: str, title: str) -> HogQLError:
    """The mistake behind an engine's sentence, at the smallest place that holds all that may have caused it.

    >>> error = blamed("SELECT 1, intDiv(1, x) FROM t", "Division by zero", "DuckDB")
    >>> error.problems[0].message, error.start, error.end
    ('A number is divided by zero', 10, 22)
    """
    fault = next((known for known in FAULTS if known.words.search(reason)), OTHER)
    start, end = _place(text, reason, fault)
    sentence = fault.sentence if fault is not OTHER else f"{title} could not answer this"
    return HogQLError([Problem(SyntaxProblem.ENGINE, sentence, start, end, fault.hint)], text)


def _place(text: str, reason: str, fault: Fault) -> tuple[int, int]:
    from pwh_assets.hogql.parser import parse

    tree = parse(text).tree
    if not isinstance(tree, exp.Expression):
        return 0, len(text)
    found = list(_candidates(tree, fault))
    named = _named(found, reason)
    spans = [span(node) for node in named or found]
    if not spans or len(spans) > WHOLE:
        return _outer(text)
    return min(start for start, _ in spans), max(end for _, end in spans)


def _candidates(tree: exp.Expression, fault: Fault) -> Iterator[exp.Expression]:
    for node in tree.walk():
        if isinstance(node, fault.nodes) or (
            fault.calls is not None
            and isinstance(node, exp.Anonymous | exp.ParameterizedAgg)
            and fault.calls.search(str(node.this))
        ):
            yield node


def _named(nodes: list[exp.Expression], reason: str) -> list[exp.Expression]:
    """The calls whose name, or a literal inside, the engine's sentence quotes; the innermost of them."""
    words = {word.lower() for word in re.findall(r"[A-Za-z_][A-Za-z0-9_]+", reason)}
    quoted = set(re.findall(r"['\"]([^'\"]+)['\"]", reason))
    hits = [
        node
        for node in nodes
        if str(node.this).lower() in words
        or any(literal.this in quoted for literal in node.find_all(exp.Literal))
    ]
    return [
        node
        for node in hits
        if not any(other is not node and _within(other, node) for other in hits)
    ]


def _within(inner: exp.Expression, outer: exp.Expression) -> bool:
    (a, b), (c, d) = span(inner), span(outer)
    return c <= a and b <= d and (a, b) != (c, d)


def _outer(text: str) -> tuple[int, int]:
    """The whole text without blanks around it."""
    start = len(text) - len(text.lstrip())
    return start, max(start, len(text.rstrip()))
