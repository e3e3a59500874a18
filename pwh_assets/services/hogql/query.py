"""Asking: a HogQL text in, rows out, on the engine of choice and inside limits."""

import logging
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pwh_assets.engines.base import Limits, StatementRefusedError
from pwh_assets.errors import InvalidInputError, quoted
from pwh_assets.services.hogql.in_place import placed
from pwh_assets.services.platform import Platform
from pwh_assets.services.policies.reading import catalog_for, mask_key, spoken

if TYPE_CHECKING:
    import pyarrow as pa

    from pwh_assets.core.access import Caller
    from pwh_assets.hogql.plan import Plan
    from pwh_assets.hogql.types import Type

log = logging.getLogger(__name__)

DEFAULT_LIMIT = 100
MAX_LIMIT = 50_000
EXPORT_LIMIT = 10_000_000


@dataclass(frozen=True, slots=True)
class QueryResult:
    """An answer. Values of `rows` are what JSON has: times are ISO 8601 in UTC, arrays and tuples lists."""

    columns: tuple[str, ...]
    types: "tuple[Type, ...]"
    rows: list[tuple[Any, ...]]
    plan: "Plan"
    ms: float
    """Milliseconds from text to last row."""

    def arrow(self) -> "pa.Table":
        """The rows as an Arrow table."""
        import pyarrow as pa

        names = list(self.columns)
        arrays = [pa.array([row[i] for row in self.rows]) for i in range(len(names))]
        return pa.Table.from_arrays(arrays, names=names)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a text would do: engine, SQL, the tables it reads and the columns it gives."""

    engine: str
    sql: str
    tables: tuple[str, ...]
    physical: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    limit: int | None
    settings: Mapping[str, str | int | float] = field(default_factory=dict)


def run_query(
    platform: Platform,
    project_id: int,
    sql: str,
    *,
    engine: str | None = None,
    limits: Limits | None = None,
    limit: int = DEFAULT_LIMIT,
    export: bool = False,
    now: datetime | None = None,
    variables: Mapping[str, Any] | None = None,
    reader: "Caller | None" = None,
) -> QueryResult:
    """The answer to a HogQL text.

    Args:
        limit: LIMIT of a text that has none.
        export: no default LIMIT, and ten million rows at most.
        now: what `now()` is; the present by default.
        variables: values of `{variables.name}`.
        reader: whose policies hold; None sees everything.

    Raises:
        HogQLError: the text is wrong, or the engine failed on it; it says where.
        EngineError: the engine cannot be had, or the query was cancelled.
        QueryTimeoutError, QueryTooLargeError: a limit was reached.
    """
    started = time.perf_counter()
    plan = compile_query(
        platform,
        project_id,
        sql,
        engine=engine,
        limit=limit,
        export=export,
        now=now,
        variables=variables,
        reader=reader,
    )
    allowed = limits or Limits()
    outside = placed(platform, project_id, plan.physical)
    session = platform.engines[plan.engine].open(project_id, allowed, outside)
    try:
        session.prepare(plan.physical)
        run = plan.keyed(lambda: mask_key(platform, project_id))
        answer = session.run(run.sql, dict(plan.settings), allowed)
        try:
            types = tuple(column.type for column in plan.columns)
            rows = list(shaped(answer.rows(), types))
        finally:
            answer.close()
    except StatementRefusedError as error:
        from pwh_assets.hogql.blame import blamed

        reason = spoken(plan, error.reason)
        log.info("engine refused", extra={"engine": plan.engine, "reason": reason})
        raise blamed(sql, reason, error.title) from None
    finally:
        session.close()
    names = tuple(column.name for column in plan.columns)
    return QueryResult(names, types, rows, plan, (time.perf_counter() - started) * 1000)


def explain(
    platform: Platform,
    project_id: int,
    sql: str,
    *,
    engine: str | None = None,
    limit: int = DEFAULT_LIMIT,
    variables: Mapping[str, Any] | None = None,
    reader: "Caller | None" = None,
) -> Explanation:
    """What `run_query` would do with the text."""
    plan = compile_query(
        platform,
        project_id,
        sql,
        engine=engine,
        limit=limit,
        variables=variables,
        reader=reader,
    )
    return Explanation(
        plan.engine,
        plan.sql,
        plan.tables,
        tuple(".".join(path) for path in plan.physical),
        tuple((column.name, str(column.type)) for column in plan.columns),
        plan.limit,
        plan.settings,
    )


def compile_query(
    platform: Platform,
    project_id: int,
    sql: str,
    *,
    engine: str | None = None,
    limit: int = DEFAULT_LIMIT,
    export: bool = False,
    now: datetime | None = None,
    variables: Mapping[str, Any] | None = None,
    reader: "Caller | None" = None,
) -> "Plan":
    """The plan `run_query` would run. Raises HogQLError, InvalidInputError."""
    from pwh_assets import hogql

    name = engine or platform.settings.warehouse
    if name not in platform.engines:
        known = quoted(sorted(platform.engines))
        raise InvalidInputError("engine", f"There is no engine `{name}`; there are {known}.")
    most = EXPORT_LIMIT if export else MAX_LIMIT
    if not 1 <= limit <= most:
        raise InvalidInputError("limit", f"`limit` is {limit}; it can be 1 to {most:,}.")
    moment = now or datetime.now(UTC).replace(tzinfo=None)
    return hogql.compile(
        sql,
        catalog_for(platform, project_id, reader),
        name,
        now=moment,
        limit=None if export else limit,
        max_limit=most,
        variables=variables,
    )


# Values as JSON has them


def plain_rows(rows: Iterable[tuple[Any, ...]], types: "Sequence[Type]") -> list[tuple[Any, ...]]:
    """An engine's rows with values as JSON has them."""
    return list(shaped(iter(rows), types))


