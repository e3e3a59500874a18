"""The HTTP server of the API. It ends by answering what is under way, within a time that is known."""

import socket

import uvicorn
from fastapi import FastAPI

KEPT_OPEN_S = 75
"""An idle connection stays open for longer than proxies keep theirs, so that none is used as it closes."""
DRAIN_S = 6.0
"""After SIGTERM requests under way have so long; then their queries end as `stopping`."""
ENDS_WITHIN_S = 11
"""Then what is left of them is cut off. `pwh up` kills what is still there 15 seconds after the signal."""


class Server(uvicorn.Server):
    """`run` returns after SIGTERM or SIGINT; uvicorn then raises the signal again."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        self._app = app
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                log_level="warning",
                access_log=False,
                timeout_keep_alive=KEPT_OPEN_S,
                timeout_graceful_shutdown=ENDS_WITHIN_S,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.queries.drain(DRAIN_S)
        await super().shutdown(sockets)
