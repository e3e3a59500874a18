"""What would break before a view or a table changes: every text below it, compiled against the proposal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from pwh_assets import hogql
from pwh_assets.core.names import nearest
from pwh_assets.core.source import Column
from pwh_assets.core.view import SavedQuery
from pwh_assets.errors import ConflictError, InvalidInputError, NotFoundError, quoted
from pwh_assets.hogql.errors import HogQLError, Problem
from pwh_assets.services.hogql.catalog import build_catalog, project_tables
from pwh_assets.services.hogql.metric_texts import metrics_as_views
from pwh_assets.services.hogql.placing import placed_joins
from pwh_assets.services.lineage.graph import Graph, Node, NodeKind, metric_graph
from pwh_assets.services.platform import Platform
from pwh_assets.services.views.text import as_tables, examine, lake_type

if TYPE_CHECKING:
    from pwh_assets.hogql.catalog import Catalog, TableDef

_VIEWS = (NodeKind.VIEW, NodeKind.MATERIALIZED)


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """A column that goes, comes, or is of another type. Types are the lake's; None where there is no such column."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Break:
    """A view that would not compile any more: where in its text, and why."""

    view: str
    message: str
    line: int
    column: int
    start: int
    end: int
    hint: str | None = None
    via: str | None = None
    """The broken view it reads; then the text itself is fine, and the place is 0."""
    is_materialized: bool = False
    """Its table stays readable as it is; it cannot be rebuilt."""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """A view that reads the table itself, and the columns it could not do without."""

    view: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """What a change comes to. `is_safe` when nothing would break."""

    name: str
    columns: tuple[ColumnChange, ...] = ()
    """How its own columns differ."""
    breaks: tuple[Break, ...] = ()
    changed: tuple[str, ...] = ()
    """Views that go on working with other columns or types than before."""
    joins: tuple[str, ...] = ()
    """Joins that could not be used any more, each as a sentence."""
    uses: tuple[Use, ...] = ()
    readers: tuple[str, ...] = ()
    """Every view downstream."""

    @property
    def is_safe(self) -> bool:
        return not self.breaks and not self.joins

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "is_safe": self.is_safe}


class BreaksReadersError(ConflictError):
    """The new text would break views that read this one; nothing was saved."""

    code = "breaks_readers"

    def __init__(self, impact: Impact) -> None:
        self.impact = impact
        first = impact.breaks[0]
        where = f" (line {first.line}, column {first.column})" if first.line else ""
        names = list(dict.fromkeys(each.view for each in impact.breaks))
        them = "that view" if len(names) == 1 else "those views"
        super().__init__(
            f"View `{impact.name}` cannot be saved so: {quoted(names)} would break. `{first.view}`{where}: "
            f"{first.message.rstrip('.')}. Change {them} first, or force it. Nothing was saved."
        )


def impact_of_text(platform: Platform, project_id: int, name: str, sql: str) -> Impact:
    """What saving this text under an existing view's name would come to.

    Raises:
        NotFoundError: there is no such view.
        HogQLError: the text itself is wrong.
    """
    view = platform.store.view(project_id, name)
    columns, _ = examine(platform, project_id, view.name, sql)
    return impact_of_columns(platform, project_id, view.name, columns)


def impact_of_columns(
    platform: Platform, project_id: int, name: str, columns: Sequence[Column] | None
) -> Impact:
    """What it would come to if the table or view had these columns; None if it were not there at all.

    Raises:
        NotFoundError: nothing has this name, or it has no rows yet.
    """
    return _Proposal(platform, project_id, name).with_columns(columns)


def impact_without(
    platform: Platform, project_id: int, name: str, columns: Sequence[str]
) -> Impact:
    """What it would come to if a table or view lost these columns.

    Raises:
        NotFoundError: nothing has this name.
        InvalidInputError: it has no such column.
    """
    proposal = _Proposal(platform, project_id, name)
    lost = {column.lower() for column in columns}
    known = {column.name.lower(): column for column in proposal.columns}
    if unknown := [column for column in columns if column.lower() not in known]:
        meant = nearest(unknown[0], [column.name for column in proposal.columns])
        hint = f" Did you mean `{meant}`?" if meant else ""
        raise InvalidInputError("columns", f"`{name}` has no column {quoted(unknown)}.{hint}")
    kept = [column for folded, column in known.items() if folded not in lost]
    return proposal.with_columns(kept)


