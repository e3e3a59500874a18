"""A PostgreSQL that Amazon's own connector takes for a Redshift: its log-in, its version, its system views."""

import asyncio
import contextlib
import shutil
import struct
import tempfile
import threading
from pathlib import Path
from types import TracebackType

import psycopg

from pwh_assets.demo.postgres import PrivatePostgres

KNOWN_PARAMETERS = (b"user", b"database", b"application_name", b"client_encoding", b"options")
_STARTUP, _TLS = 196608, 80877103

VIEWS = """
CREATE SCHEMA rs;
CREATE VIEW rs.svv_columns AS
    SELECT table_catalog, table_schema, table_name, column_name, ordinal_position, column_default, is_nullable,
        CASE WHEN data_type = 'json' THEN 'super' ELSE data_type END AS data_type,
        character_maximum_length, numeric_precision, numeric_scale, NULL::text AS remarks
    FROM information_schema.columns WHERE table_schema <> 'rs';
CREATE FUNCTION rs.getdate() RETURNS timestamp LANGUAGE sql STABLE AS 'SELECT now()::timestamp';
CREATE FUNCTION rs.json_serialize(json) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1::text';
"""
"""What a source asks of Redshift and PostgreSQL has not."""


class PrivateRedshift:
    """`config` is of a `redshift` source that reads this server; `dsn` is the PostgreSQL behind it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp())
        self._folder.chmod(0o755)
        hba = self._folder / "pg_hba.conf"
        hba.write_text("local all all trust\nhost all all 127.0.0.1/32 md5\n")
        self.postgres = PrivatePostgres(
            settings={"hba_file": str(hba), "password_encryption": "md5"}
        )
        self._relay = _Relay(self.postgres)

    @property
    def dsn(self) -> str:
        return self.postgres.dsn

    @property
    def password(self) -> str:
        return self.postgres.password

    @property
    def config(self) -> dict[str, object]:
        return {**self.postgres.config, "port": self._relay.port, "sslmode": "disable"}

    def __enter__(self) -> "PrivateRedshift":
        self.postgres.start()
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(VIEWS.encode())
            role, database = self.postgres.user, self.postgres.database
            connection.execute(f"ALTER ROLE {role} PASSWORD '{self.postgres.password}'".encode())
            connection.execute(
                f'ALTER DATABASE {database} SET search_path = "$user", public, rs'.encode()
            )
        self._relay.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._relay.stop()
        self.postgres.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


class _Relay:
    """Relays bytes, but for the log-in: the connector says more there than PostgreSQL takes, and wants a
    version of plain digits.
    """

    def __init__(self, postgres: PrivatePostgres) -> None:
        self._postgres, self.port = postgres, 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()
        listening = asyncio.start_server(self._client, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        async def end() -> None:
            self._server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened = [writer]
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            startup = await self._startup(reader, writer)
            here, there = await asyncio.open_connection("127.0.0.1", self._postgres.port)
            opened.append(there)
            there.write(startup)
            await asyncio.gather(_pump(reader, there), self._answers(here, writer))
        for one in opened:
            one.close()
            with contextlib.suppress(OSError):
                await one.wait_closed()

    async def _startup(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        while True:
            body = await reader.readexactly(_length(await reader.readexactly(4)))
            (code,) = struct.unpack("!I", body[:4])
            if code != _TLS:
                break
            writer.write(b"N")
        if code == _STARTUP:
            words = body[4:].split(b"\0")
            pairs = zip(words[::2], words[1::2], strict=False)
            kept = b"".join(
                name + b"\0" + value + b"\0" for name, value in pairs if name in KNOWN_PARAMETERS
            )
            body = body[:4] + kept + b"\0"
        return struct.pack("!I", len(body) + 4) + body

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kind = b""
        while kind != b"Z":  # up to the first ReadyForQuery
            kind = await reader.readexactly(1)
            message = await reader.readexactly(_length(await reader.readexactly(4)))
            if kind == b"S" and message.startswith(b"server_version\0"):
                message = b"server_version\x008.0.2\0"
            writer.write(kind + struct.pack("!I", len(message) + 4) + message)
        await _pump(reader, writer)


def _length(field: bytes) -> int:
    return int(struct.unpack("!I", field)[0]) - 4


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
