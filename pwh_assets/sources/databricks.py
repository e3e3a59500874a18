"""Databricks: tables and views of one schema in Unity Catalog, through a SQL warehouse, results as Arrow."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from pwh_assets.errors import (
    InvalidInputError,
    PwhError,
    SourceAccessError,
    SourceError,
    SourceUnavailableError,
)
from pwh_assets.sources.base import Field
from pwh_assets.sources.errors import driver_missing
from pwh_assets.sources.form import checked, web_address
from pwh_assets.sources.network.guard import Guard, guarded
from pwh_assets.sources.warehouse.base import (
    Dialect,
    Typed,
    WarehouseColumn,
    WarehouseTable,
    backquoted,
    key_of,
)
from pwh_assets.sources.warehouse.source import Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

TIMEOUT_S = 60
PATIENCE_S = 30
"""How long a call that fails for a passing reason is tried again."""
_HTTP_PATH = re.compile(r"/?[A-Za-z0-9/_.-]+")

_AS_JSON = Typed("JSON", "to_json({0})")
_TEXT = Typed("VARCHAR", "CAST({0} AS STRING)")
_TYPES = {
    "STRING": Typed("VARCHAR"),
    "BOOLEAN": Typed("BOOLEAN"),
    "TINYINT": Typed("TINYINT", cursor_kind="number"),
    "SMALLINT": Typed("SMALLINT", cursor_kind="number"),
    "INT": Typed("INTEGER", cursor_kind="number"),
    "INTEGER": Typed("INTEGER", cursor_kind="number"),
    "BIGINT": Typed("BIGINT", cursor_kind="number"),
    "FLOAT": Typed("FLOAT"),
    "DOUBLE": Typed("DOUBLE"),
    "DATE": Typed("DATE", cursor_kind="day"),
    "BINARY": Typed("BLOB"),
    "TIMESTAMP": Typed("TIMESTAMP WITH TIME ZONE", cursor_kind="instant"),
    "TIMESTAMP_NTZ": Typed("TIMESTAMP", cursor_kind="clock"),
    "ARRAY": _AS_JSON,
    "MAP": _AS_JSON,
    "STRUCT": _AS_JSON,
    "VARIANT": _AS_JSON,
}
_DIALECT = Dialect(
    relation=lambda config, table: ".".join(
        map(backquoted, (config["catalog"], config["schema"], table))
    ),
    quote=backquoted,
    literal={
        "instant": "TIMESTAMP '{0}'",
        "clock": "TIMESTAMP_NTZ '{0}'",
        "day": "DATE '{0}'",
        "number": "{0}",
    },
    settled={
        "instant": "CURRENT_TIMESTAMP() - INTERVAL {0} SECOND",
        "clock": "CAST(CURRENT_TIMESTAMP() - INTERVAL {0} SECOND AS TIMESTAMP_NTZ)",
    },
    text_type="STRING",
    has_backslashes=True,
)


class _Session:
    def __init__(self, config: Mapping[str, Any], connection: Any) -> None:
        self._config, self._connection = config, connection
        self.place = _place(config)

    def tables(self, only: str | None = None) -> list[WarehouseTable]:
        comments: dict[str, str] = {}
        with self._connection.cursor() as cursor:
            cursor.tables(
                catalog_name=self._config["catalog"],
                schema_name=_pattern(self._config["schema"]),
                table_name=_pattern(only) if only else None,
            )
            for row in _named(cursor):
                if row["TABLE_SCHEM"] == self._config["schema"]:
                    comments[row["TABLE_NAME"]] = row.get("REMARKS") or ""
        columns: dict[str, list[WarehouseColumn]] = {}
        with self._connection.cursor() as cursor:
            cursor.columns(
                catalog_name=self._config["catalog"],
                schema_name=_pattern(self._config["schema"]),
                table_name=_pattern(only) if only else None,
            )
            for row in sorted(_named(cursor), key=lambda row: int(row["ORDINAL_POSITION"] or 0)):
                name = row["TABLE_NAME"]
                if name in comments and row["TABLE_SCHEM"] == self._config["schema"]:
                    columns.setdefault(name, []).append(
                        WarehouseColumn(
                            row["COLUMN_NAME"],
                            typed(row["TYPE_NAME"]),
                            row.get("IS_NULLABLE") != "NO",
                            row.get("REMARKS") or "",
                        )
                    )
        keys = self._keys()
        return [
            WarehouseTable(
                name, tuple(found), key_of(keys.get(name, ()), found), None, comments[name]
            )
            for name, found in sorted(columns.items())
            if only is None or name == only
        ]

    def _keys(self) -> dict[str, list[str]]:
        """Declared keys; a metastore without Unity Catalog has none."""
        from databricks.sql.exc import ServerOperationError

        found: dict[str, list[str]] = {}
        schema = f"{backquoted(self._config['catalog'])}.information_schema"
        with suppress(ServerOperationError), self._connection.cursor() as cursor:
            cursor.execute(
                "SELECT k.table_name, k.column_name "
                f"FROM {schema}.table_constraints c JOIN {schema}.key_column_usage k "
                "ON k.constraint_name = c.constraint_name AND k.table_schema = c.table_schema "
                "AND k.table_name = c.table_name "
                "WHERE c.constraint_type = 'PRIMARY KEY' AND c.table_schema = :schema "
                "ORDER BY k.table_name, k.ordinal_position",
                {"schema": self._config["schema"]},
            )
            for table, column in cursor.fetchall():
                found.setdefault(table, []).append(column)
        return found

    def value(self, query: str) -> str | None:
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            row = cursor.fetchone()
        return None if row is None or row[0] is None else str(row[0])

    def batches(self, query: str, rows: int) -> Iterator["pa.Table"]:
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            while (table := cursor.fetchmany_arrow(rows)).num_rows:
                yield table


def _named(cursor: Any) -> list[dict[str, Any]]:
    names = [description[0].upper() for description in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _pattern(name: str) -> str:
    """A name where a LIKE pattern is asked for. Wildcards only widen what is looked at: rows are compared again."""
    return name.replace("*", "%")


def typed(kind: str) -> Typed:
    """How a column of this type is read.

    >>> typed("DECIMAL(10,2)").lake, typed("array<int>").lake, typed("INTERVAL DAY").lake
    ('DECIMAL(10,2)', 'JSON', 'VARCHAR')
    """
    word = re.split(r"[<(\s]", kind.strip().upper(), maxsplit=1)[0]
    if word in ("DECIMAL", "NUMERIC"):
        precision, _, scale = kind.partition("(")[2].rstrip(") ").partition(",")
        return Typed(f"DECIMAL({int(precision or 10)},{int(scale or 0)})", "{0}", "number")
    return _TYPES.get(word, _TEXT)


@contextmanager
def connect(config: Mapping[str, Any]) -> Iterator[_Session]:
    """A session on the SQL warehouse. Errors are ours, also inside."""
    with driver_missing("databricks"):
        sql = _client()
    with guarded(config) as guard:
        try:
            connection = _connection(sql, config, guard)
        except Exception as error:  # the client raises errors of its parts too
            _raise_ours(config, error)
        try:
            yield _Session(config, connection)
        except Exception as error:
            _raise_ours(config, error)
        finally:
            with suppress(Exception):
                connection.close()


def _connection(sql: Any, config: Mapping[str, Any], guard: Guard | None) -> Any:
    address = _address(str(config["host"]))
    before = _way.set(guard)
    try:
        connection = sql.connect(
            server_hostname=urlsplit(address).netloc,
            http_path=config["http_path"],
            access_token=config["token"],
            catalog=config["catalog"],
            schema=config["schema"],
            session_configuration={"timezone": "UTC"},
            user_agent_entry="pwh",
            enable_telemetry=False,
            _socket_timeout=TIMEOUT_S,
            _retry_stop_after_attempts_count=6,
            _retry_stop_after_attempts_duration=PATIENCE_S,
            _connection_uri=f"{address}/{config['http_path'].lstrip('/')}",
            use_cloud_fetch=address.startswith("https://"),
        )
    finally:
        _way.reset(before)
    if guard is not None:  # also for addresses that `NO_PROXY` names
        connection.http_client._should_use_proxy = lambda host: True
    return connection


def _address(host: str) -> str:
    """The workspace's address by its host, or as it was typed with `http://`, for tests.

    Raises:
        InvalidInputError: no host is called so.
    """
    typed = host.strip()
    return web_address(
        "host",
        typed if "://" in typed else f"https://{typed}",
        "it looks like `adb-123.azuredatabricks.net`.",
    )


_way: ContextVar[Guard | None] = ContextVar("way", default=None)
"""How a client that is being made is to leave this machine."""


@cache
def _client() -> Any:
    """The vendor's client, made to ask for its proxy here: it knows those of the environment alone."""
    sql = import_module("databricks.sql")
    import_module("databricks.sql.backend.thrift_backend")  # loads what the next ones lean on
    for name in ("auth.thrift_http_client", "common.unified_http_client"):
        module: Any = import_module(f"databricks.sql.{name}")
        module.detect_and_parse_proxy = partial(_proxy, module.detect_and_parse_proxy)
    return sql


