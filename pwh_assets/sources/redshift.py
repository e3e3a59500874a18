"""Redshift: tables and views of one schema, through Amazon's own connector, rows turned to Arrow."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from traceback import walk_tb
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
from pwh_assets.sources.network.route import Route, routed
from pwh_assets.sources.network.tunnel import FIELD as SSH_TUNNEL
from pwh_assets.sources.network.tunnel import bastion_of, checked_tunnel, spelled
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

TIMEOUT_S = 30
SMALL_FETCH = 1_000
"""What a cluster of one node gives at once at most (Redshift's documentation of FETCH)."""
SSL_MODES = ("verify-full", "verify-ca", "disable")

_TEXT = Typed("VARCHAR", "{0}::varchar")
_TYPES = {
    "boolean": Typed("BOOLEAN"),
    "smallint": Typed("SMALLINT", cursor_kind="number"),
    "integer": Typed("INTEGER", cursor_kind="number"),
    "bigint": Typed("BIGINT", cursor_kind="number"),
    "real": Typed("FLOAT"),
    "double precision": Typed("DOUBLE"),
    "character varying": Typed("VARCHAR"),
    "character": Typed("VARCHAR"),
    "text": Typed("VARCHAR"),
    "date": Typed("DATE", cursor_kind="day"),
    "time without time zone": Typed("TIME"),
    "timestamp without time zone": Typed("TIMESTAMP", cursor_kind="clock"),
    "timestamp with time zone": Typed("TIMESTAMP WITH TIME ZONE", cursor_kind="instant"),
    "super": Typed("JSON", "JSON_SERIALIZE({0})"),
    "geometry": Typed("JSON", "ST_AsGeoJSON({0})"),
    "geography": Typed("JSON", "ST_AsGeoJSON({0})"),
    "binary varying": Typed("BLOB"),
    "varbyte": Typed("BLOB"),
}
_DIALECT = Dialect(
    relation=lambda config, table: f"{double_quoted(config['schema'])}.{double_quoted(table)}",
    quote=double_quoted,
    literal={
        "instant": "'{0}'::timestamptz",
        "clock": "'{0}'::timestamp",
        "day": "'{0}'::date",
        "number": "{0}",
    },
    settled={
        "instant": "(GETDATE() - INTERVAL '{0} seconds')::timestamptz",
        "clock": "(GETDATE() - INTERVAL '{0} seconds')",
    },
)


class _Session:
    def __init__(self, config: Mapping[str, Any], connection: Any) -> None:
        self._config, self._connection = config, connection
        self.place = _place(config)

    def tables(self, only: str | None = None) -> list[WarehouseTable]:
        columns: dict[str, list[WarehouseColumn]] = {}
        for table, name, kind, precision, scale, nullable, comment in self._rows(
            "SELECT table_name, column_name, data_type, numeric_precision, numeric_scale, is_nullable, remarks "
            f"FROM svv_columns WHERE table_schema = %s{' AND table_name = %s' if only else ''} "
            "ORDER BY table_name, ordinal_position",
            [self._config["schema"], *([only] if only else [])],
        ):
            found = typed(kind, precision, scale)
            columns.setdefault(table, []).append(
                WarehouseColumn(name, found, nullable == "YES", comment or "")
            )
        keys = self._keys()
        return [
            WarehouseTable(name, tuple(found), key_of(keys.get(name, ()), found))
            for name, found in sorted(columns.items())
        ]

    def _keys(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for table, column in self._rows(
            "SELECT k.table_name, k.column_name FROM information_schema.table_constraints c "
            "JOIN information_schema.key_column_usage k ON k.constraint_name = c.constraint_name "
            "AND k.table_schema = c.table_schema AND k.table_name = c.table_name "
            "WHERE c.constraint_type = 'PRIMARY KEY' AND c.table_schema = %s "
            "ORDER BY k.table_name, k.ordinal_position",
            [self._config["schema"]],
        ):
            found.setdefault(table, []).append(column)
        return found

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._connection.cursor() as cursor:
            cursor.execute(query, tuple(values))
            return list(cursor.fetchall())

    def value(self, query: str) -> str | None:
        rows = self._rows(query)
        return None if not rows or rows[0][0] is None else str(rows[0][0])

    def batches(self, query: str, rows: int) -> Iterator["pa.Table"]:
        """Through a server-side cursor: the connector itself would take the whole answer into memory."""
        with self._connection.cursor() as cursor:
            cursor.execute(f"DECLARE pwh_rows CURSOR FOR {query}")
            size = self._fetch_size(cursor, rows)
            while True:
                cursor.execute(f"FETCH FORWARD {size} FROM pwh_rows")
                if not (found := cursor.fetchall()):
                    return
                yield arrow(cursor.description, found)

    def _fetch_size(self, cursor: Any, rows: int) -> int:
        """Clusters of one node refuse to give more than `SMALL_FETCH` rows at once."""
        cursor.execute(
            "SELECT count(DISTINCT node) FROM stv_slices" if self._is_redshift else "SELECT 2"
        )
        nodes = cursor.fetchone()
        return rows if nodes and nodes[0] and nodes[0] > 1 else SMALL_FETCH

    @property
    def _is_redshift(self) -> bool:
        return bool(self._rows("SELECT version() LIKE '%%Redshift%%'")[0][0])


def arrow(description: Sequence[Any], rows: Sequence[Sequence[Any]]) -> "pa.Table":
    """Rows as an Arrow table; types are those of the values, so a column of NULLs has none."""
    import pyarrow as pa

    names = [_text(column[0]) for column in description]
    columns = [pa.array(column) for column in zip(*rows, strict=True)]
    return pa.table(dict(zip(names, columns, strict=True)))


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def typed(kind: str, precision: int | None = None, scale: int | None = None) -> Typed:
    """How a column of this type is read.

    >>> typed("numeric", 18, 4).lake, typed("super").lake, typed("interval").lake
    ('DECIMAL(18,4)', 'JSON', 'VARCHAR')
    """
    if kind == "numeric":
        return Typed(f"DECIMAL({int(precision or 38)},{int(scale or 0)})", "{0}", "number")
    return _TYPES.get(kind, _TEXT)


@contextmanager
def connect(config: Mapping[str, Any]) -> Iterator[_Session]:
    """A session in one transaction. Errors are ours, also inside."""
    with driver_missing("redshift"):
        import redshift_connector as client
    with routed(config) as route:
        yield from _connected(config, route, client)


def _connected(config: Mapping[str, Any], route: Route, client: Any) -> Iterator[_Session]:
    """The connector checks a certificate against what it connects to: the name, where that is wanted and there is
    no tunnel; else the address that was checked.
    """
    name, address = route.peers[0]
    mode = config["sslmode"]
    if bastion_of(config) is not None and mode == "verify-full":
        mode = "verify-ca"
    try:
        connection = client.connect(
            host=name if mode == "verify-full" else address,
            port=route.port,
            database=config["database"],
            user=config["user"],
            password=config["password"],
            ssl=mode != "disable",
            sslmode=mode if mode != "disable" else "verify-ca",
            timeout=TIMEOUT_S,
            application_name="pwh",
            iam=False,
        )
    except (client.Error, OSError) as error:
        _hang_up(error)
        _raise_ours(config, error)
    try:
        connection.run("SET TimeZone TO 'UTC'")
        yield _Session(config, connection)
    except (client.Error, OSError) as error:
        _raise_ours(config, error)
    finally:
        with suppress(Exception):
            connection.close()


def _hang_up(error: Exception) -> None:
    """The connector leaves the socket of a refused log-in open; its frames are all that still knows it."""
    for frame, _ in walk_tb(error.__traceback__):
        half_made = frame.f_locals.get("self")
        for name in ("_sock", "_usock"):
            if (end := getattr(half_made, name, None)) is not None:
                with suppress(OSError, ValueError):
                    end.close()


def _place(config: Mapping[str, Any]) -> str:
    return f"Redshift at `{config['host']}:{config['port']}`"


def _raise_ours(config: Mapping[str, Any], error: Exception) -> NoReturn:
    if isinstance(error, PwhError):
        raise error
    facts = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    state, text = str(facts.get("C", "")), str(facts.get("M") or ": ".join(map(str, error.args)))
    text = " ".join(text.split())[:300].replace(str(config["password"]), "***")
    who = _place(config)
    if state.startswith("28") or state in ("3D000", "42501", "3F000"):
        raise SourceAccessError(
            f"{who} refused `{config['user']}`: {text}. Check user, password and database, and grant "
            f"`USAGE ON SCHEMA {config['schema']}` and `SELECT ON ALL TABLES IN SCHEMA {config['schema']}`."
        ) from None
    if state and not state.startswith(("08", "53", "57")):
        raise SourceError(f"{who} could not be read: {text}. Look at the table there.") from None
    raise SourceUnavailableError(
        f"{who} did not answer as it should: {text or type(error).__name__}. Sync again later."
    ) from None


class Redshift(Warehouse):
    """One schema of one database. See docs/sources/redshift.md for types and guarantees."""

    name = "redshift"
    label = "Redshift"
    fields = (
        Field("host", "Host", help="As `my-cluster.abc.eu-west-1.redshift.amazonaws.com`."),
        Field("port", "Port", kind="number", default=5439),
        Field("database", "Database"),
        Field("user", "User"),
        Field("password", "Password", kind="password", secret=True),
        Field("schema", "Schema", default="public"),
        Field("sslmode", "TLS", kind="select", default="verify-full", options=SSL_MODES),
        SSH_TUNNEL,
    )
    dialect = _DIALECT
    connect = staticmethod(connect)

    def validate(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = checked(self.label, self.fields, spelled(config))
        values["ssh_tunnel"] = checked_tunnel(values["ssh_tunnel"])
        if not 0 < values["port"] < 65536:
            raise InvalidInputError(
                "port", f"`port` is {values['port']}; it must be between 1 and 65535."
            )
        return values


SOURCE = Redshift()
