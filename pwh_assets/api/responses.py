"""Which errors an operation can end with, for the document: one table, so that no route lists them by hand."""

from typing import Any

Responses = dict[int | str, dict[str, Any]]

PROBLEM = "#/components/schemas/Problem"
"""Written, not given as a model: FastAPI would make a serializer of it for every status of every route."""
_RETRY = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_MEANINGS: dict[int, str] = {
    400: "Something in the request is wrong; `attr` names it.",
    401: "There is no key, or none that is valid.",
    402: "The project's limit of rows is reached.",
    403: "The key or the role does not allow it.",
    404: "It does not exist in this project, or the project is not yours: the same answer.",
    408: "The query took longer than it may; its engine was stopped.",
    409: "It clashes with something that exists, or somebody is doing it right now.",
    413: "The body, or the answer, is larger than it may be.",
    422: "What it needs is broken, so it cannot be done.",
    429: "Too many requests or queries at once; `Retry-After` says how many seconds to wait.",
    502: "A source, or Dagster, was asked and refused.",
    503: "A part that is needed does not answer; try again.",
}
ALWAYS = (400, 401, 403, 404, 413, 429, 503)
"""Of every operation of a project."""


def errors(*statuses: int) -> Responses:
    """The error responses of an operation; `ALWAYS` and these."""
    return {status: _response(status) for status in sorted({*ALWAYS, *statuses})}


def only(*statuses: int) -> Responses:
    """The error responses of an operation that needs no project: these and no others."""
    return {status: _response(status) for status in sorted(statuses)}


def _response(status: int) -> dict[str, Any]:
    found: dict[str, Any] = {"description": _MEANINGS[status]}
    if status in (429, 503):
        found["headers"] = _RETRY
    found["content"] = {"application/json": {"schema": {"$ref": PROBLEM}}}
    return found


CHANGES = errors(409)
"""Of what writes to the store and the lake alone."""
SOURCE = errors(409, 502)
"""Of what asks a source."""
STARTS = errors(402, 409, 502)
"""Of what has Dagster start runs."""
ASKS = errors(408, 409, 422, 502)
"""Of what runs a query."""
