"""What a project adds to the language: joins, cohorts, actions, property definitions, settings."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from pwh_assets.core.language import (
    Action,
    ActionStep,
    Cohort,
    Matching,
    PropertyDefinition,
    PropertyKind,
    PropertyType,
    TableJoin,
)
from pwh_assets.errors import ConflictError, NotFoundError
from pwh_assets.store import models
from pwh_assets.store.part import StorePart, touch
from pwh_assets.store.rows import utc_now


class Language(StorePart):
    """Every change makes the project's catalog a new one, but what a refresh of a cohort says of itself."""

    # -- joins ---------------------------------------------------------------------------------

    def joins(self, project_id: int) -> list[TableJoin]:
        """Kept joins by table and field, removed ones too."""
        joins = models.joins
        query = (
            sa.select(joins)
            .where(joins.c.project_id == project_id)
            .order_by(joins.c.source_table, joins.c.field_name)
        )
        with self._db.read() as connection:
            return [_join_of(row) for row in connection.execute(query)]

    def save_join(self, project_id: int, join: TableJoin) -> TableJoin:
        """Keep a join; one of the same table and field is replaced."""
        joins = models.joins
        values = {
            "source_key": join.source_key,
            "joining_table": join.joining_table,
            "joining_key": join.joining_key,
            "configuration": dict(join.configuration),
            "is_removed": join.is_removed,
        }
        with self._db.write() as connection:
            place = (
                joins.c.project_id == project_id,
                joins.c.source_table == join.source_table,
                joins.c.field_name == join.field_name,
            )
            row = connection.execute(sa.select(joins).where(*place)).first()
            if row is None:
                connection.execute(
                    joins.insert().values(
                        id=str(uuid.uuid4()),
                        project_id=project_id,
                        source_table=join.source_table,
                        field_name=join.field_name,
                        created_at=utc_now(),
                        **values,
                    )
                )
            else:
                connection.execute(sa.update(joins).where(*place).values(**values))
            touch(connection, project_id)
            return _join_of(connection.execute(sa.select(joins).where(*place)).one())

    def delete_join(self, project_id: int, join_id: str) -> None:
        """Raises NotFoundError."""
        joins = models.joins
        with self._db.write() as connection:
            query = sa.delete(joins).where(joins.c.project_id == project_id, joins.c.id == join_id)
            if not connection.execute(query).rowcount:
                raise NotFoundError("join", join_id)
            touch(connection, project_id)

    # -- cohorts -------------------------------------------------------------------------------

    def cohorts(self, project_id: int) -> list[Cohort]:
        """Cohorts by name."""
        cohorts = models.cohorts
        query = (
            sa.select(cohorts).where(cohorts.c.project_id == project_id).order_by(cohorts.c.name)
        )
        with self._db.read() as connection:
            return [_cohort_of(row) for row in connection.execute(query)]

    def save_cohort(
        self, project_id: int, name: str, query: str | None, description: str = ""
    ) -> Cohort:
        """Make a cohort, or give the one of this name another query. Raises ConflictError for another kind."""
        cohorts = models.cohorts
        with self._db.write() as connection:
            named = sa.select(cohorts).where(
                cohorts.c.project_id == project_id, cohorts.c.name == name
            )
            row = connection.execute(named).first()
            if row is None:
                connection.execute(
                    cohorts.insert().values(
                        project_id=project_id,
                        name=name,
                        description=description,
                        query=query,
                        created_at=utc_now(),
                    )
                )
            else:
                if (row.query is None) != (query is None):
                    kind = "static" if row.query is None else "a query's"
                    raise ConflictError(
                        f"Cohort `{name}` exists and is {kind}. Remove it first, or choose another name."
                    )
                values = {"query": query} | ({"description": description} if description else {})
                connection.execute(
                    sa.update(cohorts).where(cohorts.c.id == row.id).values(**values)
                )
            touch(connection, project_id)
            return _cohort_of(connection.execute(named).one())

    def note_cohort(self, cohort_id: int, count: int | None, error: str | None = None) -> None:
        """What a refresh came to; without a count the old one stays."""
        cohorts = models.cohorts
        values: dict[str, Any] = {"latest_error": error}
        if count is not None:
            values |= {"count": count, "refreshed_at": utc_now()}
        with self._db.write() as connection:
            connection.execute(sa.update(cohorts).where(cohorts.c.id == cohort_id).values(**values))

    def delete_cohort(self, project_id: int, cohort_id: int) -> None:
        self._delete(models.cohorts, project_id, cohort_id)

    # -- actions -------------------------------------------------------------------------------

    def actions(self, project_id: int) -> list[Action]:
        """Actions by name."""
        actions = models.actions
        query = (
            sa.select(actions).where(actions.c.project_id == project_id).order_by(actions.c.name)
        )
        with self._db.read() as connection:
            return [_action_of(row) for row in connection.execute(query)]

    def save_action(
        self, project_id: int, name: str, steps: Iterable[ActionStep], description: str = ""
    ) -> Action:
        """Make an action, or give the one of this name other steps."""
        actions = models.actions
        values: dict[str, Any] = {"steps": [step_to_json(step) for step in steps]}
        with self._db.write() as connection:
            named = sa.select(actions).where(
                actions.c.project_id == project_id, actions.c.name == name
            )
            row = connection.execute(named).first()
            if row is None:
                values |= {"project_id": project_id, "name": name, "created_at": utc_now()}
                connection.execute(actions.insert().values(description=description, **values))
            else:
                values |= {"description": description} if description else {}
                connection.execute(
                    sa.update(actions).where(actions.c.id == row.id).values(**values)
                )
            touch(connection, project_id)
            return _action_of(connection.execute(named).one())

    def delete_action(self, project_id: int, action_id: int) -> None:
        self._delete(models.actions, project_id, action_id)

    def _delete(self, table: sa.Table, project_id: int, subject_id: int) -> None:
        with self._db.write() as connection:
            connection.execute(
                sa.delete(table).where(table.c.project_id == project_id, table.c.id == subject_id)
            )
            touch(connection, project_id)

    # -- properties ----------------------------------------------------------------------------

    def property_definitions(self, project_id: int) -> list[PropertyDefinition]:
        """By kind and name."""
        known = models.property_definitions
        query = (
            sa.select(known)
            .where(known.c.project_id == project_id)
            .order_by(known.c.kind, known.c.name)
        )
        with self._db.read() as connection:
            return [_property_of(row) for row in connection.execute(query)]

    def save_property_definitions(
        self, project_id: int, definitions: Iterable[PropertyDefinition]
    ) -> int:
        """Keep definitions; learned ones leave those alone that somebody set. Returns how many changed."""
        known = models.property_definitions
        now, changed = utc_now(), 0
        with self._db.write() as connection:
            query = sa.select(known).where(known.c.project_id == project_id)
            before = {(row.kind, row.name): row for row in connection.execute(query)}
            for one in definitions:
                key = (one.kind.value, one.name)
                row = before.get(key)
                values = {"type": one.type.value, "is_set": one.is_set, "seen_at": now}
                if row is None:
                    connection.execute(
                        known.insert().values(
                            project_id=project_id, kind=key[0], name=key[1], **values
                        )
                    )
                elif row.is_set > one.is_set or (row.type, row.is_set) == (
                    values["type"],
                    values["is_set"],
                ):
                    continue
                else:
                    place = (known.c.project_id == project_id, known.c.kind == key[0])
                    connection.execute(
                        sa.update(known).where(*place, known.c.name == key[1]).values(**values)
                    )
                changed += 1
            if changed:
                touch(connection, project_id)
        return changed

    def delete_property_definition(self, project_id: int, kind: PropertyKind, name: str) -> None:
        """Raises NotFoundError."""
        known = models.property_definitions
        with self._db.write() as connection:
            query = sa.delete(known).where(
                known.c.project_id == project_id, known.c.kind == kind.value, known.c.name == name
            )
            if not connection.execute(query).rowcount:
                raise NotFoundError(f"{kind.value} property", name)
            touch(connection, project_id)

    # -- settings ------------------------------------------------------------------------------

    def project_settings(self, project_id: int) -> dict[str, str]:
        """What the project sets otherwise than the default."""
        settings = models.project_settings
        query = sa.select(settings).where(settings.c.project_id == project_id)
        with self._db.read() as connection:
            return {row.name: row.value for row in connection.execute(query)}

    def set_project_settings(self, project_id: int, changes: Mapping[str, str | None]) -> None:
        """None sets back to the default."""
        settings = models.project_settings
        with self._db.write() as connection:
            for name, value in changes.items():
                connection.execute(
                    sa.delete(settings).where(
                        settings.c.project_id == project_id, settings.c.name == name
                    )
                )
                if value is not None:
                    connection.execute(
                        settings.insert().values(project_id=project_id, name=name, value=value)
                    )
            touch(connection, project_id)


