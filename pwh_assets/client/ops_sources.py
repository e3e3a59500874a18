"""Connected sources. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class Sources(Group):
    """Connected sources. PostHog's name for the path is `external_data_sources/`; both answer."""

    def list(
        self,
        *,
        search: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> models.SourcePage:
        """List sources. Every connected source with its tables, newest last."""
        found: models.SourcePage = self._transport.send(
            models.SourcePage,
            "GET",
            "/api/projects/{project_id}/warehouse_sources/",
            {},
            {"search": search, "limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each(
        self,
        *,
        search: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> Iterator[models.Source]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.SourcePage,
            "/api/projects/{project_id}/warehouse_sources/",
            {},
            {"search": search, "limit": limit, "offset": offset, "ordering": ordering},
        )

    def create(self, body: models.SourceCreate | Mapping[str, Any]) -> models.Source:
        """Connect a source. Test the connection, find the tables, keep it: all or nothing. Syncing begins by
        schedule, or by `reload/`.
        """
        found: models.Source = self._transport.send(
            models.Source, "POST", "/api/projects/{project_id}/warehouse_sources/", {}, {}, body, {}
        )
        return found

    def wizard(self, *, source_type: str | None = None) -> Mapping[str, Any]:
        """The form of each type of source. What has to be filled in to connect; secrets are marked."""
        found: Mapping[str, Any] = self._transport.send(
            Mapping[str, Any],
            "GET",
            "/api/projects/{project_id}/warehouse_sources/wizard/",
            {},
            {"source_type": source_type},
            None,
            {},
        )
        return found

    def database_schema(
        self, body: models.Probe | Mapping[str, Any]
    ) -> Sequence[models.FoundTable]:
        """Look through a connection. The tables a source would have, and how each can sync. Nothing is kept."""
        found: Sequence[models.FoundTable] = self._transport.send(
            Sequence[models.FoundTable],
            "POST",
            "/api/projects/{project_id}/warehouse_sources/database_schema/",
            {},
            {},
            body,
            {},
        )
        return found

    def preview(
        self, body: models.Probe | Mapping[str, Any]
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """The first rows of a declared source. Of each table of a `rest` or `custom` source, before it is
        connected.
        """
        found: Mapping[str, Sequence[Mapping[str, Any]]] = self._transport.send(
            Mapping[str, Sequence[Mapping[str, Any]]],
            "POST",
            "/api/projects/{project_id}/warehouse_sources/preview_resource/",
            {},
            {},
            body,
            {},
        )
        return found

    def show(self, source_id: str) -> models.Source:
        """One source. With its tables and their columns."""
        found: models.Source = self._transport.send(
            models.Source,
            "GET",
            "/api/projects/{project_id}/warehouse_sources/{source_id}/",
            {"source_id": source_id},
            {},
            None,
            {},
        )
        return found

    def update(
        self, source_id: str, body: models.SourceUpdate | Mapping[str, Any]
    ) -> models.Source:
        """Change a source. The connection is tested before anything is kept. Secrets that are left out stay,
        unless a host changes.
        """
        found: models.Source = self._transport.send(
            models.Source,
            "PATCH",
            "/api/projects/{project_id}/warehouse_sources/{source_id}/",
            {"source_id": source_id},
            {},
            body,
            {},
        )
        return found

    def remove(self, source_id: str) -> models.Removed:
        """Remove a source. Its tables go from HogQL and the lake, its credentials are wiped, its slots and
        webhooks taken down.
        """
        found: models.Removed = self._transport.send(
            models.Removed,
            "DELETE",
            "/api/projects/{project_id}/warehouse_sources/{source_id}/",
            {"source_id": source_id},
            {},
            None,
            {},
        )
        return found

    def reload(self, source_id: str) -> models.Started:
        """Sync every table that is on. A run per source; one that runs already is followed by this one."""
        found: models.Started = self._transport.send(
            models.Started,
            "POST",
            "/api/projects/{project_id}/warehouse_sources/{source_id}/reload/",
            {"source_id": source_id},
            {},
            None,
            {},
        )
        return found

    def refresh_schemas(self, source_id: str) -> models.Refreshed:
        """Look again what tables there are. What is gone stays in the lake as it was."""
        found: models.Refreshed = self._transport.send(
            models.Refreshed,
            "POST",
            "/api/projects/{project_id}/warehouse_sources/{source_id}/refresh_schemas/",
            {"source_id": source_id},
            {},
            None,
            {},
        )
        return found

    def bulk_update_schemas(
        self, source_id: str, body: models.BulkUpdate | Mapping[str, Any]
    ) -> models.BulkResult:
        """Change many tables. What can be changed is changed, whatever happens to the others."""
        found: models.BulkResult = self._transport.send(
            models.BulkResult,
            "PATCH",
            "/api/projects/{project_id}/warehouse_sources/{source_id}/bulk_update_schemas/",
            {"source_id": source_id},
            {},
            body,
            {},
        )
        return found

    def jobs(
        self,
        source_id: str,
        *,
        after: str | None = None,
        before: str | None = None,
        schemas: Sequence[str] | None = None,
    ) -> Sequence[models.JobOut]:
        """The newest runs. At most 50, newest first."""
        found: Sequence[models.JobOut] = self._transport.send(
            Sequence[models.JobOut],
            "GET",
            "/api/projects/{project_id}/warehouse_sources/{source_id}/jobs/",
            {"source_id": source_id},
            {"after": after, "before": before, "schemas": schemas},
            None,
            {},
        )
        return found

    def revenue_config(self, source_id: str) -> models.RevenueAnalytics:
        """How revenue analytics of a source stands. Each of its views, what is missing for it, and what to do."""
        found: models.RevenueAnalytics = self._transport.send(
            models.RevenueAnalytics,
            "GET",
            "/api/projects/{project_id}/warehouse_sources/{source_id}/revenue_analytics_config/",
            {"source_id": source_id},
            {},
            None,
            {},
        )
        return found

    def update_revenue_config(
        self, source_id: str, body: models.RevenueUpdate | Mapping[str, Any]
    ) -> models.RevenueAnalytics:
        """Set revenue analytics. Of a Stripe source. Views appear at once."""
        found: models.RevenueAnalytics = self._transport.send(
            models.RevenueAnalytics,
            "PATCH",
            "/api/projects/{project_id}/warehouse_sources/{source_id}/revenue_analytics_config/",
            {"source_id": source_id},
            {},
            body,
            {},
        )
        return found

    def webhook_info(self, source_id: str) -> models.WebhookInfo:
        """How a source's webhook stands. Where the vendor has to send, and which tables listen."""
        found: models.WebhookInfo = self._transport.send(
            models.WebhookInfo,
            "GET",
            "/api/projects/{project_id}/warehouse_sources/{source_id}/webhook_info/",
            {"source_id": source_id},
            {},
            None,
            {},
        )
        return found

    def create_webhook(
        self, source_id: str, body: models.WebhookInputs | Mapping[str, Any] | None = None
    ) -> models.WebhookMade:
        """Take a source's webhook. Keeps its inputs and says the address to enter at the vendor; `success` once
        nothing is missing here. The endpoint at the vendor is made by hand.
        """
        found: models.WebhookMade = self._transport.send(
            models.WebhookMade,
            "POST",
            "/api/projects/{project_id}/warehouse_sources/{source_id}/create_webhook/",
            {"source_id": source_id},
            {},
            body,
            {},
        )
        return found

    def update_webhook_inputs(
        self, source_id: str, body: models.WebhookInputs | Mapping[str, Any]
    ) -> models.WebhookMade:
        """Change a webhook's inputs. Such as another signing secret."""
        found: models.WebhookMade = self._transport.send(
            models.WebhookMade,
            "POST",
            "/api/projects/{project_id}/warehouse_sources/{source_id}/update_webhook_inputs/",
            {"source_id": source_id},
            {},
            body,
            {},
        )
        return found

    def delete_webhook(self, source_id: str) -> models.WebhookGone:
        """Forget a webhook. Its secrets and what waits go, and deliveries are refused. Refused while a table that
        syncs listens.
        """
        found: models.WebhookGone = self._transport.send(
            models.WebhookGone,
            "POST",
            "/api/projects/{project_id}/warehouse_sources/{source_id}/delete_webhook/",
            {"source_id": source_id},
            {},
            None,
            {},
        )
        return found

    def list_destinations(self, source_id: str) -> models.Destinations:
        """Where a source's rows go. The lake, and the ClickHouse cluster where the operator set one up."""
        found: models.Destinations = self._transport.send(
            models.Destinations,
            "GET",
            "/api/projects/{project_id}/warehouse_sources/{source_id}/destinations/",
            {"source_id": source_id},
            {},
            None,
            {},
        )
        return found

    def choose_destinations(
        self, source_id: str, body: models.DestinationsUpdate | Mapping[str, Any]
    ) -> models.Destinations:
        """Choose where a source's rows go. Those there are and no others: `unknown_destination`,
        `destination_required`.
        """
        found: models.Destinations = self._transport.send(
            models.Destinations,
            "PATCH",
            "/api/projects/{project_id}/warehouse_sources/{source_id}/destinations/",
            {"source_id": source_id},
            {},
            body,
            {},
        )
        return found

    def check_cdc_prerequisites(self, body: models.Probe | Mapping[str, Any]) -> models.StreamCheck:
        """What a stream of changes would lack. Of a source that is not connected yet: all its tables, or those
        `schemas` names. Nothing is kept or made.
        """
        found: models.StreamCheck = self._transport.send(
            models.StreamCheck,
            "POST",
            "/api/projects/{project_id}/warehouse_sources/check_cdc_prerequisites/",
            {},
            {},
            body,
            {},
        )
        return found

    def check_cdc(self, source_id: str) -> models.StreamCheck:
        """What a stream of changes lacks. Asks the source. Nothing is made there."""
        found: models.StreamCheck = self._transport.send(
            models.StreamCheck,
            "POST",
            "/api/projects/{project_id}/warehouse_sources/{source_id}/check_cdc_prerequisites_for_source/",
            {"source_id": source_id},
            {},
            None,
            {},
        )
        return found

    def enable_cdc(
        self, source_id: str, body: models.StreamTables | Mapping[str, Any] | None = None
    ) -> models.StreamDropped:
        """Follow a source's changes. Its tables sync with `cdc` from now on; the next sync makes the stream and
        reads them whole. What is missing at the source is `cdc_prerequisites_missing`, with the statements to
        run there.
        """
        found: models.StreamDropped = self._transport.send(
            models.StreamDropped,
            "POST",
            "/api/projects/{project_id}/warehouse_sources/{source_id}/enable_cdc/",
            {"source_id": source_id},
            {},
            body,
            {},
        )
        return found

    def update_cdc_settings(
        self, source_id: str, body: models.StreamSettingsUpdate | Mapping[str, Any]
    ) -> models.StreamSettings:
        """From which lag on it is an issue. What is left out stays."""
        found: models.StreamSettings = self._transport.send(
            models.StreamSettings,
            "POST",
            "/api/projects/{project_id}/warehouse_sources/{source_id}/update_cdc_settings/",
            {"source_id": source_id},
            {},
            body,
            {},
        )
        return found

    def cdc_status(self, source_id: str) -> models.StreamStatus:
        """How the stream stands. At the source, and in the lake."""
        found: models.StreamStatus = self._transport.send(
            models.StreamStatus,
            "GET",
            "/api/projects/{project_id}/warehouse_sources/{source_id}/cdc_status/",
            {"source_id": source_id},
            {},
            None,
            {},
        )
        return found

    def repair_cdc(self, source_id: str) -> models.StreamDropped:
        """Begin the stream anew. Drops it; the next sync makes a new one and reads the tables whole."""
        found: models.StreamDropped = self._transport.send(
            models.StreamDropped,
            "POST",
            "/api/projects/{project_id}/warehouse_sources/{source_id}/repair_cdc/",
            {"source_id": source_id},
            {},
            None,
            {},
        )
        return found

    def disable_cdc(self, source_id: str) -> models.StreamDropped:
        """End the stream for good. Its tables are read whole from now on."""
        found: models.StreamDropped = self._transport.send(
            models.StreamDropped,
            "POST",
            "/api/projects/{project_id}/warehouse_sources/{source_id}/disable_cdc/",
            {"source_id": source_id},
            {},
            None,
            {},
        )
        return found
