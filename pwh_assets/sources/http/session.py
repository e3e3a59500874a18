"""The one place where a connection to an API is made."""

from typing import TYPE_CHECKING, Any

from pwh_assets.sources.network.egress import Egress

if TYPE_CHECKING:
    import requests


def new_session(connections: int, egress: Egress) -> "requests.Session":
    """A session that several threads may use: no proxy of the environment, no cookie, no redirect by itself.

    It connects to addresses the policy allows, and to those that were checked: PrivateHostError, UnknownHostError.
    """
    from http.cookiejar import DefaultCookiePolicy

    import requests

    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = checked_adapter(egress, connections)
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)
    return session


def kind_of(error: Exception) -> str:
    """What went wrong on the wire, in words without the URL."""
    import requests

    text = str(error).lower()
    if isinstance(error, requests.Timeout | TimeoutError) or "timed out" in text:
        return "it took too long"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.exceptions.ChunkedEncodingError) or "incompleteread" in text:
        return "the answer ended in the middle"
    return "the connection could not be made or broke"


def checked_adapter(egress: Egress, connections: int) -> Any:
    """An adapter of `requests` that connects to addresses the policy allows, and to those that were checked."""
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

    def connect(connection: Any) -> Any:
        timeout = connection.timeout if isinstance(connection.timeout, int | float) else 30.0
        try:
            return egress.connect(connection._dns_host, connection.port, timeout, "base_url")
        except TimeoutError as error:
            raise ConnectTimeoutError(connection, "timed out") from error
        except OSError as error:
            raise NewConnectionError(connection, "not connected") from error

    class Plain(HTTPConnection):
        _new_conn = connect

    class Secure(HTTPSConnection):
        _new_conn = connect

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **more: Any) -> None:
            super().init_poolmanager(*args, **more)
            self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

    return Adapter(pool_connections=2, pool_maxsize=connections)
