"""Saved queries: save, edit, restore, materialize, build, revert, remove."""

import re

from pwh_assets.core.frequency import FREQUENCIES, Frequency
from pwh_assets.core.source import TableStatus
from pwh_assets.core.view import SavedQuery, SavedQueryVersion
from pwh_assets.errors import ConflictError, InvalidInputError, NotFoundError, UserError, quoted
from pwh_assets.services.graph import Graph, NodeKind, project_graph
from pwh_assets.services.models.project import model_name
from pwh_assets.services.platform import Platform
from pwh_assets.services.view_builds import ViewResult, build_view, dependents, view_exclusively
from pwh_assets.services.view_text import MissingInputError, examine, model_text

__all__ = [
    "MissingInputError",
    "ViewCycleError",
    "ViewInUseError",
    "ViewResult",
    "build_view",
    "dependents",
    "materialize_view",
    "remove_view",
    "restore_view",
    "revert_view",
    "save_view",
    "view_history",
]

SHORTEST = "15min"
"""The shortest period of a materialized view; PostHog's as well."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_LONGEST_NAME = 128


class ViewCycleError(ConflictError):
    """A view would read itself, directly or through others."""

    code = "view_cycle"

    def __init__(self, path: tuple[str, ...]) -> None:
        self.path = path
        super().__init__(
            f"View `{path[0]}` would read itself: `{' -> '.join(path)}`. "
            "Take one of these steps out; nothing was saved."
        )


class ViewInUseError(ConflictError):
    """Other views read the view that should go."""

    code = "view_in_use"

    def __init__(self, name: str, readers: tuple[str, ...]) -> None:
        self.name, self.readers = name, readers
        super().__init__(
            f"View `{name}` is read by {quoted(readers)}. Change or remove "
            f"{'it' if len(readers) == 1 else 'them'} first, or force it and leave "
            f"{'it' if len(readers) == 1 else 'them'} broken."
        )


def save_view(
    platform: Platform,
    project_id: int,
    name: str,
    sql: str,
    *,
    description: str = "",
    owner: str = "",
    author: str = "",
) -> SavedQuery:
    """Save HogQL under a name. An existing view gets a new version when the text differs; a materialized one
    shows the new text from its next build on.

    Raises:
        HogQLError: the text is wrong; it says where.
        InvalidInputError: the name or a column's name cannot be used.
        ConflictError: something else has this name.
        ViewCycleError: the view would read itself.
        MissingInputError: a table it reads was never synced.
    """
    name, sql = check_name(name), sql.strip().rstrip(";").rstrip()
    if not sql:
        raise InvalidInputError(
            "query", f"View `{name}` has no text. Write the HogQL it stands for."
        )
    with view_exclusively(platform, project_id):
        graph = project_graph(platform, project_id)
        existing = platform.store.find_view(project_id, name)
        if existing is not None:
            name = existing.name
        _check_clash(graph, name)
        columns, inputs = examine(platform, project_id, name, sql)
        _check_cycle(graph, name, inputs)
        return platform.store.save_view(
            project_id, name, sql, columns, inputs, description, owner, author
        )


def check_name(name: str) -> str:
    """The name without blanks around it. Raises InvalidInputError."""
    name = name.strip()
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise InvalidInputError(
            "name",
            f"`{name[:60]}` cannot be the name of a view. Use letters, digits and underscores, not starting "
            f"with a digit, with dots between parts (`revenue.mrr`), at most {_LONGEST_NAME} characters.",
        )
    return name


def _check_clash(graph: Graph, name: str) -> None:
    taken = graph.find(name)
    if taken is not None and taken.kind not in (NodeKind.VIEW, NodeKind.MATERIALIZED):
        kind = taken.kind.value.replace("_", " ")
        raise ConflictError(
            f"View `{name}` cannot be called so: that is a name of the {kind} `{taken.name}`. "
            "Give the view another one."
        )
    model = model_name(name).lower()
    for node in graph.nodes.values():
        is_view = node.kind in (NodeKind.VIEW, NodeKind.MATERIALIZED)
        if is_view and node.name.lower() != name.lower() and model_name(node.name).lower() == model:
            raise ConflictError(
                f"Views `{name}` and `{node.name}` would be one dbt model, `{model}`. Give one another name."
            )


def _check_cycle(graph: Graph, name: str, inputs: tuple[str, ...]) -> None:
    """Walk upstream from the new inputs: whoever comes back to `name` closes a circle."""
    came_from = {graph.spellings.get(each.lower(), each): name for each in reversed(inputs)}
    queue = list(came_from)
    for each in queue:
        if each.lower() == name.lower():
            path = [name]
            step = came_from[each]
            while step != name:
                path.append(step)
                step = came_from[step]
            raise ViewCycleError((name, *reversed(path[1:]), name))
        for above in graph.inputs.get(each, ()):
            if above not in came_from:
                came_from[above] = each
                queue.append(above)


def view_history(platform: Platform, project_id: int, name: str) -> list[SavedQueryVersion]:
    """Every text the view ever had, oldest first."""
    return platform.store.view_versions(platform.store.view(project_id, name).id)


def restore_view(
    platform: Platform, project_id: int, name: str, version: int, *, author: str = ""
) -> SavedQuery:
    """Give the view the text of an earlier version again, as a new version.

    Raises:
        NotFoundError: there is no such view or version.
        HogQLError: that text no longer compiles.
    """
    view = platform.store.view(project_id, name)
    texts = {each.version: each.sql for each in platform.store.view_versions(view.id)}
    if version not in texts:
        known = ", ".join(map(str, texts))
        raise NotFoundError(f"version of view `{view.name}`", str(version), f"There are {known}.")
    return save_view(platform, project_id, view.name, texts[version], author=author)


def remove_view(
    platform: Platform, project_id: int, name: str, *, force: bool = False
) -> SavedQuery:
    """Remove a view and its table. Returns what it was.

    Raises:
        ViewInUseError: other views read it, and `force` was not asked for.
        BusyError: it is being built.
    """
    with view_exclusively(platform, project_id):
        view = platform.store.view(project_id, name)
        readers = dependents(platform, project_id, view.name)
        if readers and not force:
            raise ViewInUseError(view.name, readers)
        with view_exclusively(platform, project_id, view):
            platform.store.remove_view(view.id)
            platform.store.forget_checks(view.id)
            _drop_table(platform, view)
    return view


def materialize_view(
    platform: Platform,
    project_id: int,
    name: str,
    every: str = "24hour",
    time_of_day: str | None = None,
) -> SavedQuery:
    """Keep the view as a table, rebuilt every so often; the first build is up to the caller.

    Raises:
        InvalidInputError: not a frequency, shorter than 15 minutes, or not a time of day.
    """
    frequency = Frequency.parse(every, time_of_day, "sync_frequency")
    if frequency.is_never or frequency.every < FREQUENCIES[SHORTEST]:
        raise InvalidInputError(
            "sync_frequency",
            f"A view can be rebuilt every `{SHORTEST}` at most, not every `{frequency.name}`.",
        )
    view = platform.store.view(project_id, name)
    examine(platform, project_id, view.name, view.sql)
    model_text(platform, view)
    return platform.store.update_view(view.id, is_materialized=True, frequency=frequency)


def revert_view(platform: Platform, project_id: int, name: str) -> SavedQuery:
    """Make a materialized view plain again: computed when read, its table dropped.

    Raises:
        BusyError: it is being built.
    """
    view = platform.store.view(project_id, name)
    if not view.is_materialized:
        raise UserError(f"View `{view.name}` is not materialized; there is nothing to revert.")
    with view_exclusively(platform, project_id, view):
        reverted = platform.store.update_view(
            view.id,
            is_materialized=False,
            frequency=None,
            status=TableStatus.NEVER_RUN,
            last_run_at=None,
            latest_error=None,
            failed_at=None,
            row_count=None,
        )
        platform.store.forget_checks(view.id)
        _drop_table(platform, view)
    return reverted


def _drop_table(platform: Platform, view: SavedQuery) -> None:
    if view.is_materialized:
        platform.lakes.of(view.project_id).drop_table("views", view.name)
