"""Several changes of one saved query as one: text, words, name, how it is kept, what it promises. All or nothing."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pwh_assets.core.view import Refresh, SavedQuery
from pwh_assets.errors import NotFoundError
from pwh_assets.services.platform import Platform
from pwh_assets.services.policies.guarding import check_text
from pwh_assets.services.views.builds import view_exclusively
from pwh_assets.services.views.saved import (
    check_own,
    describe_view,
    drop_table,
    mark_plain,
    materialize_view,
    rename_view,
    save_view,
)
from pwh_assets.store.views import EditConflictError

if TYPE_CHECKING:
    from pwh_assets.core.access import Caller


@dataclass(frozen=True, slots=True)
class ViewChange:
    """What is to be other; None leaves a thing as it is."""

    sql: str | None = None
    note: str = ""
    expected_version: int | None = None
    force: bool = False
    name: str | None = None
    description: str | None = None
    owner: str | None = None
    folder: str | None = None
    """Name or id of a folder; empty takes it out of any."""
    is_materialized: bool | None = None
    every: str | None = None
    time_of_day: str | None = None
    freshness_target: str | None = None
    """`none` takes a promise back."""


def change_view(
    platform: Platform, project_id: int, view: SavedQuery, change: ViewChange, caller: "Caller"
) -> SavedQuery:
    """Change a view in every way at once. When one part is refused, nothing was changed.

    Raises:
        PwhError: what a part was refused for, as `save_view`, `describe_view`, `rename_view`, `materialize_view`,
            `revert_view` and `set_target` say it.
        PolicyBoundError: somebody who sees a part of a table would have rows of it kept.
    """
    from pwh_assets.services.freshness.project import set_target

    with ExitStack() as held:
        held.enter_context(view_exclusively(platform, project_id))
        before = view = _now(platform, project_id, view, change.expected_version)
        reverts = change.is_materialized is False and view.is_materialized
        if reverts:
            held.enter_context(view_exclusively(platform, project_id, view))
        with platform.store.all_or_nothing(project_id):
            if change.sql is not None:
                view = _text(platform, project_id, view, change.sql, change, caller)
            view = _words(platform, project_id, view, change)
            if reverts:
                check_own(view)
                view = mark_plain(platform, view)
            if change.name is not None and change.name != view.name:
                view = rename_view(platform, project_id, view.name, change.name)
            if not reverts and (
                change.is_materialized or (view.is_materialized and change.every is not None)
            ):
                every, at = change.every, change.time_of_day
                view = keep_view(platform, project_id, view, every, at, "schedule", caller)
            if change.freshness_target is not None:
                target = None if change.freshness_target == "none" else change.freshness_target
                view, _ = set_target(platform, project_id, view.name, target)
        if reverts:
            drop_table(platform, before)
    return view


def put_view(
    platform: Platform,
    project_id: int,
    name: str,
    sql: str,
    caller: "Caller",
    *,
    description: str = "",
    owner: str | None = None,
    folder: str | None = None,
    note: str = "",
    expected_version: int | None = None,
    force: bool = False,
) -> tuple[SavedQuery, bool]:
    """Save a text under a name, and put it into a folder, or neither; whether it is a new view. Raises as `save_view`."""
    with view_exclusively(platform, project_id), platform.store.all_or_nothing(project_id):
        existing = platform.store.find_view(project_id, name)
        known = existing.name if existing else None
        check_text(platform, project_id, caller, sql, known, builds=False)
        view = save_view(
            platform,
            project_id,
            name,
            sql,
            description=description,
            owner=owner or (existing.owner if existing else caller.name),
            author=caller.name,
            note=note,
            expected_version=expected_version,
            force=force,
        )
        return _words(platform, project_id, view, ViewChange(folder=folder)), existing is None


def keep_view(
    platform: Platform,
    project_id: int,
    view: SavedQuery,
    every: str | None,
    time_of_day: str | None,
    refresh: str,
    caller: "Caller",
    *,
    lower_inputs: bool = False,
) -> SavedQuery:
    """Have a view kept as a table; `never` is by hand. Raises as `materialize_view`, and PolicyBoundError."""
    check_text(platform, project_id, caller, view.sql, view.name, builds=True)
    if every == "never":
        every, refresh = None, Refresh.MANUAL.value
    return materialize_view(
        platform,
        project_id,
        view.name,
        every,
        time_of_day,
        refresh=Refresh(refresh),
        lower_inputs=lower_inputs,
    )


def _now(platform: Platform, project_id: int, view: SavedQuery, expected: int | None) -> SavedQuery:
    """The view as it is, if it is still what its editor saw."""
    found = platform.store.find_view(project_id, view.id)
    if found is None:
        raise NotFoundError("saved query", view.id)
    if expected not in (None, found.version):
        author = platform.store.view_versions(found.id)[-1].author
        raise EditConflictError(found.name, expected or 0, found.version, author)
    return found


def _text(
    platform: Platform,
    project_id: int,
    view: SavedQuery,
    sql: str,
    change: ViewChange,
    caller: "Caller",
) -> SavedQuery:
    check_text(platform, project_id, caller, sql, view.name, builds=False)
    return save_view(
        platform,
        project_id,
        view.name,
        sql,
        description=view.description,
        owner=view.owner,
        author=caller.name,
        note=change.note,
        expected_version=change.expected_version,
        force=change.force,
    )


def _words(platform: Platform, project_id: int, view: SavedQuery, change: ViewChange) -> SavedQuery:
    from pwh_assets.services.editor.folders import folder_named

    folder = change.folder
    if folder is not None:
        folder = folder_named(platform, project_id, folder)
    if all(each is None for each in (change.description, change.owner, folder)):
        return view
    return describe_view(
        platform,
        project_id,
        view.name,
        description=change.description,
        owner=change.owner,
        folder=folder,
    )
