"""Alerts: channels with sealed addresses, and an outbox whose lines are claimed, tried again and kept when they die."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from pwh_assets.core.alert import (
    AlertChannel,
    AlertEvent,
    AlertFilter,
    ChannelKind,
    Delivery,
    DeliveryStatus,
)
from pwh_assets.core.health import Severity
from pwh_assets.errors import ConflictError, NotFoundError, PwhError
from pwh_assets.store import models
from pwh_assets.store.part import StorePart
from pwh_assets.store.processes import is_gone
from pwh_assets.store.rows import utc_now

Line = tuple[str, str | None, AlertEvent, Mapping[str, Any]]
"""Channel, incident, event, and what is told."""


class ChannelExistsError(ConflictError):
    """The project has a channel of this name."""

    code = "alert_channel_exists"

    def __init__(self, name: str) -> None:
        self.attr = "name"
        super().__init__(
            f"There is an alert channel `{name}` already. Choose another name, or remove that one: "
            f"`pwh alert remove {name}`."
        )


class Alerts(StorePart):
    # -- channels ------------------------------------------------------------------------------

    def add_channel(
        self,
        project_id: int,
        name: str,
        kind: ChannelKind,
        config: Mapping[str, Any],
        secrets: Mapping[str, Any],
        filters: AlertFilter,
    ) -> AlertChannel:
        """Raises ChannelExistsError."""
        channel_id = str(uuid.uuid4())
        try:
            with self._db.write() as connection:
                connection.execute(
                    models.alert_channels.insert().values(
                        id=channel_id,
                        project_id=project_id,
                        name=name,
                        kind=kind.value,
                        config=dict(config),
                        credentials=self._seal(secrets, channel_row(channel_id)),
                        filters=asdict(filters),
                        created_at=utc_now(),
                        failures=0,
                    )
                )
        except sa.exc.IntegrityError:
            raise ChannelExistsError(name) from None
        return self.channel(project_id, channel_id)

    def channels(self, project_id: int) -> list[AlertChannel]:
        """By name."""
        with self._db.read() as connection:
            return live_channels(connection, project_id)

    def channel(self, project_id: int, name_or_id: str) -> AlertChannel:
        """Raises NotFoundError, also for a channel of another project."""
        for channel in self.channels(project_id):
            if name_or_id in (channel.id, channel.name):
                return channel
        raise NotFoundError(
            "alert channel", name_or_id, "`pwh alert list` shows the channels there are."
        )

    def channel_secrets(self, channel_id: str) -> dict[str, Any]:
        """What is sealed of a channel, opened: hand it to a sender and to nothing else.

        Raises:
            NotFoundError, SecretKeyMissingError, SecretDamagedError.
        """
        channels = models.alert_channels
        query = sa.select(channels.c.credentials).where(
            channels.c.id == channel_id, channels.c.deleted_at.is_(None)
        )
        with self._db.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFoundError("alert channel", channel_id)
        return self._unseal(row.credentials, channel_row(channel_id))

    def remove_channel(self, channel_id: str) -> None:
        """Soft delete: what was told stays visible, what waits is dropped, the address is wiped."""
        channels, deliveries, now = models.alert_channels, models.alert_deliveries, utc_now()
        with self._db.write() as connection:
            gone = connection.execute(
                sa.update(channels)
                .where(channels.c.id == channel_id, channels.c.deleted_at.is_(None))
                .values(deleted_at=now, credentials=None)
            )
            if not gone.rowcount:
                raise NotFoundError("alert channel", channel_id)
            connection.execute(
                sa.update(deliveries)
                .where(
                    deliveries.c.channel_id == channel_id,
                    deliveries.c.status == DeliveryStatus.PENDING.value,
                )
                .values(status=DeliveryStatus.DROPPED.value, claimed_by=None, claimed_until=None)
            )

    def damaged_channels(self) -> list[tuple[str, str]]:
        """Channels whose secrets do not open, by name, with the reason."""
        channels, found = models.alert_channels, []
        query = sa.select(channels).where(channels.c.deleted_at.is_(None))
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            try:
                self._unseal(row.credentials, channel_row(row.id))
            except PwhError as error:
                found.append((row.name, error.sentence))
        return found

    # -- outbox --------------------------------------------------------------------------------

    def add_test_delivery(
        self, project_id: int, channel_id: str, alert: Mapping[str, Any], holder: str, for_s: float
    ) -> Delivery:
        """A line of its own, claimed already by whoever adds it."""
        with self._db.write() as connection:
            (delivery_id,) = add_deliveries(
                connection, project_id, [(channel_id, None, AlertEvent.TEST, alert)]
            )
            connection.execute(
                sa.update(models.alert_deliveries)
                .where(models.alert_deliveries.c.id == delivery_id)
                .values(claimed_by=holder, claimed_until=utc_now() + timedelta(seconds=for_s))
            )
        return self.delivery(project_id, delivery_id)

    def claim_deliveries(self, holder: str, for_s: float, limit: int = 200) -> list[Delivery]:
        """Take what is due and nobody else is sending, of all projects: first attempts first, then the oldest.

        The end of an incident waits until its beginning was told. What a process that died had claimed is due again
        after `for_s` seconds of its claim.
        """
        deliveries, now = models.alert_deliveries, utc_now()
        before = deliveries.alias()
        beginning_waits = sa.exists().where(
            before.c.channel_id == deliveries.c.channel_id,
            before.c.incident_id == deliveries.c.incident_id,
            before.c.event == AlertEvent.BROKE.value,
            before.c.status == DeliveryStatus.PENDING.value,
        )
        due = sa.and_(
            deliveries.c.status == DeliveryStatus.PENDING.value,
            deliveries.c.next_at <= now,
            sa.or_(deliveries.c.claimed_until.is_(None), deliveries.c.claimed_until < now),
            sa.or_(deliveries.c.event != AlertEvent.HEALED.value, ~beginning_waits),
        )
        order = (deliveries.c.attempts, deliveries.c.created_at, deliveries.c.id)
        ids = sa.select(deliveries.c.id).where(due).order_by(*order).limit(limit)
        with self._db.read() as connection:
            if connection.execute(ids.limit(1)).first() is None:
                return []
        with self._db.write() as connection:
            claimed: list[str] = list(
                connection.execute(ids.with_for_update(skip_locked=True)).scalars()
            )
            connection.execute(
                sa.update(deliveries)
                .where(deliveries.c.id.in_(claimed))
                .values(claimed_by=holder, claimed_until=now + timedelta(seconds=for_s))
            )
            query = _named().where(deliveries.c.id.in_(claimed)).order_by(*order)
            return [_delivery(row) for row in connection.execute(query)]

    def free_claims(self) -> int:
        """Let go of what processes had claimed that ended meanwhile; how many lines."""
        deliveries = models.alert_deliveries
        claimed = sa.and_(
            deliveries.c.status == DeliveryStatus.PENDING.value,
            deliveries.c.claimed_by.is_not(None),
        )
        with self._db.read() as connection:
            holders: list[str] = list(
                connection.execute(sa.select(deliveries.c.claimed_by).where(claimed).distinct())
                .scalars()
                .all()
            )
        gone = [holder for holder in holders if is_gone(holder)]
        if not gone:
            return 0
        with self._db.write() as connection:
            freed = connection.execute(
                sa.update(deliveries)
                .where(claimed, deliveries.c.claimed_by.in_(gone))
                .values(claimed_by=None, claimed_until=None)
            )
            return int(freed.rowcount)

    def note_delivered(self, delivery: Delivery, holder: str, remark: str | None = None) -> None:
        """It arrived, and its channel works; `remark` is what is to be known nevertheless."""
        self._end(delivery, holder, DeliveryStatus.DELIVERED, remark, None)

    def note_undelivered(
        self, delivery: Delivery, holder: str, error: str, next_at: datetime | None
    ) -> None:
        """An attempt failed; the next is at `next_at`, or none follows and it is dead."""
        status = DeliveryStatus.PENDING if next_at else DeliveryStatus.DEAD
        self._end(delivery, holder, status, error, next_at)

    def put_back(self, deliveries_: Sequence[Delivery], holder: str, next_at: datetime) -> None:
        """Not tried: the channel failed on another one. It counts as no attempt."""
        deliveries = models.alert_deliveries
        with self._db.write() as connection:
            connection.execute(
                sa.update(deliveries)
                .where(
                    deliveries.c.id.in_([one.id for one in deliveries_]),
                    deliveries.c.claimed_by == holder,
                )
                .values(claimed_by=None, claimed_until=None, next_at=next_at)
            )

    def retry_deliveries(self, project_id: int, delivery_id: str | None = None) -> int:
        """Send what is dead, or waits, at once, with all attempts anew; one or all. How many."""
        deliveries = models.alert_deliveries
        waiting = (DeliveryStatus.DEAD.value, DeliveryStatus.PENDING.value)
        live = sa.select(models.alert_channels.c.id).where(
            models.alert_channels.c.deleted_at.is_(None)
        )
        query = sa.update(deliveries).where(
            deliveries.c.project_id == project_id,
            deliveries.c.status.in_(waiting),
            deliveries.c.channel_id.in_(live),
            deliveries.c.event != AlertEvent.TEST.value,
        )
        if delivery_id is not None:
            query = query.where(deliveries.c.id == delivery_id)
        values = {"status": DeliveryStatus.PENDING.value, "attempts": 0, "next_at": utc_now()}
        with self._db.write() as connection:
            return int(connection.execute(query.values(**values)).rowcount)

    def deliveries(
        self,
        project_id: int,
        limit: int = 50,
        *,
        channel_id: str | None = None,
        status: DeliveryStatus | None = None,
    ) -> list[Delivery]:
        """Newest first."""
        deliveries = models.alert_deliveries
        query = _named().where(deliveries.c.project_id == project_id)
        if channel_id is not None:
            query = query.where(deliveries.c.channel_id == channel_id)
        if status is not None:
            query = query.where(deliveries.c.status == status.value)
        query = query.order_by(deliveries.c.created_at.desc(), deliveries.c.id).limit(limit)
        with self._db.read() as connection:
            return [_delivery(row) for row in connection.execute(query)]

    def delivery(self, project_id: int, delivery_id: str) -> Delivery:
        """Raises NotFoundError."""
        deliveries = models.alert_deliveries
        query = _named().where(
            deliveries.c.project_id == project_id, deliveries.c.id == delivery_id
        )
        with self._db.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFoundError("delivery", delivery_id, "`pwh alert deliveries` shows them.")
        return _delivery(row)

    def _end(
        self,
        delivery: Delivery,
        holder: str,
        status: DeliveryStatus,
        error: str | None,
        next_at: datetime | None,
    ) -> None:
        """Only whoever claimed it may say how it went; a claim that ran out is somebody else's."""
        deliveries, channels, now = models.alert_deliveries, models.alert_channels, utc_now()
        values: dict[str, Any] = {
            "status": status.value,
            "attempts": deliveries.c.attempts + 1,
            "claimed_by": None,
            "claimed_until": None,
            "latest_error": error,
        }
        if next_at is not None:
            values["next_at"] = next_at
        arrived = status is DeliveryStatus.DELIVERED
        if arrived:
            values["delivered_at"] = now
        with self._db.write() as connection:
            ours = connection.execute(
                sa.update(deliveries)
                .where(
                    deliveries.c.id == delivery.id,
                    deliveries.c.claimed_by == holder,
                    deliveries.c.status == DeliveryStatus.PENDING.value,
                )
                .values(**values)
            )
            if not ours.rowcount:
                return
            works: dict[str, Any] = {"failing_since": None, "failures": 0, "latest_error": None}
            fails = {
                "failing_since": sa.func.coalesce(channels.c.failing_since, now),
                "failures": channels.c.failures + 1,
                "latest_error": error,
            }
            if arrived or delivery.event is not AlertEvent.TEST:
                change = sa.update(channels).where(channels.c.id == delivery.channel_id)
                connection.execute(change.values(**(works if arrived else fails)))


