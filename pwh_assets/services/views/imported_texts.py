"""The texts of an import, each compiled after those it reads, before any of them is saved."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pwh_assets.core.source import Column
from pwh_assets.core.view import SavedQuery, ViewOrigin
from pwh_assets.errors import InvalidInputError
from pwh_assets.hogql.catalog import ColumnDef, TableDef
from pwh_assets.hogql.errors import HogQLError, SyntaxProblem
from pwh_assets.hogql.stored import type_of
from pwh_assets.services.hogql.catalog import build_catalog
from pwh_assets.services.lineage.graph import Graph, NodeKind
from pwh_assets.services.platform import Platform
from pwh_assets.services.views.files import FileProblem, ViewFile
from pwh_assets.services.views.text import examine_in


@dataclass(slots=True)
class Text:
    """A text that has to be looked at: of a file, or of a view that a change reaches."""

    name: str
    sql: str
    file: ViewFile | None
    columns: tuple[Column, ...] = ()
    inputs: tuple[str, ...] = ()
    waits_for: dict[str, int] = field(default_factory=dict)
    """Names of texts that come first, with the character at which this one says each."""


class Texts:
    """Every text of an import that is new or that a change reaches. `done` are those that are right, in an order in
    which each follows what it reads; what is wrong with the others is in `problems`.
    """

    def __init__(
        self,
        platform: Platform,
        project_id: int,
        files: Sequence[ViewFile],
        views: Mapping[str, SavedQuery],
        graph: Graph,
        is_rewritten: Callable[[ViewFile], bool],
    ) -> None:
        """`views` are those there are, by their names in lower case; `is_rewritten` tells files whose text differs."""
        self.files, self.views, self.graph = files, views, graph
        self.problems: list[FileProblem] = []
        self.done: dict[str, Text] = {}
        self._is_rewritten = is_rewritten
        self._gone: frozenset[str] = frozenset()
        base = build_catalog(platform, project_id)
        self.catalog, self._before = base, base.by_name
        self._tables: dict[str, TableDef] = {}

    def compile(
        self, rewritten: Sequence[str], touched: Sequence[str], removed: Sequence[str]
    ) -> None:
        """Compile them.

        Args:
            rewritten: views whose text is another one.
            touched: views of which something is judged by the text.
            removed: views there will be no more.
        """
        gone = self._gone = frozenset(name.lower() for name in removed)
        reached = {name.lower() for name in touched}
        for name in (*rewritten, *removed):
            reached |= {each.lower() for each in self.graph.reach(name, self.graph.outputs)}
        by_name = {file.name.lower(): file for file in self.files}
        texts: dict[str, Text] = {}
        for key, file in by_name.items():
            view = self.views.get(key)
            if (view is None or key in reached) and text_of(file):
                texts[key] = Text(view.name if view else file.name, text_of(file), file)
        for key in reached - gone - texts.keys():
            view = self.views.get(key)
            if view is not None and view.origin is not ViewOrigin.DBT:
                texts[key] = Text(view.name, view.sql, None)
        self._tables = {
            table.name.lower(): table
            for table in self.catalog.tables
            if table.name.lower() not in texts and table.name.lower() not in gone
        }
        self._renew_catalog()
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

    def _try(self, text: Text, texts: dict[str, Text]) -> bool:
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
        known = self._before.get(key)
        columns = tuple(ColumnDef(c.name, type_of(c.type), c.description) for c in text.columns)
        kept = known if known is not None and known.kind in ("view", "materialized") else None
        self._tables[key] = (
            replace(kept, columns=columns, view_sql=text.sql, physical=(), kind="view")
            if kept
            else TableDef(text.name, columns, view_sql=text.sql, kind="view")
        )
        self._renew_catalog()
        self.done[key] = text
        return True

    def _renew_catalog(self) -> None:
        self.catalog = replace(self.catalog, tables=tuple(self._tables.values()), version="")

    def _mistakes(self, text: Text, error: HogQLError) -> Iterator[FileProblem]:
        for problem in error.problems:
            message = f"{problem.message.rstrip('.')}.{f' {problem.hint}' if problem.hint else ''}"
            name = _said(error, problem.start, problem.end)
            node = self.graph.find(name)
            if problem.code == SyntaxProblem.UNKNOWN_TABLE and node is not None:
                if node.kind is NodeKind.SYNCED:
                    message = f"`{node.name}` was never synced. Run `pwh sync {node.name}` first."
                elif node.name.lower() in self._gone:
                    message = f"It reads `{node.name}`, which has no file and would be removed."
            yield self._at(text, problem.start, message)

    def _say_circles(self, left: dict[str, Text]) -> None:
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

    def _bad_text(self, text: Text, start: int, message: str) -> None:
        self.problems.append(self._at(text, start, message))

    def _at(self, text: Text, start: int, message: str) -> FileProblem:
        before = text.sql[:start]
        line, column = before.count("\n"), start - (before.rfind("\n") + 1) + 1
        if text.file is not None:
            return FileProblem(text.file.path, text.file.line + line, column, message)
        # A view without a file breaks: whoever changes what it reads has to know.
        reads = self.graph.reach(text.name, self.graph.inputs)
        blamed = next((f for f in self.files if self._is_rewritten(f) and f.name in reads), None)
        words = f"View `{text.name}`, which has no file here, would break: {message}"
        path = blamed.path if blamed else f"{text.name}.sql"
        return FileProblem(path, blamed.line if blamed else 1, 1, words)


def text_of(file: ViewFile) -> str:
    """The HogQL of a file, without a semicolon at its end."""
    return file.sql.strip().rstrip(";").rstrip()


def _said(error: HogQLError, start: int, end: int) -> str:
    return error.text[start:end].replace("`", "").replace('"', "").lower()
