"""The latest result of every data check."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pwh_assets.core.check import CheckResult
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
        values = {
            "passed": passed,
            "severity": severity,
            "details": dict(details),
            "at": at or utc_now(),
        }
        key = {"project_id": project_id, "subject_id": subject_id, "name": name}
        with self._db.write() as connection:
            connection.execute(latest_upsert(self._db.is_sqlite, key, values))

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


def latest_upsert(is_sqlite: bool, key: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """The statement that keeps a result unless a later one is known."""
    from sqlalchemy.dialects import postgresql, sqlite

    checks = models.checks
    insert = sqlite.insert(checks) if is_sqlite else postgresql.insert(checks)
    return insert.values(**key, **values).on_conflict_do_update(
        index_elements=list(key), set_=dict(values), where=checks.c.at <= values["at"]
    )
