"""`warehouse_view_links/`: joins between tables under a field's name."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.pages import Page, Paging
from pwh_assets.api.responses import ASKS, CHANGES
from pwh_assets.api.view_models import Join, JoinProbe, JoinSave, JoinUpdate
from pwh_assets.core.language import TableJoin
from pwh_assets.errors import NotFoundError
from pwh_assets.services.hogql import joins
from pwh_assets.services.sources.view import moment

router = APIRouter(tags=["joins"])

Read = Annotated[Ask, asks("warehouse_view:read")]
Write = Annotated[Ask, asks("warehouse_view:write")]


@router.get("/", summary="List joins")
def list_joins(ask: Read, paging: Annotated[Paging, Depends()]) -> Page[Join]:
    """Those that people made and those PWH makes by itself."""
    found = joins.list_joins(ask.platform, ask.project_id)
    return paging.page([_shown(placed.join) for placed in found])


@router.post("/", status_code=201, summary="Join two tables", responses=CHANGES)
def add_join(ask: Write, body: JoinSave) -> Join:
    """One of the same table and field is replaced."""
    return _shown(joins.add_join(ask.platform, ask.project_id, _join(body)))


@router.post("/validate/", summary="Try a join", responses=ASKS)
def validate(ask: Read, body: JoinSave) -> JoinProbe:
    """On ten rows. What is wrong is the answer, not an error."""
    found = joins.validate_join(ask.platform, ask.project_id, _join(body), ask.caller)
    return JoinProbe.model_validate(found.as_dict())


@router.get("/{join_id}/", summary="One join")
def show_join(ask: Read, join_id: str) -> Join:
    """As in the list."""
    return _shown(_found(ask, join_id))


@router.put("/{join_id}/", summary="Change a join", responses=CHANGES)
def change_join(ask: Write, join_id: str, body: JoinSave) -> Join:
    """Checked before the old one goes."""
    old = _found(ask, join_id)
    return _shown(joins.replace_join(ask.platform, ask.project_id, old, _join(body)))


@router.patch("/{join_id}/", summary="Change a part of a join", responses=CHANGES)
def update_join(ask: Write, join_id: str, body: JoinUpdate) -> Join:
    """What is left out stays. Checked before the old one goes."""
    old = _found(ask, join_id)
    new = replace(old, **body.changes())
    return _shown(joins.replace_join(ask.platform, ask.project_id, old, new))


@router.delete("/{join_id}/", status_code=204, summary="Remove a join", responses=CHANGES)
def remove_join(ask: Write, join_id: str) -> None:
    """An automatic one stays away until it is added again."""
    joins.remove_join(ask.platform, ask.project_id, _found(ask, join_id).id)


def _found(ask: Ask, join_id: str) -> TableJoin:
    for placed in joins.list_joins(ask.platform, ask.project_id):
        if placed.join.id == join_id:
            return placed.join
    raise NotFoundError("join", join_id)


def _join(body: JoinSave) -> TableJoin:
    return TableJoin(
        body.source_table_name,
        body.source_table_key,
        body.joining_table_name,
        body.joining_table_key,
        body.field_name,
        body.configuration,
    )


def _shown(join: TableJoin) -> Join:
    return Join(
        id=join.id,
        source_table_name=join.source_table,
        source_table_key=join.source_key,
        joining_table_name=join.joining_table,
        joining_table_key=join.joining_key,
        field_name=join.field_name,
        configuration=dict(join.configuration),
        is_automatic=join.is_automatic,
        created_at=moment(join.created_at),
    )
