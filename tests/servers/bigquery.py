"""BigQuery's REST API over DuckDB: datasets, tables, query jobs with paging, its errors. Loopback only."""

import base64
import json
import threading
import uuid
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlparse

import duckdb
import sqlglot
from sqlglot import exp

PROJECT = "shop-project"
_TYPES = {
    "BIGINT": "INTEGER",
    "INTEGER": "INTEGER",
    "DOUBLE": "FLOAT",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIME": "TIME",
    "BLOB": "BYTES",
    "TIMESTAMP": "DATETIME",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    "JSON": "JSON",
}


class BigQueryError(Exception):
    """An answer with an error; `reason` is BigQuery's word."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        self.status, self.reason, self.message = status, reason, message
        super().__init__(message)


class BigQueryServer:
    """`database` is what the tables are made in; a schema is a dataset. `faults` are statuses to answer first."""

    def __init__(self) -> None:
        self.database = duckdb.connect()
        self.database.execute("SET TimeZone = 'UTC'")
        self.bytes_per_row = 100
        self.faults: list[int] = []
        self._jobs: dict[str, tuple[dict[str, Any], list[dict[str, Any]], list[Any]]] = {}
        self._lock = threading.RLock()
        self._versions: dict[str, tuple[int, int]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "BigQueryServer":
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

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Any:
        if self.faults:
            status = self.faults.pop(0)
            raise BigQueryError(status, "backendError", "Try again later.")
        words = path.removeprefix("/bigquery/v2/projects/").split("/")
        if words[0] != PROJECT:
            raise BigQueryError(403, "accessDenied", f"Access Denied: Project {words[0]}")
        with self._lock:
            match words[1:]:
                case ["jobs"] if method == "POST":
                    return self._run(body)
                case ["jobs", job]:
                    return self._job(job)[0]
                case ["queries", job]:
                    return self._results(job, query)
                case ["datasets", dataset, "tables"]:
                    return self._tables(dataset, query)
                case ["datasets", dataset, "tables", table]:
                    return self._table(dataset, table)
        raise BigQueryError(404, "notFound", f"Not found: {path}")

    def _run(self, body: dict[str, Any]) -> dict[str, Any]:
        options = body["configuration"]["query"]
        job = body.get("jobReference", {}).get("jobId") or str(uuid.uuid4())
        tree = sqlglot.parse_one(options["query"], read="bigquery")
        scanned = 0
        for table in tree.find_all(exp.Table):
            dataset, name = table.db, table.name
            self._table(dataset, name)
            rows = self.database.execute(f'SELECT count(*) FROM "{dataset}"."{name}"').fetchone()
            scanned += (rows[0] if rows else 0) * self.bytes_per_row
            table.set("catalog", None)
        most = int(options.get("maximumBytesBilled") or 0)
        if most and scanned > most:
            raise BigQueryError(
                400,
                "bytesBilledLimitExceeded",
                f"Query exceeded limit for bytes billed: {most}. {scanned} or higher required.",
            )
        sql = tree.sql(dialect="duckdb").replace("ST_ASGEOJSON", "to_json")
        try:
            done = self.database.execute(sql)
        except duckdb.Error as error:
            raise BigQueryError(400, "invalidQuery", str(error)) from None
        fields = [_field(name, str(kind)) for name, kind, *_ in done.description or ()]
        facts = {
            "kind": "bigquery#job",
            "id": f"{PROJECT}:US.{job}",
            "jobReference": {"projectId": PROJECT, "jobId": job, "location": "US"},
            "configuration": {"jobType": "QUERY", "query": options},
            "status": {"state": "DONE"},
            "statistics": {
                "creationTime": "0",
                "totalBytesProcessed": str(scanned),
                "query": {"statementType": "SELECT", "totalBytesProcessed": str(scanned)},
            },
        }
        self._jobs[job] = facts, fields, done.fetchall()
        return facts

    def _job(self, job: str) -> tuple[dict[str, Any], list[dict[str, Any]], list[Any]]:
        if job not in self._jobs:
            raise BigQueryError(404, "notFound", f"Not found: Job {PROJECT}:{job}")
        return self._jobs[job]

    def _results(self, job: str, query: dict[str, list[str]]) -> dict[str, Any]:
        facts, fields, rows = self._job(job)
        start = int((query.get("pageToken") or ["0"])[0] or 0)
        size = int((query.get("maxResults") or ["50000"])[0])
        page = [
            {"f": [{"v": _cell(value, field)} for value, field in zip(row, fields, strict=True)]}
            for row in rows[start : start + size]
        ]
        more = {"pageToken": str(start + size)} if start + size < len(rows) else {}
        return {
            "jobReference": facts["jobReference"],
            "jobComplete": True,
            "schema": {"fields": fields},
            "totalRows": str(len(rows)),
            "rows": page,
            **more,
        }

    def _tables(self, dataset: str, query: dict[str, list[str]]) -> dict[str, Any]:
        names = self._names(dataset)
        start = int((query.get("pageToken") or ["0"])[0] or 0)
        size = int((query.get("maxResults") or ["50"])[0])
        more = {"nextPageToken": str(start + size)} if start + size < len(names) else {}
        page = [
            {"tableReference": _reference(dataset, name), "type": "TABLE"}
            for name in names[start : start + size]
        ]
        return {"tables": page, "totalItems": len(names), **more}

    def _names(self, dataset: str) -> list[str]:
        known = self.database.execute(
            "SELECT count(*) FROM duckdb_schemas() WHERE schema_name = ?", [dataset]
        ).fetchone()
        if not known or not known[0]:
            raise BigQueryError(404, "notFound", f"Not found: Dataset {PROJECT}:{dataset}")
        found = self.database.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = ? ORDER BY 1",
            [dataset],
        ).fetchall()
        return [name for (name,) in found]

    def _table(self, dataset: str, table: str) -> dict[str, Any]:
        if table not in self._names(dataset):
            raise BigQueryError(404, "notFound", f"Not found: Table {PROJECT}:{dataset}.{table}")
        columns = self.database.execute(
            "SELECT column_name, data_type, is_nullable FROM duckdb_columns() "
            "WHERE schema_name = ? AND table_name = ? ORDER BY column_index",
            [dataset, table],
        ).fetchall()
        rows = self.database.execute(f'SELECT count(*) FROM "{dataset}"."{table}"').fetchone()
        count = rows[0] if rows else 0
        key = self.database.execute(
            "SELECT constraint_column_names FROM duckdb_constraints() WHERE schema_name = ? "
            "AND table_name = ? AND constraint_type = 'PRIMARY KEY'",
            [dataset, table],
        ).fetchone()
        _, changes = self._versions.get(f"{dataset}.{table}", (count, 0))
        if self._versions.get(f"{dataset}.{table}", (None,))[0] != count:
            changes += 1
            self._versions[f"{dataset}.{table}"] = count, changes
        return {
            "kind": "bigquery#table",
            "tableReference": _reference(dataset, table),
            "type": "TABLE",
            "schema": {"fields": [_field(*column) for column in columns]},
            "numRows": str(count),
            "numBytes": str(count * self.bytes_per_row),
            "creationTime": "0",
            "lastModifiedTime": str(1_700_000_000_000 + changes),
            "location": "US",
            **({"tableConstraints": {"primaryKey": {"columns": key[0]}}} if key else {}),
        }


def _reference(dataset: str, table: str) -> dict[str, str]:
    return {"projectId": PROJECT, "datasetId": dataset, "tableId": table}


def _field(name: str, kind: str, is_nullable: bool = True) -> dict[str, Any]:
    mode = "NULLABLE" if is_nullable else "REQUIRED"
    if kind.endswith("[]"):
        return {**_field(name, kind.removesuffix("[]")), "mode": "REPEATED"}
    if kind.startswith("STRUCT("):
        children = duckdb.type(kind).children
        fields = [_field(child, str(one)) for child, one in children]
        return {"name": name, "mode": mode, "type": "RECORD", "fields": fields}
    if kind.startswith("DECIMAL("):
        precision, scale = kind.removeprefix("DECIMAL(").rstrip(")").split(",")
        limits = (
            {} if (precision, scale) == ("38", "9") else {"precision": precision, "scale": scale}
        )
        return {"name": name, "mode": mode, "type": "NUMERIC", **limits}
    return {"name": name, "mode": mode, "type": _TYPES.get(kind, "STRING")}


def _cell(value: Any, field: dict[str, Any]) -> Any:
    if value is None:
        return None
    if field["mode"] == "REPEATED":
        return [{"v": _cell(one, {**field, "mode": "NULLABLE"})} for one in value]
    if field["type"] == "TIMESTAMP":
        seconds = value.timestamp()
        return str(round(seconds * 1_000_000))
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _handler(server: BigQueryServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize, disable_nagle_algorithm = -1, True

        def _do(self) -> None:
            place = urlparse(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                status = 200
                out = server.answer(
                    self.command, place.path, parse_qs(place.query), json.loads(raw or b"{}")
                )
            except BigQueryError as error:
                status = error.status
                reasons: Sequence[dict[str, str]] = [
                    {"reason": error.reason, "message": error.message}
                ]
                out = {"error": {"code": status, "message": error.message, "errors": reasons}}
            data = json.dumps(out).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _do

        def log_message(self, format: str, *values: Any) -> None: ...

    return Handler
