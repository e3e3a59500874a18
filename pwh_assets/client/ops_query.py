"""HogQL: ask, poll, cancel, look at a text, complete it. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class Query(Group):
    """HogQL: ask, poll, cancel, look at a text, complete it."""

    def ask(
        self, body: models.QueryRequest | Mapping[str, Any], *, format_: str | None = None
    ) -> (
        models.HogQLAnswer
        | models.MetadataAnswer
        | models.Completions
        | models.DatabaseSchema
        | models.QueryStatusAnswer
    ):
        """Ask. Rows come from the cache when nothing they depend on has changed. Files are computed anew, without
        the default LIMIT, and streamed. The format may be said in the address or in the body.
        """
        found: (
            models.HogQLAnswer
            | models.MetadataAnswer
            | models.Completions
            | models.DatabaseSchema
            | models.QueryStatusAnswer
        ) = self._transport.send(
            models.HogQLAnswer
            | models.MetadataAnswer
            | models.Completions
            | models.DatabaseSchema
            | models.QueryStatusAnswer,
            "POST",
            "/api/projects/{project_id}/query/",
            {},
            {"format": format_},
            body,
            {},
        )
        return found

    def poll(self, query_id: str) -> models.QueryStatusAnswer:
        """How a query is getting on. With its whole answer once it is complete. Answers are kept for an hour."""
        found: models.QueryStatusAnswer = self._transport.send(
            models.QueryStatusAnswer,
            "GET",
            "/api/projects/{project_id}/query/{query_id}/",
            {"query_id": query_id},
            {},
            None,
            {},
        )
        return found

    def cancel(self, query_id: str) -> None:
        """Cancel a query. The engine is interrupted. One that has ended stays as it is."""
        self._transport.send(
            None,
            "DELETE",
            "/api/projects/{project_id}/query/{query_id}/",
            {"query_id": query_id},
            {},
            None,
            {},
        )
