"""All rows by name: what exists, what is refused and why, and what a mistyped name may have meant."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib import import_module

from pwh_assets.hogql.functions.base import Agg, Expansion, Fn, Refused, Row, WindowFn

FAMILIES: tuple[str, ...] = (
    "arithmetic",
    "comparison",
    "conditional",
    "conversion",
    "periods",
    "dates",
    "shifts",
    "zones",
    "formats",
    "calendar",
    "strings",
    "search",
    "regexps",
    "splitting",
    "urls",
    "arrays",
    "array_sets",
    "lambdas",
    "tuples",
    "maps",
    "json",
    "maths",
    "rounding",
    "bits",
    "hashes",
    "aggregates",
    "quantiles",
    "statistics",
    "funnels",
    "windows",
    "geo",
    "misc",
    "posthog",
)
"""Modules of this package whose ROWS make the registry, in the order of the reference page."""

COMBINATORS: tuple[str, ...] = (
    "SimpleState",
    "OrDefault",
    "Distinct",
    "ForEach",
    "OrNull",
    "ArgMin",
    "ArgMax",
    "Array",
    "State",
    "Merge",
    "Map",
    "If",
)
"""Suffixes that make a new aggregate of an aggregate."""


class Registry:
    """Finds rows by name: first as written, then without regard to case."""

    def __init__(self, rows: Iterable[Row], refused: Iterable[Refused] = ()) -> None:
        self.rows: tuple[Row, ...] = tuple(rows)
        self._exact: dict[str, Row] = {}
        for row in self.rows:
            for name in (row.name, *row.aliases):
                if name in self._exact:
                    raise ValueError(f"`{name}` has two rows")
                self._exact[name] = row
        self._folded: dict[str, Row] = {}
        for name, row in self._exact.items():
            self._folded.setdefault(name.lower(), row)
        self.refusals: tuple[Refused, ...] = tuple(
            refusal for refusal in refused if refusal.name not in self._exact
        )
        self._refused = {refusal.name.lower(): refusal for refusal in self.refusals}

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def find(self, name: str) -> Row | None:
        """The row called `name`, or None. Combined names (`sumIf`) are found by `aggregate`."""
        return self._exact.get(name) or self._folded.get(name.lower())

    def aggregate(self, name: str) -> tuple[Agg, tuple[str, ...]] | None:
        """The aggregate and its combinators in the order written: `uniqOrNullIf` is uniq, OrNull, If."""
        return _aggregate(self, name)

    def refused(self, name: str) -> Refused | None:
        """Why a name of HogQL's list runs on no engine here."""
        return self._refused.get(name.lower())

    def names(self) -> list[str]:
        """Every callable name, without combined ones, sorted."""
        return sorted(self._exact, key=str.lower)

    def nearest(self, name: str, count: int = 1) -> list[str]:
        """Names that look like `name`, nearest first; also combined ones such as `countIf`."""
        folded = {known.lower(): known for known in self._exact}
        folded |= {
            f"{row.name}If".lower(): f"{row.name}If" for row in self.rows if isinstance(row, Agg)
        }
        return [
            folded[near] for near in difflib.get_close_matches(name.lower(), folded, count, 0.6)
        ]


@lru_cache(maxsize=4096)
def _aggregate(registry: Registry, name: str) -> tuple[Agg, tuple[str, ...]] | None:
    row = registry._exact.get(name)
    if isinstance(row, Agg):
        return row, ()
    if row is not None:
        return None
    found = _split(name, registry._exact, COMBINATORS)
    if found is None:
        row = registry._folded.get(name.lower())
        if row is not None:
            return (row, ()) if isinstance(row, Agg) else None
        folded = {suffix.lower(): suffix for suffix in COMBINATORS}
        found = _split(name.lower(), registry._folded, tuple(folded))
        if found is not None:
            found = found[0], tuple(folded[suffix] for suffix in found[1])
    return found


def _split(
    name: str, rows: dict[str, Row], suffixes: Sequence[str]
) -> tuple[Agg, tuple[str, ...]] | None:
    for suffix in suffixes:
        if not name.endswith(suffix) or len(name) == len(suffix):
            continue
        base = name[: -len(suffix)]
        row = rows.get(base)
        if isinstance(row, Agg):
            return row, (suffix,)
        inner = _split(base, rows, suffixes)
        if inner is not None:
            return inner[0], (*inner[1], suffix)
    return None


def _load() -> Registry:
    package = __package__ or "pwh_assets.hogql.functions"
    rows: list[Row] = []
    for family in FAMILIES:
        rows.extend(import_module(f"{package}.{family}").ROWS)
    try:
        refused = import_module(f"{package}.refused").REFUSED
    except ModuleNotFoundError:
        refused = ()
    return Registry(rows, refused)


REGISTRY = _load()

__all__ = ["COMBINATORS", "REGISTRY", "Agg", "Expansion", "Fn", "Registry", "WindowFn"]
