"""The API's process: `python -m pwh_assets.cli.serve --port 8000`, started by `pwh up`."""

import argparse
import contextlib
import sys
from types import FrameType


def main(argv: list[str] | None = None) -> int:
    """Serve until a signal comes. Tells Dagster of changed definitions and people of broken tables meanwhile."""
    parser = argparse.ArgumentParser(prog="pwh-api")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dagster-url")
    args = parser.parse_args(argv)

    import logging
    import signal

    from pwh_assets.api.app import create_app
    from pwh_assets.api.server import Server
    from pwh_assets.orchestration.reload import Reloader
    from pwh_assets.platform import open_platform
    from pwh_assets.services.alerts import HealthWatch

    lines = logging.StreamHandler(sys.stdout)
    logging.getLogger("pwh.access").addHandler(lines)
    logging.getLogger("pwh.access").setLevel(logging.INFO)
    logging.getLogger("pwh.access").propagate = False
    platform = open_platform()
    reloader, watch = Reloader(platform), HealthWatch(platform)
    reloader.start()
    watch.start()
    signal.signal(signal.SIGTERM, _leave)  # uvicorn raises the signal again once it has ended well
    try:
        app = create_app(platform, args.dagster_url)
        server = Server(app, args.host, args.port)
        with contextlib.suppress(KeyboardInterrupt):
            server.run()
        return 0 if server.started else 3
    finally:
        watch.stop()
        reloader.stop()
        platform.store.close()


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
