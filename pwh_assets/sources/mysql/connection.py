"""Connections to a MySQL server, and its errors in our words with the password kept out."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

from pwh_assets.errors import (
    InvalidInputError,
    PwhError,
    SourceAccessError,
    SourceError,
    SourceUnavailableError,
)
from pwh_assets.sources.network.route import Route, routed
from pwh_assets.sources.network.tunnel import tls_mode

CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 20 * 60
LOCK_WAIT_S = 30

_SESSION = (
    "SET SESSION time_zone = '+00:00', sql_mode = '', lock_wait_timeout = {lock_wait_s}, "
    "net_write_timeout = 600, wait_timeout = 28800, group_concat_max_len = 1048576",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
)
"""Times in UTC, no wait for a lock without end, patience with a slow reader, and nothing is ever written."""
_UNLIMITED = (
    ", sql_select_limit = 18446744073709551615, sql_big_selects = 1"
    "/*M!100101 , max_statement_time = 0 */ /*!50708 , max_execution_time = 0 */"
)
"""All rows, however many and however long it takes, whatever the server's defaults are. The comments are for MariaDB and
for MySQL alone."""
_NO_SUCH_VARIABLE = 1193

_REFUSED = frozenset((
    1044, 1045, 1049, 1102, 1129, 1130, 1142, 1143, 1227, 1251, 1370, 1396, 1524, 1470, 1698, 1820, 1862, 2026, 2054, 2059,
    3118, 3159, 3879, 3955, 4151,
))  # fmt: skip
"""Error codes of what a person has to mend: user, password, database, grants, TLS, plugins."""
_DOWN = frozenset((
    1040, 1053, 1078, 1079, 1080, 1152, 1153, 1156, 1157, 1158, 1159, 1160, 1161, 1184, 1203, 1205, 1206, 1213, 1226,
    1317, 1429, 1915, 1927, 1969, 2002, 2003, 2005, 2006, 2008, 2013, 2027, 2055, 3024, 3169, 4031,
))  # fmt: skip
"""Of what passes: no answer, connection ended, too many at once, timeouts, locks, shutdown."""


class _OverTLSOnly:
    """Sends a password as it is through TLS and never without: any server may ask for it that way."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def authenticate(self, packet: Any) -> Any:
        if not self._connection._secure:
            raise SourceAccessError(
                "The server asks for the password in clear text over a connection without TLS, which is refused. "
                "Set `sslmode` to `require` or better."
            )
        self._connection.write_packet(self._connection.password + b"\0")
        return self._connection._read_packet()


@contextmanager
def connected(config: Mapping[str, Any]) -> Iterator[Any]:
    """A read-only connection in autocommit. Errors are ours, also inside.

    Raises:
        SourceAccessError: the server refuses user, password, database or permission, or is not who it should be.
        SourceUnavailableError: it does not answer, or ended the connection.
    """
    with in_our_words(config), routed(config) as route:
        connection = opened(config, route)
        try:
            yield connection
        finally:
            connection._force_close()  # rows nobody took are not waited for


@contextmanager
def in_our_words(config: Mapping[str, Any]) -> Iterator[None]:
    """Turns what the driver raises inside into our errors."""
    import pymysql.err

    try:
        yield
    except (pymysql.err.Error, OSError, RuntimeError) as error:
        raise_ours(config, error)


def opened(config: Mapping[str, Any], route: Route, **more: Any) -> Any:
    """A new connection of the driver over this route, its session as reading wants it."""
    import pymysql

    connection = pymysql.connect(**parameters(config), defer_connect=True, **more)
    peer = route.connect(CONNECT_TIMEOUT_S)
    connection._read_timeout = CONNECT_TIMEOUT_S
    try:
        connection.connect(peer)
        _set_up(connection)
    except (pymysql.err.Error, OSError, RuntimeError, PwhError):
        peer.close()
        raise
    except Exception as error:
        peer.close()
        raise SourceUnavailableError(
            f"{place(config)} does not speak MySQL's protocol ({type(error).__name__}). Check `host` and `port`."
        ) from None
    connection._read_timeout = READ_TIMEOUT_S
    return connection


def _set_up(connection: Any) -> None:
    import pymysql.err

    settings, isolation = (one.format(lock_wait_s=LOCK_WAIT_S) for one in _SESSION)
    try:
        connection.query(settings + _UNLIMITED)
    except pymysql.err.Error as error:
        if error.args[:1] != (_NO_SUCH_VARIABLE,):
            raise
        connection.query(settings)  # a server that only speaks the protocol
    connection.query(isolation)


