"""Numbers with one definition: declared, and asked by period and dimensions. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class Metrics(Group):
    """Numbers with one definition: declared, and asked by period and dimensions."""

    def list(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> models.MetricOutPage:
        """List metrics. By name."""
        found: models.MetricOutPage = self._transport.send(
            models.MetricOutPage,
            "GET",
            "/api/projects/{project_id}/metrics/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each(
        self, *, limit: int | None = None, offset: int | None = None, ordering: str | None = None
    ) -> Iterator[models.MetricOut]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.MetricOutPage,
            "/api/projects/{project_id}/metrics/",
            {},
            {"limit": limit, "offset": offset, "ordering": ordering},
        )

    def declare(
        self, body: models.Declaration | Mapping[str, Any], *, force: bool | None = None
    ) -> models.MetricOut:
        """Declare a metric. Makes it, or gives the one of this name another definition. What would break its
        readers is refused.
        """
        found: models.MetricOut = self._transport.send(
            models.MetricOut,
            "POST",
            "/api/projects/{project_id}/metrics/",
            {},
            {"force": force},
            body,
            {},
        )
        return found

    def export_document(self) -> models.DocumentOut:
        """All of it as a document. Virtual tables and metrics."""
        found: models.DocumentOut = self._transport.send(
            models.DocumentOut,
            "GET",
            "/api/projects/{project_id}/metrics/document/",
            {},
            {},
            None,
            {},
        )
        return found

    def apply_document(
        self, body: models.DocumentApply | Mapping[str, Any]
    ) -> models.DocumentApplied:
        """Apply a document. All of it or nothing; every mistake is told at once, with its line."""
        found: models.DocumentApplied = self._transport.send(
            models.DocumentApplied,
            "POST",
            "/api/projects/{project_id}/metrics/document/",
            {},
            {},
            body,
            {},
        )
        return found

    def show(self, name: str) -> models.MetricOut:
        """One metric. By its name in any spelling."""
        found: models.MetricOut = self._transport.send(
            models.MetricOut,
            "GET",
            "/api/projects/{project_id}/metrics/{name}/",
            {"name": name},
            {},
            None,
            {},
        )
        return found

    def remove(self, name: str, *, force: bool | None = None) -> None:
        """Forget a metric. Refused where views or metrics read it."""
        self._transport.send(
            None,
            "DELETE",
            "/api/projects/{project_id}/metrics/{name}/",
            {"name": name},
            {"force": force},
            None,
            {},
        )

    def list_versions(self, name: str) -> Sequence[models.MetricVersionOut]:
        """Every definition it had. Newest first."""
        found: Sequence[models.MetricVersionOut] = self._transport.send(
            Sequence[models.MetricVersionOut],
            "GET",
            "/api/projects/{project_id}/metrics/{name}/history/",
            {"name": name},
            {},
            None,
            {},
        )
        return found

    def query(self, name: str, body: models.MetricAsk | Mapping[str, Any]) -> models.MetricAnswer:
        """Ask a metric. By period and dimensions, between two days, over the rows the caller may see."""
        found: models.MetricAnswer = self._transport.send(
            models.MetricAnswer,
            "POST",
            "/api/projects/{project_id}/metrics/{name}/query/",
            {"name": name},
            {},
            body,
            {},
        )
        return found
