"""Bringing a folder of view files in: looked at as a whole, told with every mistake at its place, applied whole or not."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.in_place import is_in_place
from pwh_assets.core.quality import QualityCheck
from pwh_assets.core.view import Refresh, SavedQuery
from pwh_assets.errors import InvalidInputError, UserError, quoted
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
from pwh_assets.services.views.imported_rhythms import (
    as_view,
    kept_as,
    rhythm_of,
    rhythm_problems,
)
from pwh_assets.services.views.imported_texts import Texts, text_of
from pwh_assets.services.views.warehouse import check_engine

_FACTS = (
    "description",
    "owner",
    "folder",
    "refresh",
    "every",
    "at",
    "incremental",
    "engine",
    "freshness_target",
    "audit_blocks",
    "checks",
)
_RHYTHM = ("refresh", "every", "at")
_TEXTUAL = frozenset(("query", "materialized", "incremental"))
"""Changes that are judged by the text."""
_PACED = frozenset(("materialized", "freshness_target"))
"""Changes that are judged by how often other things run."""


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
        self.texts = Texts(
            platform, project_id, self.files, self.views, self.graph, self._is_rewritten
        )

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
        self.texts.compile(
            [each.name for each in changed if "query" in each.words],
            [each.name for each in changed if _TEXTUAL & set(each.words)],
            removed,
        )
        for file in self.files:
            self._check_parts(file)
        self._check_rhythms((*added, *changed), removed)
        found = (*self.problems, *self.texts.problems)
        ordered = sorted(found, key=lambda each: (each.path, each.line, each.column))
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
        words = ["query"] if before.sql.strip() != text_of(file) else []
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
        if file.engine:
            try:
                known = view or SavedQuery("", self.project_id, file.name, file.sql)
                check_engine(self.platform, known, file.engine)
            except UserError as error:
                self._bad(file, error.sentence, "engine")
        if not text_of(file):
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
        text = self.texts.done.get(file.name.lower())
        if text is None or file.refresh is None:
            return
        catalog = self.texts.catalog
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

    def _check_rhythms(self, changes: Sequence[ViewChange], removed: Sequence[str]) -> None:
        """Cadences and targets, in the project as the import would leave it."""
        gone = {name.lower() for name in removed}
        views = {key: view for key, view in self.views.items() if key not in gone}
        done, wrong = self.texts.done, {each.path for each in self.problems}
        right = [file for file in self.files if file.path not in wrong]
        for file in right:
            key = file.name.lower()
            if key in done or key in views:
                views[key] = as_view(file, views.get(key), self.project_id, done.get(key))
        asked = {each.name.lower() for each in changes if _PACED & set(each.words)}
        files = [file for file in right if file.name.lower() in asked & views.keys()]
        self.problems += rhythm_problems(
            self.platform, self.project_id, files, list(views.values())
        )

    def _is_rewritten(self, file: ViewFile) -> bool:
        return "query" in self._words(file, self.views.get(file.name.lower()))

    def _bad(self, file: ViewFile, message: str, word: str | None = None) -> None:
        self.problems.append(file.problem(message, word))

    # -- applying ----------------------------------------------------------------------------

    def apply(self, plan: ImportPlan, author: str) -> None:
        store = self.platform.store
        files = {file.name.lower(): file for file in self.files}
        changes = {each.name.lower(): each for each in (*plan.added, *plan.changed)}
        order = [key for key in self.texts.done if key in changes]
        order += [key for key in changes if key not in self.texts.done]
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
        text = self.texts.done.get(file.name.lower())
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
                **kept_as(file),
                "incremental": file.incremental,
                "engine": file.engine,
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


def _filled(checks: Sequence[Any]) -> list[dict[str, Any]]:
    """Check entries with the words one may leave out."""
    return sorted(
        ({"severity": "error", **each} for each in checks),
        key=lambda each: str(each.get("name", "")),
    )
