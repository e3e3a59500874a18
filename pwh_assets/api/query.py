"""`query/`: ask, poll, cancel; rows as JSON, or as a file that streams."""

import asyncio
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Annotated, Any, TypeVar

import orjson
from anyio import CancelScope
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from pwh_assets.api import query_models as models
from pwh_assets.api.context import Ask, asks
from pwh_assets.api.responses import ASKS
from pwh_assets.errors import InvalidInputError, NotFoundError, PwhError
from pwh_assets.services.hogql import editor
from pwh_assets.services.hogql.filters import filter_values, is_left_out
from pwh_assets.services.policies.reading import sees_alike
from pwh_assets.services.queries import Answer, Queries, QueryTask, Refresh, Stream
from pwh_assets.services.queries import Ask as Question
from pwh_assets.services.queries.formats import MEDIA_TYPES
from pwh_assets.services.sources.view import moment

router = APIRouter(tags=["query"])

Read = Annotated[Ask, asks("query:read")]
DEFAULT_LIMIT = 100
T = TypeVar("T")
LOOK_EVERY_S = 0.5
"""How often a caller who waits is checked for having gone away."""


@router.post(
    "/",
    summary="Ask",
    responses={
        200: {
            "model": models.HogQLAnswer
            | models.MetadataAnswer
            | models.Completions
            | models.DatabaseSchema,
            "description": "Rows with what they are; the other kinds answer in shapes of their own.",
            "content": {media: {} for media in MEDIA_TYPES.values()},
        },
        202: {"model": models.QueryStatusAnswer, "description": "Begun; poll `query/{id}/`."},
        **ASKS,
    },
)
async def ask_query(
    ask: Read,
    request: Request,
    body: models.QueryRequest,
    format: Annotated[  # noqa: A002  the word on the wire
        models.Format | None,
        Query(
            description="`json` (unless said) is an answer with facts; the others are the rows as a file."
        ),
    ] = None,
) -> Response:
    """Rows come from the cache when nothing they depend on has changed. Files are computed anew, without the default
    LIMIT, and streamed. The format may be said in the address or in the body.
    """
    query, form = body.query, _format(format, body)
    if not isinstance(query, models.HogQLQuery):
        found = await run_in_threadpool(_of_other_kind, ask, query)
        return _json(found)
    question = (
        await run_in_threadpool(_question, ask, body, query)
        if _is_slow(body, query)
        else _question(ask, body, query)
    )
    queries: Queries = request.app.state.queries
    if form != "json":
        stream = await _while_there(
            request, queries, question, partial(queries.stream, question, form)
        )
        return _Export(stream, partial(_stop, queries, question), question.id, form)
    refresh = _refresh(body)
    is_simple = refresh.waits and not refresh.is_forced
    if is_simple and (known := queries.glance(question)) is not None:
        return _answered(question, known)
    if not refresh.waits:
        task = await run_in_threadpool(queries.begin, question, refresh)
        if task.answer is not None and task.answer.is_cached:
            return _answered(question, task.answer)
        return _json({"query_status": _status(task)}, 202)
    answer = await _while_there(request, queries, question, partial(queries.ask, question, refresh))
    return _answered(question, answer)


@router.get("/{query_id}/", summary="How a query is getting on")
def poll(ask: Read, request: Request, query_id: str) -> models.QueryStatusAnswer:
    """With its whole answer once it is complete. Answers are kept for an hour."""
    queries: Queries = request.app.state.queries
    task = queries.look(ask.project_id, query_id)
    if not sees_alike(ask.platform, ask.project_id, ask.caller, task.ask.reader):
        raise NotFoundError("query", query_id)
    return models.QueryStatusAnswer(query_status=models.QueryStatus.model_validate(_status(task)))


@router.delete("/{query_id}/", status_code=204, summary="Cancel a query")
def cancel(ask: Read, request: Request, query_id: str) -> None:
    """The engine is interrupted. One that has ended stays as it is."""
    queries: Queries = request.app.state.queries
    task = queries.look(ask.project_id, query_id)
    if not sees_alike(ask.platform, ask.project_id, ask.caller, task.ask.reader):
        raise NotFoundError("query", query_id)
    queries.cancel(ask.project_id, query_id)


class _Export(StreamingResponse):
    """A file as it is computed. When its reader goes away, the query is stopped at once; when the query fails, the file is
    cut off: the connection closes before the body's last chunk.
    """

    def __init__(
        self, stream: Stream, stop: Callable[[], None], name: str, form: models.Format
    ) -> None:
        self._stream, self._stop = stream, stop
        headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
        super().__init__(stream.chunks, media_type=MEDIA_TYPES[form], headers=headers)

    async def listen_for_disconnect(self, receive: Receive) -> None:
        await super().listen_for_disconnect(receive)
        await run_in_threadpool(self._stop)  # a chunk that is being computed ends now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except PwhError as error:
            scope["state"]["error"] = (
                error  # for the access log; the server closes what is not complete
            )
        finally:
            with CancelScope(shield=True):
                await run_in_threadpool(self._stream.close)


def _stop(queries: Queries, question: Question) -> None:
    with suppress(NotFoundError):  # it is being compiled still
        queries.cancel(question.project_id, question.id)


async def _while_there(
    request: Request, queries: Queries, question: Question, work: Callable[[], T]
) -> T:
    """What the work comes to; when the caller goes away meanwhile, the query is stopped."""
    waiting = asyncio.ensure_future(run_in_threadpool(work))
    while True:
        done, _ = await asyncio.wait({waiting}, timeout=LOOK_EVERY_S)
        if done:
            return waiting.result()
        if await request.is_disconnected():
            await run_in_threadpool(_stop, queries, question)
            return await waiting


