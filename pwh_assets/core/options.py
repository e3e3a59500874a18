"""What a user may set on a table beyond its mode: columns, row filters, masks, lookback, rebuilds, deletes."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

FILTER_OPERATORS = (">", ">=", "<", "<=", "=", "!=", "IN", "NOT IN")
LONGEST_LOOKBACK_S = int(timedelta(days=60).total_seconds())
REFRESH_DAYS = (1, 90)
"""The shortest and the longest `full_refresh_interval_days`."""
CDC_TABLE_MODES = ("consolidated", "cdc_only", "both")

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class RowFilter:
    """One condition on a column. As in SQL, a row whose value is NULL fulfils none."""

    column: str
    operator: str
    """One of `FILTER_OPERATORS`."""
    value: Scalar | tuple[Scalar, ...]
    """A tuple for `IN` and `NOT IN`. Times are ISO texts, in UTC where they say no zone."""


class MaskKind(StrEnum):
    DROP = "drop"
    """The column is not read at all."""
    HASH = "hash"
    """HMAC-SHA-256 of the value's text with the project's key, in hex: equal values stay equal, in every table."""
    TRUNCATE = "truncate"
    """The first `keep` characters of the value's text and `***`."""
    NULL = "null"
    """The column stays, its values do not."""


@dataclass(frozen=True, slots=True)
class Mask:
    """What becomes of a column's values before anything is written."""

    column: str
    kind: MaskKind
    keep: int = 3
    """For `truncate`: how many characters stay."""


@dataclass(frozen=True, slots=True)
class TableOptions:
    """All of it has a default, with which a table syncs whole and as it is."""

    enabled_columns: tuple[str, ...] | None = None
    """None for all there are, also those to come. Key and cursor are always read."""
    row_filters: tuple[RowFilter, ...] = ()
    """All of them hold for a row that is kept."""
    masks: tuple[Mask, ...] = ()
    lookback_s: int = 0
    """How far before the watermark an incremental sync by a time begins to read."""
    full_refresh_interval_days: int | None = None
    """Read everything anew after so many days; None for never."""
    detect_deletes: bool = False
    """After each incremental sync compare the keys with the source's and remove what is gone there."""

    cdc_table_mode: str = "consolidated"
    """For mode `cdc`, one of `CDC_TABLE_MODES`: the rows as they are now, every change (`<table>_cdc`), or both."""

    @property
    def dropped(self) -> frozenset[str]:
        """Columns that are never read."""
        return frozenset(mask.column for mask in self.masks if mask.kind is MaskKind.DROP)

    def mask(self, column: str) -> Mask | None:
        return next((mask for mask in self.masks if mask.column == column), None)


@dataclass(frozen=True, slots=True)
class AutoSync:
    """What happens to tables that appear at a source: with `new_schemas`, those that match a pattern sync at once."""

    new_schemas: bool = False
    patterns: tuple[str, ...] = ()
    """Globs on the table's name (`public.*`, `order_?`); none means every table."""

    def matches(self, name: str) -> bool:
        """Whether a new table of this name syncs by itself.

        >>> AutoSync(True, ("order_*",)).matches("order_items"), AutoSync(True).matches("x")
        (True, True)
        """
        from fnmatch import fnmatchcase

        return self.new_schemas and (
            not self.patterns or any(fnmatchcase(name, each) for each in self.patterns)
        )
