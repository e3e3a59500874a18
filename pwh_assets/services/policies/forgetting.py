"""Deletion requests: a person's rows leave every table, the views made of them, older snapshots and the disk.

Each step can be repeated, and what is known of the person is kept, sealed, until all are done: a request that was cut
off goes on where it was.
"""

import hmac
import logging
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pwh_assets.core.names import slug
from pwh_assets.core.options import Mask, MaskKind
from pwh_assets.errors import BusyError, InvalidInputError, PwhError
from pwh_assets.lake.attach import ALIAS, quote
from pwh_assets.services.platform import Platform
from pwh_assets.services.sources.connecting import find_table
from pwh_assets.services.sources.view import moment
from pwh_assets.services.sync.masking import Masker
from pwh_assets.store.policies import DeletionRequest, PersonKey

if TYPE_CHECKING:
    import duckdb

    from pwh_assets.core.source import SyncedTable

log = logging.getLogger(__name__)

HOLDS = ("email", "distinct_id", "person_id")
WAIT_S = 60.0
_PRODUCT = f"{ALIAS}.product"
_PRODUCT_TABLES = ("events", "persons", "person_distinct_ids", "cohort_people")


class PersonUnknownError(InvalidInputError):
    """Nothing is known of the person."""

    code = "person_unknown"

    def __init__(self, word: str) -> None:
        super().__init__(
            "person", f"Nobody is known as `{word[:100]}`, and no table has a person key."
        )


def set_person_key(
    platform: Platform, project_id: int, table: str, column: str | None, holds: str = "email"
) -> PersonKey | None:
    """Say which column of a synced table tells whose row it is; None takes it back.

    Raises:
        NotFoundError: there is no such table.
        InvalidInputError: it has no such column.
    """
    found = find_table(platform, project_id, table)
    if column is None:
        platform.store.set_person_key(project_id, found.table_name, None)
        return None
    if holds not in HOLDS:
        raise InvalidInputError("holds", f"`{holds}` is none of {', '.join(HOLDS)}.")
    names = {one.name.lower(): one.name for one in found.columns}
    stored = {(t.schema, t.name): t for t in platform.lakes.of(project_id).tables()}
    lake_table = stored.get((found.source.slug, slug(found.name)))
    names |= {c.name.lower(): c.name for c in (lake_table.columns if lake_table else ())}
    if column.lower() not in names:
        raise InvalidInputError("column", f"`{found.table_name}` has no column `{column}`.")
    key = PersonKey(found.table_name, names[column.lower()], holds)
    platform.store.set_person_key(project_id, found.table_name, key)
    return key


def request(platform: Platform, project_id: int, word: str, by: str) -> DeletionRequest:
    """Write down whom to forget, with everything the product tables know them by.

    Args:
        word: a distinct id, an e-mail address, or a person's id.

    Raises:
        PersonUnknownError.
    """
    from pwh_assets.services.capture.loading import load

    word = word.strip()
    while load(platform, project_id, timeout_s=WAIT_S).is_more:
        pass
    person = _identify(platform, project_id, word)
    if not person["known"] and not platform.store.person_keys(project_id):
        raise PersonUnknownError(word)
    return platform.store.add_deletion(project_id, person, by)


def carry_out(platform: Platform, asked: DeletionRequest) -> DeletionRequest:
    """Do what is left of a request. `report` says what was done; an error leaves it `failed`, to be resumed.

    Raises:
        PwhError: a step failed; the request keeps the sentence.
    """
    from pwh_assets.lake.locks import hold

    store = platform.store
    with hold(platform.settings, f"forget-{asked.id}"):
        asked = store.deletion(asked.project_id, asked.id)
        if asked.status == "completed":
            return asked
        report: dict[str, Any] = {"rows": {}, "views": [], "steps": [], **asked.report}
        for name, step in _STEPS:
            if name in report["steps"]:
                continue
            store.note_deletion(asked, "running", report)
            try:
                step(platform, asked, report)
            except PwhError as error:
                store.note_deletion(asked, "failed", report, error.sentence)
                raise
            report["steps"].append(name)
            store.note_deletion(asked, "running", report)
        return store.note_deletion(asked, "completed", report)


def sweep(platform: Platform, project_id: int) -> dict[str, int]:
    """Delete rows of forgotten persons that syncs brought back; rows by table.

    Views and older snapshots are not touched: `carry_out` of a new request does that.
    """
    digests = sorted(platform.store.forgotten(project_id))
    found = {}
    for key in platform.store.person_keys(project_id) if digests else ():
        table = find_table(platform, project_id, key.table)
        if count := _delete_rows(platform, table, key, digests, lambda number: None):
            found[key.table] = count
    return found


