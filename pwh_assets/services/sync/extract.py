"""Extraction: a source's rows become Parquet files in a folder of the table; nothing else happens."""

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import Column
from pwh_assets.errors import PwhError, SourceUnavailableError
from pwh_assets.services.sync import package as packages
from pwh_assets.services.sync.steps import Steps, drained
from pwh_assets.sources.base import Reading
from pwh_assets.sources.chunks import ChunkedRows, Unfinished
from pwh_assets.sources.parquet import write_batches

if TYPE_CHECKING:
    from dlt.common.pipeline import NormalizeInfo

TABLE = "rows"
"""Every package holds one table; its name in the lake is not dlt's business."""
_VARIANT = "\x1fv_"
_OWN_COLUMNS = frozenset(
    ("_dlt_id", "_dlt_load_id", "_dlt_parent_id", "_dlt_list_idx", "_dlt_root_id")
)
_HINTS: dict[str, dict[str, Any]] = {
    "VARCHAR": {"data_type": "text"},
    "UUID": {"data_type": "text"},
    "JSON": {"data_type": "json"},
    "BOOLEAN": {"data_type": "bool"},
    "TINYINT": {"data_type": "bigint"},
    "SMALLINT": {"data_type": "bigint"},
    "INTEGER": {"data_type": "bigint"},
    "BIGINT": {"data_type": "bigint"},
    "FLOAT": {"data_type": "double"},
    "DOUBLE": {"data_type": "double"},
    "DATE": {"data_type": "date"},
    "TIME": {"data_type": "time"},
    "BLOB": {"data_type": "binary"},
    "TIMESTAMP": {"data_type": "timestamp", "timezone": False},
    "TIMESTAMPTZ": {"data_type": "timestamp", "timezone": True},
    "TIMESTAMP WITH TIME ZONE": {"data_type": "timestamp", "timezone": True},
}
"""What dlt is told about a column the source declares; about others it finds out itself."""
_REPORT_EVERY_S = 0.25
_pipelines = threading.Lock()


@dataclass(frozen=True, slots=True)
class Extracted:
    """A finished extraction. `renames` are names in the files that are not the source's (see Publish)."""

    files: tuple[Path, ...]
    rows: int
    bytes: int
    renames: dict[str, str | None]
    is_sparse: bool
    """True when rows came one by one and may lack columns the source has."""
    rows_are_unique: bool = False
    """True when the source vouches that no key comes twice."""


def extract(
    reading: Reading,
    folder: Path,
    on_rows: Callable[[int, int], None] = lambda rows, size: None,
    *,
    fingerprint: str = "",
    unfinished: Unfinished | None = None,
) -> Extracted:
    """Read everything the reading gives into Parquet files below `folder`; see `extracting`."""
    return drained(
        extracting(reading, folder, on_rows, fingerprint=fingerprint, unfinished=unfinished)
    )


def _no_pause() -> Steps[None]:
    return
    yield


def extracting(
    reading: Reading,
    folder: Path,
    on_rows: Callable[[int, int], None] = lambda rows, size: None,
    *,
    fingerprint: str = "",
    unfinished: Unfinished | None = None,
    pause: Callable[[], Steps[None]] = _no_pause,
) -> Steps[Extracted]:
    """Read everything the reading gives into Parquet files below `folder`.

    At the `pause` chunks are being read by other threads; any other reading has not begun. The folder is made anew, unless the reading goes on with what is `unfinished` there.
    `on_rows` is told rows and bytes so far, a few times a second.

    Raises:
        PwhError: what the source raised, out of dlt's wrapping.
    """
    chunks = reading.chunks
    if chunks is not None:
        try:
            with _our_errors():
                return (
                    yield from _read_chunks(chunks, folder, on_rows, fingerprint, unfinished, pause)
                )
        finally:
            chunks.close()
    yield from pause()
    packages.discard(folder)
    folder.mkdir(parents=True)
    counter = _Counter(on_rows)
    if reading.batches is not None:
        with _our_errors():
            batches = map(counter, reading.batches)
            written = write_batches(batches, folder, _fresh_name(), reading.columns)
        counter.report()
        files = tuple(file for file, _ in written)
        return Extracted(files, counter.rows, _size(files), {}, is_sparse=False)
    with _our_errors():
        info = _run(reading, folder, counter)
    counter.report()
    return _package(info, counter)


