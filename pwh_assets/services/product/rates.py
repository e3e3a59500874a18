"""Exchange rates from files into the lake, and the index of them that `convertCurrency` reads."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pwh_assets.errors import InvalidInputError
from pwh_assets.services.platform import Platform
from pwh_assets.services.scratch import scratch

if TYPE_CHECKING:
    import duckdb

TABLE, INDEX = "lake.product.exchange_rates", "lake.product.exchange_rate_index"
MAX_CELLS = 5_000_000
"""Currencies times days of the index: 170 currencies over 80 years."""


@dataclass(frozen=True, slots=True)
class RatesLoaded:
    """What a load did. `rows_new` are currencies and days the table did not have."""

    rows: int
    rows_new: int
    currencies: int
    first_day: date
    last_day: date


def load_rates(
    platform: Platform, project_id: int, path: Path | str, base: str = "USD"
) -> RatesLoaded:
    """Rates of a CSV, JSON or JSON-lines file: `date`, `currency`, `rate` (units for one unit of `base`).

    A rate holds until the currency's next one. A rate of the same currency and day is replaced.

    Raises:
        InvalidInputError: the file cannot be read, or a row of it is wrong; nothing was loaded.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = _in_dollars(list(_read(Path(path))), _currency(base, "`base`"))
    if not rows:
        raise InvalidInputError("file", f"`{Path(path).name}` has no rates. Nothing was loaded.")
    lake = platform.lakes.of(project_id)
    with scratch(platform.settings, "rates") as folder:
        staged = folder / "rates.parquet"
        table = {
            "currency": [currency for currency, _ in rows],
            "date": pa.array([day for _, day in rows], pa.date32()),
            "rate": pa.array(list(rows.values()), pa.float64()),
        }
        pq.write_table(pa.table(table), staged)
        with lake.write() as connection:
            connection.execute("BEGIN")
            try:
                found = _publish(connection, str(staged).replace("'", "''"), len(rows))
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise
    return found


def _publish(connection: "duckdb.DuckDBPyConnection", staged: str, count: int) -> RatesLoaded:
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {TABLE} (currency VARCHAR, date DATE, rate DOUBLE)"
    )
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {INDEX} "
        "(currencies VARCHAR[], first_day DATE, block BIGINT, rates DOUBLE[])"
    )
    before = _one(connection, f"SELECT count(*) FROM {TABLE}")[0]
    kept = (
        f"SELECT currency, date, rate FROM {TABLE} t WHERE NOT EXISTS "
        f"(FROM read_parquet('{staged}') s WHERE s.currency = t.currency AND s.date = t.date)"
    )
    connection.execute(
        f"CREATE TEMP TABLE all_rates AS {kept} UNION ALL "
        f"SELECT currency, date, rate FROM read_parquet('{staged}')"
    )
    after, currencies, first, last = _one(
        connection, "SELECT count(*), count(DISTINCT currency), min(date), max(date) FROM all_rates"
    )
    cells = currencies * ((last - first).days + 1)
    if cells > MAX_CELLS:
        raise InvalidInputError(
            "file",
            f"{currencies:,} currencies from {first} to {last} are {cells:,} rates, {MAX_CELLS:,} are the most. "
            "Load fewer days.",
        )
    connection.execute(f"DELETE FROM {TABLE}")
    connection.execute(f"INSERT INTO {TABLE} FROM all_rates ORDER BY currency, date")
    connection.execute(f"DELETE FROM {INDEX}")
    connection.execute(
        f"INSERT INTO {INDEX} FROM read_parquet('{_index(connection, staged, first, last)}')"
    )
    connection.execute("DROP TABLE all_rates")
    return RatesLoaded(count, after - before, currencies, first, last)


