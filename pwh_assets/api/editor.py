"""`warehouse_saved_query_folders/`, `warehouse_saved_query_drafts/`, `query_tab_state/`, `fix_hogql/`: around writing queries."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.pages import Page, Paging
from pwh_assets.api.responses import CHANGES
from pwh_assets.api.view_models import HogQL, Text
from pwh_assets.core.editor import Draft, Folder, TabState
from pwh_assets.services import editor
from pwh_assets.services.sources.view import moment

folders_router = APIRouter(tags=["folders"])
drafts_router = APIRouter(tags=["drafts"])
tabs_router = APIRouter(tags=["tab states"])
fix_router = APIRouter(tags=["fixes"])

ReadViews = Annotated[Ask, asks("warehouse_view:read")]
WriteViews = Annotated[Ask, asks("warehouse_view:write")]
Read = Annotated[Ask, asks("query:read")]
Write = Annotated[Ask, asks("query:write")]


class FolderOut(BaseModel):
    """A place saved queries are shown in."""

    id: str
    name: str
    created_at: str | None
    created_by: str = Field(description="Who made it.")
    view_count: int = Field(description="Saved queries in it.")


class FolderSave(BaseModel):
    """A folder's name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Growth"}]})

    name: str = Field(max_length=200)


class FolderRename(FolderSave):
    """Another name of a folder."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Product"}]})


class DraftOut(BaseModel):
    """A text somebody works on; nobody else sees it."""

    id: str
    name: str
    query: dict[str, Any] = Field(description="`{kind: HogQLQuery, query}`.")
    saved_query_id: str | None = Field(description="The view it will change.")
    edited_history_id: int | None = Field(
        description="The view's version the work began from; send it along when saving."
    )
    created_at: str | None
    updated_at: str | None


class DraftSave(Text):
    """A text to keep."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"query": "SELECT 1 AS a"}]})

    name: str | None = Field(
        None, max_length=400, description="The view's, or `Untitled`, when left out."
    )
    saved_query_id: str | None = Field(
        None, max_length=100, description="Id of the view it will change."
    )
    edited_history_id: int | None = Field(
        None, ge=0, le=2**31 - 1, description="The version it began from; its latest when left out."
    )


class DraftUpdate(BaseModel):
    """What changes; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"query": "SELECT 2 AS a"}]})

    query: str | HogQL | None = Field(None, description="The HogQL; it may be unfinished.")
    name: str | None = Field(None, max_length=400)
    saved_query_id: str | None = Field(
        None, max_length=100, description="Id of the view it will change."
    )
    edited_history_id: int | None = Field(
        None, ge=0, le=2**31 - 1, description="The version it began from."
    )

    def changes(self) -> dict[str, Any]:
        given = self.model_dump(exclude_unset=True, exclude={"query"})
        names = {"saved_query_id": "view_id", "edited_history_id": "edited_version"}
        found = {names.get(name, name): value for name, value in given.items()}
        if found.get("name", "") is None:
            del found["name"]
        if self.query is not None:
            found["query"] = self.query.query if isinstance(self.query, HogQL) else self.query
        return found


class TabStateOut(BaseModel):
    """The open tabs of one person's editor."""

    id: str
    state: dict[str, Any] = Field(description="As the editor wrote it.")
    updated_at: str | None


