"""Which views have to be rebuilt because what they read changed: a pure decision, once per change, inputs first."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pwh_assets.core.source import TableStatus
from pwh_assets.core.view import Refresh, SavedQuery
from pwh_assets.services.lineage.graph import Graph, NodeKind
from pwh_assets.store.jobs import ABANDONED_SENTENCE

LONGEST_WAIT = timedelta(minutes=15)
"""So long a change waits at most for syncs and builds underway that may change the view's inputs as well."""
ASK_AGAIN = timedelta(minutes=10)
"""A build that was asked for and never began is asked for again after this, three times in all."""
MOST_ASKS = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """What was noticed about one view: the newest change, since when, and how often its build was asked for."""

    change: int
    since: datetime
    asked: int = 0
    asked_at: datetime | None = None


@dataclass(frozen=True)
class World:
    """One look at a project."""

    graph: Graph
    views: Mapping[str, SavedQuery]
    changed: Mapping[str, int]
    """Stored table or view -> the snapshot in which its rows or columns last changed."""
    underway: Collection[str]
    """Tables and views that a run is making or is about to."""
    waiting: Mapping[str, str]
    """View that is suspended or paused, or reads one that is -> that one."""
    now: datetime


@dataclass(frozen=True)
class Decision:
    build: tuple[str, ...] = ()
    """Views to build now in one run, inputs before readers."""
    seen: Mapping[str, Seen] = field(default_factory=dict)
    """View id -> what to remember until the next look."""
    held: Mapping[str, str] = field(default_factory=dict)
    """View that is due and not built yet -> why, for a sentence."""
    skipped: Mapping[str, str] = field(default_factory=dict)
    """View that is due and not built at all while another one it reads is suspended -> that one."""

    @property
    def is_settled(self) -> bool:
        """Nothing is due and nothing waits: time alone changes nothing."""
        return not (self.build or self.seen or self.held or self.skipped)


def decide(world: World, before: Mapping[str, Seen]) -> Decision:
    """What to build now.

    A view is due when something stored that it reads, directly or through plain views, changed after its last build
    began: not when it was merely synced. It is built a look after the change was first seen, with everything else
    that arrived by then; while a run underway may change its inputs too, it waits, for `LONGEST_WAIT` at most. Views
    that follow it are built after it in the same run.
    """
    build: dict[str, None] = {}
    seen: dict[str, Seen] = {}
    held: dict[str, str] = {}
    skipped: dict[str, str] = {}
    for name in world.graph.order:
        view = world.views.get(name)
        if view is None or not follows(view):
            continue
        inputs = rows_read(world.graph, name, world.changed)
        change = _newest_change(world, view, inputs)
        leads = [each for each in inputs if each in build]
        behind = [each for each in inputs if each in held]
        if change is None and not leads:
            continue
        if name in world.waiting:
            root = world.waiting[name]
            held[name] = f"`{root}` is suspended or paused"
            if root != name:
                skipped[name] = root
            continue
        if name in world.underway:
            held[name] = "it is being built"
            continue
        known = before.get(view.id)
        note = Seen(change, world.now) if change is not None else None
        if note and known and known.change == change:
            note = known
        elif note and known and not known.asked:
            note = Seen(note.change, known.since)  # it waits since the first change, not the last
        if note:
            seen[view.id] = note
        if not leads and note is not None:
            if note.asked and not _asks_again(note, world.now):
                held[name] = "its build was asked for"
                continue
            if known is None or (note.since == world.now):
                held[name] = "more may come with the change"
                continue
        busy = [each for each in inputs if each in world.underway]
        waited = world.now - note.since if note else timedelta()
        if (busy or behind) and waited < LONGEST_WAIT:
            held[name] = f"`{(busy or behind)[0]}` is on its way too"
            continue
        build[name] = None
        if note:
            seen[view.id] = Seen(note.change, note.since, note.asked + 1, world.now)
    return Decision(tuple(build), seen, held, skipped)


def follows(view: SavedQuery) -> bool:
    """Whether a view is rebuilt when its inputs change."""
    return view.is_materialized and view.refresh is Refresh.INPUTS


def rows_read(graph: Graph, name: str, stored: Collection[str]) -> tuple[str, ...]:
    """Everything with rows of its own that a view reads, looking through views without any."""
    found: dict[str, None] = {}
    seen = {name}
    queue = list(graph.inputs.get(name, ()))
    for each in queue:
        if each in seen:
            continue
        seen.add(each)
        node = graph.nodes[each]
        if node.kind is NodeKind.EXTERNAL:
            continue
        if node.kind is not NodeKind.VIEW:
            found[each] = None
        if node.kind is NodeKind.VIEW or each not in stored:
            queue += graph.inputs.get(each, ())
    return tuple(found)


def _newest_change(world: World, view: SavedQuery, inputs: Collection[str]) -> int | None:
    """The newest change its last build cannot have seen; None when it has seen all there is."""
    known = [world.changed[each] for each in inputs if each in world.changed]
    if not known:
        return None
    was_killed = view.status is TableStatus.FAILED and view.latest_error == ABANDONED_SENTENCE
    if view.attempted_snapshot is None or was_killed:
        return max(known)
    if max(known) > view.attempted_snapshot:
        return max(known)
    began = view.last_attempt_at
    texts = [view, *_plain_above(world, view.name)] if began else []
    if any(each.version > 1 and each.updated_at and each.updated_at > began for each in texts):  # type: ignore[operator]
        return max(known)
    return None


def _plain_above(world: World, name: str) -> list[SavedQuery]:
    """The plain views whose text is part of what a view is built from."""
    found, seen, queue = [], {name}, list(world.graph.inputs.get(name, ()))
    for each in queue:
        view = world.views.get(each)
        if each in seen or view is None or view.is_materialized:
            continue
        seen.add(each)
        found.append(view)
        queue += world.graph.inputs.get(each, ())
    return found


def _asks_again(note: Seen, now: datetime) -> bool:
    """Whether a build that was asked for and did not begin is asked for once more."""
    return note.asked < MOST_ASKS and note.asked_at is not None and now - note.asked_at >= ASK_AGAIN
