"""Ctrl-C and SIGTERM inside a transaction of the store."""

import signal

import sqlalchemy as sa

from pwh_assets.store.database import Database


class Interrupted(BaseException):
    pass


def test_whoever_is_interrupted_while_writing_can_write_down_that_it_was(tmp_path):
    """The error in hand keeps the cursor that was interrupted, and with it SQLite's lock, if nothing else lets go of it."""
    database = Database(f"sqlite:///{tmp_path / 'store.db'}")
    database.migrate()
    with database.write() as connection:
        connection.execute(sa.text("CREATE TABLE notes (note INTEGER)"))

    def interrupt(*_):
        raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with database.write() as connection:
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            connection.execute(
                sa.text(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000)"
                    " INSERT INTO notes SELECT count(*) FROM n RETURNING note"
                )
            )
            raise AssertionError("it was not interrupted")
    except Interrupted:
        with database.write() as connection:
            connection.execute(sa.text("INSERT INTO notes VALUES (7)"))
    finally:
        signal.signal(signal.SIGALRM, before)
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT note FROM notes")).scalars().all() == [7]
    database.close()