def as_dict(asked: DeletionRequest) -> dict[str, Any]:
    """What may be shown of a request: nothing that says who it was."""
    return {
        "id": asked.id,
        "status": asked.status,
        "report": dict(asked.report),
        "requested_by": asked.requested_by,
        "created_at": moment(asked.created_at),
        "ended_at": moment(asked.ended_at),
        "latest_error": asked.latest_error,
    }


# Who it is


def _identify(platform: Platform, project_id: int, word: str) -> dict[str, Any]:
    with platform.lakes.of(project_id).read() as connection:
        ids = _column(
            connection,
            f"SELECT person_id FROM {_PRODUCT}.person_distinct_ids WHERE distinct_id = $w "
            f"UNION SELECT person_id FROM {_PRODUCT}.events WHERE distinct_id = $w "
            f"UNION SELECT id FROM {_PRODUCT}.persons WHERE id = TRY_CAST($w AS UUID) "
            f"OR lower(properties ->> '$.email') = lower($w) OR lower(properties ->> '$.\"$email\"') = lower($w)",
            {"w": word},
        )
        if _is_uuid(word):
            ids = sorted({*ids, str(uuid.UUID(word))})
        distinct = _column(
            connection,
            f"SELECT distinct_id FROM {_PRODUCT}.person_distinct_ids WHERE list_contains($ids, person_id::VARCHAR) "
            f"UNION SELECT distinct_id FROM {_PRODUCT}.events WHERE list_contains($ids, person_id::VARCHAR) "
            "OR distinct_id = $w",
            {"ids": ids, "w": word},
        )
        emails = _column(
            connection,
            "SELECT unnest([properties ->> '$.email', properties ->> '$.\"$email\"']) "
            f"FROM {_PRODUCT}.persons WHERE list_contains($ids, id::VARCHAR)",
            {"ids": ids},
        )
    known = bool(distinct) or bool(emails) or (bool(ids) and not _is_uuid(word))
    if "@" in word:
        emails = sorted({*emails, word})
    return {
        "known": known,
        "person_ids": ids,
        "distinct_ids": sorted({*distinct, word}),
        "emails": emails,
    }


def _column(
    connection: "duckdb.DuckDBPyConnection", sql: str, values: Mapping[str, Any]
) -> list[str]:
    rows = connection.execute(sql, dict(values)).fetchall()
    return sorted({str(row[0]) for row in rows if row[0] is not None})


def _is_uuid(word: str) -> bool:
    try:
        uuid.UUID(word)
    except ValueError:
        return False
    return True


def _digests(platform: Platform, asked: DeletionRequest) -> list[str]:
    key = platform.store.mask_key(asked.project_id)
    words: Iterable[str] = (
        word
        for field in ("person_ids", "distinct_ids", "emails")
        for word in asked.person.get(field, ())
    )
    return sorted(
        {hmac.digest(key, word.lower().encode("utf-8"), "sha256").hex() for word in words}
    )


# The steps


def _remember(platform: Platform, asked: DeletionRequest, report: dict[str, Any]) -> None:
    platform.store.add_forgotten(asked.project_id, _digests(platform, asked))


def _product(platform: Platform, asked: DeletionRequest, report: dict[str, Any]) -> None:
    from pwh_assets.lake.captured import forget, make_own_tables
    from pwh_assets.lake.locks import hold
    from pwh_assets.services.capture.loading import load

    while load(platform, asked.project_id, timeout_s=WAIT_S).is_more:
        pass
    ids, distinct = list(asked.person["person_ids"]), list(asked.person["distinct_ids"])
    lake = platform.lakes.of(asked.project_id)
    with (
        hold(platform.settings, f"product-{asked.project_id}", timeout_s=WAIT_S),
        lake.write() as connection,
    ):
        make_own_tables(connection)
        theirs = "list_contains($ids, {0}::VARCHAR)"
        words = "list_contains($distinct, distinct_id)"
        conditions = {
            "events": f"{theirs.format('person_id')} OR {words}",
            "persons": theirs.format("id"),
            "person_distinct_ids": f"{theirs.format('person_id')} OR {words}",
            "cohort_people": theirs.format("person_id"),
        }
        for table, condition in conditions.items():
            given = {"ids": ids} | ({"distinct": distinct} if words in condition else {})
            row = connection.execute(
                f"SELECT count(*) FROM {_PRODUCT}.{table} WHERE {condition}", given
            ).fetchone()
            _note_rows(report, table, row[0] if row else 0)
        platform.store.note_deletion(asked, "running", report)  # counts outlive a crash
        connection.execute("BEGIN")
        forget(connection, distinct, ids)
        connection.execute("COMMIT")


