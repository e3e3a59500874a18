"""The OpenAPI document: names of operations that stay, what each group is about, how to sign in."""

import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from pwh_assets.api.problems import Problem
from pwh_assets.api.responses import PROBLEM

TAGS: dict[str, str] = {
    "sources": "Connected sources. PostHog's name for the path is `external_data_sources/`; both answer.",
    "schemas": "Synced tables of sources, one by one. Also at PostHog's `external_data_schemas/`.",
    "saved queries": "Views: their texts and versions, how they are kept as tables, and what they are made of.",
    "folders": "Where saved queries are shown.",
    "drafts": "Texts you work on; nobody else sees them.",
    "tab states": "What your editor had open.",
    "fixes": "Mending a text by the fixes its mistakes come with.",
    "table annotations": "What people say of tables and their columns; shown wherever those are described.",
    "view annotations": "The same of saved queries.",
    "column statistics": "Bounds and NULLs of columns, from the lake's catalog.",
    "metrics": "Numbers with one definition: declared, and asked by period and dimensions.",
    "virtual tables": "Joins with a name, declared as metrics are.",
    "warehouse dag": "All tables and views, and who reads whom.",
    "model paths": "The ways from tables to each view.",
    "managed viewsets": "Sets of views PWH writes.",
    "person keys": "Which column tells whose row it is, for deletion requests.",
    "modeling jobs": "Builds of materialized views.",
    "joins": "Joins between tables under a field's name. Also at PostHog's `warehouse_view_link/`.",
    "tables": "Stored tables as HogQL sees them.",
    "lineage": "What a table or view is made of, and what is made of it.",
    "query": "HogQL: ask, poll, cancel, look at a text, complete it.",
    "warehouse": "What was moved, what runs, what ran, what is wrong. Also at PostHog's `data_warehouse/`.",
    "freshness": "How old rows get at worst, and promises about it.",
    "checks": "What has to hold of tables and views, and whether it does.",
    "alerts": "Who is told when something breaks and when it heals.",
    "cohorts": "Persons under a name, for `person_id IN COHORT 'name'`.",
    "actions": "Events under a name, for `matchesAction('name')`.",
    "property definitions": "What properties of events, persons and groups hold.",
    "settings": "Settings of a project that change what its queries mean, and its limit of rows.",
    "people": "Who asks.",
    "organizations": "Organisations, their members and invitations.",
    "projects": "The tenants of a home.",
    "personal keys": "Keys of one's own, each shown once.",
    "project secret keys": "Keys of servers: one project, named scopes. Also at `project_secret_api_keys/`.",
    "capture keys": "Keys that send events; rotated with a grace.",
    "audit log": "Who did and asked what, when, from where; a chain that shows when it was tampered with.",
    "policies": "What readers may see: columns, keys of JSON, rows; personal data found; people forgotten.",
    "capture": "Where the PostHog SDKs send events; the project's capture key says whose they are.",
    "system": "What is asked without a key.",
}
INTRODUCTION = """\
Everything PWH does, over HTTP. Sign in with a personal key: `Authorization: Bearer phx_…`.

- Paths are under `/api/projects/{project_id}/`; `/api/environments/{project_id}/` answers the same.
- Lists are `{count, next, previous, results}`; `limit` and `offset` choose the part.
- Errors are one shape, `{type, code, detail, attr}`; codes never change. An id of another project does not exist.
- After 429 and 503, wait `Retry-After` seconds and try again.
"""
WORDS: dict[str, str] = {
    "id": "Its id.",
    "name": "Its name.",
    "project_id": "Number of the project.",
    "description": "For people.",
    "created_at": "When it was made: ISO 8601, UTC.",
    "updated_at": "When it was last changed: ISO 8601, UTC.",
    "finished_at": "When it ended; null while it runs.",
    "latest_error": "Why the last attempt failed; null when it did not.",
    "status": "How it stands.",
    "rows": "How many rows.",
    "row_count": "Rows it has now; null when that is not known.",
    "version": "Number of the version, from 1.",
    "author": "Who wrote it.",
    "note": "What was changed, and why.",
    "force": "Although others read it, and break.",
    "owner": "Who answers for it.",
    "source_id": "Id of the source.",
    "schema_id": "Id of the synced table.",
    "view_id": "Id of the saved query.",
    "folder_id": "Id of the folder.",
    "draft_id": "Id of the draft.",
    "state_id": "Id of the tab state.",
    "annotation_id": "Id of the annotation.",
    "column_name": "The column's name.",
    "kind": "Which of them.",
    "join_id": "Id of the join.",
    "table_id": "Id of the table, as in the list.",
    "query_id": "The id the query was asked under.",
    "cohort_id": "Number of the cohort.",
    "action_id": "Number of the action.",
    "check_id": "Id of the check.",
    "channel_id": "Id of the channel.",
    "delivery_id": "Id of the delivery.",
    "job_id": "Id of the job.",
    "organization_id": "Id of the organization, or `@current`.",
    "user_id": "Id of the person.",
    "invite_id": "Id of the invitation.",
    "key_id": "Id of the key.",
    "policy_id": "Id of the policy.",
    "finding_id": "Id of the finding.",
    "request_id": "Id of the deletion request.",
    "results": "This page's part of the list.",
}
"""What a field or parameter of this name means wherever nothing else is said."""
_METHODS = ("get", "post", "put", "patch", "delete")


