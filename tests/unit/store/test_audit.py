"""Audit chains on both databases: who changes, removes, moves, adds or rebuilds entries is found at the first place."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from pwh_assets.core.audit import AuditEntry, AuditFilter, Outcome, Phase, link
from pwh_assets.services.audit import (
    AuditLog,
    AuditUnavailableError,
    ChainReport,
    Witness,
    export_chain,
    verify_chain,
    verify_file,
)
from pwh_assets.services.platform import Platform
from pwh_assets.settings import Settings
from pwh_assets.store import SecretBox, Store

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
GUARDS = {
    True: ("DROP TRIGGER audit_entries_stay", "DROP TRIGGER audit_entries_are_kept"),
    False: ("DROP TRIGGER audit_entries_stay ON audit_entries",),
}


def entry(number: int, **more: Any) -> AuditEntry:
    facts: dict[str, Any] = {
        "project_id": 1,
        "action": "query",
        "phase": Phase.WHOLE,
        "outcome": Outcome.DONE,
        "operation": f"op-{number}",
        "at": NOON + timedelta(minutes=number),
        "actor": "ada",
        "query": f"SELECT '{number} \0 \ud800 ü'",
        "tables": ("events",),
    }
    return AuditEntry(**facts | more)


@pytest.fixture
def platform(store: Store) -> Platform:
    store.append_audit([entry(number) for number in range(1, 11)])
    nothing: Any = None
    return Platform(Settings(home=Path("none")), store, nothing, {}, {})


def tamper(platform: Platform, *statements: str) -> ChainReport:
    """What the proof says after somebody with the database, and without our key, was there."""
    database = platform.store._db
    with database.write() as connection:
        for statement in (*GUARDS[database.is_sqlite], *statements):
            connection.execute(sa.text(statement))
    return verify_chain(platform, 1)


def test_entries_come_back_as_they_went_in(platform: Platform) -> None:
    found, count = platform.store.audit_page(1, AuditFilter(), 2, 1)
    assert count == 10 and [one.seq for one in found] == [9, 8]
    assert found[0].entry == entry(9) and found[0].previous == found[1].hash
    report = verify_chain(platform, 1)
    assert (report.problem, report.entries, report.seq) == (None, 10, 10)


def test_entries_are_found_by_who_what_when_and_table(platform: Platform) -> None:
    store = platform.store
    store.append_audit(
        [
            entry(11, actor="bob", action="warehouse_view:write", phase=Phase.START, tables=()),
            entry(12, actor="bob", tables=("stripe_customer", "a_b"), outcome=Outcome.REFUSED),
            entry(13, operation="done", phase=Phase.START),
            entry(14, operation="done", phase=Phase.FINISH),
            entry(1, project_id=2, actor="bob"),
        ]
    )

    def seqs(**which: Any) -> list[int]:
        return [one.seq for one in store.audit_page(1, AuditFilter(**which))[0]]

    assert seqs(actor="bob") == [12, 11]
    assert seqs(action="warehouse_view") == [11] and seqs(action="warehouse") == []
    assert seqs(table="a_b") == [12] and seqs(table="aXb") == [] and seqs(table="stripe") == []
    assert seqs(outcome=Outcome.REFUSED) == [12]
    assert seqs(since=NOON + timedelta(minutes=13)) == [14, 13]
    assert seqs(until=NOON + timedelta(minutes=2)) == [1]
    assert seqs(unfinished=True) == [11]
    assert [one.seq for one in store.audit_page(2, AuditFilter())[0]] == [1]


@pytest.mark.parametrize(
    ("statement", "seq", "kind"),
    [
        ("UPDATE audit_entries SET body = replace(body, 'ada', 'eve') WHERE seq = 4", 4, "changed"),
        ("UPDATE audit_entries SET actor = 'eve' WHERE seq = 5", 5, "changed"),
        ("DELETE FROM audit_entries WHERE seq = 3", 3, "removed"),
        ("DELETE FROM audit_entries WHERE seq = 1", 1, "removed"),
        ("DELETE FROM audit_entries WHERE seq > 8", 9, "removed"),
        ("DELETE FROM audit_heads", 1, "removed"),
        ("UPDATE audit_entries SET seq = 11 WHERE seq = 10", 10, "removed"),
        ("UPDATE audit_heads SET anchor_seq = 2", 3, "moved"),
    ],
)
def test_what_was_done_to_a_chain_is_found_at_its_first_place(
    platform: Platform, statement: str, seq: int, kind: str
) -> None:
    more = ["DELETE FROM audit_entries WHERE seq < 3"] if "anchor" in statement else []
    problem = tamper(platform, *more, statement).problem
    assert problem is not None and (problem.seq, problem.kind) == (seq, kind)


def test_entries_that_change_places_are_found(platform: Platform) -> None:
    moved = [
        "UPDATE audit_entries SET seq = 1000 WHERE seq = 4",
        "UPDATE audit_entries SET seq = 4 WHERE seq = 5",
        "UPDATE audit_entries SET seq = 5 WHERE seq = 1000",
    ]
    problem = tamper(platform, *moved).problem
    assert problem is not None and problem.seq == 4


def test_a_chain_computed_anew_does_not_fit_its_head(platform: Platform) -> None:
    store, database = platform.store, platform.store._db
    noted = verify_chain(platform, 1)
    with database.write() as connection:
        for statement in GUARDS[database.is_sqlite]:
            connection.execute(sa.text(statement))
        rows = connection.execute(sa.text("SELECT seq, body FROM audit_entries ORDER BY seq"))
        last = "0" * 64
        for seq, body in rows.all():
            body = body.replace("ada", "eve")
            facts = {"seq": seq, "body": body, "last": last, "now": link(1, seq, last, body)}
            connection.execute(
                sa.text(
                    "UPDATE audit_entries SET body = :body, actor = 'eve', previous = :last, hash = :now "
                    "WHERE seq = :seq"
                ),
                facts,
            )
            last = facts["now"]
        connection.execute(sa.text("UPDATE audit_heads SET hash = :last"), {"last": last})
    problem = verify_chain(platform, 1).problem
    assert problem is not None and (problem.seq, problem.kind) == (10, "rebuilt")
    # Signed with the key as well, only a head that was noted elsewhere tells.
    head = store.audit_head(1)
    assert head is not None
    with database.write() as connection:
        signed = {"signature": store.sign_audit(head.signed_text)}
        connection.execute(sa.text("UPDATE audit_heads SET signature = :signature"), signed)
    assert verify_chain(platform, 1).problem is None
    problem = verify_chain(platform, 1, (noted.seq, noted.hash)).problem
    assert problem is not None and (problem.seq, problem.kind) == (10, "rebuilt")
    problem = verify_chain(platform, 1, (12, noted.hash)).problem
    assert problem is not None and problem.kind == "shortened"


def test_the_database_refuses_changes_itself(platform: Platform) -> None:
    for statement in ("UPDATE audit_entries SET actor = 'eve'", "DELETE FROM audit_entries"):
        with (
            pytest.raises(sa.exc.DBAPIError, match="audit entries"),
            platform.store._db.write() as connection,
        ):
            connection.execute(sa.text(statement))
    assert verify_chain(platform, 1).entries == 10


def test_processes_that_write_at_once_make_one_chain(
    url: str, box: SecretBox, platform: Platform
) -> None:
    others = [Store.open(url, box) for _ in range(3)]

    def write(store: Store) -> None:
        for number in range(15):
            store.append_audit([entry(number), entry(number, project_id=2)])

    threads = [threading.Thread(target=write, args=[one]) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in others:
        one.close()
    assert verify_chain(platform, 1).seq == 55 and verify_chain(platform, 1).problem is None
    assert verify_chain(platform, 2).seq == 45 and verify_chain(platform, 2).problem is None


def test_a_sealed_export_takes_entries_away_and_the_chain_goes_on(
    platform: Platform, tmp_path: Path
) -> None:
    file = tmp_path / "audit.jsonl"
    done = export_chain(platform, 1, file, NOON + timedelta(minutes=7), prune=True)
    assert (done.first_seq, done.seq, done.entries, done.pruned) == (1, 6, 6, 6)
    report = verify_chain(platform, 1)
    assert (report.problem, report.first_seq, report.seq) == (None, 7, 11)
    told = platform.store.audit_page(1, AuditFilter(action="audit"))[0][0].entry
    assert told.action == "audit:prune" and done.sha256 in str(told.item)
    assert verify_file(platform, file).problem is None
    rest = export_chain(platform, 1, tmp_path / "rest.jsonl")
    assert (rest.first_seq, rest.seq) == (7, 11)
    lines = file.read_text().splitlines(keepends=True)
    for broken in (
        [*lines[:2], *lines[3:]],
        lines[:-1],
        [line.replace("SELECT '4", "SELECT '9") for line in lines],
    ):
        file.write_text("".join(broken))
        assert verify_file(platform, file).problem is not None
    problem = tamper(platform, "DELETE FROM audit_entries WHERE seq = 7").problem
    assert problem is not None and problem.seq == 7


def test_the_writer_keeps_the_order_and_writes_what_waits_when_it_ends(store: Store) -> None:
    log = AuditLog(store)
    for number in range(300):
        log.note(entry(number))
    log.write(entry(300))
    assert store.audit_page(1, AuditFilter())[1] == 301
    log.note(entry(301))
    log.close()
    found, count = store.audit_page(1, AuditFilter(), 400)
    assert count == 302
    assert [one.entry.operation for one in reversed(found)] == [f"op-{n}" for n in range(302)]


def test_what_has_to_be_kept_and_cannot_be_is_said(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pwh_assets.services.audit.log.RETRY_S", 0.01)
    log, written = AuditLog(store), store.append_audit

    def broken(_entries: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(store, "append_audit", broken)
    log.note(entry(1))
    with pytest.raises(AuditUnavailableError):
        log.write(entry(2))
    monkeypatch.setattr(store, "append_audit", written)
    log.close()
    found, _ = store.audit_page(1, AuditFilter())
    assert [one.entry.operation for one in found] == ["op-1"]


def test_a_store_that_was_rolled_back_and_a_chain_that_is_gone_with_its_head_are_found(
    store: Store, tmp_path: Path
) -> None:
    nothing: Any = None
    platform = Platform(Settings(home=tmp_path), store, nothing, {}, {})
    log = AuditLog(store, Witness(tmp_path, store))
    for number in range(1, 5):
        log.write(entry(number))
    head = store.audit_head(1)
    assert head is not None
    for number in range(5, 9):
        log.write(entry(number))
    log.close()
    assert verify_chain(platform, 1).problem is None
    back = (
        "DELETE FROM audit_entries WHERE seq > 4",
        f"UPDATE audit_heads SET seq = 4, hash = '{head.hash}', signature = '{head.signature}'",
    )
    problem = tamper(platform, *back).problem
    assert problem is not None and (problem.seq, problem.kind) == (5, "shortened")
    with store._db.write() as connection:
        for statement in ("DELETE FROM audit_entries", "DELETE FROM audit_heads"):
            connection.execute(sa.text(statement))
    problem = verify_chain(platform, 1).problem
    assert problem is not None and (problem.seq, problem.kind) == (1, "shortened")
    # Lower numbers cannot be written there without the key.
    (tmp_path / "audit-heads.json").write_text('{"1": [1, "0", "forged"]}')
    assert Witness(tmp_path, store).of(1) is None