def uses_of(platform: Platform, project_id: int, name: str) -> Impact:
    """Who reads a table or view, and by which of its columns. Nothing is proposed, so nothing breaks."""
    return _Proposal(platform, project_id, name).uses()


class _Proposal:
    """One table or view about to change, and the texts below it."""

    def __init__(self, platform: Platform, project_id: int, name: str) -> None:
        self._platform, self._project_id = platform, project_id
        self._graph: Graph = metric_graph(platform, project_id)
        self.node: Node = _node(self._graph, name)
        self._catalog: Catalog = build_catalog(platform, project_id)
        self._tables = project_tables(platform, project_id)
        self._table = next((t for t in self._tables if t.name == self.node.name), None)
        below = self._graph.reach(self.node.name, self._graph.outputs)
        self._below = [each for each in self._graph.order if each in below]
        self._views = {
            view.name: view for view in platform.store.views(project_id) if view.name in below
        }
        self._views |= metrics_as_views(self._catalog.metrics, project_id, below)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Its columns as they are now."""
        if self._table is None:
            return ()
        return tuple(
            Column(c.name, c.stored or lake_type(c.type), True, c.description)
            for c in self._table.columns
        )

    def with_columns(self, columns: Sequence[Column] | None) -> Impact:
        before = {column.name.lower(): column for column in self.columns}
        after = {column.name.lower(): column for column in columns or ()}
        changes = tuple(_changes(before, after))
        if not changes and columns is not None:
            return Impact(self.node.name, readers=tuple(sorted(self._views)))
        breaks, changed = self._compile(columns)
        return Impact(
            self.node.name,
            changes,
            tuple(breaks),
            tuple(changed),
            self._lost_joins(columns),
            readers=tuple(sorted(self._views)),
        )

    def uses(self) -> Impact:
        direct = [each for each in self._graph.outputs[self.node.name] if each in self._views]
        found: dict[str, list[str]] = {each: [] for each in direct}
        for column in self.columns:
            rest = [each for each in self.columns if each.name != column.name]
            names = [each for each in direct if self._may_name(each, column.name)]
            breaks, changed = self._compile(rest, names) if names else ([], [])
            for name in dict.fromkeys([*(each.view for each in breaks), *changed]):
                found[name].append(column.name)
        return Impact(
            self.node.name,
            uses=tuple(Use(each, tuple(columns)) for each, columns in sorted(found.items())),
            readers=tuple(sorted(self._views)),
        )

    def _may_name(self, view: str, column: str) -> bool:
        """A text that neither spells a column nor takes all of them cannot depend on it, but through a join's key."""
        text = self._views[view].sql.lower()
        return column.lower() in text or "*" in text or "columns" in text or "join" in text

    def _compile(
        self, columns: Sequence[Column] | None, only: Sequence[str] | None = None
    ) -> tuple[list[Break], list[str]]:
        """Every text below, inputs first; each sees what those above it would have become."""
        tables = self._proposed(columns)
        catalog: Catalog | None = None  # made again only after a table of it changed
        broken: dict[str, str] = {}
        changed = {self.node.name}
        breaks: list[Break] = []
        for name in only if only is not None else self._below:
            view = self._views.get(name)
            inputs = self._graph.inputs.get(name, ())
            if view is None or not (changed | broken.keys()).intersection(inputs):
                continue
            through = next((each for each in inputs if each in broken), None)
            if through is not None:
                if not self._views[through].is_materialized:
                    breaks.append(_because(view, through))
                    broken[name] = through
                continue
            if catalog is None:
                catalog = as_tables(
                    replace(self._catalog, tables=tuple(tables.values()), version="")
                )
            try:
                plan = hogql.compile(view.sql, catalog, "duckdb")
            except HogQLError as error:
                if self._is_broken_already(view):
                    continue
                breaks += [_break(view, error, problem) for problem in error.problems]
                broken[name] = self.node.name
                continue
            made = tuple((c.name, lake_type(c.type)) for c in plan.columns)
            if made != tuple((c.name, c.type) for c in view.columns) and self._differs(view, made):
                changed.add(name)
                if name in tables:  # a metric is no table
                    tables[name] = _retyped(tables[name], plan.columns)
                    catalog = None
        return breaks, [name for name in self._below if name in changed]

    def _proposed(self, columns: Sequence[Column] | None) -> "dict[str, TableDef]":
        from pwh_assets.hogql.catalog import ColumnDef
        from pwh_assets.hogql.stored import type_of

        tables: dict[str, TableDef] = {}
        for table in self._joined(columns):
            if table.name == self.node.name and columns is not None:
                known = {column.name: column for column in table.columns}
                made = tuple(
                    known[c.name]
                    if c.name in known and known[c.name].type == type_of(c.type)
                    else ColumnDef(c.name, type_of(c.type), c.description, stored=c.type)
                    for c in columns
                )
                table = replace(table, columns=made)
            tables[table.name] = table
        return tables

    def _joined(self, columns: Sequence[Column] | None) -> "Sequence[TableDef]":
        """All tables with the joins that could still be used."""
        kept = self._platform.store.joins(self._project_id)
        return placed_joins(kept, self._bare(columns))[1]

    def _bare(self, columns: Sequence[Column] | None) -> "list[TableDef]":
        names = {column.name.lower() for column in columns or ()}
        found = []
        for table in self._tables:
            if table.name != self.node.name:
                found.append(table)
            elif columns is not None:
                rest = tuple(each for each in table.columns if each.name.lower() in names)
                found.append(replace(table, columns=rest))
        return found

    def _lost_joins(self, columns: Sequence[Column] | None) -> tuple[str, ...]:
        kept = self._platform.store.joins(self._project_id)
        before = {each.join.id for each in placed_joins(kept, self._tables)[0] if each.is_active}
        return tuple(
            f"Join `{each.join.source_table}.{each.join.field_name}`: {each.problem}"
            for each in placed_joins(kept, self._bare(columns))[0]
            if each.problem is not None and each.join.id in before
        )

    def _is_broken_already(self, view: SavedQuery) -> bool:
        try:
            hogql.compile(view.sql, as_tables(self._catalog), "duckdb")
        except HogQLError:
            return True
        return False

    def _differs(self, view: SavedQuery, made: tuple[tuple[str, str], ...]) -> bool:
        """Whether the answer's columns are others than today's; a view's kept columns may be of before its last edit."""
        plan = hogql.compile(view.sql, as_tables(self._catalog), "duckdb")
        return made != tuple((c.name, lake_type(c.type)) for c in plan.columns)