class TabStateSave(BaseModel):
    """What to remember of the tabs; up to 1 MiB of JSON."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"state": {"tabs": [{"query": "SELECT 1"}]}}]}
    )

    state: dict[str, Any] = Field(description="Whatever the editor needs to open them again.")


class FixedPart(BaseModel):
    """One place that was mended."""

    was: str = Field(description="What stood there.")
    now: str = Field(description="What stands there now.")


class FixedText(BaseModel):
    """A mended text."""

    query: str = Field(description="The text with the fixes in it.")
    fixes: list[FixedPart] = Field(description="What was put in the place of what, in order.")
    errors: list[str] = Field(description="Mistakes that are left; no fix is known for them.")


@folders_router.get("/", summary="List folders")
def list_folders(ask: ReadViews, paging: Annotated[Paging, Depends()]) -> Page[FolderOut]:
    """Of saved queries, by name."""
    found = ask.platform.store.folders(ask.project_id)
    return paging.page([_folder(each) for each in found])


@folders_router.post("/", status_code=201, summary="Make a folder", responses=CHANGES)
def create_folder(ask: WriteViews, body: FolderSave) -> FolderOut:
    """An empty one. A view that is put into a folder nobody made yet makes it too."""
    made = editor.make_folder(ask.platform, ask.project_id, body.name, ask.caller.name)
    return _folder(made)


@folders_router.get("/{folder_id}/", summary="One folder")
def show_folder(ask: ReadViews, folder_id: str) -> FolderOut:
    """What is in it: `warehouse_saved_queries/?folder=`."""
    return _folder(editor.find_folder(ask.platform, ask.project_id, folder_id))


@folders_router.patch("/{folder_id}/", summary="Rename a folder", responses=CHANGES)
def update_folder(ask: WriteViews, folder_id: str, body: FolderRename) -> FolderOut:
    """Its saved queries go with it."""
    return _folder(editor.rename_folder(ask.platform, ask.project_id, folder_id, body.name))


@folders_router.delete("/{folder_id}/", status_code=204, summary="Remove a folder")
def remove_folder(ask: WriteViews, folder_id: str) -> None:
    """Its saved queries stay, in no folder."""
    editor.remove_folder(ask.platform, ask.project_id, folder_id)


@drafts_router.get("/", summary="List your drafts")
def list_drafts(ask: Read, paging: Annotated[Paging, Depends()]) -> Page[DraftOut]:
    """Last changed first. Nobody sees those of others."""
    found = editor.my_drafts(ask.platform, ask.project_id, ask.caller)
    return paging.page([_draft(each) for each in found])


@drafts_router.post("/", status_code=201, summary="Keep a draft", responses=CHANGES)
def create_draft(ask: Write, body: DraftSave) -> DraftOut:
    """It need not be right. Saving it as a view is `warehouse_saved_queries/`, with its `edited_history_id`."""
    made = editor.make_draft(
        ask.platform,
        ask.project_id,
        ask.caller,
        body.sql,
        name=body.name,
        view_id=body.saved_query_id,
        edited_version=body.edited_history_id,
    )
    return _draft(made)


@drafts_router.get("/{draft_id}/", summary="One draft")
def show_draft(ask: Read, draft_id: str) -> DraftOut:
    """Of yours."""
    return _draft(editor.my_draft(ask.platform, ask.project_id, ask.caller, draft_id))


@drafts_router.patch("/{draft_id}/", summary="Change a draft")
def update_draft(ask: Write, draft_id: str, body: DraftUpdate) -> DraftOut:
    """What is left out stays."""
    changed = editor.change_draft(
        ask.platform, ask.project_id, ask.caller, draft_id, body.changes()
    )
    return _draft(changed)


@drafts_router.delete("/{draft_id}/", status_code=204, summary="Remove a draft")
def remove_draft(ask: Write, draft_id: str) -> None:
    """For good."""
    editor.remove_draft(ask.platform, ask.project_id, ask.caller, draft_id)


@tabs_router.get("/", summary="List your tab states")
def list_states(ask: Read, paging: Annotated[Paging, Depends()]) -> Page[TabStateOut]:
    """Last changed first."""
    found = editor.my_tabs(ask.platform, ask.project_id, ask.caller)
    return paging.page([_tabs(each) for each in found])


@tabs_router.get("/user/", summary="The tabs you had last")
def show_last(ask: Read) -> TabStateOut | None:
    """Null when nothing was kept."""
    found = editor.my_tabs(ask.platform, ask.project_id, ask.caller)
    return _tabs(found[0]) if found else None


@tabs_router.post("/", status_code=201, summary="Remember open tabs", responses=CHANGES)
def create_state(ask: Write, body: TabStateSave) -> TabStateOut:
    """Whatever an editor says of them. Nobody else sees it."""
    return _tabs(editor.save_tabs(ask.platform, ask.project_id, ask.caller, body.state))


@tabs_router.get("/{state_id}/", summary="One tab state")
def show_state(ask: Read, state_id: str) -> TabStateOut:
    """Of yours."""
    return _tabs(editor.find_tabs(ask.platform, ask.project_id, ask.caller, state_id))


@tabs_router.patch("/{state_id}/", summary="Change a tab state")
def update_state(ask: Write, state_id: str, body: TabStateSave) -> TabStateOut:
    """The new state stands in the place of the old one."""
    changed = editor.save_tabs(ask.platform, ask.project_id, ask.caller, body.state, state_id)
    return _tabs(changed)


@tabs_router.delete("/{state_id}/", status_code=204, summary="Forget a tab state")
def remove_state(ask: Write, state_id: str) -> None:
    """For good."""
    editor.remove_tabs(ask.platform, ask.project_id, ask.caller, state_id)


@fix_router.post("/", summary="Mend a text")
def fix_hogql(ask: Read, body: Text) -> FixedText:
    """Applies the fixes its mistakes come with: the nearest name, a comma, quotes. Nothing is guessed beyond them, and
    no model is asked; where no mistake has a fix, the answer is `not_fixable`.
    """
    found = editor.fix_text(ask.platform, ask.project_id, body.sql, ask.caller)
    fixes = [FixedPart(was=was, now=now) for was, now in found.fixes]
    return FixedText(query=found.query, fixes=fixes, errors=list(found.mistakes))


def _folder(folder: Folder) -> FolderOut:
    return FolderOut(
        id=folder.id,
        name=folder.name,
        created_at=moment(folder.created_at),
        created_by=folder.created_by,
        view_count=folder.view_count,
    )


def _draft(draft: Draft) -> DraftOut:
    return DraftOut(
        id=draft.id,
        name=draft.name,
        query={"kind": "HogQLQuery", "query": draft.query},
        saved_query_id=draft.view_id,
        edited_history_id=draft.edited_version,
        created_at=moment(draft.created_at),
        updated_at=moment(draft.updated_at),
    )


def _tabs(state: TabState) -> TabStateOut:
    return TabStateOut(id=state.id, state=dict(state.state), updated_at=moment(state.updated_at))
