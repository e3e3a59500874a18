"""Synced tables of sources, one by one. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class Schemas(Group):
    """Synced tables of sources, one by one. Also at PostHog's `external_data_schemas/`."""

    def list(
        self,
        *,
        source_id: str | None = None,
        search: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> models.SchemaPage:
        """List tables. Every synced table of the project."""
        found: models.SchemaPage = self._transport.send(
            models.SchemaPage,
            "GET",
            "/api/projects/{project_id}/warehouse_schemas/",
            {},
            {
                "source_id": source_id,
                "search": search,
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
        source_id: str | None = None,
        search: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> Iterator[models.Schema]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.SchemaPage,
            "/api/projects/{project_id}/warehouse_schemas/",
            {},
            {
                "source_id": source_id,
                "search": search,
                "limit": limit,
                "offset": offset,
                "ordering": ordering,
            },
        )

    def show(self, schema_id: str) -> models.Schema:
        """One table. With its columns, and those the source has."""
        found: models.Schema = self._transport.send(
            models.Schema,
            "GET",
            "/api/projects/{project_id}/warehouse_schemas/{schema_id}/",
            {"schema_id": schema_id},
            {},
            None,
            {},
        )
        return found

    def update(
        self, schema_id: str, body: models.TableSettings | Mapping[str, Any]
    ) -> models.Schema:
        """Change how a table syncs. Another mode, cursor or key begins anew; other columns, filters or masks make
        the table anew next time.
        """
        found: models.Schema = self._transport.send(
            models.Schema,
            "PATCH",
            "/api/projects/{project_id}/warehouse_schemas/{schema_id}/",
            {"schema_id": schema_id},
            {},
            body,
            {},
        )
        return found

    def remove(self, schema_id: str) -> None:
        """Forget a table. With its rows. When its source still has it, the next look at its tables finds it anew,
        not syncing.
        """
        self._transport.send(
            None,
            "DELETE",
            "/api/projects/{project_id}/warehouse_schemas/{schema_id}/",
            {"schema_id": schema_id},
            {},
            None,
            {},
        )

    def reload(self, schema_id: str) -> models.Started:
        """Sync the table now. A run that follows one of the same source that runs already."""
        found: models.Started = self._transport.send(
            models.Started,
            "POST",
            "/api/projects/{project_id}/warehouse_schemas/{schema_id}/reload/",
            {"schema_id": schema_id},
            {},
            None,
            {},
        )
        return found

    def resync(self, schema_id: str) -> models.Started:
        """Read everything again, now. Readers see the table as it is until the new rows are whole."""
        found: models.Started = self._transport.send(
            models.Started,
            "POST",
            "/api/projects/{project_id}/warehouse_schemas/{schema_id}/resync/",
            {"schema_id": schema_id},
            {},
            None,
            {},
        )
        return found

    def cancel(self, schema_id: str) -> models.Cancelled:
        """Stop a running sync. The table stays as it was before. A run that is busy ends a little later."""
        found: models.Cancelled = self._transport.send(
            models.Cancelled,
            "POST",
            "/api/projects/{project_id}/warehouse_schemas/{schema_id}/cancel/",
            {"schema_id": schema_id},
            {},
            None,
            {},
        )
        return found

    def delete_data(self, schema_id: str) -> models.Schema:
        """Drop a table's rows. And pause it, so that they do not come back by themselves."""
        found: models.Schema = self._transport.send(
            models.Schema,
            "DELETE",
            "/api/projects/{project_id}/warehouse_schemas/{schema_id}/delete_data/",
            {"schema_id": schema_id},
            {},
            None,
            {},
        )
        return found

    def incremental_fields(self, schema_id: str) -> models.IncrementalFields:
        """By which columns it could sync. Looks at the source."""
        found: models.IncrementalFields = self._transport.send(
            models.IncrementalFields,
            "POST",
            "/api/projects/{project_id}/warehouse_schemas/{schema_id}/incremental_fields/",
            {"schema_id": schema_id},
            {},
            None,
            {},
        )
        return found

    def list_logs(
        self,
        schema_id: str,
        *,
        limit: int | None = None,
        after: str | None = None,
        before: str | None = None,
        level: Sequence[str] | None = None,
        search: str | None = None,
        instance_id: str | None = None,
    ) -> Sequence[models.LogLine]:
        """The table's runs and what became of them. Each attempt by itself."""
        found: Sequence[models.LogLine] = self._transport.send(
            Sequence[models.LogLine],
            "GET",
            "/api/projects/{project_id}/warehouse_schemas/{schema_id}/logs/",
            {"schema_id": schema_id},
            {
                "limit": limit,
                "after": after,
                "before": before,
                "level": level,
                "search": search,
                "instance_id": instance_id,
            },
            None,
            {},
        )
        return found

    def list_destinations(self, schema_id: str) -> models.Destinations:
        """Where a table's rows go. As those of its source."""
        found: models.Destinations = self._transport.send(
            models.Destinations,
            "GET",
            "/api/projects/{project_id}/warehouse_schemas/{schema_id}/destinations/",
            {"schema_id": schema_id},
            {},
            None,
            {},
        )
        return found

    def choose_destinations(
        self, schema_id: str, body: models.DestinationsUpdate | Mapping[str, Any]
    ) -> models.Destinations:
        """Choose where a table's rows go. Those there are and no others: `unknown_destination`,
        `destination_required`.
        """
        found: models.Destinations = self._transport.send(
            models.Destinations,
            "PATCH",
            "/api/projects/{project_id}/warehouse_schemas/{schema_id}/destinations/",
            {"schema_id": schema_id},
            {},
            body,
            {},
        )
        return found