def _synced(platform: Platform, asked: DeletionRequest, report: dict[str, Any]) -> None:
    digests = _digests(platform, asked)
    for key in platform.store.person_keys(asked.project_id):
        table = find_table(platform, asked.project_id, key.table)

        def note(number: int, name: str = key.table) -> None:
            _note_rows(report, name, number)
            platform.store.note_deletion(asked, "running", report)

        _delete_rows(platform, table, key, digests, note)
    report["without_person_key"] = sorted(
        {t.table_name for t in platform.store.tables(asked.project_id)}
        - {key.table for key in platform.store.person_keys(asked.project_id)}
    )


def _delete_rows(
    platform: Platform,
    table: "SyncedTable",
    key: PersonKey,
    digests: Sequence[str],
    note: Callable[[int], None],
) -> int:
    """Rows of the table, and of the one of its every change, whose key is one of the hashes'."""
    from pwh_assets.lake.locks import hold
    from pwh_assets.services.sources.tables import discard_leftovers

    lake = platform.lakes.of(table.project_id)
    masker = Masker((Mask(key.column, MaskKind.HASH),), platform.store.mask_key(table.project_id))
    schema, name = table.source.slug, slug(table.name)
    stored = {(t.schema, t.name): {c.name for c in t.columns} for t in lake.tables()}
    places = [
        place
        for place in ((schema, name), (schema, f"{name}_cdc"))
        if key.column in stored.get(place, ())
    ]
    try:
        with hold(platform.settings, f"sync-{table.id}", timeout_s=WAIT_S):
            discard_leftovers(platform, table)
            with lake.write() as connection:
                masker.prepare(connection)
                word = masker.sql(key.column, f"lower(CAST({quote(key.column)} AS VARCHAR))")
                condition = f"list_contains($digests, {word})"
                whole = 0
                for place in places:
                    target = f"{ALIAS}.{quote(place[0])}.{quote(place[1])}"
                    given = {"digests": list(digests)}
                    row = connection.execute(
                        f"SELECT count(*) FROM {target} WHERE {condition}", given
                    ).fetchone()
                    whole += row[0] if row else 0
                note(whole)
                connection.execute("BEGIN")
                for place in places:
                    target = f"{ALIAS}.{quote(place[0])}.{quote(place[1])}"
                    connection.execute(f"DELETE FROM {target} WHERE {condition}", given)
                connection.execute("COMMIT")
                return whole
    except BusyError:
        raise BusyError(
            f"`{table.table_name}` is being synced. The request can go on when that has ended."
        ) from None


def _views(platform: Platform, asked: DeletionRequest, report: dict[str, Any]) -> None:
    """Every materialized view behind a table the person was in is built anew, inputs first."""
    from pwh_assets.services.lineage.graph import project_graph
    from pwh_assets.services.views.builds import build_view

    graph = project_graph(platform, asked.project_id)
    touched = {
        *_PRODUCT_TABLES,
        *(key.table for key in platform.store.person_keys(asked.project_id)),
    }
    below = {
        name for table in touched if graph.find(table) for name in graph.reach(table, graph.outputs)
    }
    views = {v.name: v for v in platform.store.views(asked.project_id) if v.is_materialized}
    for name in graph.order:
        if name in below and name in views and name not in report["views"]:
            if views[name].last_run_at is not None:
                build_view(platform, views[name], full=True)
            report["views"].append(name)
            platform.store.note_deletion(asked, "running", report)


def _history(platform: Platform, asked: DeletionRequest, report: dict[str, Any]) -> None:
    from pwh_assets.lake.maintenance import rewrite_deleted
    from pwh_assets.services.sources.tables import expire_history

    rewrite_deleted(platform.lakes.of(asked.project_id))
    report["history"] = expire_history(platform, asked.project_id)


_STEPS: tuple[tuple[str, Callable[[Platform, DeletionRequest, dict[str, Any]], None]], ...] = (
    ("remember", _remember),
    ("product", _product),
    ("synced", _synced),
    ("views", _views),
    ("history", _history),
)


def _note_rows(report: dict[str, Any], table: str, number: int) -> None:
    """A step that is repeated finds nothing more: what was found first stays."""
    report["rows"][table] = max(int(number), report["rows"].get(table, 0))
