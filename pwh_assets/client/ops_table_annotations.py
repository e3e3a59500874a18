"""What people say of tables and their columns; shown wherever those are described. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Iterator, Mapping
from typing import Any

from pwh_assets.client import models
from pwh_assets.client.transport import Group


class TableAnnotations(Group):
    """What people say of tables and their columns; shown wherever those are described."""

    def list(
        self,
        *,
        table: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> models.TableNotePage:
        """What is said of tables and their columns. By people; what sources say stands in `warehouse_tables/` and
        the schema.
        """
        found: models.TableNotePage = self._transport.send(
            models.TableNotePage,
            "GET",
            "/api/projects/{project_id}/warehouse_column_annotations/",
            {},
            {"table": table, "limit": limit, "offset": offset, "ordering": ordering},
            None,
            {},
        )
        return found

    def each(
        self,
        *,
        table: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        ordering: str | None = None,
    ) -> Iterator[models.TableNote]:
        """As `list`, every one of them, page by page."""
        yield from self._transport.pages(
            models.TableNotePage,
            "/api/projects/{project_id}/warehouse_column_annotations/",
            {},
            {"table": table, "limit": limit, "offset": offset, "ordering": ordering},
        )

    def create(self, body: models.TableNoteSave | Mapping[str, Any]) -> models.TableNote:
        """Describe a column. It stands in the place of what the source says, in the schema, in completion,
        everywhere.
        """
        found: models.TableNote = self._transport.send(
            models.TableNote,
            "POST",
            "/api/projects/{project_id}/warehouse_column_annotations/",
            {},
            {},
            body,
            {},
        )
        return found

    def show(self, annotation_id: str) -> models.TableNote:
        """One annotation. Of a table."""
        found: models.TableNote = self._transport.send(
            models.TableNote,
            "GET",
            "/api/projects/{project_id}/warehouse_column_annotations/{annotation_id}/",
            {"annotation_id": annotation_id},
            {},
            None,
            {},
        )
        return found

    def update(
        self, annotation_id: str, body: models.NoteUpdate | Mapping[str, Any]
    ) -> models.TableNote:
        """Describe it otherwise. Table and column stay."""
        found: models.TableNote = self._transport.send(
            models.TableNote,
            "PATCH",
            "/api/projects/{project_id}/warehouse_column_annotations/{annotation_id}/",
            {"annotation_id": annotation_id},
            {},
            body,
            {},
        )
        return found

    def remove(self, annotation_id: str) -> None:
        """Take it back. What the source says is shown again."""
        self._transport.send(
            None,
            "DELETE",
            "/api/projects/{project_id}/warehouse_column_annotations/{annotation_id}/",
            {"annotation_id": annotation_id},
            {},
            None,
            {},
        )
