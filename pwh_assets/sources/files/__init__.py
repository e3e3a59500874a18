"""Files: CSV, JSON lines, Parquet and Delta tables from a folder or from object storage.

Belongs here: listing, what makes a table, formats and their types.
Keep out: whether this machine's folders may be read (`services/egress` decides), where rows go.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pwh_assets.core.in_place import PlacedTable
from pwh_assets.core.source import Column, DiscoveredTable, SyncMode
from pwh_assets.errors import InvalidInputError, SourceUnavailableError
from pwh_assets.sources.base import Field, Reading, ReadRequest
from pwh_assets.sources.errors import TableMissingError, UnreadableDataError
from pwh_assets.sources.files.location import Location, StoredFile, local_paths, normalized
from pwh_assets.sources.files.tables import DELTA
from pwh_assets.sources.form import checked

if TYPE_CHECKING:
    import pyarrow as pa

    from pwh_assets.sources.files.tables import FileTable

__all__ = ["SOURCE", "Files", "local_paths"]

FILE_NAME = "_file_name"
MODIFIED_AT = "_file_modified_at"
_OURS = (
    Column(FILE_NAME, "VARCHAR", False, "Path of the file the row is from."),
    Column(MODIFIED_AT, "TIMESTAMP", False, "When that file was last modified, UTC."),
)
_BATCH = 50_000
_SETTLE = timedelta(seconds=2)
"""Object storage tells times by the second: appending leaves the newest alone, another could still come."""


FORMAT = Field(
    "format",
    "Format",
    kind="select",
    default="auto",
    options=("auto", "csv", "parquet", "jsonl", "delta"),
    help="auto goes by each file's ending, and knows a Delta table by its log.",
)
KEYS = (
    Field("key_id", "Access key", required=False),
    Field("secret", "Secret key", kind="password", required=False, secret=True),
)


class Files:
    """One folder, prefix or pattern. See docs/sources/files.md for tables, types and what incremental means.

    Storage of another kind overrides `schemes`, `fields` and `validate`.
    """

    name = "files"
    label = "Files"
    schemes: tuple[str, ...] = ("s3", "file")
    fields: Sequence[Field] = (
        Field(
            "url",
            "Address",
            help="s3://bucket/prefix, or a folder of the server; * and ** make it a pattern for one table.",
        ),
        FORMAT,
        *KEYS,
        Field("region", "Region", required=False, default="us-east-1"),
        Field(
            "endpoint",
            "Endpoint",
            required=False,
            help="For storage other than AWS: https://storage.example.com",
        ),
    )

    def validate(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = checked(self.label, self.fields, config)
        values["url"] = normalized(values["url"], self.schemes)
        if bool(values.get("key_id")) != bool(values.get("secret")):
            missing = "secret" if values["key_id"] else "key_id"
            raise InvalidInputError(
                missing, f"`{missing}` is missing. Give both keys, or none for a public bucket."
            )
        return values

    def test_connection(self, config: Mapping[str, Any]) -> None:
        self._groups(config)

    def tables(self, config: Mapping[str, Any]) -> list[DiscoveredTable]:
        """Every table there is. One whose files cannot be read is known all the same; its sync says why."""
        return [_discovered(config, table) for table in self._groups(config)]

    def read(self, config: Mapping[str, Any], request: ReadRequest) -> Reading:
        from pwh_assets.sources.files import delta
        from pwh_assets.sources.files.access import opened
        from pwh_assets.sources.files.formats import Plan, plan
        from pwh_assets.sources.files.packed import check_whole

        table = next((t for t in self._groups(config) if t.name == request.table), None)
        if table is None:
            raise TableMissingError(request.table, f"`{config['url']}`")
        if table.format == DELTA:
            return delta.read(config, table, request)
        chosen = _new_files(config, request, table.files)
        known = {}
        if request.mode is not SyncMode.FULL:
            known = {column.name: column.type for column in request.columns}
        found = Plan((), ())
        if chosen:
            with opened(config) as connection:
                check_whole(connection, config, chosen)
                found = plan(connection, table.format, chosen, known)
        reader = _Reader(config, request, found.columns, found.queries, chosen)
        return Reading(
            None,
            _with_ours(found.columns) if chosen else request.columns,
            lambda: reader.watermark,
            batches=reader.batches(),
        )

    def look(self, config: Mapping[str, Any], name: str) -> tuple[Column, ...]:
        """The columns of a table that is read in place; every value is looked at."""
        from pwh_assets.sources.files.in_place import columns_of

        table = next((one for one in self._groups(config) if one.name == name), None)
        if table is None:
            raise TableMissingError(name, f"`{config['url']}`")
        return columns_of(config, table)

    def place(
        self,
        config: Mapping[str, Any],
        name: str,
        columns: Sequence[Column],
        path: tuple[str, ...],
    ) -> PlacedTable:
        """How a table that is read in place is read now."""
        from pwh_assets.sources.files.in_place import place

        return place(config, self._groups(config), name, columns, path)

    def probe(
        self, config: Mapping[str, Any], requests: Sequence[ReadRequest]
    ) -> dict[str, str | None]:
        """How many files, how large together, and the newest."""
        wanted = {request.table for request in requests}
        return {
            table.name: f"{len(table.files)}/{sum(f.size_bytes for f in table.files)}/{table.files[-1].mark}"
            for table in self._groups(config)
            if table.name in wanted
        }

    def _groups(self, config: Mapping[str, Any]) -> "list[FileTable]":
        from pwh_assets.sources.files.storage import files
        from pwh_assets.sources.files.tables import group

        return group(Location.of(config), config["format"], files(config))


class _Reader:
    """Reads some files of one table once."""

    def __init__(
        self,
        config: Mapping[str, Any],
        request: ReadRequest,
        columns: tuple[Column, ...],
        queries: tuple[str, ...],
        files: Sequence[StoredFile],
    ) -> None:
        self._config, self._request, self._files = config, request, files
        self._columns, self._queries = columns, queries
        self.watermark: str | None = None

    def batches(self) -> "Iterator[pa.Table]":
        """Arrow tables, each row with the file it is from."""
        from pwh_assets.sources.files.access import opened

        if self._files:
            with opened(self._config) as connection:
                for query in self._queries:
                    rows = min(self._request.batch_rows, _BATCH)
                    for batch in connection.execute(query).to_arrow_reader(rows):
                        yield self._with_file(batch)
        if self._request.mode is not SyncMode.FULL:
            self.watermark = self._files[-1].mark if self._files else self._request.since

    def _with_file(self, batch: Any) -> "pa.Table":
        """Replace the path by the file's name and time."""
        import pyarrow as pa
        import pyarrow.compute as pc

        table = pa.Table.from_batches([batch])
        paths = pa.array([file.path for file in self._files], pa.string())
        place = pc.index_in(table.column(table.num_columns - 1).cast(pa.string()), value_set=paths)
        table = table.remove_column(table.num_columns - 1)
        names = {column.name for column in self._columns}
        ours = {
            FILE_NAME: pa.array([file.name for file in self._files], pa.string()),
            MODIFIED_AT: pa.array([file.modified_at for file in self._files], pa.timestamp("us")),
        }
        for name, values in ours.items():
            if name not in names:
                table = table.append_column(name, values.take(place))
        return table


