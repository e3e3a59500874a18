"""Drafts and open tabs: what somebody writes before it is saved. Nobody else sees them."""

from collections.abc import Mapping
from typing import Any

from pwh_assets.core.access import Caller
from pwh_assets.core.editor import Draft, TabState
from pwh_assets.errors import ConflictError, InvalidInputError, NotFoundError
from pwh_assets.services.platform import Platform

MOST = 1_000
"""Drafts, and tab states, of one person in a project."""


class TooManyDraftsError(ConflictError):
    """Somebody keeps as many as one may."""

    code = "too_many_drafts"

    def __init__(self, what: str) -> None:
        super().__init__(f"You keep {MOST:,} {what} here. Remove some first.")


def author_of(caller: Caller) -> str:
    """Whose drafts somebody sees: a person's own, or those of a project's key."""
    return caller.user_id or f"key:{caller.key_id or caller.name}"


def my_drafts(platform: Platform, project_id: int, caller: Caller) -> list[Draft]:
    """Last changed first."""
    return platform.store.drafts(project_id, author_of(caller))


def my_draft(platform: Platform, project_id: int, caller: Caller, draft_id: str) -> Draft:
    """Raises NotFoundError, also for somebody else's."""
    return platform.store.draft(project_id, author_of(caller), draft_id)


def make_draft(
    platform: Platform,
    project_id: int,
    caller: Caller,
    query: str,
    *,
    name: str | None = None,
    view_id: str | None = None,
    edited_version: int | None = None,
) -> Draft:
    """Keep a text. Without a name it gets the view's, or `Untitled`, with a number where there are more.

    Raises:
        NotFoundError: there is no such view.
        TooManyDraftsError.
    """
    known = my_drafts(platform, project_id, caller)
    if len(known) >= MOST:
        raise TooManyDraftsError("drafts")
    view = None
    if view_id is not None:
        view = _view(platform, project_id, view_id)
        edited_version = view.version if edited_version is None else edited_version
    values = {
        "query": query,
        "name": name or _named(view.name if view else "Untitled", known),
        "view_id": view_id,
        "edited_version": edited_version,
    }
    return platform.store.save_draft(project_id, author_of(caller), values)


def change_draft(
    platform: Platform, project_id: int, caller: Caller, draft_id: str, changes: Mapping[str, Any]
) -> Draft:
    """`changes` has any of `name`, `query`, `view_id`, `edited_version`. Raises NotFoundError."""
    if changes.get("view_id") is not None:
        _view(platform, project_id, str(changes["view_id"]))
    return platform.store.save_draft(project_id, author_of(caller), changes, draft_id)


def remove_draft(platform: Platform, project_id: int, caller: Caller, draft_id: str) -> None:
    """Raises NotFoundError."""
    platform.store.remove_draft(project_id, author_of(caller), draft_id)


def my_tabs(platform: Platform, project_id: int, caller: Caller) -> list[TabState]:
    """Last changed first."""
    return platform.store.tab_states(project_id, author_of(caller))


def find_tabs(platform: Platform, project_id: int, caller: Caller, state_id: str) -> TabState:
    """Raises NotFoundError, also for somebody else's."""
    for state in my_tabs(platform, project_id, caller):
        if state.id == state_id:
            return state
    raise NotFoundError("tab state", state_id)


def save_tabs(
    platform: Platform,
    project_id: int,
    caller: Caller,
    state: Mapping[str, Any],
    state_id: str | None = None,
) -> TabState:
    """Keep what an editor says of its tabs, as a new state or in the place of one.

    Raises:
        NotFoundError: there is no such state of this person.
        InvalidInputError: it is larger than a state may be.
    """
    import json

    if len(json.dumps(state)) > 1 << 20:
        raise InvalidInputError("state", "The state of the tabs is larger than 1 MiB. Close some.")
    if state_id is None and len(my_tabs(platform, project_id, caller)) >= MOST:
        raise TooManyDraftsError("tab states")
    return platform.store.save_tab_state(project_id, author_of(caller), state, state_id)


def remove_tabs(platform: Platform, project_id: int, caller: Caller, state_id: str) -> None:
    """Raises NotFoundError."""
    platform.store.remove_tab_state(project_id, author_of(caller), state_id)


def _view(platform: Platform, project_id: int, view_id: str) -> Any:
    found = platform.store.find_view(project_id, view_id)
    if found is None or found.id != view_id:
        raise NotFoundError("saved query", view_id)
    return found


def _named(name: str, known: list[Draft]) -> str:
    taken = {draft.name for draft in known}
    if name not in taken:
        return name
    return next(f"{name} ({n})" for n in range(2, len(taken) + 3) if f"{name} ({n})" not in taken)
