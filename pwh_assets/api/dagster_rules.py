"""What of Dagster's UI a caller may use, decided before anything is passed on.

Dagster shows every project of the home at once, so it is for people who see all of them, in the least of their roles.
"""

import json
from collections.abc import Mapping
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    parse,
)

from pwh_assets.core.access import Caller, Role
from pwh_assets.errors import UserError
from pwh_assets.services.people.access import PermissionDeniedError

SCOPE_READ, SCOPE_WRITE = "external_data_source:read", "external_data_source:write"
_LONGEST = 1_000_000
_MOST_TOKENS = 20_000


class DagsterRequestError(UserError):
    """A request to Dagster that cannot be read, so it cannot be judged."""

    code = "dagster_request"

    def __init__(self, why: str) -> None:
        super().__init__(f"This request to Dagster cannot be passed on: {why}.")


def may_read(caller: Caller, project_ids: "list[int]") -> None:
    """Raises PermissionDeniedError unless the caller sees every project, with a key that reads them."""
    for project_id in project_ids:
        if not caller.sees(project_id):
            raise PermissionDeniedError(
                SCOPE_READ,
                "Dagster shows all projects of this home, and you do not see all of them.",
                "role",
                caller,
            )
        _allow(caller, SCOPE_READ, project_id)


def may_write(caller: Caller, project_ids: "list[int]") -> None:
    """Raises PermissionDeniedError unless the caller is an editor of every project."""
    may_read(caller, project_ids)
    for project_id in project_ids:
        _allow(caller, SCOPE_WRITE, project_id)


def is_writer(caller: Caller, project_ids: "list[int]") -> bool:
    try:
        may_write(caller, project_ids)
    except PermissionDeniedError:
        return False
    return True


def read_body(content_type: str, body: bytes) -> dict[str, Any]:
    """The one GraphQL request of a body.

    Raises:
        DagsterRequestError: it is no JSON object, or of another kind than Dagster's pages send.
    """
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise DagsterRequestError("its content type is not `application/json`")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise DagsterRequestError("it is no JSON") from None
    if not isinstance(found, dict) or not isinstance(found.get("query"), str):
        raise DagsterRequestError("it has no `query`")
    return found


def changes_in(query: str) -> list[str]:
    """What the mutations of a GraphQL document ask for, such as `launchRun`; nothing when it only reads.

    Raises:
        DagsterRequestError: it is no GraphQL.
    """
    if len(query) > _LONGEST:
        raise DagsterRequestError("its query is too long")
    try:
        document = parse(query, no_location=True, max_tokens=_MOST_TOKENS)
    except (GraphQLError, RecursionError):
        raise DagsterRequestError("its query is no GraphQL") from None
    parts = {
        node.name.value: node.selection_set
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    found: list[str] = []
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode) and node.operation is OperationType.MUTATION:
            found += _fields(node.selection_set, parts, frozenset()) or ["mutation"]
    return list(dict.fromkeys(found))


def _fields(
    selection: SelectionSetNode, parts: Mapping[str, SelectionSetNode], seen: frozenset[str]
) -> list[str]:
    """Names of the outermost fields, also of those in fragments."""
    found = []
    for node in selection.selections:
        if isinstance(node, FieldNode):
            found.append(node.name.value)
        elif isinstance(node, InlineFragmentNode):
            found += _fields(node.selection_set, parts, seen)
        elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
            name = node.name.value
            if name in parts:
                found += _fields(parts[name], parts, seen | {name})
    return found


def _allow(caller: Caller, scope: str, project_id: int) -> None:
    if not caller.may(scope, project_id):
        role = caller.roles[project_id]
        needed = Role.EDITOR if scope == SCOPE_WRITE else Role.VIEWER
        is_role = not role.covers(needed)
        why = (
            f"in Dagster you are {role.value}, and this needs {needed.value}."
            if is_role
            else "the key was not given this scope."
        )
        raise PermissionDeniedError(scope, why, "role" if is_role else "scope", caller)