def _fresh_name() -> str:
    """One that no file here ever had: DuckDB keeps what it reads of a file by its path, and mixes it into what it reads of
    the next one there.
    """
    return f"{TABLE}-{uuid.uuid4().hex[:12]}"


def _size(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files)


def _read_chunks(
    chunks: ChunkedRows,
    folder: Path,
    on_rows: Callable[[int, int], None],
    fingerprint: str,
    unfinished: Unfinished | None,
    pause: Callable[[], Steps[None]],
) -> Steps[Extracted]:
    """Several chunks at a time, each noted durably when it is whole."""
    if unfinished is not None and unfinished.plan == chunks.plan:
        log = packages.ChunkLog.go_on(folder)
    else:
        packages.discard(folder)
        folder.mkdir(parents=True)
        log = packages.ChunkLog.begin(
            folder, fingerprint if chunks.is_resumable else "", chunks.plan
        )
    place = folder / _fresh_name()
    place.mkdir()
    before = _size(log.files)

    def read(name: str) -> None:
        log.add(name, chunks.write(name, place))

    def report() -> None:
        on_rows(log.rows, before + sum(entry.stat().st_size for entry in os.scandir(place)))

    pool = ThreadPoolExecutor(max(1, chunks.parallel), "chunk")
    waiting: set[Future[None]] = set()
    try:
        waiting = {pool.submit(read, name) for name in chunks.names}
        yield from pause()
        while waiting:
            done, waiting = wait(waiting, _REPORT_EVERY_S, FIRST_EXCEPTION)
            for one in done:
                one.result()
            report()
    finally:
        for one in waiting:
            one.cancel()
        if waiting:
            chunks.close()  # ends what is still being read
        pool.shutdown(cancel_futures=True)
    return Extracted(
        files=log.files,
        rows=log.rows,
        bytes=_size(log.files),
        renames=dict(chunks.renames),
        is_sparse=False,
        rows_are_unique=chunks.rows_are_unique,
    )


class _Counter:
    """Counts what passes through."""

    def __init__(self, on_rows: Callable[[int, int], None]) -> None:
        self.rows, self.bytes = 0, 0
        self._on_rows, self._reported_at = on_rows, 0.0

    def __call__(self, item: Any) -> Any:
        if isinstance(item, dict):
            self.rows += 1
        else:
            self.rows += len(item)
            self.bytes += getattr(item, "nbytes", 0)
        if time.monotonic() - self._reported_at > _REPORT_EVERY_S:
            self.report()
        return item

    def report(self) -> None:
        self._reported_at = time.monotonic()
        self._on_rows(self.rows, self.bytes)


def _run(reading: Reading, folder: Path, counter: _Counter) -> "NormalizeInfo | None":
    import dlt

    assert reading.resource is not None, "a reading gives a resource, batches or chunks"
    resource = reading.resource.add_map(counter)
    hints = {column.name: hint(column) for column in reading.columns}
    resource.apply_hints(
        table_name=TABLE,
        write_disposition="append",
        columns={name: found for name, found in hints.items() if found},
    )
    resource.max_table_nesting = 0
    with _pipelines:  # dlt keeps the active pipeline in a place all threads share
        pipeline = dlt.pipeline(
            pipeline_name="pwh",
            pipelines_dir=str(folder),
            destination=_staging(),
            dataset_name="pwh",
        )
    pipeline.config.enable_runtime_trace = False
    pipeline.runtime_config.intercept_signals = False
    pipeline.extract(resource, schema=dlt.Schema("pwh"))
    return pipeline.normalize()


