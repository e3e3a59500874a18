"""Bringing a folder of view files in: looked at as a whole, told with every mistake at its place, applied whole or not."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pwh_assets.core.frequency import FREQUENCIES, Frequency
from pwh_assets.core.in_place import is_in_place
from pwh_assets.core.quality import QualityCheck
from pwh_assets.core.source import Column
from pwh_assets.core.view import Refresh, SavedQuery, ViewOrigin
from pwh_assets.errors import InvalidInputError, UserError, quoted
from pwh_assets.hogql.catalog import ColumnDef, TableDef
from pwh_assets.hogql.errors import HogQLError, SyntaxProblem
from pwh_assets.hogql.stored import type_of
from pwh_assets.services.hogql.catalog import build_catalog
from pwh_assets.services.lineage.graph import Graph, NodeKind, project_graph
from pwh_assets.services.models.project import model_name
from pwh_assets.services.platform import Platform
from pwh_assets.services.views.builds import view_exclusively
from pwh_assets.services.views.files import (
    FileProblem,
    FilesRefusedError,
    ViewFile,
    file_of,
    is_exportable,
    read_files,
)
from pwh_assets.services.views.text import examine_in

SHORTEST = "15min"
_FACTS = (
    "description",
    "owner",
    "folder",
    "refresh",
    "every",
    "at",
    "incremental",
    "freshness_target",
    "audit_blocks",
    "checks",
)
_RHYTHM = ("refresh", "every", "at")
_TEXTUAL = frozenset(("query", "materialized", "incremental"))
"""Changes that are judged by the text."""


@dataclass(frozen=True, slots=True)
class ViewChange:
    """A view the import makes or changes. `words` are what differs: `query`, `description`, `materialized`, …"""

    name: str
    path: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import would do. With `problems` it does nothing."""

    added: tuple[ViewChange, ...] = ()
    changed: tuple[ViewChange, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    """Views that have no file and stay; `prune` removes them."""
    problems: tuple[FileProblem, ...] = ()


def plan_import(
    platform: Platform, project_id: int, folder: Path, *, prune: bool = False
) -> ImportPlan:
    """What `import_views` would do. Raises InvalidInputError when there is no such folder."""
    return _Import(platform, project_id, folder, prune).plan()


def import_views(
    platform: Platform,
    project_id: int,
    folder: Path,
    *,
    prune: bool = False,
    author: str = "",
) -> ImportPlan:
    """Make the views people saved what the folder says, in one transaction.

    Args:
        prune: also remove views that have no file.
        author: of the new versions.

    Raises:
        FilesRefusedError: with every mistake of every file; nothing was changed.
        InvalidInputError: there is no such folder.
        BusyError: a view that has to go, or become plain, is being built.
    """
    with view_exclusively(platform, project_id):
        work = _Import(platform, project_id, folder, prune)
        plan = work.plan()
        if plan.problems:
            raise FilesRefusedError(plan.problems)
        work.apply(plan, author)
    return plan


@dataclass(slots=True)
class _Text:
    """A text that has to be looked at: of a file, or of a view that a change reaches."""

    name: str
    sql: str
    file: ViewFile | None
    columns: tuple[Column, ...] = ()
    inputs: tuple[str, ...] = ()
    waits_for: dict[str, int] = field(default_factory=dict)
    """Names of texts that come first, with the character at which this one says each."""


class _Import:
    def __init__(self, platform: Platform, project_id: int, folder: Path, prune: bool) -> None:
        self.platform, self.project_id, self.prune = platform, project_id, prune
        self.files, self.problems = read_files(folder)
        self.has_broken_files = bool(self.problems)
        self.views = {v.name.lower(): v for v in platform.store.views(project_id)}
        self.graph: Graph = project_graph(platform, project_id)
        self.checks: dict[str, list[QualityCheck]] = {}
        for check in platform.store.quality_checks(project_id):
            self.checks.setdefault(check.subject_id, []).append(check)
        self.done: dict[str, _Text] = {}

    # -- looking -----------------------------------------------------------------------------

    def plan(self) -> ImportPlan:
        added, changed, unchanged = [], [], []
        for file in self.files:
            view = self.views.get(file.name.lower())
            self._check_file(file, view)
            words = self._words(file, view)
            change = ViewChange(view.name if view else file.name, file.path, words)
            if view is None:
                added.append(change)
            elif words:
                changed.append(change)
            else:
                unchanged.append(view.name)
        # A file that could not be read may be anybody's: nothing counts as missing then.
        named = {file.name.lower() for file in self.files}
        without = [
            view.name
            for key, view in self.views.items()
            if key not in named and is_exportable(view) and not self.has_broken_files
        ]
        removed = without if self.prune else []
        self._check_models(removed)
        self._compile(changed, removed)
        for file in self.files:
            self._check_parts(file)
        ordered = sorted(self.problems, key=lambda each: (each.path, each.line, each.column))
        return ImportPlan(
            tuple(added),
            tuple(changed),
            tuple(unchanged),
            tuple(removed),
            () if self.prune else tuple(without),
            tuple(dict.fromkeys(ordered)),
        )

    def _words(self, file: ViewFile, view: SavedQuery | None) -> tuple[str, ...]:
        """What differs from the view as it is; of a new one, what is said of it."""
        before = (
            file_of(view, self.checks.get(view.id, ()))
            if view
            else ViewFile(file.name, file.path, "")
        )
        words = ["query"] if before.sql.strip() != _sql(file) else []
        for fact in _FACTS:
            one, other = getattr(before, fact), getattr(file, fact)
            if fact == "checks":
                one, other = _filled(one), _filled(other)
            elif fact == "every" and file.refresh is Refresh.SCHEDULE:
                other = other or "24hour"
            if one != other:
                words.append("materialized" if fact in _RHYTHM else fact)
        return tuple(dict.fromkeys(words))

    def _check_file(self, file: ViewFile, view: SavedQuery | None) -> None:
        from pwh_assets.services.views.saved import check_name

        try:
            check_name(file.name)
            rhythm_of(file)
            if file.freshness_target:
                Frequency.parse(file.freshness_target, attr="freshness_target")
        except InvalidInputError as error:
            word = {"name": None, "freshness_target": "freshness_target"}.get(
                error.attr or "", "materialized"
            )
            self._bad(file, error.sentence, word)
        if not _sql(file):
            self._bad(file, f"View `{file.name}` has no text. Write the HogQL it stands for.")
        if view is not None and not is_exportable(view):
            by = view.managed_by or view.origin.value
            self._bad(file, f"`{view.name}` is written and kept by `{by}`. Take the file out.")
        taken = self.graph.find(file.name)
        is_view = taken is not None and taken.kind in (NodeKind.VIEW, NodeKind.MATERIALIZED)
        if taken is not None and view is None and not is_view:
            kind = taken.kind.value.replace("_", " ")
            self._bad(
                file, f"`{file.name}` is a name of the {kind} `{taken.name}`. Rename the file."
            )

    def _check_models(self, removed: Sequence[str]) -> None:
        """Two names that would be one dbt model."""
        gone = {name.lower() for name in removed}
        taken = {
            model_name(view.name).lower(): view.name
            for key, view in self.views.items()
            if key not in gone
        }
        for file in self.files:
            other = taken.setdefault(model_name(file.name).lower(), file.name)
            if other.lower() != file.name.lower():
                self._bad(file, f"`{file.name}` and `{other}` would be one dbt model. Rename one.")

    def _check_parts(self, file: ViewFile) -> None:
        """What only a text that compiles can be asked: whether it can be a table, and be built in parts."""
        text = self.done.get(file.name.lower())
        if text is None or file.refresh is None:
            return
        catalog = self.catalog
        outside = [
            name
            for name in text.inputs
            if (table := catalog.by_name.get(name.lower())) and is_in_place(table.physical)
        ]
        if outside:
            self._bad(
                file,
                f"It reads {quoted(outside)} where the files lie, so it cannot be kept as a table.",
                "materialized",
            )
        if file.incremental:
            from pwh_assets.hogql.incremental import analysis_of, eligibility

            keys = {
                table.table_name: table.primary_key
                for table in self.platform.store.tables(self.project_id)
                if table.primary_key
            }
            found = eligibility(
                analysis_of(text.sql, catalog),
                file.incremental["key"],
                tuple(file.incremental["unique_key"]),
                looks_back=file.incremental["lookback_seconds"] > 0,
                primary_keys=keys,
            )
            if not found.eligible:
                self._bad(
                    file, f"It cannot be built in parts: {' '.join(found.blockers)}", "incremental"
                )

    # -- compiling ---------------------------------------------------------------------------

    def _compile(self, changed: Sequence[ViewChange], removed: Sequence[str]) -> None:
        """Every text that is new or that a change reaches, each after those it reads."""
        gone = {name.lower() for name in removed}
        rewritten = [change.name for change in changed if "query" in change.words]
        reached = {change.name.lower() for change in changed if _TEXTUAL & set(change.words)}
        for name in (*rewritten, *removed):
            reached |= {each.lower() for each in self.graph.reach(name, self.graph.outputs)}
        by_name = {file.name.lower(): file for file in self.files}
        texts: dict[str, _Text] = {}
        for key, file in by_name.items():
            view = self.views.get(key)
            if (view is None or key in reached) and _sql(file):
                texts[key] = _Text(view.name if view else file.name, _sql(file), file)
        for key in reached - gone - texts.keys():
            view = self.views.get(key)
            if view is not None and view.origin is not ViewOrigin.DBT:
                texts[key] = _Text(view.name, view.sql, None)
        base = build_catalog(self.platform, self.project_id)
        self.before = base.by_name
        self.tables = {
            table.name.lower(): table
            for table in base.tables
            if table.name.lower() not in texts and table.name.lower() not in gone
        }
        self.catalog = replace(base, tables=tuple(self.tables.values()), version="")
        readers: dict[str, list[str]] = {}
        queue = sorted(texts)
        for key in queue:
            if key in self.done or not self._try(texts[key], texts):
                for above in texts[key].waits_for:
                    readers.setdefault(above, []).append(key)
                continue
            for reader in readers.pop(key, ()):
                waits = texts[reader].waits_for
                waits.pop(key, None)
                if not waits:
                    queue.append(reader)
        self._say_circles(
            {key: text for key, text in texts.items() if text.waits_for and key not in self.done}
        )

    def _try(self, text: _Text, texts: dict[str, _Text]) -> bool:
        """Compile one; False when it has to wait for others or is wrong, which is noted."""
        try:
            text.columns, text.inputs = examine_in(self.catalog, text.name, text.sql)
        except HogQLError as error:
            for problem in error.problems:
                name = _said(error, problem.start, problem.end)
                if problem.code == SyntaxProblem.UNKNOWN_TABLE and name in texts:
                    text.waits_for.setdefault(name, problem.start)
            if not text.waits_for:
                self.problems += self._mistakes(text, error)
            return False
        except InvalidInputError as error:
            self._bad_text(text, 0, error.sentence)
            return False
        key = text.name.lower()
        known = self.before.get(key)
        columns = tuple(ColumnDef(c.name, type_of(c.type), c.description) for c in text.columns)
        kept = known if known is not None and known.kind in ("view", "materialized") else None
        self.tables[key] = (
            replace(kept, columns=columns, view_sql=text.sql, physical=(), kind="view")
            if kept
            else TableDef(text.name, columns, view_sql=text.sql, kind="view")
        )
        self.catalog = replace(self.catalog, tables=tuple(self.tables.values()))
        self.done[key] = text
        return True

    def _mistakes(self, text: _Text, error: HogQLError) -> Iterator[FileProblem]:
        for problem in error.problems:
            message = f"{problem.message.rstrip('.')}.{f' {problem.hint}' if problem.hint else ''}"
            name = _said(error, problem.start, problem.end)
            node = self.graph.find(name)
            if problem.code == SyntaxProblem.UNKNOWN_TABLE and node is not None:
                if node.kind is NodeKind.SYNCED:
                    message = f"`{node.name}` was never synced. Run `pwh sync {node.name}` first."
                elif node.name.lower() in self.views and self.prune:
                    message = f"It reads `{node.name}`, which has no file and would be removed."
            yield self._at(text, problem.start, message)

    def _say_circles(self, left: dict[str, _Text]) -> None:
        """Texts that wait for each other; one that only waits for something wrong is not to blame."""
        told: set[str] = set()
        for key in sorted(left):
            way, each = [], key
            while each in left and each not in way:
                way.append(each)
                each = next((a for a in left[each].waits_for if a in left), "")
            circle = way[way.index(each) :] if each in way else []
            if circle and not told & set(circle):
                told |= set(circle)
                first = min(circle)
                turned = circle[circle.index(first) :] + circle[: circle.index(first)]
                names = " -> ".join(left[name].name for name in (*turned, first))
                text, following = left[first], (*turned, first)[1]
                self._bad_text(text, text.waits_for[following], f"It would read itself: `{names}`.")

    def _bad_text(self, text: _Text, start: int, message: str) -> None:
        self.problems.append(self._at(text, start, message))

    def _at(self, text: _Text, start: int, message: str) -> FileProblem:
        before = text.sql[:start]
        line, column = before.count("\n"), start - (before.rfind("\n") + 1) + 1
        if text.file is not None:
            return FileProblem(text.file.path, text.file.line + line, column, message)
        # A view without a file breaks: whoever changes what it reads has to know.
        reads = self.graph.reach(text.name, self.graph.inputs)
        blamed = next((f for f in self.files if self._is_changed(f) and f.name in reads), None)
        words = f"View `{text.name}`, which has no file here, would break: {message}"
        path = blamed.path if blamed else f"{text.name}.sql"
        return FileProblem(path, blamed.line if blamed else 1, 1, words)

    def _is_changed(self, file: ViewFile) -> bool:
        return "query" in self._words(file, self.views.get(file.name.lower()))

    def _bad(self, file: ViewFile, message: str, word: str | None = None) -> None:
        self.problems.append(file.problem(message, word))

    # -- applying ----------------------------------------------------------------------------

    def apply(self, plan: ImportPlan, author: str) -> None:
        store = self.platform.store
        files = {file.name.lower(): file for file in self.files}
        changes = {each.name.lower(): each for each in (*plan.added, *plan.changed)}
        order = [key for key in self.done if key in changes]
        order += [key for key in changes if key not in self.done]
        reverted = []
        with ExitStack() as held:
            for name in plan.removed:
                held.enter_context(
                    view_exclusively(self.platform, self.project_id, self.views[name.lower()])
                )
            with store.all_or_nothing(self.project_id):
                for key in order:
                    view = self._save(files[key], changes[key], author)
                    if view.is_materialized and files[key].refresh is None:
                        reverted.append(view.name)
                for key in order:
                    if "checks" in changes[key].words:
                        self._declare(files[key])
                for name in plan.removed:
                    store.remove_view(self.views[name.lower()].id)
                    store.remove_quality_checks_of(self.views[name.lower()].id)
                self._revert(reverted)
            for name in plan.removed:
                view = self.views[name.lower()]
                if view.is_materialized:
                    self.platform.lakes.of(self.project_id).drop_table(*view.place)

    def _save(self, file: ViewFile, change: ViewChange, author: str) -> SavedQuery:
        store = self.platform.store
        text = self.done.get(file.name.lower())
        view = self.views.get(file.name.lower())
        if view is None or "query" in change.words:
            assert text is not None
            view = store.save_view(
                self.project_id,
                change.name,
                text.sql,
                text.columns,
                text.inputs,
                author=author,
                note=f"Imported from `{file.path}`.",
            )
        values: dict[str, Any] = {
            "description": file.description,
            "owner": file.owner,
            "folder": file.folder,
            "freshness_target": file.freshness_target,
            "audit_blocks": file.audit_blocks,
        }
        if file.refresh is not None:
            values |= {
                "is_materialized": True,
                "refresh": file.refresh,
                "frequency": rhythm_of(file),
                "incremental": file.incremental,
            }
            if file.incremental != view.incremental:
                values["incremental_state"] = None
        return store.update_view(view.id, **values)

    def _declare(self, file: ViewFile) -> None:
        """Make the view's checks what its file says. Raises FilesRefusedError."""
        from pwh_assets.services.quality.document import apply_document

        store = self.platform.store
        view = store.view(self.project_id, file.name)
        entries = [{**entry, "table": file.name} for entry in file.checks]
        try:
            apply_document(self.platform, self.project_id, json.dumps({"checks": entries}))
        except UserError as error:
            words = error.sentence.removeprefix("Nothing was changed. ")
            raise FilesRefusedError([file.problem(words, "checks")]) from None
        names = {str(entry.get("name")) for entry in _filled(file.checks)}
        for check in store.quality_checks(self.project_id, view.id):
            if check.name not in names and all("name" in entry for entry in file.checks):
                store.remove_quality_check(self.project_id, check.id)

    def _revert(self, names: Sequence[str]) -> None:
        from pwh_assets.services.views.saved import revert_view

        for name in names:
            revert_view(self.platform, self.project_id, name)


def rhythm_of(file: ViewFile) -> Frequency | None:
    """How often the view is built; None for one that is plain or built otherwise.

    Raises:
        InvalidInputError: no such frequency, too short for a view, or one where none belongs.
    """
    if file.refresh is not Refresh.SCHEDULE:
        if file.every or file.at:
            raise InvalidInputError(
                "sync_frequency", "`every` and `at` belong to a view that is built by the clock."
            )
        return None
    frequency = Frequency.parse(file.every or "24hour", file.at)
    if frequency.is_never or frequency.every < FREQUENCIES[SHORTEST]:
        raise InvalidInputError(
            "sync_frequency",
            f"A view can be rebuilt every `{SHORTEST}` at most, not every `{frequency.name}`.",
        )
    return frequency


def _sql(file: ViewFile) -> str:
    return file.sql.strip().rstrip(";").rstrip()


def _said(error: HogQLError, start: int, end: int) -> str:
    return error.text[start:end].replace("`", "").replace('"', "").lower()


def _filled(checks: Sequence[Any]) -> list[dict[str, Any]]:
    """Check entries with the words one may leave out."""
    return sorted(
        ({"severity": "error", **each} for each in checks),
        key=lambda each: str(each.get("name", "")),
    )
