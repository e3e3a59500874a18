"""Policies, findings of personal data, person keys and deletion requests, as rows."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pwh_assets.core.policy import AccessPolicy, ColumnMask, Redaction
from pwh_assets.errors import NotFoundError
from pwh_assets.store import models
from pwh_assets.store.part import StorePart, touch
from pwh_assets.store.rows import utc_now


@dataclass(frozen=True, slots=True)
class PiiFinding:
    """A column that looks like personal data. `matched` of `looked_at` values did; no value is kept."""

    id: str
    table: str
    column: str
    kind: str
    """`email`, `phone`, `card`, `iban`, `ip`, or `name` where only the column's name says so."""
    mask: Redaction
    looked_at: int
    matched: int
    status: str = "proposed"
    """`proposed`, `accepted` or `rejected`."""
    found_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PersonKey:
    """The column of a synced table that says whose row it is, and what it holds: `email`, `distinct_id`, `person_id`."""

    table: str
    column: str
    holds: str


@dataclass(frozen=True, slots=True)
class DeletionRequest:
    """A person to be forgotten. `person` is what is known of them until it is done."""

    id: str
    project_id: int
    status: str
    """`pending`, `running`, `completed` or `failed`."""
    report: Mapping[str, Any]
    requested_by: str
    created_at: datetime
    person: Mapping[str, Any] = field(default_factory=dict)
    ended_at: datetime | None = None
    latest_error: str | None = None