def hint(column: Column) -> dict[str, Any]:
    """What dlt is told about a declared column; nothing for types dlt has no word for."""
    kind = column.type.upper()
    found = _HINTS.get(kind)
    if found is None and kind.endswith("]"):
        found = {"data_type": "json"}
    elif found is None and kind.startswith("DECIMAL("):
        precision, _, scale = kind.removeprefix("DECIMAL(").rstrip(")").partition(",")
        found = {"data_type": "decimal", "precision": int(precision), "scale": int(scale or 0)}
    return {"name": column.name, "nullable": True, **found} if found else {}


def _staging() -> Any:
    """A destination that is never loaded to: it makes dlt write Parquet with the source's own names."""
    from dlt.common.destination import DestinationCapabilitiesContext
    from dlt.common.destination.configuration import ParquetFormatConfiguration
    from dlt.destinations.impl.destination.factory import destination

    class Staging(destination):  # type: ignore[misc, unused-ignore]
        def _raw_capabilities(self) -> DestinationCapabilitiesContext:
            caps = super()._raw_capabilities()
            caps.preferred_loader_file_format = "parquet"
            caps.supported_loader_file_formats = ["parquet"]
            caps.parquet_format = ParquetFormatConfiguration(arrow_concat_promote_options="default")
            return caps

    return Staging(
        lambda items, table: None,
        destination_name="pwh_staging",
        loader_file_format="parquet",
        naming_convention="pwh_assets.services.sync.verbatim_names",
        batch_size=0,
    )


def _package(info: "NormalizeInfo | None", counter: _Counter) -> Extracted:
    files = [
        Path(job.file_path)
        for package in (info.load_packages if info else ())
        for job in package.jobs["new_jobs"]
        if job.job_file_info.table_name == TABLE
    ]
    # dlt gives files random names: the order of writing is what "the last row of a key wins" goes by.
    files.sort(key=lambda file: file.stat().st_mtime_ns)
    names = _names(files)
    return Extracted(
        files=tuple(files),
        rows=counter.rows,
        bytes=_size(files),
        renames=renames(names),
        is_sparse="_dlt_id" in names,
    )


def _names(files: Sequence[Path]) -> list[str]:
    import pyarrow.parquet as pq

    return list(dict.fromkeys(name for file in files for name in pq.read_schema(file).names))


def renames(names: Sequence[str]) -> dict[str, str | None]:
    r"""Leave out dlt's own columns; give a value of an unexpected type back to the column it is of.

    >>> renames(["id", "id\x1fv_text", "_dlt_id"])
    {'id\x1fv_text': 'id', '_dlt_id': None}
    """
    found: dict[str, str | None] = {}
    for name in names:
        if name in _OWN_COLUMNS:
            found[name] = None
        elif _VARIANT in name:
            found[name] = name.partition(_VARIANT)[0]
    return found


@contextlib.contextmanager
def _our_errors() -> Iterator[None]:
    """Give back the source's own error: dlt wraps it several times."""
    try:
        yield
    except Exception as error:
        raise unwrapped(error) from None


def unwrapped(error: BaseException) -> BaseException:
    """Our error inside dlt's, an interruption, or else the innermost cause."""
    seen: list[BaseException] = []
    queue: list[BaseException | None] = [error]
    while queue:
        one = queue.pop(0)
        if one is None or one in seen:
            continue
        seen.append(one)
        inner = getattr(one, "exception", None)
        queue += [
            inner if isinstance(inner, BaseException) else None,
            one.__cause__,
            one.__context__,
        ]
    for one in seen:
        if isinstance(one, PwhError) or not isinstance(one, Exception):
            return one
    innermost = seen[-1]
    for one in seen:
        if (
            isinstance(one, OSError)
            and one.errno is not None
            and not isinstance(one, ConnectionError)
        ):
            return one
    if isinstance(innermost, ConnectionError | TimeoutError):
        return SourceUnavailableError(
            f"The source did not answer: {str(innermost) or type(innermost).__name__}. Try again later."
        )
    return innermost
