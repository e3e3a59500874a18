"""`warehouse_column_annotations/`, `saved_query_column_annotations/`, `warehouse_column_statistics/`: about columns."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.pages import Page, Paging
from pwh_assets.api.responses import CHANGES
from pwh_assets.core.editor import Annotation
from pwh_assets.services import editor
from pwh_assets.services.sources.view import moment

tables_router = APIRouter(tags=["table annotations"])
views_router = APIRouter(tags=["view annotations"])
statistics_router = APIRouter(tags=["column statistics"])

ReadTables = Annotated[Ask, asks("warehouse_table:read")]
WriteTables = Annotated[Ask, asks("warehouse_table:write")]
ReadViews = Annotated[Ask, asks("warehouse_view:read")]
WriteViews = Annotated[Ask, asks("warehouse_view:write")]
OfTable = Annotated[
    str | None, Query(max_length=400, description="Of this table only: its id, as in the list.")
]
OfView = Annotated[
    str | None, Query(max_length=400, description="Of this saved query only: its id.")
]


class Note(BaseModel):
    """What somebody says of a table, a view or a column of it."""

    id: str
    column_name: str = Field(description="Empty: about the table or view as a whole.")
    description: str = Field(description="Shown wherever the table or column is described.")
    description_source: str = Field("user_edited", description="Always `user_edited`.")
    ai_model: str | None = Field(None, description="Always null: no model writes here.")
    is_user_edited: bool = Field(True, description="Always true.")
    author: str
    created_at: str | None
    updated_at: str | None


class TableNote(Note):
    """Of a table."""

    table: str = Field(description="Id of the table, as in `warehouse_tables/`.")


class ViewNote(Note):
    """Of a saved query."""

    saved_query: str = Field(description="Id of the saved query.")


class NoteUpdate(BaseModel):
    """Other words."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"description": "When it was seen, by the server's clock"}]}
    )

    description: str = Field(
        max_length=10_000, description="Shown wherever the table or column is described."
    )


class TableNoteSave(NoteUpdate):
    """Something to say of a table."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"table": "events", "column_name": "event", "description": "What happened"}
            ]
        }
    )

    table: str = Field(max_length=400, description="Id of the table, as in `warehouse_tables/`.")
    column_name: str = Field("", max_length=400, description="Empty: about the table as a whole.")


class ViewNoteSave(NoteUpdate):
    """Something to say of a saved query."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"saved_query": "…", "column_name": "n", "description": "Events a day"}]
        }
    )

    saved_query: str = Field(max_length=400, description="Id of the saved query.")
    column_name: str = Field("", max_length=400, description="Empty: about the view as a whole.")


class Statistics(BaseModel):
    """Of one column, as the lake's catalog keeps them."""

    table: str = Field(description="Id of the table.")
    column_name: str
    column_type: str = Field(description="Type in HogQL.")
    row_count: int = Field(description="Rows in its files, deleted ones included.")
    null_count: int | None = Field(description="NULLs among them; null where they are not counted.")
    null_fraction: float | None = Field(description="`null_count` over `row_count`.")
    min_value: str | None = Field(
        description="Nothing is less; rows that were deleted may have been. At most 200 characters."
    )
    max_value: str | None = Field(description="Nothing is greater.")
    size_bytes: int | None = Field(description="Bytes of the column in the lake's files.")


@tables_router.get("/", summary="What is said of tables and their columns")
def list_notes(
    ask: ReadTables, paging: Annotated[Paging, Depends()], table: OfTable = None
) -> Page[TableNote]:
    """By people; what sources say stands in `warehouse_tables/` and the schema."""
    found = editor.annotations_of(
        ask.platform, ask.project_id, ask.caller, of_views=False, subject_id=table
    )
    return paging.page([_table_note(each) for each in found])


@tables_router.post("/", status_code=201, summary="Describe a column", responses=CHANGES)
def create_note(ask: WriteTables, body: TableNoteSave) -> TableNote:
    """It stands in the place of what the source says, in the schema, in completion, everywhere."""
    made = editor.annotate(
        ask.platform,
        ask.project_id,
        ask.caller,
        body.table,
        body.column_name,
        body.description,
        of_views=False,
    )
    return _table_note(made)


