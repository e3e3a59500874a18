"""Saved queries: save, edit, restore, compare, materialize, build, resume, revert, rename, remove."""

import difflib
import re

from pwh_assets.core.frequency import FREQUENCIES, Frequency
from pwh_assets.core.source import TableStatus
from pwh_assets.core.view import Refresh, SavedQuery, SavedQueryVersion
from pwh_assets.errors import ConflictError, InvalidInputError, NotFoundError, UserError, quoted
from pwh_assets.services.freshness.project import fit_cadence
from pwh_assets.services.lineage.graph import Graph, NodeKind, metric_graph, project_graph
from pwh_assets.services.models.project import model_name
from pwh_assets.services.platform import Platform
from pwh_assets.services.views.builds import ViewResult, build_view, dependents, view_exclusively
from pwh_assets.services.views.impact import BreaksReadersError, impact_of_columns
from pwh_assets.services.views.text import MissingInputError, examine, model_text
from pwh_assets.store.views import EditConflictError

__all__ = [
    "BreaksReadersError",
    "EditConflictError",
    "ManagedViewError",
    "MissingInputError",
    "ViewCycleError",
    "ViewInUseError",
    "ViewResult",
    "build_view",
    "dependents",
    "describe_view",
    "diff_versions",
    "materialize_view",
    "remove_view",
    "rename_view",
    "restore_view",
    "resume_view",
    "revert_view",
    "save_view",
    "view_history",
]

DEFAULT_EVERY = "24hour"
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


class ManagedViewError(ConflictError):
    """The view belongs to a managed set, which alone writes it."""

    code = "managed_view"

    def __init__(self, name: str, managed_by: str) -> None:
        self.name, self.managed_by = name, managed_by
        super().__init__(
            f"View `{name}` is written and kept by `{managed_by}`, so it cannot be changed by hand. "
            "Save a view of your own that reads it, or turn the set off."
        )


class RenameRefusedError(ConflictError):
    """A view's name is part of what others wrote down."""

    code = "rename_refused"

    def __init__(self, name: str, why: str, way_out: str) -> None:
        self.name, self.why = name, why
        super().__init__(f"View `{name}` cannot be renamed: {why}. {way_out}")


