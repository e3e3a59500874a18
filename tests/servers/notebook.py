"""A source over JSON files of a folder: one file is one table, read anew by every sync, with faults on demand."""

import json
import time
from pathlib import Path

import pyarrow as pa

from pwh_assets.core.source import Column, DiscoveredTable, SyncMode
from pwh_assets.sources.base import Field, Reading


class Notebook:
    """`config`: `folder`, and `key`, a secret that faults carry in their message."""

    name = "notebook"
    label = "Notebook"
    fields = (Field("folder", "Folder"), Field("key", "Key", secret=True, required=False))

    def validate(self, config):
        return dict(config)

    def test_connection(self, config):
        if not Path(config["folder"]).is_dir():
            raise ConnectionError("no such folder")

    def tables(self, config):
        return [
            DiscoveredTable(file.stem, _columns(json.loads(file.read_text())))
            for file in sorted(Path(config["folder"]).glob("*.json"))
        ]

    def read(self, config, request):
        import dlt

        page = json.loads((Path(config["folder"]) / f"{request.table}.json").read_text())
        highest = []

        @dlt.resource(name=request.table)
        def rows():
            wanted = [
                row
                for row in page["rows"]
                if request.since is None
                or str(row[request.cursor]) > request.since
                or (
                    request.mode is not SyncMode.APPEND
                    and str(row[request.cursor]) == request.since
                )
            ]
            size = page.get("batch", 1000)
            for start in range(0, len(wanted), size):
                batch = wanted[start : start + size]
                time.sleep(page.get("delay_s", 0))
                if request.cursor:
                    highest.extend(str(row[request.cursor]) for row in batch)
                yield pa.Table.from_pylist(batch) if page.get("arrow") else batch
                if page.get("fail"):
                    raise FAULTS[page["fail"]](
                        page.get("message", "").replace("KEY", config.get("key", ""))
                    )

        return Reading(rows(), _columns(page), lambda: max(highest, default=None))

    def probe(self, config, requests):
        return {}


FAULTS = {
    "ConnectionError": ConnectionError,
    "ValueError": ValueError,
    "KeyboardInterrupt": KeyboardInterrupt,
}


def fault(error):
    """Let tables fail with this class of error too."""
    FAULTS[error.__name__] = error


def _columns(page):
    return tuple(Column(name, kind) for name, kind in page.get("columns", {}).items())


def write(folder, table, rows, **more):
    """The table's next state; appears at once."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{table}.part"
    part.write_text(json.dumps({"rows": rows, **more}))
    part.rename(folder / f"{table}.json")