@tables_router.get("/{annotation_id}/", summary="One annotation")
def show_note(ask: ReadTables, annotation_id: str) -> TableNote:
    """Of a table."""
    return _table_note(
        editor.annotation_of(
            ask.platform, ask.project_id, ask.caller, annotation_id, of_views=False
        )
    )


@tables_router.patch("/{annotation_id}/", summary="Describe it otherwise")
def update_note(ask: WriteTables, annotation_id: str, body: NoteUpdate) -> TableNote:
    """Table and column stay."""
    changed = editor.change_annotation(
        ask.platform, ask.project_id, ask.caller, annotation_id, body.description, of_views=False
    )
    return _table_note(changed)


@tables_router.delete("/{annotation_id}/", status_code=204, summary="Take it back")
def remove_note(ask: WriteTables, annotation_id: str) -> None:
    """What the source says is shown again."""
    editor.remove_annotation(
        ask.platform, ask.project_id, ask.caller, annotation_id, of_views=False
    )


@views_router.get("/", summary="What is said of saved queries and their columns")
def list_view_notes(
    ask: ReadViews, paging: Annotated[Paging, Depends()], saved_query: OfView = None
) -> Page[ViewNote]:
    """By people."""
    found = editor.annotations_of(
        ask.platform, ask.project_id, ask.caller, of_views=True, subject_id=saved_query
    )
    return paging.page([_view_note(each) for each in found])


@views_router.post("/", status_code=201, summary="Describe a column of a view", responses=CHANGES)
def create_view_note(ask: WriteViews, body: ViewNoteSave) -> ViewNote:
    """Its text stays as it is."""
    made = editor.annotate(
        ask.platform,
        ask.project_id,
        ask.caller,
        body.saved_query,
        body.column_name,
        body.description,
        of_views=True,
    )
    return _view_note(made)


@views_router.get("/{annotation_id}/", summary="One annotation of a view")
def show_view_note(ask: ReadViews, annotation_id: str) -> ViewNote:
    """As in the list."""
    return _view_note(
        editor.annotation_of(ask.platform, ask.project_id, ask.caller, annotation_id, of_views=True)
    )


@views_router.patch("/{annotation_id}/", summary="Describe it otherwise")
def update_view_note(ask: WriteViews, annotation_id: str, body: NoteUpdate) -> ViewNote:
    """View and column stay."""
    changed = editor.change_annotation(
        ask.platform, ask.project_id, ask.caller, annotation_id, body.description, of_views=True
    )
    return _view_note(changed)


@views_router.delete("/{annotation_id}/", status_code=204, summary="Take it back")
def remove_view_note(ask: WriteViews, annotation_id: str) -> None:
    """For good."""
    editor.remove_annotation(ask.platform, ask.project_id, ask.caller, annotation_id, of_views=True)


@statistics_router.get("/", summary="Statistics of a table's columns")
def list_statistics(
    ask: ReadTables,
    paging: Annotated[Paging, Depends()],
    table: Annotated[
        str, Query(max_length=400, description="Id of the table, as in `warehouse_tables/`.")
    ],
) -> Page[Statistics]:
    """From the lake's catalog: no row is read. Who sees a part of the table's rows or columns gets none."""
    found = editor.statistics_of(ask.platform, ask.project_id, ask.caller, table)
    return paging.page(
        [
            Statistics(
                table=table,
                column_name=one.column,
                column_type=one.type,
                row_count=one.row_count,
                null_count=one.null_count,
                null_fraction=one.null_count / one.row_count
                if one.row_count and one.null_count is not None
                else None,
                min_value=one.least,
                max_value=one.greatest,
                size_bytes=one.size_bytes,
            )
            for one in found
        ]
    )


def _told(note: Annotation) -> dict[str, str | None]:
    return {
        "id": note.id,
        "column_name": note.column,
        "description": note.description,
        "author": note.author,
        "created_at": moment(note.created_at),
        "updated_at": moment(note.updated_at),
    }


def _table_note(note: Annotation) -> TableNote:
    return TableNote.model_validate({**_told(note), "table": note.subject_id})


def _view_note(note: Annotation) -> ViewNote:
    return ViewNote.model_validate({**_told(note), "saved_query": note.subject_id})
