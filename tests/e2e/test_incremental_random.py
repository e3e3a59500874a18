"""Views built in parts on a real lake, against the whole query after every round of random changes."""

import os
from contextlib import ExitStack

import pytest

from pwh_assets.demo.postgres import PrivatePostgres
from tests.e2e.incremental_lab import PLAIN, VIEWS, Lab

ROUNDS = int(os.environ.get("PWH_TEST_INCREMENTAL_ROUNDS", "3"))
SEED = int(os.environ.get("PWH_TEST_INCREMENTAL_SEED", "20261121"))
SOME = ("sums", "two_left", "key_of_both", "no_member", "named", "together")


@pytest.fixture(params=["sqlite", "postgres"])
def lab(request, tmp_path):
    """A lake with its catalog in a file, and one with it in PostgreSQL."""
    with ExitStack() as held:
        environment = {}
        if request.param == "postgres":
            server = held.enter_context(PrivatePostgres())
            environment["PWH_LAKE_CATALOG_URL"] = server.url
        lab = Lab(tmp_path / "home", SEED, **environment)
        held.callback(lab.close)
        lab.plain.update(PLAIN)
        lab.names = SOME if environment else SOME[:4]
        yield lab


def test_every_view_equals_its_whole_query_after_every_round_of_changes(lab):
    names = lab.names if ROUNDS < 10 else tuple(VIEWS)
    for name in names:
        lab.add(name, *VIEWS[name])
        lab.build(name)
    for number in range(ROUNDS):
        if number == 1:
            lab.maintain()
        changes = [lab.change() for _ in range(1 + lab.random.randrange(3))]
        for name in names:
            if lab.random.random() < 0.15:
                continue  # this one sees the changes of several rounds at once
            plan = lab.build(name)
            assert lab.difference(name) == ([], []), (number, changes, name, plan.mode, plan.reason)
    parts = {name: modes.count("incremental") for name, modes in lab.modes.items()}
    assert sum(parts.values()) > len(names) * ROUNDS / 3, parts