def parameters(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the driver is told. Files of this machine stay out of it: no option files, no LOCAL INFILE, no socket."""
    mode = tls_mode(config)
    found: dict[str, Any] = {
        "host": config["host"],
        "port": config["port"],
        "user": config["user"],
        "password": str(config.get("password") or "").encode(),
        "database": config["database"],
        "charset": "utf8mb4",
        "autocommit": True,
        "local_infile": False,
        "program_name": "pwh",
        "connect_timeout": CONNECT_TIMEOUT_S,
        "auth_plugin_map": {
            "mysql_clear_password": _OverTLSOnly,
            b"mysql_clear_password": _OverTLSOnly,
        },
    }
    if mode == "disable":
        found["ssl_disabled"] = True
    elif mode != "prefer":
        found["ssl"] = tls(mode, config.get("ssl_ca"))
    return found


def tls(mode: str, authority: str | None) -> ssl.SSLContext:
    """What is asked of the server's certificate: nothing, an authority we know, its name too.

    Raises:
        InvalidInputError: the authority's certificate cannot be read.
    """
    context = ssl.create_default_context()
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # what MySQL makes for itself is not strict
    if authority:
        try:
            context.load_verify_locations(cadata=authority)
        except (ssl.SSLError, ValueError, TypeError):
            raise InvalidInputError(
                "ssl_ca",
                "`ssl_ca` is no certificate in PEM form. Paste the text from `-----BEGIN CERTIFICATE-----` on.",
            ) from None
    context.check_hostname = mode == "verify-full"
    context.verify_mode = ssl.CERT_NONE if mode == "require" else ssl.CERT_REQUIRED
    return context


def place(config: Mapping[str, Any]) -> str:
    """How a sentence names the server."""
    return f"MySQL at `{config['host']}:{config['port']}`"


def raise_ours(config: Mapping[str, Any], error: BaseException) -> NoReturn:
    """The error in our words: who can mend it decides the class. Our own errors pass through."""
    if isinstance(error, PwhError):
        raise error
    who = place(config)
    origin = getattr(error, "original_exception", error)
    code = error.args[0] if error.args and not isinstance(error, OSError) else 0
    code = code if isinstance(code, int) else 0
    text = _short(config, error.args[1] if len(error.args) > 1 and code else error)
    if isinstance(origin, ssl.SSLError):
        raise SourceAccessError(
            f"{who} has a certificate that is not accepted: {_short(config, origin.reason or origin)} "
            "Check `sslmode`, `ssl_ca` and that `host` is the name in the certificate."
        ) from None
    if isinstance(error, RuntimeError):
        raise SourceAccessError(
            f"{who} asked for a file of this machine (LOAD DATA LOCAL), which is refused. Do not trust that server."
        ) from None
    if code in (1142, 1143):
        raise SourceAccessError(
            f"{who} does not let `{config['user']}` read everything that is needed: {text} "
            f"Grant it, for example `GRANT SELECT ON {quoted_name(schema_of(config))}.* TO '{config['user']}'@'%'`."
        ) from None
    if code in _REFUSED:
        raise SourceAccessError(
            f"{who} refused the connection: {text} Check user, password, database and `sslmode`."
        ) from None
    if code == 1412:
        raise SourceUnavailableError(
            f"{who} changed the table before it was read: {text} Sync again when the change there is over."
        ) from None
    if code in (1205, 1213):
        raise SourceUnavailableError(
            f"{who} holds a lock on what is to be read: {text} Sync again when the change there is over."
        ) from None
    if code and code not in _DOWN:
        raise SourceError(f"{who} could not be read: {text} Look at the table there.") from None
    raise SourceUnavailableError(
        f"{who} did not answer as it should: {text} "
        "Check that it runs and can be reached from here, then sync again."
    ) from None


def _short(config: Mapping[str, Any], found: object) -> str:
    text = " ".join(str(found).split()) or type(found).__name__
    password = str(config.get("password") or "")
    if len(password) > 2:
        text = text.replace(password, "***")
    text = text[:300]
    return text if text.endswith((".", "?", "!")) else f"{text}."


def schema_of(config: Mapping[str, Any]) -> str:
    """The database whose tables are read: MySQL calls it both database and schema."""
    return str(config.get("schema") or config["database"])


def quoted_name(name: str) -> str:
    """An identifier in MySQL's SQL.

    >>> quoted_name("sel`ect")
    '`sel``ect`'
    """
    return "`" + name.replace("`", "``") + "`"


def literal(value: object) -> str:
    r"""A text in MySQL's SQL, for a session whose `sql_mode` is empty.

    >>> literal("it's a \\ 1")
    "'it\\'s a \\\\ 1'"
    """
    from pymysql.converters import escape_string

    return f"'{escape_string(str(value))}'"


def fetched(connection: Any, query: str, values: Any = None) -> list[tuple[Any, ...]]:
    """All rows of a small query."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())
