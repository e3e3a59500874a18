"""Files of events and people: found, and read as rows of text with the line each one stands on."""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from pwh_assets.errors import InvalidInputError, quoted

_PARQUET = (".parquet", ".pq")
_LINES = (".jsonl", ".ndjson", ".json")
_BATCH_LINES = 50_000


class BadRowError(InvalidInputError):
    """One line of a file cannot be imported; nothing of the file was."""

    code = "bad_row"

    def __init__(
        self, file: str, line: int, problem: str, others: int = 0, unit: str = "Line"
    ) -> None:
        self.file, self.line, self.problem = file, line, problem
        more = f" {others} more like it follow." if others else ""
        super().__init__(
            "path", f"{unit} {line} of `{file}`: {problem}.{more} Nothing was imported."
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """One file as SQL that gives its fields as text, and `place`: the line or row, from 1."""

    path: Path
    sql: str
    unit: str


def reading(path: Path, fields: Sequence[str], scratch: Path) -> list[Reading]:
    """The file, or every file of the folder, in order of name.

    Raises:
        InvalidInputError: there is no such file, or it is of another kind.
        BadRowError: a line is not a JSON object.
    """
    found = []
    for number, file in enumerate(_files(path)):
        if _kind(file) in _PARQUET:
            found.append(Reading(file, _parquet_sql(file, fields), "Row"))
        else:
            copy = scratch / f"lines-{number}.parquet"
            _lines_to_parquet(file, fields, copy)
            names = ", ".join(f'"{name}"' for name in fields)
            found.append(
                Reading(file, f"SELECT {names}, place FROM read_parquet('{_text(copy)}')", "Line")
            )
    return found


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(each for each in path.iterdir() if _kind(each) in _PARQUET + _LINES)
        if not files:
            raise InvalidInputError("path", f"`{path}` holds no Parquet or JSON-lines file.")
        return files
    if not path.is_file():
        raise InvalidInputError("path", f"There is no file `{path}`.")
    if _kind(path) not in _PARQUET + _LINES:
        known = quoted([*_PARQUET, *_LINES])
        raise InvalidInputError(
            "path", f"`{path.name}` is neither Parquet nor JSON lines; names end in {known}."
        )
    return [path]


def _kind(path: Path) -> str:
    return Path(path.stem).suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()


def _parquet_sql(file: Path, fields: Sequence[str]) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(file)
    except (pa.ArrowException, OSError) as error:
        words = str(error).splitlines()[0].rstrip(".")
        raise InvalidInputError("path", f"`{file.name}` is not a Parquet file: {words}.") from None
    columns = []
    for name in fields:
        if name not in schema.names:
            columns.append(f'NULL::VARCHAR AS "{name}"')
        elif pa.types.is_nested(schema.field(name).type):
            columns.append(f'to_json("{name}")::VARCHAR AS "{name}"')
        elif schema.field(name).type == pa.binary(16):
            columns.append(f'hex("{name}")::UUID::VARCHAR AS "{name}"')
        else:
            columns.append(f'"{name}"::VARCHAR AS "{name}"')
    return (
        f"SELECT {', '.join(columns)}, file_row_number + 1 AS place "
        f"FROM read_parquet('{_text(file)}', file_row_number = true)"
    )


def _lines_to_parquet(file: Path, fields: Sequence[str], target: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([*((name, pa.string()) for name in fields), ("place", pa.int64())])
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for rows in _batches(file, fields):
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def _batches(file: Path, fields: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    place = 0
    is_packed = file.suffix.lower() == ".gz"
    with gzip.open(file, "rb") if is_packed else file.open("rb") as lines:
        try:
            for place, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                rows.append(_row(file, place, line, fields))
                if len(rows) == _BATCH_LINES:
                    yield rows
                    rows = []
        except (EOFError, OSError) as error:
            words = f"the file ends in the middle ({error})"
            raise BadRowError(file.name, place + 1, words) from None
    yield rows


def _row(file: Path, place: int, line: bytes, fields: Sequence[str]) -> dict[str, Any]:
    try:
        value = json.loads(
            line.decode("utf-8-sig" if place == 1 else "utf-8"), parse_constant=_refuse
        )
        if not isinstance(value, dict):
            raise BadRowError(file.name, place, "it is not a JSON object")
        row: dict[str, Any] = {name: _as_text(value.get(name)) for name in fields}
    except (ValueError, RecursionError) as error:
        words = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadRowError(file.name, place, f"it is not JSON ({words})") from None
    row["place"] = place
    return row


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, allow_nan=False)
    text.encode()  # a lone surrogate is no text: UnicodeEncodeError, a ValueError
    return text


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"`{constant}` is not a JSON number")


def _text(path: Path) -> str:
    return str(path).replace("'", "''")
