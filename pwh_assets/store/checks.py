"""The latest result of every data check."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pwh_assets.core.check import FAILING_SINCE, CheckResult
from pwh_assets.store import models
from pwh_assets.store.part import StorePart
from pwh_assets.store.rows import utc_now


class Checks(StorePart):
    def record_check(
        self,
        project_id: int,
        subject_id: str,
        name: str,
        passed: bool,
        severity: str,
        details: Mapping[str, Any],
        at: datetime | None = None,
    ) -> None:
        """Keep the result unless a later one is known. `details` are plain JSON values."""
        result = CheckResult(project_id, subject_id, name, passed, severity, details, at)
        self.record_checks([result])

    def record_checks(self, results: Sequence[CheckResult]) -> None:
        """The same of several, in one transaction."""
        if not results:
            return
        with self._db.write() as connection:
            for each in results:
                key = {"project_id": each.project_id, "subject_id": each.subject_id}
                values = {
                    "passed": each.passed,
                    "severity": each.severity,
                    "details": dict(each.details),
                    "at": each.at or utc_now(),
                }
                keep_latest(connection, self._db.is_sqlite, {**key, "name": each.name}, values)

    def checks_named(self, project_id: int, name: str) -> list[CheckResult]:
        """The latest results of one check of every table and view."""
        query = sa.select(models.checks).filter_by(project_id=project_id, name=name)
        with self._db.read() as connection:
            return [CheckResult(**row._mapping) for row in connection.execute(query)]

    def latest_checks(self, project_id: int) -> list[CheckResult]:
        """By subject, then by name."""
        checks = models.checks
        query = (
            sa.select(checks)
            .where(checks.c.project_id == project_id)
            .order_by(checks.c.subject_id, checks.c.name)
        )
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        return [
            CheckResult(
                row.project_id,
                row.subject_id,
                row.name,
                row.passed,
                row.severity,
                row.details,
                row.at,
            )
            for row in rows
        ]

    def forget_checks(self, subject_id: str) -> None:
        """For a table or view that is gone."""
        with self._db.write() as connection:
            connection.execute(
                sa.delete(models.checks).where(models.checks.c.subject_id == subject_id)
            )


def keep_latest(
    connection: sa.Connection, is_sqlite: bool, key: Mapping[str, Any], values: Mapping[str, Any]
) -> None:
    """Keep a result unless a later one is known. One that did not pass says since when none did."""
    from sqlalchemy.dialects import postgresql, sqlite

    checks = models.checks
    if not values["passed"]:
        before = connection.execute(sa.select(checks).filter_by(**key)).first()
        since = values["at"].isoformat()
        if before is not None and not before.passed and before.at <= values["at"]:
            since = before.details.get(FAILING_SINCE) or before.at.isoformat()
        values = {**values, "details": {**values["details"], FAILING_SINCE: since}}
    insert = sqlite.insert(checks) if is_sqlite else postgresql.insert(checks)
    connection.execute(
        insert.values(**key, **values).on_conflict_do_update(
            index_elements=list(key), set_=dict(values), where=checks.c.at <= values["at"]
        )
    )
