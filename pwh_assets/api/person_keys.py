"""`person_keys/`: which column of a synced table tells whose row it is, so that a person can be forgotten there too."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from pwh_assets.api.context import Ask, asks
from pwh_assets.api.pages import Page, Paging
from pwh_assets.api.responses import CHANGES
from pwh_assets.errors import NotFoundError
from pwh_assets.services.policies.forgetting import set_person_key

router = APIRouter(tags=["person keys"])

Read = Annotated[Ask, asks("person:read")]
Write = Annotated[Ask, asks("person:write")]


class PersonKeyFields(BaseModel):
    """Whose row it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"table": "stripe_customer", "column": "email", "holds": "email"}]
        }
    )

    table: str = Field(max_length=512, description="A synced table, by its HogQL name or id.")
    column: str = Field(max_length=400, description="Its column.")
    holds: Literal["email", "distinct_id", "person_id"] = Field(
        "email", description="What the column holds."
    )


@router.get("/", summary="List person keys")
def list_person_keys(ask: Read, paging: Annotated[Paging, Depends()]) -> Page[PersonKeyFields]:
    """Tables whose rows of a person go with a deletion request."""
    return paging.page(
        [
            PersonKeyFields.model_validate(
                {"table": each.table, "column": each.column, "holds": each.holds}
            )
            for each in ask.platform.store.person_keys(ask.project_id)
        ]
    )


@router.post("/", status_code=201, summary="Declare a person key", responses=CHANGES)
def set_key(ask: Write, body: PersonKeyFields) -> PersonKeyFields:
    """One of a table; an earlier one is replaced."""
    made = set_person_key(ask.platform, ask.project_id, body.table, body.column, body.holds)
    assert made is not None
    return PersonKeyFields.model_validate(
        {"table": made.table, "column": made.column, "holds": made.holds}
    )


@router.delete("/{name}/", status_code=204, summary="Take a person key back", responses=CHANGES)
def remove_key(ask: Write, name: str) -> None:
    """By the table's name. Deletion requests leave its rows alone from now on."""
    known = {each.table.lower() for each in ask.platform.store.person_keys(ask.project_id)}
    if name.lower() not in known:
        raise NotFoundError("person key", name)
    set_person_key(ask.platform, ask.project_id, name, None)
