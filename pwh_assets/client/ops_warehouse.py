"""What was moved, what runs, what ran, what is wrong. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Sequence

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class Warehouse(Group):
    """What was moved, what runs, what ran, what is wrong. Also at PostHog's `data_warehouse/`."""

    def total_rows_stats(self) -> models.RowsStats:
        """Rows of this month. In all, by source, and what is left of the limit."""
        found: models.RowsStats = self._transport.send(
            models.RowsStats,
            "GET",
            "/api/projects/{project_id}/warehouse/total_rows_stats/",
            {},
            {},
            None,
            {},
        )
        return found

    def running_activity(
        self, *, limit: int | None = None, offset: int | None = None
    ) -> models.Activities:
        """What runs now. Syncs and builds, newest first."""
        found: models.Activities = self._transport.send(
            models.Activities,
            "GET",
            "/api/projects/{project_id}/warehouse/running_activity/",
            {},
            {"limit": limit, "offset": offset},
            None,
            {},
        )
        return found

    def completed_activity(
        self, *, limit: int | None = None, offset: int | None = None, cutoff_days: int | None = None
    ) -> models.Activities:
        """What ran. Whatever came of it: failed and cancelled runs are listed too."""
        found: models.Activities = self._transport.send(
            models.Activities,
            "GET",
            "/api/projects/{project_id}/warehouse/completed_activity/",
            {},
            {"limit": limit, "offset": offset, "cutoff_days": cutoff_days},
            None,
            {},
        )
        return found

    def job_stats(self, *, days: int | None = None) -> models.JobStats:
        """How runs ended. In all, and per hour or day."""
        found: models.JobStats = self._transport.send(
            models.JobStats,
            "GET",
            "/api/projects/{project_id}/warehouse/job_stats/",
            {},
            {"days": days},
            None,
            {},
        )
        return found

    def property_values(
        self, *, key: str, table_name: str, value: str | None = None
    ) -> Sequence[models.PropertyValue]:
        """Values a column or property has. At most ten, by value."""
        found: Sequence[models.PropertyValue] = self._transport.send(
            Sequence[models.PropertyValue],
            "GET",
            "/api/projects/{project_id}/warehouse/property_values/",
            {},
            {"table_name": table_name, "key": key, "value": value},
            None,
            {},
        )
        return found

    def issues(self) -> models.Issues:
        """What is wrong. Roots with what they block, newest first."""
        found: models.Issues = self._transport.send(
            models.Issues,
            "GET",
            "/api/projects/{project_id}/warehouse/data_health_issues/",
            {},
            {},
            None,
            {},
        )
        return found

    def data_ops_dashboard(self) -> models.Overview:
        """How the project stands, at a glance. What PostHog's dashboard of this name is made of, as data: PWH has
        no dashboards whose id it could answer.
        """
        found: models.Overview = self._transport.send(
            models.Overview,
            "GET",
            "/api/projects/{project_id}/warehouse/data_ops_dashboard/",
            {},
            {},
            None,
            {},
        )
        return found

    def health_history(
        self, *, name: str | None = None, limit: int | None = None
    ) -> models.HealthHistory:
        """What went wrong and healed. Newest first."""
        found: models.HealthHistory = self._transport.send(
            models.HealthHistory,
            "GET",
            "/api/projects/{project_id}/warehouse/health_history/",
            {},
            {"name": name, "limit": limit},
            None,
            {},
        )
        return found
