"""The one place where a connection to an API is made."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests


def new_session(connections: int) -> "requests.Session":
    """A session that several threads may use: no proxy of the environment, no cookie, no redirect by itself."""
    from http.cookiejar import DefaultCookiePolicy

    import requests
    from requests.adapters import HTTPAdapter

    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_connections=2, pool_maxsize=connections))
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
