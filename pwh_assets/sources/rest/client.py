"""The declared API over HTTP: its credentials, and calls with them."""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pwh_assets.errors import SourceAccessError
from pwh_assets.sources.http import Answer, Api, Limits, jsons
from pwh_assets.sources.rest.config import known, mapping, wrong

AUTH: Mapping[str, tuple[str, ...]] = {
    "bearer": ("token",),
    "http_basic": ("username", "password"),
    "api_key": ("api_key", "name", "location"),
    "oauth2_client_credentials": (
        "access_token_url",
        "client_id",
        "client_secret",
        "access_token_request_data",
        "default_token_expiration",
    ),
}
_OPTIONAL = frozenset(("name", "location", "access_token_request_data", "default_token_expiration"))
_EARLY_S = 60
"""A token is renewed so long before it ends."""


def checked_auth(given: Any) -> dict[str, Any]:
    """The `auth` a person wrote, with its type. Raises InvalidInputError naming the path."""
    said = dict(mapping(given, "auth"))
    kind = said.pop("type", "bearer")
    if kind not in AUTH:
        names = ", ".join(f"`{name}`" for name in AUTH)
        raise wrong("auth.type", f"is `{kind}`; it can be {names}")
    known(said, "auth", AUTH[kind])
    for name in AUTH[kind]:
        if name not in _OPTIONAL and not (isinstance(said.get(name), str) and said[name]):
            raise wrong(f"auth.{name}", "is missing")
    if kind == "api_key" and said.get("location", "header") not in ("header", "query"):
        raise wrong("auth.location", "must be `header` or `query`")
    return {"type": kind, **said}


class Client:
    """Calls to the API with its credentials. Safe in several threads."""

    def __init__(self, config: Mapping[str, Any], attempts: int | None = None) -> None:
        auth, base_url = config.get("auth") or {}, config["client"]["base_url"]
        self._query: dict[str, str] = {}
        headers = dict(config.get("headers") or {})
        authorize: Callable[[bool], Mapping[str, str]] | None = None
        kind = auth.get("type")
        if kind == "bearer":
            headers["Authorization"] = f"Bearer {auth['token']}"
        elif kind == "http_basic":
            headers["Authorization"] = basic(auth["username"], auth["password"])
        elif kind == "api_key" and auth.get("location") == "query":
            self._query[auth.get("name", "api_key")] = auth["api_key"]
        elif kind == "api_key":
            headers[auth.get("name", "Authorization")] = auth["api_key"]
        elif kind == "oauth2_client_credentials":
            authorize = Token(config, auth)
        secrets = [
            str(value) for value in auth.values() if isinstance(value, str) and len(value) > 3
        ]
        secrets += [value for value in headers.values() if len(value) > 7]
        account = hashlib.sha256(jsons.dumps([auth, headers]).encode()).hexdigest()
        self.place = f"The API at `{base_url}`"
        self.concurrency = int(config["concurrency"])
        self.http = Api(
            self.place,
            base_url,
            config,
            headers=headers,
            authorize=authorize,
            secrets=secrets,
            account=account,
            limits=Limits(attempts, per_second=config["calls_per_second"], burst=self.concurrency),
            connections=self.concurrency,
        )

    def call(self, method: str, path: str, params: Mapping[str, Any], body: Any) -> Answer:
        """An answer with JSON; see `Api.call`. The key goes along with a link that lacks it, too."""
        there = {name for name, _ in parse_qsl(urlsplit(path).query)}
        own = {name: value for name, value in self._query.items() if name not in there}
        return self.http.call(method, path, params={**params, **own}, body=body, is_json=True)


class Token:
    """An OAuth 2 access token for client credentials, fetched when first needed and renewed in time."""

    def __init__(self, config: Mapping[str, Any], auth: Mapping[str, Any]) -> None:
        self._config, self._auth = config, auth
        self._lock, self._value, self._ends = threading.Lock(), "", 0.0

    def __call__(self, is_stale: bool) -> Mapping[str, str]:
        with self._lock:
            if is_stale or not self._value or time.monotonic() > self._ends:
                self._fetch()
            return {"Authorization": f"Bearer {self._value}"}

    def _fetch(self) -> None:
        url = urlsplit(self._auth["access_token_url"])
        place = f"The token endpoint `{url.scheme}://{url.netloc}{url.path}`"
        secret = self._auth["client_secret"]
        api = Api(
            place,
            f"{url.scheme}://{url.netloc}",
            self._config,
            headers={"Authorization": basic(self._auth["client_id"], secret)},
            secrets=(secret,),
        )
        data = {
            "grant_type": "client_credentials",
            **(self._auth.get("access_token_request_data") or {}),
        }
        path = f"{url.path}?{url.query}" if url.query else url.path
        found = api.call("POST", path, data=data, is_json=True).json()
        token = found.get("access_token") if isinstance(found, dict) else None
        if not isinstance(token, str):
            raise SourceAccessError(
                f"{place} gave no `access_token`. Check the client's id and secret."
            )
        lasts = found.get("expires_in") or self._auth.get("default_token_expiration") or 3600
        self._value, self._ends = token, time.monotonic() + max(5.0, float(lasts) - _EARLY_S)


def basic(user: str, password: str) -> str:
    """The header of HTTP basic authentication."""
    import base64

    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
