"""ClickHouse's HTTP interface over an in-process engine, on loopback, with the faults a network has.

    with ClickHouseServer(home) as server:
        server.url                      # for PWH_CLICKHOUSE_URL
        server.misbehave("drop")        # the next answers break off in the middle

The engine allows one process per data directory, so the server is a process of its own (`python -m tests.servers.clickhouse`).
"""

import argparse
import contextlib
import gzip
import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

USER, PASSWORD = "app", "s3cret word"
FAULTS = ("none", "drop", "stall", "refuse")
STALL_S = 60
TRANSPORT = {
    *[
        "query",
        "database",
        "user",
        "password",
        "session_id",
        "session_timeout",
        "session_check",
        "query_id",
        "quota_key",
        "compress",
    ],
    *[
        "decompress",
        "wait_end_of_query",
        "buffer_size",
        "default_format",
        "client_protocol_version",
        "role",
    ],
    *[
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "enable_http_compression",
    ],
    *["http_response_headers", "cancel_http_readonly_queries_on_client_close"],
}
"""Parameters of the HTTP layer; the others are settings."""
STATUS = {516: 401, 60: 404, 81: 404, 46: 404, 62: 400, 497: 403, 159: 408}
INSERT = re.compile(r"(?is)^\s*insert\s+into\s")
INSERT_ROWS = re.compile(rb"(?is)^(\s*insert\s+into\s.{1,2000}?\sformat\s+\w+)[ \t]*\r?\n")
FORMAT = re.compile(r"(?i)\bFORMAT\s+(\w+)\s*;?\s*$")


class Pool:
    """Connections to the one engine; as many as there are statements at once."""

    def __init__(self, path):
        import chdb

        self._connect = lambda: chdb.connect(str(path))
        self._idle = queue.LifoQueue()
        self._idle.put(self._connect())

    @contextlib.contextmanager
    def one(self):
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = self._connect()
        try:
            yield connection
        except Exception:
            connection.close()
            raise
        self._idle.put(connection)


def _unpacked(data, encoding):
    match encoding:
        case "lz4":
            import lz4.frame

            return lz4.frame.decompress(data)
        case "zstd":
            import zstandard

            return zstandard.ZstdDecompressor().decompressobj().decompress(data)
        case "gzip":
            return gzip.decompress(data)
    return data


def _parted(query, body):
    """The statement and the rows that come with it, in the address and the body, or both in the body."""
    if query is not None:
        return query, body
    found = INSERT_ROWS.match(body)
    return (found[1].decode(), body[found.end() :]) if found else (body.decode(), b"")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    pool: Pool
    fault = "none"
    seen: list = []

    def do_GET(self):
        address = urlsplit(self.path)
        given = dict(parse_qsl(address.query, keep_blank_values=True))
        body = self._body()
        if address.path == "/ping":
            return self._answer(200, b"Ok.\n")
        if address.path == "/fault":
            Handler.fault = given["kind"]
            return self._answer(200, b"")
        if address.path == "/seen":
            return self._answer(200, json.dumps(Handler.seen).encode())
        if not self._is_known(given):
            return self._refuse(
                "Code: 516. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)"
            )
        text, data = _parted(given.get("query"), body)
        if "system.settings" not in text and "KILL QUERY" not in text and self._misbehaves():
            return None
        try:
            return self._run(text, data, given)
        except Exception as error:
            return self._refuse(str(error))

    do_POST = do_GET

    def _run(self, text, data, given):
        settings = {
            k: v for k, v in given.items() if k not in TRANSPORT and not k.startswith("param_")
        }
        Handler.seen.append([text, settings])
        if not INSERT.match(text) and data:
            text += "\n" + data.decode()
        named = FORMAT.search(text)
        form = named[1] if named else given.get("default_format", "TabSeparated")
        with self.pool.one() as connection:
            database = given.get("database") or self.headers.get("X-ClickHouse-Database")
            if database:
                connection.query(f"USE `{database}`")
            for name, value in settings.items():
                if name != "readonly":
                    connection.query(f"SET {name} = '{value}'")
            if INSERT.match(text) and data:
                answer = self._insert(connection, text, data, form)
            else:
                answer = connection.query(text, form).bytes() or b""
            for name in settings:
                if name != "readonly":
                    connection.query(f"SET {name} = DEFAULT")
            if database:
                connection.query("USE default")
        return self._answer(200, answer, form)

    def _insert(self, connection, text, data, form):
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            head = FORMAT.sub("", text)
            connection.query(f"{head} FROM INFILE '{file.name}' COMPRESSION 'none' FORMAT {form}")
        return b""

    def _misbehaves(self):
        if Handler.fault == "drop":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"400\r\n" + b"\x01" * 100)
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
            return True
        if Handler.fault == "stall":
            time.sleep(STALL_S)
        return False

    def _is_known(self, given):
        user = self.headers.get("X-ClickHouse-User") or given.get("user", "default")
        word = self.headers.get("X-ClickHouse-Key") or given.get("password", "")
        header = self.headers.get("Authorization", "")
        if header.startswith("Basic "):
            user, word = b64decode(header[6:]).decode().split(":", 1)
        return (user, word) == (USER, PASSWORD)

    def _body(self):
        return _unpacked(self._raw(), self.headers.get("Content-Encoding"))

    def _raw(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, status, body, form="TabSeparated", **headers):
        self.send_response(status)
        self.send_header("X-ClickHouse-Timezone", "UTC")
        self.send_header("X-ClickHouse-Format", form)
        self.send_header("X-ClickHouse-Summary", "{}")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, text):
        text = text[max(0, text.find("Code: ")) :]
        code = re.match(r"Code: (\d+)", text)
        number = int(code[1]) if code else 1002
        self._answer(
            STATUS.get(number, 500), (text + "\n").encode(), X_ClickHouse_Exception_Code=str(number)
        )

    def log_message(self, *_):
        """Quiet."""


class ClickHouseServer:
    """A server process that ends with its `with` block."""

    def __init__(self, home):
        self._home = Path(home)

    def __enter__(self):
        root = Path(__file__).parents[2]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.servers.clickhouse", "--path", str(self._home / "ch")],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate(timeout=10)

    @property
    def url(self):
        return self.url_of(PASSWORD)

    def url_of(self, password):
        return f"http://{USER}:{password.replace(' ', '%20')}@127.0.0.1:{self.port}/default"

    def misbehave(self, kind):
        """One of `FAULTS`, until the next call."""
        assert kind in FAULTS
        self._get(f"/fault?kind={kind}")

    def seen(self):
        """Every statement the server was sent, with its settings."""
        return json.loads(self._get("/seen"))

    def _get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return answer.read()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--path", required=True)
    options = arguments.parse_args()
    Handler.pool = Pool(options.path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
