"""What goes wrong at a source beyond access and availability: things missing there, values that cannot be read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pwh_assets.core.names import nearest
from pwh_assets.errors import (
    SourceAccessError,
    SourceError,
    SourceUnavailableError,
    UserError,
    quoted,
)


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


class CursorChangedError(SourceError):
    """The column a table syncs by is of another type than the place the last sync got to."""

    code = "cursor_changed"

    def __init__(self, table: str, cursor: str, kind: str, since: str) -> None:
        self.table, self.cursor, self.kind, self.since = table, cursor, kind, since
        super().__init__(
            f"`{table}` was synced by `{cursor}` up to `{since}`, but that column is {kind} now. "
            "Have the table read anew: `pwh source resync`."
        )


class UnreadableDataError(SourceError):
    """The source answered with something that cannot be turned into rows; the sentence says where."""

    code = "unreadable_data"

    def __init__(self, place: str, problem: str, way_out: str) -> None:
        self.place, self.problem = place, problem
        super().__init__(f"{place}: {problem} {way_out}".strip())


class DeliveryRefusedError(UserError):
    """A webhook's delivery is not the vendor's, or cannot be read; nothing was kept."""

    code = "delivery_refused"


class StreamNotReadyError(SourceAccessError):
    """The source cannot be streamed as it is set up; the sentence names every problem and what to run there."""

    code = "stream_not_ready"

    def __init__(self, place: str, problems: Sequence[str], statements: Sequence[str]) -> None:
        self.problems, self.statements = tuple(problems), tuple(statements)
        run = f" Run there: `{'; '.join(statements)}`." if statements else ""
        super().__init__(f"{place} cannot stream its changes: {' '.join(problems)}{run}")


class StreamLostError(SourceError):
    """The source has thrown away changes that were not read: the tables have to be read whole again."""

    code = "stream_lost"

    def __init__(self, place: str, what: str, way_out: str) -> None:
        super().__init__(f"{place}: {what} Changes are missing from here on. {way_out}")


class StreamBusyError(SourceUnavailableError):
    """Somebody else reads this stream."""

    code = "stream_busy"


class DriverMissingError(SourceError):
    """The vendor's client is not installed."""

    code = "driver_missing"

    def __init__(self, extra: str, package: str) -> None:
        self.extra, self.package = extra, package
        super().__init__(
            f"Reading from `{extra}` needs the package `{package}`, which is not installed. "
            f"Install it with `pip install 'pwh-assets[{extra}]'`."
        )


@contextmanager
def driver_missing(extra: str) -> Iterator[None]:
    """Around the import of a vendor's client: its absence is told with the command that ends it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise DriverMissingError(extra, error.name or extra) from None
