"""Google's token endpoint, the Sheets API and the search call of the Ads API, on loopback."""

import base64
import json
import re
import secrets
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlparse

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ADS_PAGE = 1_000


class GoogleError(Exception):
    def __init__(self, status: int, word: str, message: str) -> None:
        self.status, self.word, self.message = status, word, message
        super().__init__(message)


class GoogleServer:
    """`sheets` are tabs by title; `ads` are results by resource; `faults` are answered first."""

    def __init__(self) -> None:
        self.sheets: dict[str, list[list[Any]]] = {}
        self.ads: dict[str, list[dict[str, Any]]] = {}
        self.queries: list[str] = []
        self.faults: list[tuple[int, dict[str, str]]] = []
        self.spreadsheet = f"book-{secrets.token_hex(6)}"
        self.refresh_token = f"1//{secrets.token_urlsafe(12)}"
        self.client_secret = f"GOCSPX-{secrets.token_urlsafe(12)}"
        self.developer_token = secrets.token_urlsafe(12)
        self._key = rsa.generate_private_key(65537, 2048)
        self._tokens: dict[str, float] = {}
        self.lifetime_s = 3600
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def service_account(self) -> dict[str, str]:
        pem = self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return {
            "type": "service_account",
            "project_id": "shop",
            "client_email": "pwh@shop.iam.example.com",
            "private_key_id": "1",
            "private_key": pem.decode(),
            "token_uri": f"{self.url}/token",
        }

    @property
    def user(self) -> dict[str, str]:
        return {
            "client_id": "client",
            "client_secret": self.client_secret,
            "refresh_token": self.refresh_token,
        }

    def __enter__(self) -> "GoogleServer":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def end_tokens(self) -> None:
        """Tokens handed out so far are refused from now on."""
        self._tokens.clear()

    def answer(self, method: str, target: str, headers: Mapping[str, str], raw: bytes) -> Any:
        place = urlparse(target)
        if place.path == "/token":
            return self._token(dict(parse_qsl(raw.decode())))
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        if self._tokens.get(token, 0) < time.time():
            raise GoogleError(401, "UNAUTHENTICATED", "Request had invalid credentials.")
        if place.path.startswith("/v4/spreadsheets/"):
            return self._sheet(unquote(place.path.removeprefix("/v4/spreadsheets/")))
        found = re.fullmatch(r"/v\d+/customers/(\d{10})/googleAds:search", place.path)
        if found and method == "POST":
            if headers.get("developer-token") != self.developer_token:
                raise GoogleError(401, "UNAUTHENTICATED", "DEVELOPER_TOKEN_INVALID")
            return self._search(json.loads(raw))
        raise GoogleError(404, "NOT_FOUND", "Requested entity was not found.")

    def _token(self, form: dict[str, str]) -> Any:
        if "assertion" in form:
            self._check_signature(form["assertion"])
        elif (form.get("refresh_token"), form.get("client_secret")) != (
            self.refresh_token,
            self.client_secret,
        ):
            raise GoogleError(400, "invalid_grant", "Bad Request")
        token = f"ya29.{secrets.token_urlsafe(12)}"
        self._tokens[token] = time.time() + self.lifetime_s
        return {"access_token": token, "expires_in": self.lifetime_s, "token_type": "Bearer"}

    def _check_signature(self, assertion: str) -> None:
        signed, _, signature = assertion.rpartition(".")
        given = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
        try:
            self._key.public_key().verify(
                given, signed.encode(), padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature:
            raise GoogleError(400, "invalid_grant", "Invalid JWT Signature.") from None

    def _sheet(self, words: str) -> Any:
        book, _, place = words.partition("/values/")
        if book != self.spreadsheet:
            raise GoogleError(404, "NOT_FOUND", "Requested entity was not found.")
        if not place:
            grids = {title: {"rowCount": max(len(rows), 1)} for title, rows in self.sheets.items()}
            return {
                "sheets": [
                    {"properties": {"title": title, "sheetType": "GRID", "gridProperties": grid}}
                    for title, grid in grids.items()
                ]
            }
        found = re.fullmatch(r"'(.+)'!A(\d+):ZZZ(\d+)", place)
        if not found or found[1].replace("''", "'") not in self.sheets:
            raise GoogleError(400, "INVALID_ARGUMENT", f"Unable to parse range: {place}")
        rows = self.sheets[found[1].replace("''", "'")][int(found[2]) - 1 : int(found[3])]
        while rows and not rows[-1]:
            rows = rows[:-1]  # rows that are empty at the end are not shown
        return {"range": place, "majorDimension": "ROWS", **({"values": rows} if rows else {})}

    def _search(self, body: dict[str, Any]) -> Any:
        query = body["query"]
        self.queries.append(query)
        resource = re.search(r"FROM (\w+)", query)
        rows = self.ads.get(resource[1] if resource else "", [])
        if between := re.search(r"segments\.date BETWEEN '(.+?)' AND '(.+?)'", query):
            rows = [row for row in rows if between[1] <= row["segments"]["date"] <= between[2]]
        start = int(body.get("pageToken") or 0)
        more = start + ADS_PAGE < len(rows)
        return {
            **({"results": rows[start : start + ADS_PAGE]} if rows else {}),
            **({"nextPageToken": str(start + ADS_PAGE)} if more else {}),
        }


def _handler(server: GoogleServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize, disable_nagle_algorithm = -1, True

        def _do(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            more: dict[str, str] = {}
            try:
                if server.faults and self.path != "/token":
                    status, more = server.faults.pop(0)
                    raise GoogleError(status, "RESOURCE_EXHAUSTED", "Quota exceeded.")
                status, out = 200, server.answer(self.command, self.path, self.headers, raw)
            except GoogleError as error:
                status = error.status
                out = {"error": {"code": status, "status": error.word, "message": error.message}}
                if self.path == "/token":
                    out = {"error": error.word, "error_description": error.message}
            data = json.dumps(out).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **more}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _do

        def log_message(self, format: str, *values: Any) -> None: ...

    return Handler