def _join_of(row: sa.Row[Any]) -> TableJoin:
    return TableJoin(
        row.source_table,
        row.source_key,
        row.joining_table,
        row.joining_key,
        row.field_name,
        row.configuration,
        row.id,
        row.is_removed,
        row.created_at,
    )


def _cohort_of(row: sa.Row[Any]) -> Cohort:
    return Cohort(
        row.id,
        row.project_id,
        row.name,
        row.description,
        row.query,
        row._mapping["count"],
        row.refreshed_at,
        row.latest_error,
        row.created_at,
    )


def _action_of(row: sa.Row[Any]) -> Action:
    steps = tuple(_step_of(step) for step in row.steps)
    return Action(row.id, row.project_id, row.name, row.description, steps, row.created_at)


def step_to_json(step: ActionStep) -> dict[str, Any]:
    plain, default = asdict(step), asdict(ActionStep())
    return {
        name: value.value if isinstance(value, Matching) else value
        for name, value in plain.items()
        if value != default[name]
    }


def _step_of(values: Mapping[str, Any]) -> ActionStep:
    found = dict(values)
    for name in ("url_matching", "text_matching", "href_matching"):
        if name in found:
            found[name] = Matching(found[name])
    found["properties"] = tuple(found.get("properties", ()))
    return ActionStep(**found)


def _property_of(row: sa.Row[Any]) -> PropertyDefinition:
    return PropertyDefinition(
        PropertyKind(row.kind), row.name, PropertyType(row.type), row.is_set, row.seen_at
    )
