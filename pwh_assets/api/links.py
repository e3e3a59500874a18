"""Absolute addresses of ours that answers give out: below `PWH_PUBLIC_URL`, else below where the request came to."""

from urllib.parse import urlsplit

from fastapi import Request
from starlette.requests import HTTPConnection


def public_url(connection: HTTPConnection) -> str:
    """Where others reach this PWH, without a slash at the end."""
    return _said(connection) or str(connection.base_url).rstrip("/")


def same_with(request: Request, **parameters: int) -> str:
    """The address of this very request with other parameters, for the pages of a list."""
    url = request.url.include_query_params(**parameters)
    query = f"?{url.query}" if url.query else ""
    return f"{public_url(request)}{url.path}{query}"


def without_host(location: bytes) -> bytes:
    """A redirect's address as a path: a client that came through a proxy goes on through it.

    >>> without_host(b"http://127.0.0.1:8000/api/projects/?limit=2"), without_host(b"http://a//b.example/")
    (b'/api/projects/?limit=2', b'http://a//b.example/')
    """
    scheme, mark, rest = location.partition(b"://")
    path = b"/" + rest.partition(b"/")[2]
    return path if mark and scheme in (b"http", b"https") and path[1:2] != b"/" else location


def is_ours(origin: str, connection: HTTPConnection) -> bool:
    """Whether a browser's `Origin` is this address: as the request has it, or the public one."""
    host = urlsplit(origin).netloc.lower()
    said = _said(connection)
    if said and origin.lower() == said:
        return True
    return bool(host) and host == connection.headers.get("host", "").lower()


def is_encrypted(connection: HTTPConnection) -> bool:
    """Whether those who come here come over TLS."""
    return public_url(connection).startswith("https://")


def _said(connection: HTTPConnection) -> str:
    """`PWH_PUBLIC_URL`, without a slash at the end; '' when it is not set."""
    said: str = connection.app.state.platform.settings.public_url
    return said