def _break(view: SavedQuery, error: HogQLError, problem: Problem) -> Break:
    line, column = problem.place(error.text)
    return Break(
        view.name,
        problem.message,
        line,
        column,
        problem.start,
        problem.end,
        problem.hint,
        None,
        view.is_materialized,
        view.owner,
    )


def _because(view: SavedQuery, through: str) -> Break:
    """It would break although its own text is fine."""
    words = f"It reads `{through}`, which would break"
    return Break(view.name, words, 0, 0, 0, 0, None, through, view.is_materialized, view.owner)


def _node(graph: Graph, name: str) -> Node:
    node = graph.find(name)
    if node is not None and node.kind is NodeKind.EXTERNAL:
        node = next((graph.nodes[each] for each in graph.outputs[node.name]), node)
    if node is None:
        meant = nearest(name, list(graph.nodes))
        hint = f"Did you mean `{meant}`?" if meant else "`pwh view list` shows the views there are."
        raise NotFoundError("table or view", name, hint)
    return node


def _changes(before: Mapping[str, Column], after: Mapping[str, Column]) -> Iterator[ColumnChange]:
    for folded, column in before.items():
        new = after.get(folded)
        if new is None:
            yield ColumnChange(column.name, column.type, None)
        elif not _same_type(column.type, new.type):
            yield ColumnChange(column.name, column.type, new.type)
    for folded, column in after.items():
        if folded not in before:
            yield ColumnChange(column.name, None, column.type)


def _same_type(one: str, other: str) -> bool:
    """Spellings of one HogQL type are one type: nobody downstream can tell `INTEGER` from `BIGINT`."""
    from pwh_assets.hogql.stored import type_of

    return one.upper() == other.upper() or type_of(one) == type_of(other)


def _retyped(table: "TableDef", columns: Iterable[Any]) -> "TableDef":
    from pwh_assets.hogql.catalog import ColumnDef

    return replace(table, columns=tuple(ColumnDef(c.name, c.type) for c in columns))
