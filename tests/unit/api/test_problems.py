"""What a client reads when a request is wrong: the field, what was found, and the way out."""

import asyncio
from typing import Any, Literal

import httpx
import pytest
from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field

from pwh_assets.api.problems import handle_errors


class Rows(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["Rows"]
    most: int = Field(10, ge=1)


class Schema(BaseModel):
    kind: Literal["Schema"]


class Asked(BaseModel):
    query: Rows | Schema = Field(discriminator="kind")


@pytest.fixture
def client() -> Any:
    app = FastAPI()
    handle_errors(app)

    @app.post("/ask")
    def ask(body: Asked, limit: int = Query(1)) -> None: ...

    async def send(method: str, path: str, body: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://pwh") as sender:
            return await sender.request(method, path, json=body)

    return lambda method, path, body=None: asyncio.run(send(method, path, body))


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({"kind": "Trends"}, "`Trends` is not known here as the kind of `query`. There are `Rows`, `Schema`."),
        ({}, "`query` does not say its kind: `kind` is missing."),
        ("select 1", "`query` must be an object."),
        ({"kind": "Rows", "most": 0}, "`query.most` must be greater than or equal to 1."),
        ({"kind": "Rows", "colour": 1}, "`query.colour` is no field here."),
    ],
)  # fmt: skip
def test_a_wrong_body_is_told_in_words_about_its_field(client, query, detail):
    answer = client("POST", "/ask", {"query": query})
    assert answer.status_code == 400 and answer.json()["detail"] == detail


def test_a_wrong_parameter_a_wrong_path_and_a_wrong_method_are_named(client):
    wrong = client("POST", "/ask?limit=x", {"query": {"kind": "Schema"}}).json()
    assert wrong["attr"] == "limit" and wrong["detail"].startswith(
        "`limit` must be a valid integer"
    )
    assert client("POST", "/ask", {}).json()["detail"] == "`query` is missing."
    assert (
        client("GET", "/nowhere").json()["detail"]
        == "There is nothing at `/nowhere`. `/docs` lists every path."
    )
    taken = client("GET", "/ask")
    assert (
        taken.status_code == 405 and taken.json()["detail"] == "`/ask` does not take GET, but POST."
    )