def _discovered(config: Mapping[str, Any], table: "FileTable") -> DiscoveredTable:
    if table.format == DELTA:
        return DiscoveredTable(
            name=table.name,
            columns=_columns(config, table),
            description=_described(table),
            modes=(SyncMode.FULL, SyncMode.IN_PLACE),
        )
    return DiscoveredTable(
        name=table.name,
        columns=_with_ours(_columns(config, table)),
        cursors=(MODIFIED_AT,),
        description=_described(table),
        modes=(SyncMode.FULL, SyncMode.INCREMENTAL, SyncMode.APPEND, SyncMode.IN_PLACE),
    )


def _columns(config: Mapping[str, Any], table: "FileTable") -> tuple[Column, ...]:
    from pwh_assets.sources.files import delta
    from pwh_assets.sources.files.access import opened
    from pwh_assets.sources.files.formats import plan

    try:
        if table.format == DELTA:
            return delta.columns(config, table)
        with opened(config) as connection:
            return plan(connection, table.format, table.files, {}, is_exact=False).columns
    except (UnreadableDataError, SourceUnavailableError):
        return ()


def _new_files(
    config: Mapping[str, Any], request: ReadRequest, files: Sequence[StoredFile]
) -> tuple[StoredFile, ...]:
    """All files, or those past the watermark; merging reads the files of its very moment again."""
    if request.mode is SyncMode.FULL:
        return tuple(files)
    since = _mark(request.since)
    chosen = []
    for file in files:
        is_new = since is None or (file.modified_at, file.name) > since
        is_boundary = since is not None and file.modified_at == since[0]
        if is_new or (is_boundary and request.mode is SyncMode.INCREMENTAL):
            chosen.append(file)
    if request.mode is SyncMode.APPEND and not Location.of(config).is_local:
        settled = datetime.now(UTC).replace(tzinfo=None) - _SETTLE
        chosen = [file for file in chosen if file.modified_at < settled]
    return tuple(chosen)


def _mark(watermark: str | None) -> tuple[datetime, str] | None:
    if watermark is None:
        return None
    moment, _, name = watermark.partition(" ")
    return datetime.fromisoformat(moment), name


def _with_ours(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    names = {column.name for column in columns}
    return (*columns, *(column for column in _OURS if column.name not in names))


def _described(table: "FileTable") -> str:
    if table.format == DELTA:
        return "A Delta table."
    if len(table.files) == 1:
        return f"The file {table.files[0].name}."
    return f"{len(table.files):,} {table.format} files."


SOURCE = Files()
