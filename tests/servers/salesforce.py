"""Salesforce's REST API on loopback: client credentials, describe, SOQL with pages, Bulk 2.0 queries."""

import csv
import io
import json
import re
import secrets
import threading
import uuid
from collections.abc import Mapping
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlparse

PAGE = 2_000
_SOQL = re.compile(
    r"SELECT (?P<fields>.+?) FROM (?P<object>\w+)(?: WHERE (?P<where>.+?))?"
    r"(?: ORDER BY (?P<order>\w+) DESC)?(?: LIMIT (?P<limit>\d+))?"
)
_CONDITION = re.compile(r"(\w+) (>=|<=|>|<) (\S+)")


class SalesforceError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message
        super().__init__(message)


class SalesforceServer:
    """`fields` are descriptions and `records` rows by object; deleted rows have `IsDeleted` true."""

    def __init__(self) -> None:
        self.client_secret = secrets.token_urlsafe(12)
        self.fields: dict[str, list[dict[str, Any]]] = {}
        self.records: dict[str, list[dict[str, Any]]] = {}
        self.calls: list[str] = []
        self.faults: list[tuple[int, str]] = []
        self.job_end = "JobComplete"
        self._tokens: set[str] = set()
        self._answers: dict[str, tuple[list[str], list[dict[str, Any]]]] = {}
        self._polls: dict[str, int] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))

    @property
    def config(self) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return {"instance_url": url, "client_id": "app", "client_secret": self.client_secret}

    def __enter__(self) -> "SalesforceServer":
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

    def end_sessions(self) -> None:
        self._tokens.clear()

    def answer(
        self, method: str, target: str, headers: Mapping[str, str], raw: bytes
    ) -> tuple[Any, dict[str, str]]:
        place = urlparse(target)
        if place.path == "/services/oauth2/token":
            return self._token(dict(parse_qsl(raw.decode()))), {}
        if headers.get("Authorization", "").removeprefix("Bearer ") not in self._tokens:
            raise SalesforceError(401, "INVALID_SESSION_ID", "Session expired or invalid")
        path = re.sub(r"^/services/data/v[\d.]+", "", place.path)
        params = dict(parse_qsl(place.query))
        self.calls.append(f"{method} {path}")
        if path == "/services/data":
            return [{"version": "62.0"}], {}
        if path == "/sobjects":
            names = [*self.fields, "AccountHistory"]
            return {"sobjects": [{"name": name, "queryable": True} for name in names]}, {}
        if found := re.fullmatch(r"/sobjects/(\w+)/describe", path):
            if found[1] not in self.fields:
                raise SalesforceError(404, "NOT_FOUND", "The requested resource does not exist")
            return {"name": found[1], "label": found[1], "fields": self.fields[found[1]]}, {}
        if path.startswith("/jobs/query"):
            return self._bulk(method, path.removeprefix("/jobs/query").strip("/"), params, raw)
        if path in ("/query", "/queryAll"):
            names, rows = self._select(params["q"], path == "/queryAll")
            if names == ["COUNT()"]:
                return {"totalSize": len(rows), "done": True, "records": []}, {}
            return self._page(self._keep(names, rows), 0), {}
        if found := re.fullmatch(r"/query/(\w+)-(\d+)", path):
            return self._page(found[1], int(found[2])), {}
        raise SalesforceError(404, "NOT_FOUND", "The requested resource does not exist")

    def _token(self, form: dict[str, str]) -> Any:
        if form.get("client_secret") != self.client_secret:
            raise SalesforceError(400, "invalid_client", "invalid client credentials")
        token = secrets.token_urlsafe(12)
        self._tokens.add(token)
        return {"access_token": token, "token_type": "Bearer"}

    def _keep(self, names: list[str], rows: list[dict[str, Any]]) -> str:
        answer = uuid.uuid4().hex
        self._answers[answer] = names, rows
        return answer

    def _page(self, answer: str, start: int) -> Any:
        names, rows = self._answers[answer]
        records = [
            {"attributes": {"type": "x"}, **{name: row.get(name) for name in names}}
            for row in rows[start : start + PAGE]
        ]
        done = start + PAGE >= len(rows)
        more = (
            {}
            if done
            else {"nextRecordsUrl": f"/services/data/v62.0/query/{answer}-{start + PAGE}"}
        )
        return {"totalSize": len(rows), "done": done, "records": records, **more}

    def _bulk(
        self, method: str, path: str, params: dict[str, str], raw: bytes
    ) -> tuple[Any, dict[str, str]]:
        if method == "POST":
            body = json.loads(raw)
            job = self._keep(*self._select(body["query"], body["operation"] == "queryAll"))
            return {"id": job, "state": "UploadComplete"}, {}
        job, _, rest = path.partition("/")
        if method == "DELETE":
            del self._answers[job]
            return None, {}
        names, rows = self._answers[job]
        if not rest:
            self._polls[job] = self._polls.get(job, 0) + 1
            state = self.job_end if self._polls[job] > 1 else "InProgress"
            return {"id": job, "state": state, "errorMessage": "out of luck"}, {}
        start, size = int(params.get("locator", 0)), int(params["maxRecords"])
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(names)
        for row in rows[start : start + size]:
            writer.writerow([_cell(row.get(name)) for name in names])
        more = str(start + size) if start + size < len(rows) else "null"
        return text.getvalue(), {"Sforce-Locator": more}

    def _select(self, soql: str, with_deleted: bool) -> tuple[list[str], list[dict[str, Any]]]:
        found = _SOQL.fullmatch(soql.strip())
        if not found:
            raise SalesforceError(400, "MALFORMED_QUERY", f"unexpected token: {soql[:40]}")
        if found["object"] not in self.records:
            raise SalesforceError(
                400, "INVALID_TYPE", f"sObject type '{found['object']}' is not supported."
            )
        names = [name.strip() for name in found["fields"].split(",")]
        known = {field["name"] for field in self.fields[found["object"]]} | {"COUNT()"}
        for name in names:
            if name not in known:
                raise SalesforceError(400, "INVALID_FIELD", f"No such column '{name}'")
        rows = self.records[found["object"]]
        rows = [row for row in rows if with_deleted or not row.get("IsDeleted")]
        for name, operator, value in _CONDITION.findall(found["where"] or ""):
            rows = [row for row in rows if _holds(row[name], operator, value)]
        if found["order"]:
            rows = sorted(rows, key=lambda row: str(row[found["order"]]), reverse=True)
        return names, rows[: int(found["limit"])] if found["limit"] else rows


def _holds(value: str, operator: str, bound: str) -> bool:
    left, right = datetime.fromisoformat(value), datetime.fromisoformat(bound)
    return {">=": left >= right, "<=": left <= right, ">": left > right, "<": left < right}[
        operator
    ]


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _handler(server: SalesforceServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize, disable_nagle_algorithm = -1, True

        def _do(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            more: dict[str, str] = {}
            try:
                if server.faults and "oauth2" not in self.path:
                    status, code = server.faults.pop(0)
                    raise SalesforceError(status, code, "Something is wrong.")
                status, (out, more) = 200, server.answer(self.command, self.path, self.headers, raw)
            except SalesforceError as error:
                status, out = error.status, [{"message": error.message, "errorCode": error.code}]
            data = out.encode() if isinstance(out, str) else json.dumps(out).encode()
            self.send_response(status)
            kind = "text/csv" if isinstance(out, str) else "application/json"
            for name, value in {"Content-Type": kind, **more}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _do

        def log_message(self, format: str, *values: Any) -> None: ...

    return Handler