def operation_id(route: APIRoute) -> str:
    """`sources_create` of `create_source` under the tag `sources`; a verb alone is kept whole.

    >>> from fastapi import APIRouter
    >>> router = APIRouter(tags=["saved queries"])
    >>> @router.get("/")
    ... def list_views() -> None: ...
    >>> operation_id(router.routes[0])
    'saved_queries_list'
    """
    tag = str(route.tags[0]) if route.tags else "other"
    if tag == "capture":  # one function under many spellings
        return "_".join([tag, *re.findall(r"[a-z0-9]+", route.path)])
    verb, _, rest = route.name.partition("_")
    nouns = _NOUNS.get(tag, (tag, tag.removesuffix("s")))
    return f"{tag.replace(' ', '_')}_{verb if rest in nouns else route.name}"


_NOUNS: dict[str, tuple[str, ...]] = {
    "saved queries": ("view", "views"),
    "modeling jobs": ("job", "jobs"),
    "property definitions": ("property", "properties"),
    "alerts": ("channel", "channels"),
    "virtual tables": ("table", "tables"),
    "warehouse dag": ("dag", "dag"),
    "model paths": ("path", "paths"),
    "managed viewsets": ("viewset", "viewsets"),
    "person keys": ("person_key", "person_keys"),
    "tab states": ("state", "states"),
    "table annotations": ("note", "notes"),
    "view annotations": ("view_note", "view_notes"),
    "column statistics": ("statistics", "statistics"),
}
"""What a tag's things are called in the names of functions, where it is not the tag itself."""


def describe(app: FastAPI) -> None:
    """Have the app answer `/openapi.json` with the whole document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    found: dict[str, Any] = get_openapi(
        title=app.title,
        version=app.version,
        description=INTRODUCTION,
        routes=app.routes,
        tags=[{"name": name, "description": words} for name, words in TAGS.items()],
    )
    components = found.setdefault("components", {})
    components["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "A personal key (`phx_…`), with the scope the operation names.",
        }
    }
    schemas: dict[str, Any] = components.setdefault("schemas", {})
    schemas[PROBLEM.rpartition("/")[2]] = shape = Problem.model_json_schema(mode="serialization")
    for field in shape["properties"].values():
        field.pop("default", None)  # as FastAPI tells of answers
    for path, operations in found["paths"].items():
        for method in _METHODS:
            if method in operations:
                _complete(path, operations[method])
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for title, schema in schemas.items():
        if title.startswith("Page_"):
            schema.setdefault("description", "A part of a list.")
        for name, field in schema.get("properties", {}).items():
            if "description" not in field and name in WORDS:
                field["description"] = WORDS[name]
    _rename(found)
    return found


def _complete(path: str, operation: dict[str, Any]) -> None:
    if path.startswith("/api/"):
        operation.setdefault("security", [{"key": []}])
    # What FastAPI says of validation is not so: those are 400, in the one shape of errors.
    told = operation["responses"].get("422", {})
    if "HTTPValidationError" in str(told):
        del operation["responses"]["422"]
    for parameter in operation.get("parameters", ()):
        if "description" not in parameter and parameter["name"] in WORDS:
            parameter["description"] = WORDS[parameter["name"]]


def _rename(document: dict[str, Any]) -> None:
    """`Page_Source_` is `SourcePage`."""
    schemas = document["components"].get("schemas", {})
    names = {
        name: re.sub(r"^Page_(\w+?)_$", r"\1Page", name)
        for name in schemas
        if name.startswith("Page_")
    }
    document["components"]["schemas"] = {names.get(n, n): s for n, s in schemas.items()}
    starts = "#/components/schemas/"

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            ref = node.get("$ref", "")
            if ref.removeprefix(starts) in names:
                node["$ref"] = starts + names[ref.removeprefix(starts)]
            title = node.get("title")
            if isinstance(title, str) and title.startswith("Page["):
                node["title"] = title[5:-1] + "Page"
            for each in node.values():
                walk(each)
        elif isinstance(node, list):
            for each in node:
                walk(each)

    walk(document)