class Policies(StorePart):
    def policies(self, project_id: int) -> list[AccessPolicy]:
        """By name."""
        table = models.access_policies
        query = sa.select(table).where(table.c.project_id == project_id).order_by(table.c.name)
        with self._db.read() as connection:
            return [_policy(row) for row in connection.execute(query)]

    def save_policy(self, project_id: int, policy: AccessPolicy, by: str) -> AccessPolicy:
        """Make a policy, or put it in the place of the one of its name."""
        table = models.access_policies
        rule = {
            "table": policy.table,
            "to": list(policy.to),
            "exempt": list(policy.exempt),
            "deny": list(policy.deny),
            "masks": [[mask.column, mask.kind.value, mask.keep] for mask in policy.masks],
            "rows": policy.rows,
        }
        named = (table.c.project_id == project_id) & (table.c.name == policy.name)
        with self._db.write() as connection:
            values = {"rule": rule, "created_by": by}
            changed = connection.execute(sa.update(table).where(named).values(**values))
            if not changed.rowcount:
                connection.execute(
                    table.insert().values(
                        id=str(uuid.uuid4()),
                        project_id=project_id,
                        name=policy.name,
                        created_at=utc_now(),
                        **values,
                    )
                )
            touch(connection, project_id)
            return _policy(connection.execute(sa.select(table).where(named)).one())

    def remove_policy(self, project_id: int, policy_id: str) -> None:
        table = models.access_policies
        with self._db.write() as connection:
            connection.execute(
                sa.delete(table).where(table.c.project_id == project_id, table.c.id == policy_id)
            )
            touch(connection, project_id)

    # Personal data that was found

    def pii_findings(self, project_id: int) -> list[PiiFinding]:
        table = models.pii_findings
        query = (
            sa.select(table)
            .where(table.c.project_id == project_id)
            .order_by(table.c.table_name, table.c.column_name)
        )
        with self._db.read() as connection:
            return [_finding(row) for row in connection.execute(query)]

    def keep_findings(self, project_id: int, found: Sequence[PiiFinding]) -> None:
        """What a scan proposes in the place of earlier proposals; what was decided stays decided."""
        table, now = models.pii_findings, utc_now()
        with self._db.write() as connection:
            connection.execute(
                sa.delete(table).where(
                    table.c.project_id == project_id, table.c.status == "proposed"
                )
            )
            decided = {
                (row.table_name, row.column_name)
                for row in connection.execute(
                    sa.select(table).where(table.c.project_id == project_id)
                )
            }
            rows = [
                {
                    "id": one.id,
                    "project_id": project_id,
                    "table_name": one.table,
                    "column_name": one.column,
                    "kind": one.kind,
                    "mask": one.mask.value,
                    "looked_at": one.looked_at,
                    "matched": one.matched,
                    "status": "proposed",
                    "found_at": now,
                }
                for one in found
                if (one.table, one.column) not in decided
            ]
            if rows:
                connection.execute(table.insert(), rows)

    def decide_finding(self, project_id: int, finding_id: str, status: str) -> PiiFinding:
        """Raises NotFoundError."""
        table = models.pii_findings
        ours = (table.c.project_id == project_id) & (table.c.id == finding_id)
        with self._db.write() as connection:
            connection.execute(sa.update(table).where(ours).values(status=status))
            row = connection.execute(sa.select(table).where(ours)).first()
        if row is None:
            raise NotFoundError("finding", finding_id)
        return _finding(row)

    # Person keys

    def person_keys(self, project_id: int) -> list[PersonKey]:
        table = models.person_keys
        query = (
            sa.select(table).where(table.c.project_id == project_id).order_by(table.c.table_name)
        )
        with self._db.read() as connection:
            return [
                PersonKey(row.table_name, row.column_name, row.holds)
                for row in connection.execute(query)
            ]

    def set_person_key(self, project_id: int, name: str, key: PersonKey | None) -> None:
        """None takes it away."""
        table = models.person_keys
        with self._db.write() as connection:
            connection.execute(
                sa.delete(table).where(table.c.project_id == project_id, table.c.table_name == name)
            )
            if key is not None:
                connection.execute(
                    table.insert().values(
                        project_id=project_id,
                        table_name=name,
                        column_name=key.column,
                        holds=key.holds,
                    )
                )

    # Deletion requests

    def add_deletion(self, project_id: int, person: Mapping[str, Any], by: str) -> DeletionRequest:
        request_id = str(uuid.uuid4())
        with self._db.write() as connection:
            connection.execute(
                models.deletion_requests.insert().values(
                    id=request_id,
                    project_id=project_id,
                    person=self._seal(person, request_id),
                    status="pending",
                    report={},
                    requested_by=by,
                    created_at=utc_now(),
                )
            )
        return self.deletion(project_id, request_id)

    def deletion(self, project_id: int, request_id: str) -> DeletionRequest:
        """Raises NotFoundError."""
        table = models.deletion_requests
        query = sa.select(table).where(table.c.project_id == project_id, table.c.id == request_id)
        with self._db.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFoundError("deletion request", request_id)
        return self._deletion(row)

    def deletions(self, project_id: int) -> list[DeletionRequest]:
        """The newest first."""
        table = models.deletion_requests
        query = (
            sa.select(table)
            .where(table.c.project_id == project_id)
            .order_by(table.c.created_at.desc())
        )
        with self._db.read() as connection:
            return [self._deletion(row) for row in connection.execute(query)]

    def last_deletion_at(self, project_id: int) -> datetime | None:
        """When a request was completed last."""
        table = models.deletion_requests
        query = sa.select(sa.func.max(table.c.ended_at)).where(
            table.c.project_id == project_id, table.c.status == "completed"
        )
        with self._db.read() as connection:
            found: datetime | None = connection.execute(query).scalar()
        return found

    def note_deletion(
        self,
        request: DeletionRequest,
        status: str,
        report: Mapping[str, Any],
        error: str | None = None,
        person: Mapping[str, Any] | None = None,
    ) -> DeletionRequest:
        """How far it is. What is known of the person stays until it is completed."""
        is_done = status == "completed"
        values: dict[str, Any] = {
            "status": status,
            "report": dict(report),
            "latest_error": error,
            "ended_at": utc_now() if status in ("completed", "failed") else None,
        }
        if is_done:
            values["person"] = None
        elif person is not None:
            values["person"] = self._seal(person, request.id)
        table = models.deletion_requests
        with self._db.write() as connection:
            connection.execute(sa.update(table).where(table.c.id == request.id).values(**values))
        return self.deletion(request.project_id, request.id)

    def _deletion(self, row: Any) -> DeletionRequest:
        return DeletionRequest(
            row.id,
            row.project_id,
            row.status,
            row.report,
            row.requested_by,
            row.created_at,
            self._unseal(row.person, row.id),
            row.ended_at,
            row.latest_error,
        )

    # Forgotten persons

    def forgotten(self, project_id: int) -> frozenset[str]:
        """Keyed hashes; see `services.policies.forgetting`."""
        table = models.forgotten
        query = sa.select(table.c.digest).where(table.c.project_id == project_id)
        with self._db.read() as connection:
            return frozenset(connection.execute(query).scalars())

    def forgotten_since(self, project_id: int) -> dict[str, datetime]:
        """The same, with the moment each was forgotten last."""
        table = models.forgotten
        query = sa.select(table.c.digest, table.c.since).where(table.c.project_id == project_id)
        with self._db.read() as connection:
            return {row.digest: row.since for row in connection.execute(query)}

    def add_forgotten(self, project_id: int, digests: Iterable[str]) -> None:
        """They are forgotten from now on, also those that were before."""
        table, now, wanted = models.forgotten, utc_now(), sorted(set(digests))
        with self._db.write() as connection:
            self._drop_forgotten(connection, project_id, wanted)
            rows = [{"project_id": project_id, "digest": digest, "since": now} for digest in wanted]
            if rows:
                connection.execute(table.insert(), rows)

    def remove_forgotten(self, project_id: int, digests: Iterable[str]) -> None:
        with self._db.write() as connection:
            self._drop_forgotten(connection, project_id, sorted(set(digests)))

    def _drop_forgotten(
        self, connection: sa.Connection, project_id: int, digests: Sequence[str]
    ) -> None:
        table = models.forgotten
        for start in range(0, len(digests), 500):
            some = digests[start : start + 500]
            connection.execute(
                sa.delete(table).where(table.c.project_id == project_id, table.c.digest.in_(some))
            )


def _policy(row: Any) -> AccessPolicy:
    rule = row.rule
    return AccessPolicy(
        row.id,
        row.name,
        rule["table"],
        tuple(rule["to"]),
        tuple(rule["exempt"]),
        tuple(rule["deny"]),
        tuple(ColumnMask(name, Redaction(kind), keep) for name, kind, keep in rule["masks"]),
        rule["rows"],
        row.created_at,
        row.created_by,
    )


def _finding(row: Any) -> PiiFinding:
    return PiiFinding(
        row.id,
        row.table_name,
        row.column_name,
        row.kind,
        Redaction(row.mask),
        row.looked_at,
        row.matched,
        row.status,
        row.found_at,
    )
