"""Credentials at rest: bound to key and row, changeable, and nowhere in plain sight."""

import base64
import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from pwh_assets.errors import InvalidInputError
from pwh_assets.settings import Settings
from pwh_assets.store import SecretBox, Store
from pwh_assets.store.secrets import SecretDamagedError, SecretKeyMissingError

PLANTED = "planted-p4ssw0rd-Ünïcode"


def key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def from_env(*pairs: str) -> SecretBox:
    return SecretBox.from_settings(Settings(home=Path("unused"), secret_keys=",".join(pairs)))


def test_what_is_sealed_opens_for_its_row_only(box: SecretBox) -> None:
    record = box.seal(PLANTED.encode(), "row-1")
    assert box.open(record, "row-1").decode() == PLANTED
    assert PLANTED not in record
    assert box.seal(PLANTED.encode(), "row-1") != record
    with pytest.raises(SecretDamagedError):
        box.open(record, "row-2")


def test_every_changed_character_of_a_record_is_noticed(box: SecretBox) -> None:
    record = box.seal(b"x" * 20, "row")
    for place in range(len(record)):
        other = "A" if record[place] != "A" else "B"
        with pytest.raises((SecretDamagedError, SecretKeyMissingError)):
            box.open(record[:place] + other + record[place + 1 :], "row")
    for garbage in (
        "",
        "...",
        "v1.a",
        record[:-4],
        record + "AAAA",
        "v2" + record[2:],
        record + "é",
    ):
        with pytest.raises((SecretDamagedError, SecretKeyMissingError)):
            box.open(garbage, "row")


def test_an_unknown_key_is_named_with_the_way_out() -> None:
    record = from_env(f"old:{key()}").seal(b"x", "row")
    with pytest.raises(SecretKeyMissingError, match=r"key `old`.*\(`new`\).*Put that key back"):
        from_env(f"new:{key()}").open(record, "row")


def test_another_key_of_the_same_id_does_not_open() -> None:
    record = from_env(f"k:{key()}").seal(b"x", "row")
    with pytest.raises(SecretDamagedError):
        from_env(f"k:{key()}").open(record, "row")


def test_two_keys_cannot_stand_for_each_other() -> None:
    shared = key()
    record = from_env(f"a:{shared}").seal(b"x", "row")
    with pytest.raises(SecretDamagedError):
        from_env(f"b:{shared}").open(record.replace("v1.a.", "v1.b."), "row")


@pytest.mark.parametrize(
    "text",
    [
        "nokey",
        "a:",
        f"a:{base64.b64encode(b'short').decode()}",
        "a:!!!",
        ":" + "A" * 44,
        "a.b:" + "A" * 44,
        ",",
    ],
)
def test_a_wrong_key_variable_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        from_env(text)
    assert "PWH_SECRET_KEYS" in str(refused.value)
    assert "!!!" not in str(refused.value)


def test_one_id_twice_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="Entry 2"):
        from_env(f"a:{key()}", f"a:{key()}")


def test_the_key_file_is_made_for_its_owner_only(tmp_path: Path) -> None:
    box = SecretBox.from_settings(Settings(home=tmp_path / "new"))
    file = tmp_path / "new" / "secret.keys"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [p.name for p in file.parent.iterdir()] == ["secret.keys"]
    assert SecretBox.from_settings(Settings(home=tmp_path / "new")).key_ids == box.key_ids
    file.chmod(0o644)
    with pytest.raises(InvalidInputError, match="chmod 600"):
        SecretBox.from_settings(Settings(home=tmp_path / "new"))


def test_a_broken_key_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "secret.keys"
    for content in (b"", b"\xff\xfe", b"garbage\n"):
        file.write_bytes(content)
        file.chmod(0o600)
        with pytest.raises(InvalidInputError, match=r"secret\.keys"):
            SecretBox.from_settings(Settings(home=tmp_path))


def test_keys_do_not_print_and_do_not_leave_the_process(box: SecretBox, tmp_path: Path) -> None:
    secret = (tmp_path / "secret.keys").read_text().split(":")[1].strip()
    assert secret not in repr(box) and secret not in str(box)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(box)