def _proxy(of_system: Callable[..., Any], *about: Any, **more: Any) -> Any:
    guard = _way.get()
    if guard is None:
        return of_system(*about, **more)
    return guard.address, {"proxy-authorization": guard.authorization}


def _place(config: Mapping[str, Any]) -> str:
    return f"Databricks at `{config['host']}`"


def _raise_ours(config: Mapping[str, Any], error: Exception) -> NoReturn:
    if isinstance(error, PwhError):
        raise error
    from databricks.sql import exc

    code = str(getattr(error, "context", {}).get("http-code", ""))
    text = " ".join(str(getattr(error, "message", None) or error).split())[:300]
    text = text.replace(str(config["token"]), "***")
    who = _place(config)
    if code in ("401", "403") or "PERMISSION" in text.upper() or "401" in text.split(":")[0]:
        raise SourceAccessError(
            f"{who} refused the token: {text} It needs USE CATALOG, USE SCHEMA and SELECT, and CAN USE on the "
            "SQL warehouse."
        ) from None
    if isinstance(error, exc.ServerOperationError):
        raise SourceError(f"{who} could not be read: {text} Look at the table there.") from None
    if isinstance(error, exc.Error | OSError):
        raise SourceUnavailableError(
            f"{who} did not answer as it should: {text or type(error).__name__} Sync again later."
        ) from None
    raise error


class Databricks(Warehouse):
    """One schema of one catalog. See docs/sources/databricks.md for types and guarantees."""

    name = "databricks"
    label = "Databricks"
    fields = (
        Field("host", "Server hostname", help="As `adb-123.azuredatabricks.net`."),
        Field("http_path", "HTTP path", help="Of the SQL warehouse: `/sql/1.0/warehouses/…`."),
        Field("token", "Access token", kind="password", secret=True),
        Field("catalog", "Catalog", default="main"),
        Field("schema", "Schema", default="default"),
    )
    dialect = _DIALECT
    connect = staticmethod(connect)

    def validate(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = checked(self.label, self.fields, config)
        _address(values["host"])
        if not _HTTP_PATH.fullmatch(values["http_path"]):
            raise InvalidInputError(
                "http_path",
                f"`http_path` is `{values['http_path']}`; it looks like `/sql/1.0/warehouses/0123456789abcdef`.",
            )
        return values


SOURCE = Databricks()
