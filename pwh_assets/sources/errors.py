"""What goes wrong at a source beyond access and availability: things missing there, values that cannot be read."""

from collections.abc import Sequence

from pwh_assets.core.names import nearest
from pwh_assets.errors import SourceError, quoted


class TableMissingError(SourceError):
    """The table is not at the source any more (or never was)."""

    code = "table_missing"

    def __init__(self, table: str, place: str) -> None:
        self.table, self.place = table, place
        super().__init__(
            f"`{table}` is not at {place} any more. "
            "Refresh the source's tables, or put the table back under this name."
        )


class CursorMissingError(SourceError):
    """The column a table syncs by is gone."""

    code = "cursor_missing"

    def __init__(self, table: str, cursor: str, columns: Sequence[str]) -> None:
        self.table, self.cursor, self.columns = table, cursor, tuple(columns)
        near = nearest(cursor, self.columns)
        hint = f"Did you mean `{near}`? " if near else ""
        super().__init__(
            f"`{table}` has no column `{cursor}` to sync by. It has {quoted(self.columns)}. "
            f"{hint}Choose one of those, or sync the whole table."
        )


class CursorTypeError(SourceError):
    """The column a table syncs by has no order rows arrive in."""

    code = "cursor_type"

    def __init__(self, table: str, cursor: str, kind: str, wanted: str) -> None:
        self.table, self.cursor, self.kind = table, cursor, kind
        super().__init__(
            f"`{table}` cannot be synced by `{cursor}`, which is {kind}. "
            f"Choose {wanted}, or sync the whole table."
        )


class UnreadableDataError(SourceError):
    """The source answered with something that cannot be turned into rows; the sentence says where."""

    code = "unreadable_data"

    def __init__(self, place: str, problem: str, way_out: str) -> None:
        self.place, self.problem = place, problem
        super().__init__(f"{place}: {problem} {way_out}".strip())
