"""What was forgotten stays so: ids and addresses are kept as keyed hashes, and rows that bear one are not let in again."""

import hmac
import logging
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pwh_assets.core.audit import AuditEntry, Outcome, Phase
from pwh_assets.core.names import slug
from pwh_assets.core.options import Mask, MaskKind
from pwh_assets.lake.attach import ALIAS, quote
from pwh_assets.services.audit.origin import Origin, origin
from pwh_assets.services.sync.masking import Masker
from pwh_assets.store.policies import PersonKey

if TYPE_CHECKING:
    import duckdb

    from pwh_assets.core.source import SyncedTable
    from pwh_assets.services.capture.people import Event
    from pwh_assets.services.platform import Platform
    from pwh_assets.store import Store

log = logging.getLogger(__name__)

LOG_SUFFIX = "_cdc"
"""Of the table that has every change of a table."""
_FIELDS = ("person_ids", "distinct_ids", "emails")


def digests(key: bytes, words: Iterable[str]) -> set[str]:
    """Keyed hashes of words as they are and in lower case, so that spelling does not matter."""
    return {
        hmac.digest(key, spelled.encode("utf-8", "surrogatepass"), "sha256").hex()
        for word in words
        for spelled in (word, word.lower())
    }


def digests_of(store: "Store", project_id: int, person: Mapping[str, Any]) -> list[str]:
    """Of everything a person is known by."""
    words = [word for field in _FIELDS for word in person.get(field, ())]
    return sorted(digests(store.mask_key(project_id), words))


def condition_of(table: "SyncedTable", column: str, masker: Masker) -> str:
    """SQL that is true of rows whose key is in the list `$digests`. Prepare the connection with the masker first."""
    mask = next((one for one in table.options.masks if one.column == column), None)
    if mask is not None and mask.kind is MaskKind.HASH:
        return f"list_contains($digests, CAST({quote(column)} AS VARCHAR))"
    word = masker.sql(column, f"lower(CAST({quote(column)} AS VARCHAR))")
    return f"list_contains($digests, {word})"


def masker_for(store: "Store", project_id: int, column: str) -> Masker:
    return Masker((Mask(column, MaskKind.HASH),), store.mask_key(project_id))


def keyed_tables(store: "Store", project_id: int) -> "list[tuple[PersonKey, SyncedTable]]":
    """Tables that say whose their rows are. A key of a table that is gone says nothing."""
    keys = {key.table: key for key in store.person_keys(project_id)}
    if not keys:
        return []
    return [
        (keys[table.table_name], table)
        for table in store.tables(project_id)
        if table.table_name in keys
    ]


def places_of(table: "SyncedTable") -> tuple[tuple[str, str], tuple[str, str]]:
    """Schema and table of its rows in the lake, and of its every change."""
    name = slug(table.name)
    return (table.source.slug, name), (table.source.slug, f"{name}{LOG_SUFFIX}")


class KeepOut:
    """The guard of one project's lake: rows of forgotten persons leave in the transaction that brings them."""

    def __init__(self, store: "Store", project_id: int) -> None:
        self._store, self._project_id = store, project_id

    def __call__(self, connection: "duckdb.DuckDBPyConnection", schema: str, table: str) -> int:
        store, project_id = self._store, self._project_id
        found_key = next(
            (
                (key, synced)
                for key, synced in keyed_tables(store, project_id)
                if (schema, table) in places_of(synced)
            ),
            None,
        )
        if found_key is None:
            return 0
        key, synced = found_key
        known = store.forgotten(project_id)
        target = f"{ALIAS}.{quote(schema)}.{quote(table)}"
        columns = {str(row[0]) for row in connection.execute(f"DESCRIBE {target}").fetchall()}
        if not known or key.column not in columns:
            return 0
        masker = masker_for(store, project_id, key.column)
        masker.prepare(connection)
        found = connection.execute(
            f"SELECT DISTINCT {quote(key.column)} FROM {target} "
            f"WHERE snapshot_id IS NULL AND {condition_of(synced, key.column, masker)}",
            {"digests": sorted(known)},
        ).fetchall()
        if not found:
            return 0
        row = connection.execute(
            f"DELETE FROM {target} WHERE list_contains($found, {quote(key.column)})",
            {"found": [one[0] for one in found]},
        ).fetchone()
        count = int(row[0]) if row else 0
        log.warning("%s: %d rows of forgotten persons were not let in", key.table, count)
        note(store, project_id, key.table, count)
        return count


def note(store: "Store", project_id: int, table: str, rows: int) -> None:
    """That rows of forgotten persons came and went is in the audit log."""
    who = origin.get() or Origin(actor="pwh")
    store.append_audit(
        [
            AuditEntry(
                project_id=project_id,
                action="person:kept_out",
                phase=Phase.WHOLE,
                outcome=Outcome.DONE,
                operation=str(uuid.uuid4()),
                at=datetime.now(UTC),
                rows=rows,
                tables=(table,),
                **who.facts(),
            )
        ]
    )


def late_events(platform: "Platform", project_id: int) -> "Callable[[Event], bool] | None":
    """Whether an event happened before the person of its distinct id was forgotten; None when nobody was.

    What a device kept and sends afterwards is the forgotten person's. An event that happened later makes a new one.
    """
    since = platform.store.forgotten_since(project_id)
    if not since:
        return None
    key = platform.store.mask_key(project_id)
    moments = {digest: int(at.timestamp() * 1_000_000) for digest, at in since.items()}

    def is_late(event: "Event") -> bool:
        word = event.distinct_id.encode("utf-8", "surrogatepass")
        at = moments.get(hmac.digest(key, word, "sha256").hex())
        return at is not None and event.timestamp <= at

    return is_late


def readmit(platform: "Platform", project_id: int, words: Sequence[str]) -> int:
    """Let rows of these ids or addresses in again, for somebody who came back; how many of them were forgotten."""
    key, store = platform.store.mask_key(project_id), platform.store
    known = store.forgotten(project_id)
    back = [word for word in words if digests(key, [word.strip()]) & known]
    store.remove_forgotten(project_id, digests(key, [word.strip() for word in back]))
    return len(back)
