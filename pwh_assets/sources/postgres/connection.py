"""Connections to a PostgreSQL server, and its errors in our words with the password kept out."""

import os
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from pwh_assets.errors import PwhError, SourceAccessError, SourceError, SourceUnavailableError
from pwh_assets.sources.errors import UnreadableDataError
from pwh_assets.sources.network.route import Route, routed
from pwh_assets.sources.network.tunnel import tls_mode

if TYPE_CHECKING:
    import duckdb
    import psycopg

APPLICATION = "pwh"
CONNECT_TIMEOUT_S = 10
_SESSION = {
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "3",
    "standard_conforming_strings": "on",
    "lock_timeout": "30s",
    "statement_timeout": "20min",
    "idle_in_transaction_session_timeout": "0",
    "default_transaction_read_only": "on",
}
"""Settings a connection begins with, whatever its role's or its database's are."""
_STREAM = {"statement_timeout": "0"}
"""Other ones, of the connection rows come through: a table may take hours."""
_POOLED = ("TimeZone", "DateStyle", "standard_conforming_strings")
"""What may be set through a pooler: it keeps these apart for each of its clients. Anything else set there would stay with
the server's connection, and be the next client's."""
_poolers: set[tuple[str, int]] = set()
"""Hosts and ports seen to be poolers: they take no settings to begin with, or do nothing with them."""

_REFUSED = ("28", "3D000", "42501", "3F000", "22023")
_DOWN = ("08", "53", "57P", "57014", "55P03", "40")
_REFUSED_WORDS = (
    "authentication failed",
    "no pg_hba.conf entry",
    "does not exist",
    "permission denied",
    "no password supplied",
    "not permitted",
    "does not support ssl",
    "certificate",
    "must be superuser",
)
_DOWN_WORDS = (
    "canceling statement due to",
    "terminating connection",
    "due to conflict with recovery",
    "the database system is",
    "too many clients",
    "too many connections",
    "remaining connection slots",
    "deadlock detected",
    "cannot connect now",
)
"""Of what passes, where DuckDB tells the server's text without its code."""
_PREAMBLE = re.compile(
    r"^(IO Error: )?Unable to connect to Postgres at \".*?\": |connection failed: |"
    r"connection to server at \S+( \(\S+\))?, port \d+ failed: "
)
_UNREADABLE = ("Invalid Input Error", "Conversion Error", "Out of Range Error")
"""How DuckDB begins to tell that a value is not what its column says."""
_TABLE_WORDS = ("relation", "column")


@contextmanager
def connected(config: Mapping[str, Any]) -> Iterator["psycopg.Connection[tuple[Any, ...]]"]:
    """A read-only connection in autocommit, for catalogs and cursors. Errors are ours, also inside.

    Raises:
        SourceAccessError: the server refuses user, password, database or permission.
        SourceUnavailableError: it does not answer, or ended the connection.
    """
    import psycopg

    try:
        with routed(config) as route, _opened(config, parameters(config, route)) as connection:
            yield connection
    except psycopg.Error as error:
        raise_ours(config, error)


def _opened(
    config: Mapping[str, Any], wanted: Mapping[str, Any]
) -> "psycopg.Connection[tuple[Any, ...]]":
    import psycopg

    plain = {**wanted, "autocommit": True, "prepare_threshold": None}
    if _place(config) not in _poolers:
        try:
            connection = psycopg.connect(**plain, options=_options(_SESSION))
        except psycopg.OperationalError as error:
            if "options" not in str(error):
                raise
            _poolers.add(_place(config))
        else:
            if _is_set(connection):
                return connection
            _poolers.add(_place(config))
            connection.close()
    connection = psycopg.connect(**plain)
    connection.execute(_pooled_settings().encode())
    return connection


def is_pooler(config: Mapping[str, Any]) -> bool:
    """Whether what was connected to at this place before was seen to be a pooler."""
    return _place(config) in _poolers


def _is_set(connection: "psycopg.Connection[Any]") -> bool:
    """Whether the connection has the settings it was opened with."""
    name = "default_transaction_read_only"
    told = connection.info.parameter_status(name)
    if told is None:  # before version 14
        row = connection.execute(f"SHOW {name}".encode()).fetchone()
        told = row[0] if row else ""
    return bool(told == _SESSION[name])


def _options(settings: Mapping[str, str]) -> str:
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


def _pooled_settings() -> str:
    return "; ".join(f"SET {name} = '{_SESSION[name]}'" for name in _POOLED)


def _place(config: Mapping[str, Any]) -> tuple[str, int]:
    return str(config["host"]), int(config["port"])


@contextmanager
def attached(
    config: Mapping[str, Any],
    options: Mapping[str, str | bool | int | float | list[str]] | None = None,
) -> Iterator["duckdb.DuckDBPyConnection"]:
    """An in-memory DuckDB with these options and the server attached as `pg`. One query is one statement there, so
    one snapshot.

    No transaction is opened by hand: DuckDB aborts the whole process when it has to end one on a dead connection.
    """
    import duckdb

    from pwh_assets.duckdb_extensions import connect

    connection = connect("postgres_scanner", config=options)
    way = ExitStack()
    try:
        route = way.enter_context(routed(config))
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET pg_pool_max_connections = 1")
        wanted = parameters(config, route)
        secret = {
            "HOST": wanted.pop("host"),
            "PORT": str(wanted.pop("port")),
            "USER": wanted.pop("user"),
            "PASSWORD": wanted.pop("password"),
            "DATABASE": wanted.pop("dbname"),
        }
        words = ", ".join(f"{name} {literal(value)}" for name, value in secret.items() if value)
        connection.execute(f"CREATE TEMPORARY SECRET server (TYPE postgres, {words})")
        if _place(config) not in _poolers:
            try:
                _attach(connection, {**wanted, "options": _options(_SESSION | _STREAM)})
            except duckdb.Error as error:
                if "options" not in str(error):
                    raise
                _poolers.add(_place(config))
        if _place(config) in _poolers:
            _attach(connection, wanted)
            connection.execute(f"CALL postgres_execute('pg', {literal(_pooled_settings())})")
        yield connection
    except (duckdb.Error, OSError) as error:
        raise_ours(config, error)
    finally:
        connection.close()
        way.close()


