"""A Snowflake on loopback: fakesnow in an environment of its own, since its pins are not ours."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

PYTHON = Path(__file__).parents[2] / "build" / "fakesnow" / "bin" / "python"
INSTALL = "make build/fakesnow"


class SnowflakeServer:
    """`config` is of a `snowflake` source; `run` executes SQL in the database `SHOP`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self.port, self.password = 0, ""

    def __enter__(self) -> "SnowflakeServer":
        script = Path(__file__).with_name("snowflake_process.py")
        self._process = subprocess.Popen(
            [str(PYTHON), "-P", str(script)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout
        try:
            port, self.password = self._process.stdout.readline().split()
            self.port = int(port)
            self.run("CREATE DATABASE IF NOT EXISTS SHOP", database=None)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process and self._process.stdout
        self._process.kill()
        self._process.wait(10)
        self._process.stdout.close()

    @property
    def config(self) -> dict[str, Any]:
        return {
            "account": "fakesnow",
            "user": "app",
            "password": self.password,
            "database": "SHOP",
            "host": f"http://127.0.0.1:{self.port}",
        }

    def run(self, *queries: str, database: str | None = "SHOP") -> None:
        with self._connection(database) as connection:
            for query in queries:
                connection.cursor().execute(query)

    @contextmanager
    def _connection(self, database: str | None) -> Iterator[Any]:
        import snowflake.connector

        connection = snowflake.connector.connect(
            user="app",
            password=self.password,
            account="fakesnow",
            host="127.0.0.1",
            port=self.port,
            protocol="http",
            database=database,
            enable_server_session_keep_alive_auto_detection=False,
            client_out_of_band_telemetry_enabled=False,
            platform_detection_timeout_seconds=0,
        )
        try:
            yield connection
        finally:
            connection.close()
