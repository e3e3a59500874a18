"""A person is forgotten: in every table, view, file and log, for good, and also when the work is cut off anywhere."""

import os
import signal
import threading
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pwh_assets.core.audit import AuditFilter
from pwh_assets.core.options import Mask, MaskKind, TableOptions
from pwh_assets.errors import BusyError, PwhError
from pwh_assets.lake.locks import hold
from pwh_assets.services.capture.loading import load
from pwh_assets.services.hogql.query import run_query
from pwh_assets.services.policies import forgetting, tombstones
from tests.e2e.api_server import Served
from tests.e2e.crashes import CONTEXT, dice
from tests.e2e.homes import Warehouse, people
from tests.e2e.notebooks import open_home

ANN, BEN = "aaa.ann@example.org", "ben@example.org"
MINE = "ids-of-ann"
"""What Ann's distinct ids begin with."""


@pytest.fixture
def warehouse(tmp_path):
    opened = Warehouse(tmp_path / "home")
    yield opened
    opened.close()


def with_ann():
    """The first row: in a catalog that keeps the smallest value of a column."""
    return [{"id": 100, "email": ANN.upper(), "plan": "free"}, *people()]


def sent(api, *events):
    body = {"api_key": api.capture_key, "batch": list(events)}
    assert api.client.post("/batch/", json=body).status_code == 200
    while load(api.platform, 1, timeout_s=60).is_more:
        pass


def event(name, who, at=None, **properties):
    return {"event": name, "distinct_id": who, "timestamp": at, "properties": properties}


def remains(home, *words):
    """Files with one of the words in their bytes, or in the rows of a Parquet file."""
    found = []
    for file in (path for path in Path(home).rglob("*") if path.is_file()):
        data = file.read_bytes()
        if file.suffix == ".parquet":
            data += repr(pq.read_table(file).to_pylist()).encode()
        found += [(file.name, word) for word in words if word.encode() in data.lower()]
    return found


def count(platform, table, where="1"):
    ((found,),) = run_query(platform, 1, f"SELECT count() FROM {table} WHERE {where}").rows
    return found


def test_a_forgotten_person_is_in_no_byte_and_does_not_come_back(warehouse):
    platform, home = warehouse.platform, warehouse.settings.home
    warehouse.write("users", with_ann())
    forgetting.set_person_key(platform, 1, "app_users", "email")
    died = forgetting.request(platform, 1, "p3@example.com", "a process that died")
    platform.store.note_deletion(died, "running", {})
    with Served(platform) as api:
        until = time.monotonic() + 120
        while platform.store.deletion(1, died.id).status != "completed":
            assert time.monotonic() < until
            time.sleep(0.05)
        assert count(platform, "app_users") == 10
        told = event("seen", f"{MINE}-1", **{"$set": {"email": ANN}})
        merged = event("$identify", f"{MINE}-2", **{"$anon_distinct_id": f"{MINE}-1"})
        sent(api, told, merged, event("seen", "ben", **{"$set": {"email": BEN}}))
        text = {"query": {"kind": "HogQLQuery", "query": "SELECT email FROM app_users"}}
        later = {**text, "refresh": "async", "client_query_id": "later"}
        assert api("POST", "query/", later).status_code in (200, 202)
        assert ANN.upper() in api("POST", "query/", text).text
        answer = api("POST", "deletion_requests/", {"person": ANN})
        assert answer.status_code == 201, answer.text
        done = answer.json()
        assert done["status"] == "completed"
        assert done["report"]["rows"] == {
            "events": 2,
            "persons": 1,
            "person_distinct_ids": 2,
            "cohort_people": 0,
            "app_users": 1,
        }
        assert api("GET", "query/later/").status_code == 404
        assert remains(home, ANN, MINE) == []

        # The source still has her, and so does a phone that was off.
        warehouse.write("users", with_ann())
        assert count(platform, "app_users") == 9
        kept_out, _ = platform.store.audit_page(1, AuditFilter(action="person:kept_out"))
        assert [(one.entry.rows, one.entry.tables) for one in kept_out] == [(2, ("app_users",))]
        sent(api, event("old", f"{MINE}-1", "2026-01-01T00:00:00Z", mail=ANN), event("x", "ben"))
        assert count(platform, "events", "event = 'old'") == 0

        # What happens from now on is somebody new.
        sent(api, event("new", f"{MINE}-1"))
        ((properties,),) = run_query(
            platform, 1, "SELECT DISTINCT person.properties FROM events WHERE event = 'new'"
        ).rows
        assert ANN not in properties.lower()
        assert api("POST", "deletion_requests/readmit/", {"person": ANN}).json()["readmitted"]
        warehouse.write("users", with_ann())
        assert count(platform, "app_users") == 10


