"""Snowflake: tables and views of one schema, through Snowflake's own connector, results as Arrow."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from pwh_assets.errors import (
    InvalidInputError,
    PwhError,
    SourceAccessError,
    SourceError,
    SourceUnavailableError,
)
from pwh_assets.sources.base import Field
from pwh_assets.sources.errors import driver_missing
from pwh_assets.sources.form import checked
from pwh_assets.sources.network.guard import USER, Guard, guarded
from pwh_assets.sources.warehouse.base import (
    Dialect,
    Typed,
    WarehouseColumn,
    WarehouseTable,
    double_quoted,
    key_of,
)
from pwh_assets.sources.warehouse.source import Warehouse

if TYPE_CHECKING:
    import pyarrow as pa
    from snowflake.connector import SnowflakeConnection

TIMEOUT_S = 30
AUTH_KINDS = ("password", "key_pair", "token", "oauth")

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_REFUSED = (250001, 250003, 251001, 390100, 390144, 390101, 390102, 390201, 390303, 3001, 2043)
"""Login and permission errors of the connector and the server."""
_NOBODY = "HTTP request failed after retries"

_TEXT = Typed("VARCHAR", "TO_VARCHAR({0})")
_AS_JSON = Typed("JSON", "TO_JSON({0})")
_TYPES = {
    "TEXT": Typed("VARCHAR"),
    "FLOAT": Typed("DOUBLE"),
    "BOOLEAN": Typed("BOOLEAN"),
    "DATE": Typed("DATE", cursor_kind="day"),
    "TIME": Typed("TIME"),
    "BINARY": Typed("BLOB"),
    "TIMESTAMP_NTZ": Typed("TIMESTAMP", cursor_kind="clock"),
    "TIMESTAMP_LTZ": Typed("TIMESTAMP WITH TIME ZONE", cursor_kind="instant"),
    "TIMESTAMP_TZ": Typed("TIMESTAMP WITH TIME ZONE", "{0}::TIMESTAMP_LTZ", cursor_kind="instant"),
    "VARIANT": _AS_JSON,
    "OBJECT": _AS_JSON,
    "ARRAY": _AS_JSON,
    "MAP": Typed("JSON", "TO_JSON({0}::VARIANT)"),
    "VECTOR": Typed("JSON", "TO_JSON({0}::ARRAY)"),
    "GEOGRAPHY": Typed("JSON", "TO_JSON(ST_ASGEOJSON({0}))"),
    "GEOMETRY": Typed("JSON", "TO_JSON(ST_ASGEOJSON({0}))"),
}
_NINE_DIGITS = "TO_VARCHAR({0}, 'YYYY-MM-DD HH24:MI:SS.FF9')"
_DIALECT = Dialect(
    relation=lambda config, table: ".".join(map(double_quoted, (*_container(config), table))),
    quote=double_quoted,
    literal={
        "instant": "'{0}'::TIMESTAMP_LTZ",
        "clock": "'{0}'::TIMESTAMP_NTZ",
        "day": "'{0}'::DATE",
        "number": "{0}",
    },
    as_text={"instant": _NINE_DIGITS, "clock": _NINE_DIGITS},
    settled={
        "instant": "DATEADD(second, -{0}, CURRENT_TIMESTAMP())",
        "clock": "DATEADD(second, -{0}, CURRENT_TIMESTAMP()::TIMESTAMP_NTZ)",
    },
    has_backslashes=True,
)


class _Session:
    def __init__(self, config: Mapping[str, Any], connection: "SnowflakeConnection") -> None:
        self._config, self._connection = config, connection
        self.place = _place(config)

    def tables(self, only: str | None = None) -> list[WarehouseTable]:
        database, schema = _container(self._config)
        known = f"{double_quoted(database)}.INFORMATION_SCHEMA"
        condition, values = "table_schema = %s", [schema]
        if only is not None:
            condition, values = f"{condition} AND table_name = %s", [schema, only]
        facts = {
            name: (rows, comment or "", f"{rows} {changed}")
            for name, rows, comment, changed in self._rows(
                f"SELECT table_name, row_count, comment, last_altered FROM {known}.TABLES WHERE {condition}",
                values,
            )
        }
        columns: dict[str, list[WarehouseColumn]] = {name: [] for name in facts}
        for table, name, kind, precision, scale, nullable, comment in self._rows(
            "SELECT table_name, column_name, data_type, numeric_precision, numeric_scale, is_nullable, comment "
            f"FROM {known}.COLUMNS WHERE {condition} ORDER BY table_name, ordinal_position",
            values,
        ):
            found = typed(kind, precision, scale)
            columns.setdefault(table, []).append(
                WarehouseColumn(name, found, nullable == "YES", comment or "")
            )
        keys = self._keys(only)
        return [
            WarehouseTable(
                name=name,
                columns=tuple(found),
                primary_key=key_of(keys.get(name, ()), found),
                row_estimate=facts[name][0] if name in facts else None,
                comment=facts[name][1] if name in facts else "",
                changed=facts[name][2] if name in facts else None,
            )
            for name, found in sorted(columns.items())
            if found
        ]

    def _keys(self, only: str | None) -> dict[str, list[str]]:
        schema = ".".join(map(double_quoted, _container(self._config)))
        place = f"TABLE {schema}.{double_quoted(only)}" if only else f"SCHEMA {schema}"
        cursor = self._connection.cursor()
        cursor.execute(f"SHOW PRIMARY KEYS IN {place}")
        names = [description.name.lower() for description in cursor.description]
        found: dict[str, list[tuple[int, str]]] = {}
        for row in cursor.fetchall():
            facts = dict(zip(names, row, strict=True))
            found.setdefault(str(facts["table_name"]), []).append(
                (int(facts["key_sequence"]), str(facts["column_name"]))
            )
        return {table: [name for _, name in sorted(key)] for table, key in found.items()}

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        cursor = self._connection.cursor()
        cursor.execute(query, tuple(values) or None)
        return [tuple(row) for row in cursor.fetchall()]

    def value(self, query: str) -> str | None:
        rows = self._rows(query)
        return None if not rows or rows[0][0] is None else str(rows[0][0])

    def batches(self, query: str, rows: int) -> Iterator["pa.Table"]:
        cursor = self._connection.cursor()
        cursor.execute(query)
        yield from cursor.fetch_arrow_batches()


def typed(kind: str, precision: int | None = None, scale: int | None = None) -> Typed:
    """How a column of this type is read.

    >>> typed("NUMBER", 38, 0).lake, typed("NUMBER", 12, 2).lake, typed("NUMBER", 10, 0).lake
    ('DECIMAL(38,0)', 'DECIMAL(12,2)', 'BIGINT')
    """
    if kind in ("NUMBER", "FIXED", "DECIMAL"):
        digits, places = int(precision or 38), int(scale or 0)
        if not places and digits <= 18:
            return Typed("BIGINT", "{0}", "number")
        return Typed(f"DECIMAL({digits},{places})", "{0}", "number")
    return _TYPES.get(kind, _TEXT)


def _identifier(name: str) -> str:
    """A name as Snowflake stores it: in capitals unless it was written in quotes.

    >>> _identifier("sales"), _identifier('"Sales"'), _identifier("Sales Data")
    ('SALES', '"Sales"', 'Sales Data')
    """
    return name.upper() if _PLAIN.fullmatch(name) else name


def _container(config: Mapping[str, Any]) -> tuple[str, str]:
    """The database's and the schema's name as Snowflake stores them."""
    database, schema = str(config["database"]), str(config["schema"])
    return database.strip('"'), schema.strip('"')


@contextmanager
def connect(config: Mapping[str, Any]) -> Iterator[_Session]:
    """A session in the configured role and warehouse. Errors are ours, also inside."""
    with driver_missing("snowflake"):
        import snowflake.connector as client
    with guarded(config) as guard:
        try:
            connection = client.connect(**_parameters(config), **_way(guard))
        except client.errors.Error as error:
            _raise_ours(config, error)
        try:
            yield _Session(config, connection)
        except client.errors.Error as error:
            _raise_ours(config, error)
        finally:
            connection.close()


def _way(guard: Guard | None) -> dict[str, Any]:
    """The proxy, for large answers too, which come from addresses that the account names."""
    if guard is None:
        return {}
    return {
        "proxy_host": guard.host,
        "proxy_port": guard.port,
        "proxy_user": USER,
        "proxy_password": guard.password,
        "no_proxy": "",
    }


def _parameters(config: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        "account": config["account"],
        "user": config["user"],
        "database": config["database"],
        "schema": config["schema"],
        "warehouse": config.get("warehouse"),
        "role": config.get("role"),
        "application": "PWH",
        "login_timeout": TIMEOUT_S,
        "request_timeout": 10 * 60,
        "client_prefetch_threads": 4,
        "client_out_of_band_telemetry_enabled": False,
        "platform_detection_timeout_seconds": 0,  # else it asks the cloud for its metadata
        "enable_server_session_keep_alive_auto_detection": False,
        "session_parameters": {
            "TIMEZONE": "UTC",
            "QUERY_TAG": "pwh",
            "CLIENT_TELEMETRY_ENABLED": False,
        },
    }
    kind = config["auth_type"]
    if kind == "key_pair":
        found |= {"authenticator": "SNOWFLAKE_JWT", "private_key": _private_key(config)}
    elif kind == "token":
        found |= {"authenticator": "PROGRAMMATIC_ACCESS_TOKEN", "token": config["token"]}
    elif kind == "oauth":
        found |= {"authenticator": "oauth", "token": config["token"]}
    else:
        found["password"] = config["password"]
    if config.get("host"):
        protocol, _, rest = str(config["host"]).rpartition("://")
        host, _, port = rest.partition(":")
        found |= {"host": host, "protocol": protocol or "https"}
        if port:
            found["port"] = int(port)
    return {name: value for name, value in found.items() if value is not None}


def _private_key(config: Mapping[str, Any]) -> bytes:
    from cryptography.hazmat.primitives import serialization

    passphrase = config.get("passphrase")
    try:
        key = serialization.load_pem_private_key(
            str(config["private_key"]).encode(), passphrase.encode() if passphrase else None
        )
    except (ValueError, TypeError):
        raise InvalidInputError(
            "private_key",
            "`private_key` cannot be read. Give the whole PEM text of an RSA key, with its "
            "`passphrase` when it is encrypted.",
        ) from None
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _place(config: Mapping[str, Any]) -> str:
    return f"Snowflake account `{config['account']}`"


def _raise_ours(config: Mapping[str, Any], error: Any) -> NoReturn:
    if isinstance(error, PwhError):
        raise error
    import snowflake.connector as client

    text = " ".join(str(getattr(error, "raw_msg", None) or error.msg or "").split())[:300]
    who = _place(config)
    # The connector gives a login that reached nobody the number of one that was refused.
    if (error.errno in _REFUSED and _NOBODY not in text) or "not authorized" in text:
        raise SourceAccessError(
            f"{who} refused `{config['user']}`: {text} Check the credentials, and that the role may use "
            f"database `{config['database']}`, schema `{config['schema']}` and the warehouse."
        ) from None
    if isinstance(error, client.errors.ProgrammingError):
        raise SourceError(f"{who} could not be read: {text} Look at the table there.") from None
    raise SourceUnavailableError(
        f"{who} did not answer as it should: {text or type(error).__name__} Sync again later."
    ) from None


class Snowflake(Warehouse):
    """One schema of one database. See docs/sources/snowflake.md for types and guarantees."""

    name = "snowflake"
    label = "Snowflake"
    fields = (
        Field("account", "Account", help="`organization-account`, as in the URL you sign in at."),
        Field("user", "User"),
        Field("auth_type", "Authentication", kind="select", default="password", options=AUTH_KINDS),
        Field("password", "Password", kind="password", required=False, secret=True),
        Field("private_key", "Private key (PEM)", required=False, secret=True),
        Field("passphrase", "Passphrase of the key", "password", required=False, secret=True),
        Field("token", "Token", kind="password", required=False, secret=True),
        Field("database", "Database"),
        Field("schema", "Schema", default="PUBLIC"),
        Field(
            "warehouse", "Warehouse", required=False, help="What runs the queries, and is billed."
        ),
        Field("role", "Role", required=False),
        Field("host", "Host", required=False, help="Only for a private link or a proxy."),
    )
    dialect = _DIALECT
    connect = staticmethod(connect)

    def validate(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = checked(self.label, self.fields, config)
        if not _ACCOUNT.fullmatch(values["account"]):
            raise InvalidInputError(
                "account", f"`account` is `{values['account']}`; it looks like `myorg-account123`."
            )
        for name in ("database", "schema"):
            values[name] = _identifier(values[name])
        kind = values["auth_type"]
        needed = {"password": "password", "key_pair": "private_key"}.get(kind, "token")
        if not values[needed]:
            raise InvalidInputError(
                needed, f"Snowflake needs `{needed}` when `auth_type` is `{kind}`."
            )
        return values


SOURCE = Snowflake()
