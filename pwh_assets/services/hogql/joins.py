"""Joins people make between tables: tried on rows, kept, listed, removed."""

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pwh_assets.core.access import Caller
from pwh_assets.core.language import TableJoin
from pwh_assets.errors import ConflictError, InvalidInputError, NotFoundError, PwhError
from pwh_assets.services.hogql.catalog import build_catalog, project_tables
from pwh_assets.services.hogql.placing import (
    PlacedJoin,
    automatic_joins,
    condition,
    field_of,
    has_field,
    keys,
    placed_joins,
)
from pwh_assets.services.platform import Platform

if TYPE_CHECKING:
    from pwh_assets.hogql.catalog import TableDef

_FIELD = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,199}")
PROBE_ROWS = 10


@dataclass(frozen=True, slots=True)
class JoinProbe:
    """What an INNER JOIN of a few rows came to. `results` are pairs of keys that met."""

    is_valid: bool
    msg: str | None
    hogql: str
    results: tuple[tuple[Any, ...], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "is_valid": self.is_valid,
            "msg": self.msg,
            "hogql": self.hogql,
            "results": [list(row) for row in self.results],
        }


def list_joins(platform: Platform, project_id: int) -> list[PlacedJoin]:
    """All joins, automatic ones too; each says whether it can be used now and else why not."""
    tables = project_tables(platform, project_id)
    return placed_joins(platform.store.joins(project_id), tables)[0]


def add_join(platform: Platform, project_id: int, join: TableJoin) -> TableJoin:
    """Keep a join after a look at both sides; one of the same table and field is replaced.

    Raises:
        InvalidInputError: a table, a key or the field's name cannot be used.
        ConflictError: the table has a field of that name.
        NotFoundError: there is no such table.
    """
    source, joining = _sides(platform, project_id, join)
    if not _FIELD.fullmatch(join.field_name):
        raise InvalidInputError(
            "field_name",
            f"`{join.field_name}` cannot be a field's name. Use letters, digits and `_`, no dots.",
        )
    kept = replace(join, source_table=source.name, joining_table=joining.name, is_removed=False)
    bare = _bare(platform, project_id, source.name)
    if has_field(bare, join.field_name):
        raise ConflictError(
            f"`{source.name}` has a field `{join.field_name}` already. Choose another field name."
        )
    _check_keys(platform, project_id, kept, source, joining)
    return platform.store.save_join(project_id, kept)


def validate_join(
    platform: Platform, project_id: int, join: TableJoin, reader: Caller | None = None
) -> JoinProbe:
    """Try a join on ten rows, as its reader sees them. What is wrong with it is the answer, not an error."""
    try:
        source, joining = _sides(platform, project_id, join)
        left, right = keys(join, source, joining)
    except (PwhError, ValueError) as error:
        return JoinProbe(False, _sentence(error), "")
    from pwh_assets.hogql.editor.suggestion import quoted

    hogql = (
        f"SELECT {left}, {right} FROM {quoted(source.name)} AS this "
        f"INNER JOIN {quoted(joining.name)} AS that ON {left} = {right} LIMIT {PROBE_ROWS}"
    )
    from pwh_assets.services.hogql.query import run_query

    try:
        result = run_query(platform, project_id, hogql, limit=PROBE_ROWS, reader=reader)
    except PwhError as error:
        return JoinProbe(False, str(error), hogql)
    if not result.rows:
        return JoinProbe(True, "No row of the one meets a row of the other.", hogql)
    return JoinProbe(True, None, hogql, tuple(result.rows))


def replace_join(platform: Platform, project_id: int, old: TableJoin, new: TableJoin) -> TableJoin:
    """Put a join in the place of another one, or leave both as they are. Raises as `add_join`."""
    with platform.store.all_or_nothing(project_id):
        kept = add_join(platform, project_id, new)
        if (kept.source_table, kept.field_name) != (old.source_table, old.field_name):
            remove_join(platform, project_id, old.id)
    return kept


def remove_join(platform: Platform, project_id: int, wanted: str) -> TableJoin:
    """Remove a join by id or by `table.field`. An automatic one stays away until it is added again.

    Raises:
        NotFoundError: there is no such join.
    """
    store = platform.store
    names = {t.name.lower(): t for t in project_tables(platform, project_id)}
    automatic = automatic_joins(names.values())
    for placed in list_joins(platform, project_id):
        join = placed.join
        if wanted.lower() not in (
            join.id.lower(),
            f"{join.source_table}.{join.field_name}".lower(),
        ):
            continue
        hidden = [
            one
            for one in automatic
            if (one.source_table.lower(), one.field_name.lower())
            == (join.source_table.lower(), join.field_name.lower())
        ]
        if hidden:
            store.save_join(project_id, replace(hidden[0], is_removed=True))
        else:
            store.delete_join(project_id, join.id)
        return join
    raise NotFoundError("join", wanted, "`pwh join list` shows those there are.")


def _sides(platform: Platform, project_id: int, join: TableJoin) -> "tuple[TableDef, TableDef]":
    catalog = build_catalog(platform, project_id)
    found = []
    for attr, name in (
        ("source_table_name", join.source_table),
        ("joining_table_name", join.joining_table),
    ):
        table = catalog.by_name.get(name.lower())
        if table is None:
            error = NotFoundError("table", name, "`pwh hogql schema` lists all.")
            error.attr = attr
            raise error
        found.append(table)
    return found[0], found[1]


def _bare(platform: Platform, project_id: int, name: str) -> "TableDef":
    """The table without the joins that one may replace."""
    tables = project_tables(platform, project_id)
    return next(table for table in tables if table.name == name)


def _check_keys(
    platform: Platform, project_id: int, join: TableJoin, source: "TableDef", joining: "TableDef"
) -> None:
    from pwh_assets import hogql
    from pwh_assets.hogql.editor.suggestion import quoted
    from pwh_assets.hogql.errors import HogQLError
    from pwh_assets.hogql.joins import join_key

    for attr, key, table in (
        ("source_table_key", join.source_key, source),
        ("joining_table_key", join.joining_key, joining),
    ):
        try:
            field_of(key, table)
            written, _ = join_key(key, (table.name, *table.spellings), "this")
            text = f"SELECT {written} FROM {quoted(table.name)} AS this"
            hogql.compile(text, build_catalog(platform, project_id))
        except HogQLError as error:
            raise InvalidInputError(
                attr, f"Key `{key}` cannot be used: {error.problems[0].message}."
            ) from None
        except ValueError as error:
            raise InvalidInputError(attr, f"Key `{key}` cannot be used: {error}.") from None
    text = (
        f"SELECT 1 FROM {quoted(source.name)} AS this INNER JOIN {quoted(joining.name)} AS that "
        f"ON {condition(join, source, joining)}"
    )
    try:
        hogql.compile(text, build_catalog(platform, project_id))
    except HogQLError as error:
        raise InvalidInputError(
            "joining_table_key", f"The keys cannot be compared: {error.problems[0].message}."
        ) from None


def _sentence(error: Exception) -> str:
    text = str(error)
    return text if isinstance(error, PwhError) else f"A key cannot be used: {text}."