def test_a_key_that_is_hashed_on_the_way_in_is_found_and_one_that_is_cut_off_is_refused(warehouse):
    platform = warehouse.platform
    table = warehouse.table("app_users")
    options = TableOptions(masks=(Mask("email", MaskKind.HASH), Mask("plan", MaskKind.TRUNCATE)))
    platform.store.update_table(table.id, options=options)
    masked = tombstones.digests(platform.store.mask_key(1), [ANN.upper()])
    (hashed,) = masked - tombstones.digests(platform.store.mask_key(1), [ANN])
    warehouse.write("users", [{"id": 1, "email": hashed, "plan": "f***"}])
    with pytest.raises(PwhError, match="says of no row whose it is"):
        forgetting.set_person_key(platform, 1, "app_users", "plan")
    forgetting.set_person_key(platform, 1, "app_users", "email")
    done = forgetting.carry_out(platform, forgetting.request(platform, 1, ANN.upper(), "test"))
    assert done.report["rows"]["app_users"] == 1


def test_forgetting_waits_for_nobody_half_way(warehouse, monkeypatch):
    platform = warehouse.platform
    warehouse.write("users", with_ann())
    forgetting.set_person_key(platform, 1, "app_users", "email")
    monkeypatch.setattr(forgetting, "WAIT_S", 0.1)
    asked = forgetting.request(platform, 1, ANN, "test")
    with (
        hold(platform.settings, f"sync-{warehouse.table('app_users').id}"),
        pytest.raises(BusyError, match="being synced"),
    ):
        forgetting.carry_out(platform, asked)
    failed = platform.store.deletion(1, asked.id)
    assert (failed.status, failed.report["steps"]) == ("failed", ["remember", "product", "log"])
    assert count(platform, "app_users", f"lower(email) = '{ANN}'") == 1
    assert forgetting.carry_out(platform, failed).status == "completed"


def _forget(home, request_id, after_s):
    """In a process that is killed after so many seconds of work."""
    platform = open_home(Path(home), None)
    threading.Timer(after_s, os.kill, (os.getpid(), signal.SIGKILL)).start()
    forgetting.carry_out(platform, platform.store.deletion(1, request_id))
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_deletion_that_is_killed_anywhere_goes_on_and_reports_what_it_did(warehouse):
    platform, random = warehouse.platform, dice()
    forgetting.set_person_key(platform, 1, "app_users", "email")
    rows = {"events": 3, "persons": 1, "person_distinct_ids": 1, "cohort_people": 1}
    took = 1.5
    for number in range(int(os.environ.get("PWH_KILLS", "2"))):
        who, mail = f"{MINE}-{number}", f"aa{number}.{ANN}"
        warehouse.write("users", [{"id": 100, "email": mail, "plan": "free"}, *people()])
        with warehouse.lake.write() as connection:
            for sql in (
                "INSERT INTO lake.product.persons SELECT i, json_object('email', m), now()::TIMESTAMP, true",
                "INSERT INTO lake.product.person_distinct_ids SELECT d, i, 0",
                "INSERT INTO lake.product.cohort_people SELECT i, 1",
                "INSERT INTO lake.product.events (uuid, event, distinct_id, person_id, timestamp) "
                "SELECT uuid(), 'seen', d, i, now()::TIMESTAMP",
            ):
                times = 3 if "events" in sql else 1
                connection.execute(
                    f"{sql} FROM (SELECT md5($w)::UUID AS i, $w AS d, $m AS m), range({times})",
                    {"w": who, "m": mail},
                )
        asked = forgetting.request(platform, 1, who, "test")
        child = CONTEXT.Process(
            target=_forget,
            args=(str(warehouse.settings.home), asked.id, random.uniform(0, took)),
        )
        child.start()
        child.join(120)
        assert child.exitcode == -signal.SIGKILL
        left = parts_of(warehouse.lake, who)
        assert left in (rows, dict.fromkeys(rows, 0)), left  # never a part
        began = time.monotonic()
        done = forgetting.carry_out(platform, platform.store.deletion(1, asked.id))
        took = max(0.2, min(took, time.monotonic() - began))
        assert done.status == "completed"
        assert done.report["rows"] == {**rows, "app_users": 1}
        assert remains(warehouse.settings.home, who, mail) == []


def parts_of(lake, who):
    """Rows that are hers, by table."""
    with lake.read() as connection:
        return {
            table: connection.execute(
                f"SELECT count(*) FROM lake.product.{table} WHERE {column} = md5(?)::UUID", [who]
            ).fetchone()[0]
            for table, column in (
                ("events", "person_id"),
                ("persons", "id"),
                ("person_distinct_ids", "person_id"),
                ("cohort_people", "person_id"),
            )
        }
