"""Azure Blob Storage on loopback: Microsoft's Azurite, in memory."""

import base64
import os
import secrets
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from pwh_assets.demo.private import free_port

PROGRAM = Path(__file__).parents[2] / "build" / "azurite" / "node_modules" / ".bin" / "azurite-blob"
INSTALL = "make build/azurite"
ACCOUNT = "pwhtests"


class AzuriteServer:
    """`config` is of an `azure` source; `put` writes a blob into the container `exports`."""

    def __init__(self) -> None:
        self.key = base64.b64encode(secrets.token_bytes(32)).decode()
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"

    @property
    def config(self) -> dict[str, Any]:
        return {"account_name": ACCOUNT, "account_key": self.key, "endpoint": self.endpoint}

    def __enter__(self) -> "AzuriteServer":
        self._process = subprocess.Popen(
            [
                str(PROGRAM),
                *("--blobHost", "127.0.0.1", "--blobPort", str(self.port)),
                *(
                    "--skipApiVersionCheck",
                    "--disableTelemetry",
                    "--inMemoryPersistence",
                    "--silent",
                ),
            ],
            env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{self.key}"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.1)
        raise TimeoutError("Azurite did not start")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process
        self._process.kill()
        self._process.wait(10)
