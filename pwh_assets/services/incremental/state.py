"""How far a view that is built in parts has come: kept in the lake, in the transaction of its rows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pwh_assets.lake.attach import quote
from pwh_assets.lake.state import SyncState, read_state, write_state

if TYPE_CHECKING:
    import duckdb

_MARK = "pwh build "


@dataclass(frozen=True, slots=True)
class InputState:
    """A table as the last build read it."""

    uuid: str
    columns: Mapping[str, str]
    """Types of the columns that matter."""
    row_count: int


@dataclass(frozen=True, slots=True)
class ViewState:
    """What the next build goes on from."""

    mark: str
    """Stands on the view's table, so that a table made by something else is noticed."""
    snapshot: int
    """The lake as the last build read it."""
    fingerprint: str
    key: str
    inputs: Mapping[tuple[str, ...], InputState] = field(default_factory=dict)
    full_at: str = ""
    """When the whole table was last computed; ISO 8601 in UTC, as `at`."""
    at: str = ""
    """When this was written."""
    engine: str = "duckdb"
    """What computed the rows: only it knows which of them a change reaches."""

    def stored(self) -> dict[str, Any]:
        """As JSON, also for `SavedQuery.incremental_state`."""
        return {
            "mark": self.mark,
            "snapshot": self.snapshot,
            "fingerprint": self.fingerprint,
            "key": self.key,
            "inputs": {
                ".".join(path): {
                    "uuid": one.uuid,
                    "snapshot": self.snapshot,
                    "columns": dict(one.columns),
                    "row_count": one.row_count,
                }
                for path, one in sorted(self.inputs.items())
            },
            "paths": [list(path) for path in sorted(self.inputs)],
            "full_at": self.full_at,
            "at": self.at,
            "engine": self.engine,
        }

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "ViewState":
        """What else is stored, as earlier versions did, is left out."""
        inputs = {}
        for path in map(tuple, stored["paths"]):
            one = stored["inputs"][".".join(path)]
            inputs[path] = InputState(one["uuid"], one["columns"], int(one["row_count"]))
        return cls(
            stored["mark"],
            int(stored["snapshot"]),
            stored["fingerprint"],
            stored["key"],
            inputs,
            stored["full_at"],
            stored["at"],
            stored.get("engine", "duckdb"),
        )


def read_view_state(connection: "duckdb.DuckDBPyConnection", view_id: str) -> ViewState | None:
    """None when the view was never built in parts, or by a version that wrote something else."""
    kept = read_state(connection, view_id)
    if kept is None or not kept.watermark:
        return None
    try:
        return ViewState.of(json.loads(kept.watermark))
    except (ValueError, KeyError, TypeError):
        return None


def write_view_state(
    connection: "duckdb.DuckDBPyConnection", view_id: str, state: ViewState, row_count: int
) -> None:
    """Inside the caller's transaction."""
    at = datetime.now(UTC).replace(tzinfo=None)
    words = json.dumps(state.stored())
    write_state(connection, SyncState(view_id, state.mark, words, row_count, at))


def put_mark(connection: "duckdb.DuckDBPyConnection", table: str, key: str, mark: str) -> None:
    """Write the mark on the view's table; `table` is quoted."""
    connection.execute(f"COMMENT ON COLUMN {table}.{quote(key)} IS '{_MARK}{mark}'")


def mark_of(comments: Mapping[str, str], key: str) -> str | None:
    comment = comments.get(key, "")
    return comment.removeprefix(_MARK) if comment.startswith(_MARK) else None
