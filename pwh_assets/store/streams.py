"""Streams of changes: how each source's stood when it was last looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pwh_assets.store import models
from pwh_assets.store.part import StorePart
from pwh_assets.store.rows import utc_now


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """What is remembered of a source's stream. The lake's own position is the truth; see `idle`."""

    source_id: str
    project_id: int
    base: str | None
    """The lake's position when `idle` was written down."""
    idle: str | None
    """Up to here the stream was read after `base` and had nothing for the lake."""
    facts: Mapping[str, Any]
    """How it stood at the source: `lag_bytes`, `is_lost`, `wal_status`, `error` and the like."""
    checked_at: datetime


class Streams(StorePart):
    def stream(self, source_id: str) -> StreamRecord | None:
        """None when the source never was streamed."""
        streams = models.change_streams
        with self._db.read() as connection:
            row = connection.execute(sa.select(streams).filter_by(source_id=source_id)).first()
        return StreamRecord(**row._mapping) if row else None

    def streams(self, project_id: int) -> list[StreamRecord]:
        streams = models.change_streams
        with self._db.read() as connection:
            rows = connection.execute(sa.select(streams).filter_by(project_id=project_id)).all()
        return [StreamRecord(**row._mapping) for row in rows]

    def note_stream(
        self,
        project_id: int,
        source_id: str,
        *,
        base: str | None = None,
        idle: str | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down what is given; `base` and `idle` go together."""
        streams = models.change_streams
        values: dict[str, Any] = {"checked_at": utc_now()}
        if idle is not None:
            values |= {"base": base, "idle": idle}
        if facts is not None:
            values["facts"] = dict(facts)
        with self._db.write() as connection:
            known = connection.execute(
                sa.update(streams).where(streams.c.source_id == source_id).values(**values)
            )
            if not known.rowcount:
                values = {"facts": {}, **values}
                connection.execute(
                    streams.insert().values(source_id=source_id, project_id=project_id, **values)
                )

    def forget_stream(self, source_id: str) -> None:
        streams = models.change_streams
        with self._db.write() as connection:
            connection.execute(sa.delete(streams).where(streams.c.source_id == source_id))
