"""Is everything that was stored still whole: the store, its credentials, the lake, and the two together."""

from dataclasses import dataclass

from pwh_assets.core.names import slug
from pwh_assets.services.platform import Platform


@dataclass(frozen=True, slots=True)
class Verified:
    """`problems` in words, and what was looked at."""

    problems: tuple[str, ...]
    tables: int
    rows: int


def verify(platform: Platform, project_id: int) -> Verified:
    """Check one project. Reads everything, changes nothing."""
    lake = platform.lakes.of(project_id)
    tables = {(t.schema, t.name): t for t in lake.tables()}
    problems = [*platform.store.problems(), *lake.verify()]
    known = {"product", "_pwh", "views", "dbt"}
    for source in platform.store.sources(project_id):
        known.add(source.slug)
    for table in platform.store.tables(project_id):
        state, stored = lake.state(table.id), tables.get((table.source.slug, slug(table.name)))
        if state is None:
            continue
        if stored is None:
            problems.append(
                f"Table `{table.table_name}` was synced but is not in the lake. Sync it again with "
                f"`pwh sync {table.table_name} --full`."
            )
        elif stored.row_count != state.row_count:
            problems.append(
                f"Table `{table.table_name}` has {stored.row_count:,} rows, but its last sync left {state.row_count:,}. "
                f"Sync it again with `pwh sync {table.table_name} --full`."
            )
    for view in platform.store.views(project_id):
        if view.is_materialized and view.last_run_at and view.place not in tables:
            problems.append(
                f"View `{view.name}` was built but is not in the lake. Build it with `pwh view run {view.name}`."
            )
    for schema in sorted({schema for schema, _ in tables} - known):
        problems.append(
            f"The lake's schema `{schema}` belongs to no source: one was removed while it synced."
        )
    return Verified(tuple(problems), len(tables), sum(t.row_count for t in tables.values()))
