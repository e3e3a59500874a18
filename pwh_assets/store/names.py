"""The HogQL names in use, claimed in the same transaction as the thing that carries them."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from pwh_assets.core.names import SELF_MANAGED, table_spellings
from pwh_assets.errors import ConflictError
from pwh_assets.store import models

PRODUCT_TABLES = (
    "events",
    "persons",
    "sessions",
    "groups",
    "person_distinct_ids",
    "cohort_people",
    "exchange_rates",
    "exchange_rate_index",
)


class NameClashError(ConflictError):
    """Two things would have one HogQL name; `name` is that name, `new` and `old` are both sides."""

    code = "name_clash"

    def __init__(self, name: str, new: str, old: str, way_out: str) -> None:
        self.name, self.new, self.old = name, new, old
        super().__init__(
            f"{new} would be called `{name}` in HogQL, and {old} has that name already. {way_out}"
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """Names one thing wants, and how to speak of it in a sentence."""

    subject_id: str
    kind: str
    names: tuple[str, ...]
    noun: str


def table_claim(subject_id: str, source_type: str, prefix: str, table: str) -> Claim:
    """A table claims every spelling, so that no view or other table can be meant by one of them."""
    spellings = table_spellings(source_type, prefix, table)
    return Claim(subject_id, "table", spellings, f"Table `{table}` of this {source_type} source")


def view_claim(subject_id: str, name: str) -> Claim:
    return Claim(subject_id, "view", (name.lower(),), f"View `{name}`")


def claim(connection: sa.Connection, project_id: int, claims: Iterable[Claim]) -> None:
    """Take all names or none.

    Raises:
        NameClashError: one is taken; the sentence names both sides.
    """
    wanted: dict[str, Claim] = {}
    for one in claims:
        for name in one.names:
            if name in PRODUCT_TABLES:
                raise NameClashError(name, one.noun, "the product's own table", _way_out(one))
            if other := wanted.get(name):
                if other.subject_id == one.subject_id:
                    continue
                raise NameClashError(name, one.noun, _lower(other.noun), _way_out(one))
            wanted[name] = one
    if not wanted:
        return
    rows = [
        {"project_id": project_id, "name": name, "kind": one.kind, "subject_id": one.subject_id}
        for name, one in wanted.items()
    ]
    try:
        with connection.begin_nested():
            connection.execute(models.names.insert(), rows)
    except sa.exc.IntegrityError:
        taken = _first_taken(connection, project_id, list(wanted))
        if taken is None:
            raise
        name, old = taken
        raise NameClashError(name, wanted[name].noun, old, _way_out(wanted[name])) from None


def release(connection: sa.Connection, subject_ids: Iterable[str]) -> None:
    ids = list(subject_ids)
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        connection.execute(sa.delete(models.names).where(models.names.c.subject_id.in_(part)))


def _first_taken(
    connection: sa.Connection, project_id: int, wanted: list[str]
) -> tuple[str, str] | None:
    names, tables, sources = models.names, models.source_tables, models.sources
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        query = (
            sa.select(names, tables.c.name.label("table"), sources.c.source_type, sources.c.prefix)
            .outerjoin(tables, tables.c.id == names.c.subject_id)
            .outerjoin(sources, sources.c.id == tables.c.source_id)
            .where(names.c.project_id == project_id, names.c.name.in_(part))
            .order_by(names.c.name)
        )
        if row := connection.execute(query).first():
            if row.kind == "view":
                return row.name, "a view"
            prefix = f" with prefix `{row.prefix}`" if row.prefix else ""
            return row.name, f"table `{row.table}` of the {row.source_type} source{prefix}"
    return None


def _way_out(one: Claim) -> str:
    if one.kind == "view":
        return "Give the view another name."
    if any(name.startswith(f"{SELF_MANAGED}.") for name in one.names):
        return "Give the table another name."
    return "Give the source another `prefix`, or leave the table out of `schemas`."


def _lower(noun: str) -> str:
    return noun[:1].lower() + noun[1:]