def _of_other_kind(
    ask: Ask, query: models.HogQLMetadata | models.HogQLAutocomplete | models.DatabaseSchemaQuery
) -> dict[str, Any]:
    if isinstance(query, models.HogQLMetadata):
        found = editor.metadata(
            ask.platform,
            ask.project_id,
            query.query,
            engine=query.engine,
            variables=_variables(query.variables) | _filters(ask, query.filters),
            explain=query.debug,
            reader=ask.caller,
        )
        return found.as_dict()
    if isinstance(query, models.HogQLAutocomplete):
        place = len(query.query) if query.endPosition is None else query.endPosition
        found_words = editor.complete(
            ask.platform,
            ask.project_id,
            query.query,
            min(place, len(query.query)),
            _variables(query.variables),
            ask.caller,
        )
        return found_words.as_dict()
    return editor.schema(ask.platform, ask.project_id, ask.caller)


def _question(ask: Ask, body: models.QueryRequest, query: models.HogQLQuery) -> Question:
    variables = {
        **query.values,
        **_variables(query.variables),
        **_variables(body.variables_override or {}),
    }
    filters = body.filters_override or query.filters
    variables |= _filters(ask, filters)
    return Question(
        ask.project_id,
        query.query,
        body.client_query_id or str(uuid.uuid4()),
        query.engine,
        variables,
        query.limit or DEFAULT_LIMIT,
        who=ask.caller.name,
        reader=ask.caller,
    )


def _filters(ask: Ask, filters: models.HogQLFilters | None) -> dict[str, Any]:
    if filters is None:
        return {}
    return filter_values(ask.platform, ask.project_id, filters.model_dump())


def _is_slow(body: models.QueryRequest, query: models.HogQLQuery) -> bool:
    """Whether the store has to be asked what is meant."""
    filters = body.filters_override or query.filters
    return filters is not None and bool(filters.filterTestAccounts)


def _variables(given: Mapping[str, Any]) -> dict[str, Any]:
    """By name; PostHog hands them over by id, with `code_name` and `value` inside."""
    found = {}
    for name, value in given.items():
        if isinstance(value, Mapping) and "code_name" in value:
            found[str(value["code_name"])] = value.get("value")
        else:
            found[name] = value
    return found


def _format(said: models.Format | None, body: models.QueryRequest) -> models.Format:
    """What the address or the body asks for. Raises InvalidInputError when they differ, or when it cannot be had."""
    if said and body.format and said != body.format:
        raise InvalidInputError(
            "format",
            f"`format` is `{said}` in the address and `{body.format}` in the body. Say it once.",
        )
    form = said or body.format or "json"
    if form == "json":
        return form
    if not isinstance(body.query, models.HogQLQuery):
        raise InvalidInputError(
            "format",
            f"A `{body.query.kind}` has no rows to answer as `{form}`. Leave `format` out.",
        )
    if not _refresh(body).waits:
        raise InvalidInputError(
            "format",
            f"A file (`{form}`) is streamed while it is computed, so it cannot be asked for later. "
            "Leave `async` or `refresh` out, or `format`.",
        )
    return form


def _refresh(body: models.QueryRequest) -> Refresh:
    """In PostHog's older words: `refresh: true`, `async: true`."""
    given = body.refresh
    if given is True:
        return Refresh.FORCE_ASYNC if body.async_ else Refresh.FORCE_BLOCKING
    if given:
        return Refresh(given)
    return Refresh.ASYNC if body.async_ else Refresh.BLOCKING


def _answered(question: Question, answer: Answer) -> Response:
    """The rows are bytes already: they are put into the answer as they are."""
    facts = orjson.dumps(_facts(question, answer))
    return Response(facts[:-1] + b',"results":' + answer.rows + b"}", media_type="application/json")


def _facts(question: Question, answer: Answer) -> dict[str, Any]:
    plan = answer.plan
    at = moment(answer.computed_at)
    return {
        "id": question.id,
        "columns": [column.name for column in plan.columns],
        "types": [[column.name, str(column.type)] for column in plan.columns],
        "query": question.sql,
        "hogql": question.sql,
        "clickhouse": plan.sql if plan.engine == "clickhouse" else None,
        "sql": plan.sql,
        "engine": plan.engine,
        "tables": list(plan.tables),
        "limit": plan.limit,
        "offset": 0,
        "hasMore": plan.limit is not None and answer.row_count >= plan.limit,
        "timings": [{"k": "./engine", "t": round(answer.ms / 1000, 6)}],
        "error": None,
        "warnings": _warnings(question),
        "is_cached": answer.is_cached,
        "cache_key": answer.cache_key or None,
        "last_refresh": at,
        "cache_target_age": moment(answer.fresh_until),
        "next_allowed_client_refresh": at,
        "query_status": None,
    }


def _warnings(question: Question) -> list[dict[str, Any]]:
    if not is_left_out(question.sql, question.variables):
        return []
    return [{"message": "`filters` are set, and the text has no `{filters}`: they change nothing."}]


def _status(task: QueryTask) -> dict[str, Any]:
    results = None
    if task.answer is not None:
        results = _facts(task.ask, task.answer) | {"results": orjson.loads(task.answer.rows)}
    return {
        "id": task.ask.id,
        "team_id": task.ask.project_id,
        "query_async": True,
        "complete": task.is_complete,
        "error": task.error is not None,
        "error_message": task.error.sentence if task.error else None,
        "error_code": task.error.code if task.error else None,
        "start_time": moment(task.started_at),
        "end_time": moment(task.ended_at),
        "results": results,
    }


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(content, default=str), status, media_type="application/json")