def save_view(
    platform: Platform,
    project_id: int,
    name: str,
    sql: str,
    *,
    description: str = "",
    owner: str = "",
    author: str = "",
    note: str = "",
    expected_version: int | None = None,
    force: bool = False,
) -> SavedQuery:
    """Save HogQL under a name. An existing view gets a new version when the text differs; a materialized one
    shows the new text from its next build on.

    Args:
        note: what the new version changes and why, kept in its history.
        expected_version: the version the edit began from (0: there should be no such view); another one is refused.
        force: save it also when views that read it would break.

    Raises:
        EditConflictError: somebody else saved it meanwhile.
        BreaksReadersError: views that read it would not compile any more.
        ManagedViewError: it belongs to a managed set.
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
        graph = metric_graph(platform, project_id)
        existing = platform.store.find_view(project_id, name)
        if existing is not None:
            name = existing.name
            check_own(existing)
            _check_version(platform, existing, expected_version)
        _check_clash(graph, name)
        columns, inputs = examine(platform, project_id, name, sql)
        _check_cycle(graph, name, inputs)
        if existing is not None and existing.sql != sql and not force and graph.outputs[name]:
            impact = impact_of_columns(platform, project_id, name, columns)
            if impact.breaks:
                raise BreaksReadersError(impact)
        return platform.store.save_view(
            project_id,
            name,
            sql,
            columns,
            inputs,
            description,
            owner,
            author,
            note,
            expected_version=expected_version,
        )


def check_own(view: SavedQuery) -> None:
    """Raises ManagedViewError for one that belongs to a managed set."""
    if view.managed_by:
        raise ManagedViewError(view.name, view.managed_by)


def describe_view(
    platform: Platform,
    project_id: int,
    name: str,
    *,
    description: str | None = None,
    owner: str | None = None,
    folder: str | None = None,
) -> SavedQuery:
    """Change what is said about a view; None leaves a field as it is. Its version stays the same.

    Raises:
        ManagedViewError: it belongs to a managed set.
    """
    view = platform.store.view(project_id, name)
    check_own(view)
    said = {"description": description, "owner": owner, "folder": folder}
    changes = {field: text.strip() for field, text in said.items() if text is not None}
    return platform.store.update_view(view.id, **changes) if changes else view


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


def diff_versions(
    platform: Platform, project_id: int, name: str, old: int | None = None, new: int | None = None
) -> str:
    """The lines that differ between two versions, as a unified diff; empty when the texts are equal.

    Without `new` the latest is meant, without `old` the one before it.

    Raises:
        NotFoundError: there is no such view or version.
    """
    view = platform.store.view(project_id, name)
    new = view.version if new is None else new
    old = max(1, new - 1) if old is None else old
    texts = [_text_of(platform, view, version) for version in (old, new)]
    before, after = (text.splitlines() for text in texts)
    lines = difflib.unified_diff(
        before, after, f"{view.name}, version {old}", f"{view.name}, version {new}", lineterm=""
    )
    return "\n".join(lines)


def _text_of(platform: Platform, view: SavedQuery, version: int) -> str:
    texts = {each.version: each.sql for each in platform.store.view_versions(view.id)}
    if version not in texts:
        known = ", ".join(map(str, texts))
        raise NotFoundError(f"version of view `{view.name}`", str(version), f"There are {known}.")
    return texts[version]


def restore_view(
    platform: Platform,
    project_id: int,
    name: str,
    version: int,
    *,
    author: str = "",
    expected_version: int | None = None,
    force: bool = False,
) -> SavedQuery:
    """Give the view the text of an earlier version again, as a new version.

    Raises:
        NotFoundError: there is no such view or version.
        HogQLError: that text no longer compiles.
        BreaksReadersError: views written since would break.
    """
    view = platform.store.view(project_id, name)
    return save_view(
        platform,
        project_id,
        view.name,
        _text_of(platform, view, version),
        author=author,
        note=f"Version {version} again.",
        expected_version=expected_version,
        force=force,
    )


def rename_view(platform: Platform, project_id: int, name: str, new_name: str) -> SavedQuery:
    """Give a plain view that nobody reads another name; its history stays.

    A name is what other texts, tables, models and assets say, and none of those is rewritten behind its author's
    back: a view that is read, joined or materialized keeps its name.

    Raises:
        RenameRefusedError: something else says the old name.
        ConflictError: the new name is taken.
    """
    new_name = check_name(new_name)
    with view_exclusively(platform, project_id):
        view = platform.store.view(project_id, name)
        check_own(view)
        if view.name == new_name:
            return view
        if readers := dependents(platform, project_id, view.name):
            verb = "reads" if len(readers) == 1 else "read"
            raise RenameRefusedError(
                view.name,
                f"{quoted(readers)} {verb} it by this name",
                f"Save it as `{new_name}` too, let them read that, then remove this one.",
            )
        for join in platform.store.joins(project_id):
            if view.name.lower() in (join.source_table.lower(), join.joining_table.lower()):
                raise RenameRefusedError(
                    view.name,
                    f"the join `{join.source_table}.{join.field_name}` says this name",
                    "Remove that join first and add it again afterwards.",
                )
        if view.is_materialized:
            raise RenameRefusedError(
                view.name,
                "its table and its runs have this name",
                f"Run `pwh view revert {view.name}`, rename it, and materialize it again.",
            )
        _check_clash(project_graph(platform, project_id), new_name)
        return platform.store.rename_view(view.id, new_name)


def _check_version(platform: Platform, view: SavedQuery, expected: int | None) -> None:
    if expected not in (None, view.version):
        author = platform.store.view_versions(view.id)[-1].author
        raise EditConflictError(view.name, expected or 0, view.version, author)


def remove_view(
    platform: Platform,
    project_id: int,
    name: str,
    *,
    force: bool = False,
    expected_version: int | None = None,
) -> SavedQuery:
    """Remove a view and its table. Returns what it was.

    Raises:
        EditConflictError: it is at another version than the expected one.
        ViewInUseError: other views read it, and `force` was not asked for.
        BusyError: it is being built.
    """
    with view_exclusively(platform, project_id):
        view = platform.store.view(project_id, name)
        check_own(view)
        _check_version(platform, view, expected_version)
        readers = dependents(platform, project_id, view.name)
        if readers and not force:
            raise ViewInUseError(view.name, readers)
        with view_exclusively(platform, project_id, view):
            platform.store.remove_view(view.id)
            platform.store.remove_quality_checks_of(view.id)
            drop_table(platform, view)
    return view


def materialize_view(
    platform: Platform,
    project_id: int,
    name: str,
    every: str | None = None,
    time_of_day: str | None = None,
    *,
    refresh: Refresh = Refresh.SCHEDULE,
    lower_inputs: bool = False,
) -> SavedQuery:
    """Keep the view as a table, rebuilt every so often, after its inputs change, or only when asked for; the first
    build is up to the caller. Without a word it is each day, or what comes nearest to that and has a meaning.

    Args:
        lower_inputs: have what it reads run as often, where that is more seldom now.

    Raises:
        InvalidInputError: not a frequency, shorter than 15 minutes, not a time of day, or one where none belongs.
        CadenceError: what it reads runs more seldom, or the promise of a view above it needs it more often.
        ManagedViewError: it belongs to a managed set.
    """
    frequency = rhythm(every, time_of_day, refresh)
    view = platform.store.view(project_id, name)
    check_own(view)
    examine(platform, project_id, view.name, view.sql)
    model_text(platform, view)
    if frequency is not None:
        frequency = fit_cadence(
            platform,
            project_id,
            view.name,
            frequency,
            is_default=every is None,
            lower_inputs=lower_inputs,
        )
    return platform.store.update_view(
        view.id, is_materialized=True, frequency=frequency, refresh=refresh
    )


def rhythm(every: str | None, time_of_day: str | None, refresh: Refresh) -> Frequency | None:
    """How often a view is built by the clock; None for one that is built otherwise.

    Raises:
        InvalidInputError: no such frequency, too short for a view, not a time of day, or one where none belongs.
    """
    if refresh is not Refresh.SCHEDULE:
        if every is not None or time_of_day:
            when = "after its inputs change" if refresh is Refresh.INPUTS else "only when asked for"
            raise InvalidInputError(
                "sync_frequency",
                f"A view that is built {when} has no frequency and no time of day. Leave one of them out.",
            )
        return None
    frequency = Frequency.parse(
        DEFAULT_EVERY if every is None else every, time_of_day, "sync_frequency"
    )
    if frequency.is_never or frequency.every < FREQUENCIES[SHORTEST]:
        raise InvalidInputError(
            "sync_frequency",
            f"A view can be rebuilt every `{SHORTEST}` at most, not every `{frequency.name}`.",
        )
    if frequency.time_of_day and not frequency.takes_time_of_day:
        raise InvalidInputError(
            "sync_time_of_day",
            f"`{frequency.name}` has no time of day: that is for intervals over an hour, such as `6hour`.",
        )
    return frequency


def resume_view(platform: Platform, project_id: int, name: str) -> SavedQuery:
    """Let a suspended view be built automatically again; what failed before is not counted any more.

    A view that is not suspended stays as it is.
    """
    view = platform.store.view(project_id, name)
    if not view.is_suspended and not view.failures_in_a_row:
        return view
    return platform.store.update_view(view.id, suspended_at=None, failures_in_a_row=0)


def revert_view(platform: Platform, project_id: int, name: str) -> SavedQuery:
    """Make a materialized view plain again: computed when read, its table dropped.

    Raises:
        BusyError: it is being built.
    """
    view = platform.store.view(project_id, name)
    check_own(view)
    if not view.is_materialized:
        raise UserError(f"View `{view.name}` is not materialized; there is nothing to revert.")
    with view_exclusively(platform, project_id, view):
        reverted = mark_plain(platform, view)
        drop_table(platform, view)
    return reverted


def mark_plain(platform: Platform, view: SavedQuery) -> SavedQuery:
    """The store's part of `revert_view`; the table is still there."""
    platform.store.forget_checks(view.id)
    return platform.store.update_view(
        view.id,
        is_materialized=False,
        frequency=None,
        refresh=Refresh.SCHEDULE,
        status=TableStatus.NEVER_RUN,
        last_run_at=None,
        latest_error=None,
        failed_at=None,
        row_count=None,
        incremental_state=None,
        last_build=None,
        failures_in_a_row=0,
        suspended_at=None,
        last_attempt_at=None,
        stale_since=None,
        stale_reason=None,
        built_version=None,
    )


def drop_table(platform: Platform, view: SavedQuery) -> None:
    """Of a materialized view; nothing happens where it has none."""
    if view.is_materialized:
        platform.lakes.of(view.project_id).drop_table("views", view.name)
