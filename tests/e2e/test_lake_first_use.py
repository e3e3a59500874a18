"""A lake is made at first use: by several processes at once, and after one of them was killed over it."""

import random
import time
from pathlib import Path

from pwh_assets.lake import Lakes
from pwh_assets.settings import Settings
from tests.e2e.crashes import CONTEXT


def _make(home, pipe):
    pipe.send("ready")
    lakes = Lakes(Settings(home=Path(home)))
    pipe.send(len(lakes.of(1).tables()))


def start(home):
    ours, theirs = CONTEXT.Pipe()
    child = CONTEXT.Process(target=_make, args=(str(home), theirs))
    child.start()
    theirs.close()
    assert ours.recv() == "ready"
    return child, ours


def test_several_processes_may_make_a_lake_at_once(tmp_path):
    children = [start(tmp_path) for _ in range(4)]
    assert [pipe.recv() for _, pipe in children] == [5] * 4
    for child, _ in children:
        child.join(30)


def test_a_lake_whose_maker_was_killed_is_finished_by_the_next(tmp_path):
    for number in range(10):
        home = tmp_path / str(number)
        child, _ = start(home)
        time.sleep(random.uniform(0, 0.4))
        child.kill()
        child.join(30)
        lake = Lakes(Settings(home=home)).of(1)
        assert len(lake.tables()) == 5, number
        assert lake.state("nothing") is None
        lake.close()