def _attach(connection: "duckdb.DuckDBPyConnection", wanted: Mapping[str, Any]) -> None:
    dsn = " ".join(f"{name}={_dsn_value(value)}" for name, value in wanted.items())
    connection.execute(f"ATTACH {literal(dsn)} AS pg (TYPE postgres, READ_ONLY, SECRET server)")


def parameters(config: Mapping[str, Any], route: Route) -> dict[str, Any]:
    """What libpq is told. The operator's own password file, service files and client keys stay out of it.

    The names are for certificates; what is connected to are the addresses that were checked.
    """
    found = {
        "host": ",".join(name for name, _ in route.peers),
        "port": route.port,
        "user": config["user"],
        "password": config.get("password") or "",
        "dbname": config["database"],
        "sslmode": tls_mode(config),
        "passfile": os.devnull,
        "sslcert": f"{os.devnull}/none",
        "gssencmode": "disable",
        "connect_timeout": CONNECT_TIMEOUT_S,
        "application_name": APPLICATION,
        "client_encoding": "UTF8",
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 120_000,
    }
    if not any(address.startswith("/") for _, address in route.peers):
        found["hostaddr"] = ",".join(address for _, address in route.peers)
    if found["sslmode"].startswith("verify"):
        found["sslrootcert"] = _authorities()
    return found


def _authorities() -> str:
    """File of the certificate authorities this machine trusts."""
    import certifi

    return ssl.get_default_verify_paths().cafile or certifi.where()


def place(config: Mapping[str, Any]) -> str:
    """How a sentence names the server."""
    return f"PostgreSQL at `{config['host']}:{config['port']}`"


def raise_ours(config: Mapping[str, Any], error: BaseException) -> NoReturn:
    """The error in our words: who can mend it decides the class. Our own errors pass through."""
    if isinstance(error, PwhError):
        raise error
    text = _PREAMBLE.sub("", scrubbed(config, " ".join(str(error).split())))
    state = getattr(error, "sqlstate", None) or ""
    low = text.lower()
    who = place(config)
    if "Expected an array with" in text:
        raise UnreadableDataError(
            who,
            "an array column holds values with more dimensions than it is declared with.",
            "Declare them, for example `int[][]`, and such a column is read as JSON.",
        ) from None
    if state == "42501" or "permission denied" in low:
        raise SourceAccessError(
            f"{who} does not let `{config['user']}` read everything that is needed: {_short(text)} "
            f"Grant it, for example `GRANT SELECT ON ALL TABLES IN SCHEMA {config['schema']} TO {config['user']}`."
        ) from None
    if state.startswith(_REFUSED) or (not state and _is_refusal(low)):
        raise SourceAccessError(
            f"{who} refused the connection: {_short(text)} "
            "Check user, password, database and `sslmode`."
        ) from None
    if state and not state.startswith(_DOWN):
        raise SourceError(
            f"{who} could not be read: {_short(text)} Look at the table there."
        ) from None
    is_passing = any(word in low for word in _DOWN_WORDS)
    if not state and not is_passing and ("ERROR: " in text or text.startswith(_UNREADABLE)):
        raise SourceError(
            f"{who} could not be read: {_short(text)} Look at the table there."
        ) from None
    raise SourceUnavailableError(
        f"{who} did not answer as it should: {_short(text)} "
        "Check that it runs and can be reached from here, then sync again."
    ) from None


def _is_refusal(low: str) -> bool:
    if not any(word in low for word in _REFUSED_WORDS):
        return False
    return not ("does not exist" in low and any(word in low for word in _TABLE_WORDS))


def scrubbed(config: Mapping[str, Any], text: str) -> str:
    password = str(config.get("password") or "")
    return text.replace(password, "***") if len(password) > 2 else text


def _short(text: str) -> str:
    """The server's own words without libpq's preamble, as one sentence."""
    for mark in ("FATAL: ", "ERROR: ", "error: "):
        _, found, rest = text.rpartition(mark)
        if found:
            text = rest
            break
    for end in (
        " LINE ",
        " DETAIL: ",
        " Is the server running on ",
    ):  # libpq's question is no cause
        text = text.split(end)[0]
    text = text.strip()[:300]
    return text if text.endswith((".", "?", "!")) else f"{text}."


def literal(value: object) -> str:
    """A string in DuckDB's and PostgreSQL's SQL."""
    return "'" + str(value).replace("'", "''") + "'"


def quoted_name(name: str) -> str:
    """An identifier in PostgreSQL's and DuckDB's SQL.

    >>> quoted_name('Sel"ect')
    '"Sel""ect"'
    """
    return '"' + name.replace('"', '""') + '"'


def _dsn_value(value: object) -> str:
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"