def test_rotation_seals_everything_with_the_new_key(store: Store, tmp_path: Path) -> None:
    ids = [
        store.add_source(1, "stripe", f"p{i}_", "", {}, {"api_key": f"{PLANTED}{i}"}, []).id
        for i in range(3)
    ]
    store.add_source(1, "files", "", "", {"path": "x"}, {}, [])
    old = store.secret_key_ids
    new = store.new_secret_key()
    assert store.secret_key_ids == (new, *old)
    assert store.rotate_secrets() == 3
    for i, source_id in enumerate(ids):
        assert store.source_config(source_id)["api_key"] == f"{PLANTED}{i}"
    lines = (tmp_path / "secret.keys").read_text().splitlines()
    assert [line.split(":")[0] for line in lines] == [new, *old]
    assert stat.S_IMODE((tmp_path / "secret.keys").stat().st_mode) == 0o600


def test_after_rotation_the_old_key_is_not_needed(store: Store, url: str, tmp_path: Path) -> None:
    source = store.add_source(1, "stripe", "", "", {}, {"api_key": PLANTED}, [])
    store.new_secret_key()
    store.rotate_secrets()
    file = tmp_path / "secret.keys"
    file.write_text(file.read_text().splitlines()[0] + "\n")
    again = Store.open(url, SecretBox.from_settings(Settings(home=tmp_path)))
    try:
        assert again.source_config(source.id) == {"api_key": PLANTED}
    finally:
        again.close()


def test_a_running_process_follows_a_rotation_elsewhere(
    store: Store, url: str, tmp_path: Path
) -> None:
    source = store.add_source(1, "stripe", "", "", {}, {"api_key": PLANTED}, [])
    elsewhere = Store.open(url, SecretBox.from_settings(Settings(home=tmp_path)))
    try:
        elsewhere.new_secret_key()
        assert elsewhere.rotate_secrets() == 1
    finally:
        elsewhere.close()
    assert store.source_config(source.id) == {"api_key": PLANTED}


def test_a_rotation_that_meets_a_damaged_record_changes_nothing(store: Store) -> None:
    good = store.add_source(1, "stripe", "a_", "", {}, {"api_key": "a"}, [])
    bad = store.add_source(1, "stripe", "b_", "", {}, {"api_key": "b"}, [])
    before = records(store)
    write_record(store, bad.id, before[good.id])  # one row's record in another row
    swapped = records(store)
    store.new_secret_key()
    with pytest.raises(SecretDamagedError):
        store.rotate_secrets()
    assert records(store) == swapped
    assert store.source_config(good.id) == {"api_key": "a"}
    with pytest.raises(SecretDamagedError):
        store.source_config(bad.id)
    (problem,) = store.problems()
    assert "stripe_b" in problem and "Enter the credentials" in problem


def test_a_planted_secret_is_nowhere_in_the_database(
    store: Store, url: str, tmp_path: Path
) -> None:
    store.add_source(1, "stripe", "", "", {"host": "h"}, {"api_key": PLANTED}, [])
    with store._db.read() as connection:
        for name in sa.inspect(connection).get_table_names():
            for row in connection.execute(sa.text(f'SELECT * FROM "{name}"')):
                assert "planted" not in str(row)
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert b"planted" not in file.read_bytes(), file


def test_an_error_of_the_database_does_not_print_parameters(store: Store) -> None:
    with pytest.raises(sa.exc.DBAPIError) as broken, store._db.write() as connection:
        connection.execute(sa.text("INSERT INTO nowhere VALUES (:secret)"), {"secret": PLANTED})
    assert "planted" not in str(broken.value)


RACING = """
import sys
from pathlib import Path
from pwh_assets.settings import Settings
from pwh_assets.store import SecretBox
box = SecretBox.from_settings(Settings(home=Path(sys.argv[1])))
print(box.key_ids[-1] if sys.argv[2] == "make" else box.add_key())
"""


@pytest.mark.parametrize("what", ["make", "add"])
def test_processes_that_make_keys_at_once_lose_none(tmp_path: Path, what: str) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", RACING, str(tmp_path), what], stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    printed = [process.communicate(timeout=60)[0].strip() for process in started]
    kept = [line.split(":")[0] for line in (tmp_path / "secret.keys").read_text().splitlines()]
    if what == "make":
        assert set(printed) == set(kept) and len(kept) == 1
    else:
        assert set(printed) <= set(kept) and len(kept) == 5


def records(store: Store) -> dict[str, str]:
    with store._db.read() as connection:
        rows = connection.execute(sa.text("SELECT id, credentials FROM sources")).all()
    return {row.id: row.credentials for row in rows}


def write_record(store: Store, source_id: str, record: str) -> None:
    with store._db.write() as connection:
        connection.execute(
            sa.text("UPDATE sources SET credentials = :record WHERE id = :id"),
            {"record": record, "id": source_id},
        )
