"""The reference page of HogQL's functions, made from the registry: what exists, what it gives, and where it runs."""

from collections.abc import Iterable
from typing import Any

from pwh_assets.hogql.functions.base import Agg, Expansion, Fn, Row, Unsupported
from pwh_assets.hogql.functions.registry import COMBINATORS, REGISTRY, Registry

ENGINES: tuple[tuple[str, str], ...] = (("duckdb", "DuckDB"), ("clickhouse", "ClickHouse"))

TITLES: dict[str, str] = {
    "arithmetic": "Arithmetic",
    "comparison": "Comparison",
    "logical": "Logic",
    "conditional": "Conditions and missing values",
    "conversion": "Conversion",
    "dates": "Dates and times",
    "strings": "Texts",
    "search": "Searching and replacing",
    "splitting": "Splitting",
    "urls": "URLs",
    "arrays": "Arrays",
    "lambdas": "Arrays with lambdas",
    "tuples": "Tuples",
    "distance": "Vectors and distances",
    "maps": "Maps",
    "json": "JSON",
    "maths": "Mathematics",
    "rounding": "Rounding",
    "bits": "Bits and bitmaps",
    "hashes": "Hashes and encodings",
    "aggregate": "Aggregates",
    "window": "Window functions",
    "other": "Other",
    "geo": "Places on earth",
    "posthog": "PostHog's own",
}

COMBINATOR_DOCS: dict[str, str] = {
    "If": "only rows for which the last argument is true",
    "Distinct": "different values only",
    "OrNull": "NULL over nothing, also for counts",
    "OrDefault": "0, '' or the like over nothing",
    "Array": "over the elements of arrays",
    "ForEach": "place by place over arrays",
    "Map": "key by key over maps",
    "ArgMin": "over the rows where the last argument is smallest",
    "ArgMax": "over the rows where the last argument is greatest",
    "State": "the aggregate's state, to be merged later (ClickHouse)",
    "Merge": "the aggregate of states (ClickHouse)",
    "SimpleState": "a state that is a plain value (ClickHouse)",
}


def signature(row: Row) -> str:
    """How a row is called: `dateDiff(a, b, c[, d])`, `quantile(p)(a)`.

    >>> signature(REGISTRY.find("dateDiff"))
    'dateDiff(a, b, c[, d])'
    """
    fewest, most = row.args
    letters = [chr(97 + i) for i in range(most if most is not None else max(fewest, 1))]
    text = ", ".join(letters[:fewest])
    optional = letters[fewest:]
    if most is None:
        text += " …" if text else "…"
    elif optional:
        text += "[" + (", " if text else "") + ", ".join(optional) + "]"
    params = getattr(row, "params", (0, 0))
    inside = "(p)" if params[1] and params[0] else "[(p)]" if params[1] != 0 else ""
    return f"{row.name}{inside}({text})"


def runs_on(row: Row, engine: str) -> bool:
    return isinstance(row, Expansion) or not isinstance(
        row.sql.get(engine, Unsupported("")), Unsupported
    )


def why_not(row: Row, engine: str) -> str:
    rendering = None if isinstance(row, Expansion) else row.sql.get(engine)
    return rendering.reason if isinstance(rendering, Unsupported) else ""


def counts(registry: Registry = REGISTRY) -> dict[str, int]:
    """Callable names per engine, aliases and all, and refused ones."""
    found = {
        engine: sum(1 + len(row.aliases) for row in registry if runs_on(row, engine))
        for engine, _ in ENGINES
    }
    return found | {"names": len(registry.names()), "refused": len(registry.refusals)}


def render_reference(registry: Registry = REGISTRY) -> str:
    """The page as Markdown."""
    number = counts(registry)
    lines = [
        "# HogQL functions",
        "",
        "Made from the registry by `make docs`; every example is a test on every engine.",
        f"{number['names']} names: {number['duckdb']} run on DuckDB, {number['clickhouse']} on ClickHouse. "
        "Aggregates take suffixes on top of that. Case does not matter unless two names differ by it.",
        "",
        "Both engines answer alike: NULL where a value is missing, a place is outside an array, or an aggregate has nothing to "
        "aggregate; exact counts and quantiles; positions and pieces of texts in characters; times as instants read in the project's zone.",
        "",
    ]
    for category in dict.fromkeys([*TITLES, *(row.category for row in registry)]):
        rows = [row for row in registry if row.category == category]
        if rows:
            lines += [f"## {TITLES.get(category, category.capitalize())}", ""]
            lines += _suffixes() if category == "aggregate" else []
            lines += _table(rows)
    lines += [
        "## Refused",
        "",
        "Names HogQL has elsewhere that run on no engine here.",
        "",
        "| name | why | instead |",
        "|---|---|---|",
    ]
    lines += [
        f"| `{refusal.name}` | {refusal.reason} | {refusal.hint} |"
        for refusal in sorted(registry.refusals, key=lambda one: one.name.lower())
    ]
    return "\n".join(lines) + "\n"


def _suffixes() -> list[str]:
    return [
        "Suffixes make new aggregates: `sumIf`, `uniqOrNullIf`, `quantileArrayIf`.",
        "",
        "| suffix | meaning |",
        "|---|---|",
        *(
            f"| `-{name}` | {COMBINATOR_DOCS[name]} |"
            for name in sorted(COMBINATORS, key=list(COMBINATOR_DOCS).index)
        ),
        "",
    ]


def _table(rows: Iterable[Row]) -> list[str]:
    lines = ["| function | what it gives | example |", "|---|---|---|"]
    for row in rows:
        names = f"`{signature(row)}`"
        if row.aliases:
            names += "<br>also " + ", ".join(f"`{alias}`" for alias in row.aliases)
        doc = row.doc
        for engine, title in ENGINES:
            if not runs_on(row, engine):
                doc += f" *Not on {title}: {why_not(row, engine) or 'it has no equivalent there.'}*"
        lines.append(f"| {_cell(names)} | {_cell(doc)} | {_cell(_example(row))} |")
    return [*lines, ""]


def _example(row: Row) -> str:
    given: Any = row.example
    if not given:
        return ""
    text, value = given if isinstance(given[0], str) else given[0]
    if isinstance(row, Agg) and " FROM (SELECT arrayJoin(" in text:
        call = text.removeprefix("SELECT ").split(" FROM (")[0]
        return f"`{call}`"
    return f"`{text}` → `{_value(value)}`"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return f"'{value}'"
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return str(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


__all__ = ["Fn", "counts", "render_reference", "signature"]
