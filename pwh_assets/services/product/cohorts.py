"""Cohorts: persons under a name, given one by one or by a HogQL query that is run again when asked."""

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pwh_assets.core.language import Cohort
from pwh_assets.errors import ConflictError, InvalidInputError, NotFoundError, PwhError
from pwh_assets.services.hogql.catalog import build_catalog
from pwh_assets.services.platform import Platform
from pwh_assets.services.scratch import scratch

if TYPE_CHECKING:
    from pwh_assets.hogql.plan import Plan

MEMBERS = "lake.product.cohort_people"
MAX_MEMBERS = 10_000_000


def save_cohort(
    platform: Platform,
    project_id: int,
    name: str,
    query: str | None = None,
    description: str = "",
) -> Cohort:
    """Make a cohort or change its query. Without a query it is static. Members come with `refresh_cohort` or `add_members`.

    Raises:
        HogQLError: the query is wrong; it says where.
        InvalidInputError: the name is empty, or the query gives no persons.
        ConflictError: a cohort of this name is of the other kind.
    """
    name = name.strip()
    if not name or len(name) > 400 or name.isdigit():
        raise InvalidInputError(
            "name", f"`{name[:60]}` cannot be a cohort's name. Use words, not a number."
        )
    if query is not None:
        _person_column(_plan(platform, project_id, query))
    return platform.store.save_cohort(project_id, name, query, description)


def find_cohort(platform: Platform, project_id: int, wanted: str) -> Cohort:
    """By name or number. Raises NotFoundError."""
    for cohort in platform.store.cohorts(project_id):
        if cohort.name == wanted or str(cohort.id) == wanted:
            return cohort
    raise NotFoundError("cohort", wanted, "`pwh cohort list` shows those there are.")


def refresh_cohort(platform: Platform, project_id: int, wanted: str) -> Cohort:
    """Run the cohort's query and put who it gives in the place of its members, at once or not at all.

    Raises:
        NotFoundError: there is no such cohort.
        ConflictError: it is static.
        PwhError: the query failed; the members stay as they were, and the cohort says why.
    """
    from pwh_assets.services.hogql.query import run_query

    cohort = find_cohort(platform, project_id, wanted)
    if cohort.query is None:
        raise ConflictError(
            f"Cohort `{cohort.name}` is static: its members are given. `pwh cohort add` adds some."
        )
    try:
        column = _person_column(_plan(platform, project_id, cohort.query))
        result = run_query(platform, project_id, cohort.query, engine="duckdb", export=True)
        if len(result.rows) >= MAX_MEMBERS:
            raise InvalidInputError(
                "query", f"Cohort `{cohort.name}` would have more than {MAX_MEMBERS:,} persons."
            )
        place = result.columns.index(column)
        persons = {_person(str(row[place])) for row in result.rows if row[place] is not None}
        count = _write(platform, project_id, cohort.id, persons, keep=False)
    except PwhError as error:
        platform.store.note_cohort(cohort.id, None, error.sentence)
        raise
    platform.store.note_cohort(cohort.id, count)
    return find_cohort(platform, project_id, str(cohort.id))


def add_members(
    platform: Platform, project_id: int, wanted: str, given: Iterable[str]
) -> tuple[Cohort, list[str]]:
    """Add persons to a static cohort by their id or a distinct id. Gives the cohort and those nobody knows.

    Raises:
        NotFoundError: there is no such cohort.
        ConflictError: its members come from a query.
    """
    cohort = find_cohort(platform, project_id, wanted)
    if cohort.query is not None:
        raise ConflictError(
            f"Cohort `{cohort.name}` is a query's: `pwh cohort refresh` gives it its members."
        )
    words = list(dict.fromkeys(word.strip() for word in given if word.strip()))
    known = _persons_of(platform, project_id, words)
    unknown = [word for word in words if word not in known]
    count = _write(platform, project_id, cohort.id, set(known.values()), keep=True)
    platform.store.note_cohort(cohort.id, count)
    return find_cohort(platform, project_id, str(cohort.id)), unknown


def remove_cohort(platform: Platform, project_id: int, wanted: str) -> Cohort:
    """Remove a cohort and its members. Raises NotFoundError."""
    cohort = find_cohort(platform, project_id, wanted)
    # Members first: a number may be given again, and must not bring somebody's old members along.
    _write(platform, project_id, cohort.id, set(), keep=False)
    platform.store.delete_cohort(project_id, cohort.id)
    return cohort


def _plan(platform: Platform, project_id: int, query: str) -> "Plan":
    from pwh_assets import hogql

    return hogql.compile(query, build_catalog(platform, project_id), "duckdb")


def _person_column(plan: "Plan") -> str:
    names = [column.name for column in plan.columns]
    for name in ("person_id", "id"):
        if name in names:
            return name
    if len(names) == 1 and plan.columns[0].type.name in ("UUID", "String"):
        return names[0]
    raise InvalidInputError(
        "query", "A cohort's query gives persons: name the column of their ids `person_id`."
    )


def _person(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise InvalidInputError(
            "query", f"The query gives `{text[:60]}`, which is no person's id."
        ) from None


def _persons_of(platform: Platform, project_id: int, words: list[str]) -> dict[str, str]:
    """Word -> person's id, for ids of persons and for distinct ids."""
    found: dict[str, str] = {}
    with platform.lakes.of(project_id).read() as connection:
        for sql in (
            "SELECT w, p.id::VARCHAR FROM unnest(?) t(w) JOIN lake.product.persons p ON p.id = TRY_CAST(w AS UUID)",
            "SELECT w, d.person_id::VARCHAR FROM unnest(?) t(w) "
            "JOIN lake.product.person_distinct_ids d ON d.distinct_id = w",
        ):
            for word, person in connection.execute(sql, [words]).fetchall():
                found.setdefault(word, person)
    return found


def _write(
    platform: Platform, project_id: int, cohort_id: int, persons: set[str], keep: bool
) -> int:
    """Put members in place of (or beside) those there are, in one transaction. Returns how many there are then."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    lake = platform.lakes.of(project_id)
    with scratch(platform.settings, "cohort") as folder:
        staged = folder / "members.parquet"
        pq.write_table(pa.table({"person_id": pa.array(sorted(persons), pa.string())}), staged)
        file = str(staged).replace("'", "''")
        with lake.write() as connection:
            connection.execute("BEGIN")
            try:
                if not keep:
                    connection.execute(f"DELETE FROM {MEMBERS} WHERE cohort_id = ?", [cohort_id])
                connection.execute(
                    f"INSERT INTO {MEMBERS} (person_id, cohort_id) "
                    f"SELECT person_id::UUID, {int(cohort_id)} FROM read_parquet('{file}') EXCEPT "
                    f"SELECT person_id, cohort_id FROM {MEMBERS} WHERE cohort_id = {int(cohort_id)}"
                )
                row = connection.execute(
                    f"SELECT count(*) FROM {MEMBERS} WHERE cohort_id = ?", [cohort_id]
                ).fetchone()
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise
    return int(row[0]) if row else 0