def live_channels(connection: sa.Connection, project_id: int) -> list[AlertChannel]:
    channels = models.alert_channels
    query = (
        sa.select(channels)
        .where(channels.c.project_id == project_id, channels.c.deleted_at.is_(None))
        .order_by(channels.c.name)
    )
    return [_channel(row) for row in connection.execute(query)]


def add_deliveries(connection: sa.Connection, project_id: int, lines: Sequence[Line]) -> list[str]:
    """Write lines into the outbox within a transaction of somebody else's; their ids. They are due at once."""
    now = utc_now()
    rows = [
        {
            "id": str(uuid.uuid4()),
            "project_id": project_id,
            "channel_id": channel_id,
            "incident_id": incident_id,
            "event": event.value,
            "alert": dict(alert),
            "status": DeliveryStatus.PENDING.value,
            "attempts": 0,
            "created_at": now,
            "next_at": now,
        }
        for channel_id, incident_id, event, alert in lines
    ]
    if rows:
        connection.execute(models.alert_deliveries.insert(), rows)
    return [str(row["id"]) for row in rows]


def channel_row(channel_id: str) -> str:
    """The name a channel's secrets are sealed under."""
    return f"alert-channel-{channel_id}"


def _named() -> sa.Select[Any]:
    deliveries, channels = models.alert_deliveries, models.alert_channels
    return sa.select(deliveries, channels.c.name.label("channel")).join(
        channels, channels.c.id == deliveries.c.channel_id
    )


def _channel(row: sa.Row[Any]) -> AlertChannel:
    kept = row.filters
    return AlertChannel(
        id=row.id,
        project_id=row.project_id,
        name=row.name,
        kind=ChannelKind(row.kind),
        config=row.config,
        filters=AlertFilter(
            Severity(kept["min_severity"]),
            *(tuple(kept[name]) for name in ("kinds", "sources", "names")),
        ),
        created_at=row.created_at,
        failing_since=row.failing_since,
        failures=row.failures,
        latest_error=row.latest_error,
    )


def _delivery(row: sa.Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        project_id=row.project_id,
        channel_id=row.channel_id,
        channel=row.channel,
        event=AlertEvent(row.event),
        alert=row.alert,
        status=DeliveryStatus(row.status),
        attempts=row.attempts,
        created_at=row.created_at,
        next_at=row.next_at,
        incident_id=row.incident_id,
        delivered_at=row.delivered_at,
        latest_error=row.latest_error,
    )