def _index(connection: "duckdb.DuckDBPyConnection", staged: str, first: date, last: date) -> str:
    """The index of `all_rates` as a Parquet file beside the staged rates: its name, as SQL has it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    answer = connection.execute(
        "SELECT currency, date, rate FROM all_rates ORDER BY currency, date"
    )
    known: dict[str, list[tuple[date, float]]] = {}
    for currency, day, rate in answer.fetchall():
        known.setdefault(currency, []).append((day, rate))
    days = (last - first).days + 1
    block = days + 1
    rates = [0.0] * block
    for rows in known.values():
        rates.append(0.0)
        filled = [0.0] * days
        ends = [day for day, _ in rows[1:]] + [last + timedelta(days=1)]
        for (day, rate), end in zip(rows, ends, strict=True):
            start, stop = (day - first).days, (end - first).days
            filled[start:stop] = [rate] * (stop - start)
        rates += filled
    name = staged.removesuffix(".parquet") + "-index.parquet"
    table = {
        "currencies": pa.array([list(known)], pa.list_(pa.string())),
        "first_day": pa.array([first], pa.date32()),
        "block": pa.array([block], pa.int64()),
        "rates": pa.array([rates], pa.list_(pa.float64())),
    }
    pq.write_table(pa.table(table), name.replace("''", "'"))
    return name


def _one(connection: "duckdb.DuckDBPyConnection", sql: str) -> tuple[Any, ...]:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return row


def _in_dollars(rows: list[tuple[str, date, float]], base: str) -> dict[tuple[str, date], float]:
    """Units for one US dollar, by currency and day; the dollar itself and the base are among them."""
    found = {(currency, day): rate for currency, day, rate in rows}
    days = {day for _, day in found}
    found |= {(base, day): 1.0 for day in days}
    if base != "USD":
        for day in sorted(days):
            dollar = found.get(("USD", day))
            if dollar is None:
                raise InvalidInputError(
                    "base",
                    f"{day} has no rate of USD, so the rates for one {base} cannot be turned into dollars. Add it.",
                )
            for currency, other in [key for key in found if key[1] == day]:
                found[currency, other] = found[currency, other] / dollar
    return found


# Reading


def _read(path: Path) -> Iterator[tuple[str, date, float]]:
    for place, row in _rows(path):
        where = f"`{path.name}`, {place}"
        try:
            day = date.fromisoformat(str(row.get("date") or "")[:10])
        except ValueError:
            raise InvalidInputError(
                "file",
                f"{where}: `date` is `{row.get('date')}`, which is no day such as 2026-01-31.",
            ) from None
        try:
            rate = float(row.get("rate") or "")
        except (TypeError, ValueError):
            rate = 0.0
        if not 0 < rate < float("inf"):
            raise InvalidInputError(
                "file", f"{where}: `rate` is `{row.get('rate')}`, which is no number above 0."
            )
        yield _currency(row.get("currency"), where), day, rate


def _currency(value: Any, where: str) -> str:
    text = str(value or "").strip().upper()
    if not (len(text) == 3 and text.isascii() and text.isalpha()):
        raise InvalidInputError(
            "file", f"{where}: `currency` is `{value}`, which is not three letters such as EUR."
        )
    return text


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Rows with their place in the file."""
    import csv

    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInputError(
            "file", f"`{path.name}` is not UTF-8 text. Save it as UTF-8."
        ) from None
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        raise InvalidInputError("file", f"`{path}` cannot be read: {reason}.") from None
    if text.lstrip()[:1] in ("[", "{"):
        yield from _json_rows(path, text)
        return
    reader = csv.DictReader(text.splitlines())
    missing = {"date", "currency", "rate"} - set(reader.fieldnames or ())
    if missing:
        raise InvalidInputError(
            "file",
            f"`{path.name}` has no column `{min(missing)}`. It needs date, currency and rate.",
        )
    for row in reader:
        yield f"line {reader.line_num}", row


def _json_rows(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        if text.lstrip().startswith("["):
            rows = [(f"row {i + 1}", row) for i, row in enumerate(json.loads(text))]
        else:
            lines = enumerate(text.splitlines(), 1)
            rows = [(f"line {i}", json.loads(line)) for i, line in lines if line.strip()]
    except (ValueError, RecursionError):
        raise InvalidInputError(
            "file", f"`{path.name}` is not JSON: a list of objects, or an object on each line."
        ) from None
    for place, row in rows:
        if not isinstance(row, Mapping):
            raise InvalidInputError("file", f"`{path.name}`, {place} is no object.")
        yield place, row
