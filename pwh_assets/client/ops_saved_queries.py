"""Views: their texts and versions, how they are kept as tables, and what they are made of. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class SavedQueries(Group):
    """Views: their texts and versions, how they are kept as tables, and what they are made of."""

    def list(
        self,
        *,
        search: str | None = None,
        folder: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> models.ViewPage:
        """List saved queries. By name."""
        found: models.ViewPage = self._transport.send(
            models.ViewPage,
            "GET",
            "/api/projects/{project_id}/warehouse_saved_queries/",
            {},
            {
                "search": search,
                "folder": folder,
                "limit": limit,
                "offset": offset,
                "ordering": ordering,
            },
            None,
            {},
        )
        return found

    def each(
        self,
        *,
        search: str | None = None,
        folder: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> Iterator[models.View]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.ViewPage,
            "/api/projects/{project_id}/warehouse_saved_queries/",
            {},
            {
                "search": search,
                "folder": folder,
                "limit": limit,
                "offset": offset,
                "ordering": ordering,
            },
        )

    def save(
        self, body: models.ViewSave | Mapping[str, Any], *, if_match: str | None = None
    ) -> models.View:
        """Save a query under a name. 201 for a new one, 200 for a new version of one that was there. What would
        break its readers is refused.
        """
        found: models.View = self._transport.send(
            models.View,
            "POST",
            "/api/projects/{project_id}/warehouse_saved_queries/",
            {},
            {},
            body,
            {"if-match": if_match},
        )
        return found

    def check(self, body: models.IncrementalCheck | Mapping[str, Any]) -> models.Eligible:
        """Could it be built in parts. Looks at the text alone; cheap enough for every keystroke."""
        found: models.Eligible = self._transport.send(
            models.Eligible,
            "POST",
            "/api/projects/{project_id}/warehouse_saved_queries/check_incremental/",
            {},
            {},
            body,
            {},
        )
        return found

    def resume_schedules(
        self, body: models.ResumeSchedules | Mapping[str, Any]
    ) -> models.ResumedSchedules:
        """Let many suspended views be built. Ids that are not views of this project are left out silently."""
        found: models.ResumedSchedules = self._transport.send(
            models.ResumedSchedules,
            "POST",
            "/api/projects/{project_id}/warehouse_saved_queries/resume_schedules/",
            {},
            {},
            body,
            {},
        )
        return found

    def show(self, view_id: str) -> models.View:
        """One saved query. With the cadences it could have. Its `ETag` is for `If-Match`."""
        found: models.View = self._transport.send(
            models.View,
            "GET",
            "/api/projects/{project_id}/warehouse_saved_queries/{view_id}/",
            {"view_id": view_id},
            {},
            None,
            {},
        )
        return found

    def update(
        self,
        view_id: str,
        body: models.ViewUpdate | Mapping[str, Any],
        *,
        if_match: str | None = None,
    ) -> models.View:
        """Change a saved query. All of it or nothing. A changed text becomes a new version; with
        `edited_history_id` or `If-Match` only if nobody was faster.
        """
        found: models.View = self._transport.send(
            models.View,
            "PATCH",
            "/api/projects/{project_id}/warehouse_saved_queries/{view_id}/",
            {"view_id": view_id},
            {},
            body,
            {"if-match": if_match},
        )
        return found

    def remove(
        self, view_id: str, *, force: bool | None = None, if_match: str | None = None
    ) -> None:
        """Remove a saved query. Refused where others read it; with `If-Match` also when somebody changed its text
        meanwhile.
        """
        self._transport.send(
            None,
            "DELETE",
            "/api/projects/{project_id}/warehouse_saved_queries/{view_id}/",
            {"view_id": view_id},
            {"force": force},
            None,
            {"if-match": if_match},
        )

    def run(self, view_id: str, body: models.Run | Mapping[str, Any] | None = None) -> models.Built:
        """Build it now. Of a materialized one; what it reads is built first where that is due."""
        found: models.Built = self._transport.send(
            models.Built,
            "POST",
            "/api/projects/{project_id}/warehouse_saved_queries/{view_id}/run/",
            {"view_id": view_id},
            {},
            body,
            {},
        )
        return found

    def materialize(
        self, view_id: str, body: models.Materialize | Mapping[str, Any] | None = None
    ) -> models.Built:
        """Keep it as a table. It is built at once, and then by its frequency, after its inputs, or by hand."""
        found: models.Built = self._transport.send(
            models.Built,
            "POST",
            "/api/projects/{project_id}/warehouse_saved_queries/{view_id}/materialize/",
            {"view_id": view_id},
            {},
            body,
            {},
        )
        return found

    def revert(self, view_id: str) -> models.View:
        """Make it plain again. Its table goes; it is computed when it is read."""
        found: models.View = self._transport.send(
            models.View,
            "POST",
            "/api/projects/{project_id}/warehouse_saved_queries/{view_id}/revert_materialization/",
            {"view_id": view_id},
            {},
            None,
            {},
        )
        return found

    def cancel(self, view_id: str) -> models.View:
        """Stop a running build. It keeps the rows it had."""
        found: models.View = self._transport.send(
            models.View,
            "POST",
            "/api/projects/{project_id}/warehouse_saved_queries/{view_id}/cancel/",
            {"view_id": view_id},
            {},
            None,
            {},
        )
        return found

    def resume(self, view_id: str) -> models.Resumed:
        """Let a suspended view be built again. One that is not suspended stays as it is."""
        found: models.Resumed = self._transport.send(
            models.Resumed,
            "POST",
            "/api/projects/{project_id}/warehouse_saved_queries/{view_id}/resume/",
            {"view_id": view_id},
            {},
            None,
            {},
        )
        return found

    def ancestors(
        self, view_id: str, body: models.Depth | Mapping[str, Any] | None = None
    ) -> models.Relatives:
        """What it is made of. Ids of tables and views, nearest first."""
        found: models.Relatives = self._transport.send(
            models.Relatives,
            "POST",
            "/api/projects/{project_id}/warehouse_saved_queries/{view_id}/ancestors/",
            {"view_id": view_id},
            {},
            body,
            {},
        )
        return found

    def descendants(
        self, view_id: str, body: models.Depth | Mapping[str, Any] | None = None
    ) -> models.Relatives:
        """What is made of it. Ids of views, nearest first."""
        found: models.Relatives = self._transport.send(
            models.Relatives,
            "POST",
            "/api/projects/{project_id}/warehouse_saved_queries/{view_id}/descendants/",
            {"view_id": view_id},
            {},
            body,
            {},
        )
        return found

    def dependencies(self, view_id: str) -> models.Dependencies:
        """How many it reads, and read it. Themselves, not through others."""
        found: models.Dependencies = self._transport.send(
            models.Dependencies,
            "GET",
            "/api/projects/{project_id}/warehouse_saved_queries/{view_id}/dependencies/",
            {"view_id": view_id},
            {},
            None,
            {},
        )
        return found

    def run_history(self, view_id: str, *, limit: int | None = None) -> Sequence[models.RunNote]:
        """Its newest builds. Whatever came of them."""
        found: Sequence[models.RunNote] = self._transport.send(
            Sequence[models.RunNote],
            "GET",
            "/api/projects/{project_id}/warehouse_saved_queries/{view_id}/run_history/",
            {"view_id": view_id},
            {"limit": limit},
            None,
            {},
        )
        return found

    def history(self, view_id: str) -> Sequence[models.Version]:
        """Every text it ever had. Newest first."""
        found: Sequence[models.Version] = self._transport.send(
            Sequence[models.Version],
            "GET",
            "/api/projects/{project_id}/warehouse_saved_queries/{view_id}/activity/",
            {"view_id": view_id},
            {},
            None,
            {},
        )
        return found

    def diff(self, view_id: str, *, old: int | None = None, new: int | None = None) -> models.Diff:
        """How two of its texts differ. Line by line."""
        found: models.Diff = self._transport.send(
            models.Diff,
            "GET",
            "/api/projects/{project_id}/warehouse_saved_queries/{view_id}/diff/",
            {"view_id": view_id},
            {"old": old, "new": new},
            None,
            {},
        )
        return found

    def restore(self, view_id: str, body: models.Restore | Mapping[str, Any]) -> models.View:
        """Give it an earlier text again. As a new version."""
        found: models.View = self._transport.send(
            models.View,
            "POST",
            "/api/projects/{project_id}/warehouse_saved_queries/{view_id}/restore/",
            {"view_id": view_id},
            {},
            body,
            {},
        )
        return found

    def impact(
        self, view_id: str, body: models.Text | Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        """What a change would break. Of a new text; without one, who reads the view and which columns they need."""
        found: Mapping[str, Any] = self._transport.send(
            Mapping[str, Any],
            "POST",
            "/api/projects/{project_id}/warehouse_saved_queries/{view_id}/impact/",
            {"view_id": view_id},
            {},
            body,
            {},
        )
        return found