def shaped(rows: Iterator[tuple[Any, ...]], types: "Sequence[Type]") -> Iterator[tuple[Any, ...]]:
    """Rows with every value as JSON knows it; cheap for what already is."""
    for row in rows:
        yield tuple([_plain(value, types[i]) for i, value in enumerate(row)])


def _plain(value: Any, type_: "Type") -> Any:
    kind = type(value)
    if value is None or kind is str:
        return value
    if kind is int:
        return bool(value) if type_.name == "Boolean" else value
    if kind is bool:
        return value
    if kind is float:
        return value + 0.0 if math.isfinite(value) else None  # zero has no sign
    return _converted(value, type_)


def _converted(value: Any, type_: "Type") -> Any:
    match value:
        case datetime():
            return _moment(value, type_)
        case date():
            return (
                _moment(datetime(value.year, value.month, value.day), type_)
                if type_.name == "DateTime"
                else value.isoformat()
            )
        case Decimal():
            return _number(value, type_)
        case UUID() | clock() | timedelta():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return bytes(value).decode("utf-8", "backslashreplace")
        case list() | tuple():
            if type_.name == "Tuple" and len(type_.args) == len(value):
                return [_plain(item, of) for item, of in zip(value, type_.args, strict=True)]
            inner = type_.args[0] if type_.name == "Array" and type_.args else _UNTYPED
            return [_plain(item, inner) for item in value]
        case Mapping():
            return _mapping(value, type_)
        case int():
            return int(value)
        case float():
            return _plain(float(value), type_)
        case _:
            return str(value)


def _mapping(value: Mapping[Any, Any], type_: "Type") -> Any:
    if type_.name == "Tuple":
        return [_plain(item, of) for item, of in zip(value.values(), type_.args, strict=False)]
    of = type_.args[1] if type_.name == "Map" and len(type_.args) == 2 else _UNTYPED
    return {str(_plain(key, _UNTYPED)): _plain(item, of) for key, item in value.items()}


def _moment(value: datetime, type_: "Type") -> str:
    if type_.name == "Date":
        return value.date().isoformat()
    if value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    if type_.timezone and type_.timezone != "UTC":
        from zoneinfo import ZoneInfo

        return value.replace(tzinfo=UTC).astimezone(ZoneInfo(type_.timezone)).isoformat()
    return f"{value.isoformat()}Z"


def _number(value: Decimal, type_: "Type") -> Any:
    if value == value.to_integral_value() and type_.name == "Integer":
        return int(value)
    return float(value)


def _untyped() -> "Type":
    from pwh_assets.hogql.types import UNKNOWN

    return UNKNOWN


_UNTYPED = _untyped()
