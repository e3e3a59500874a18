"""Views built in parts in ClickHouse: after every round of random changes the rows that DuckDB's whole query gives."""

import os
from dataclasses import replace

import pytest

from pwh_assets.core.source import Column
from pwh_assets.engines.base import EngineError
from pwh_assets.engines.clickhouse import ENGINE
from pwh_assets.engines.clickhouse_site import BuildSite
from pwh_assets.hogql.incremental import analysis_of
from pwh_assets.hogql.lower.clickhouse import SETTINGS
from pwh_assets.services.incremental.in_clickhouse import InClickHouse
from tests.e2e.incremental_lab import PLAIN, VIEWS, Lab, path_words
from tests.servers.clickhouse import ClickHouseServer

pytest.importorskip("chdb", reason="pip install 'pwh-assets[clickhouse]'")

ROUNDS = int(os.environ.get("PWH_TEST_INCREMENTAL_ROUNDS", "2"))
SEED = int(os.environ.get("PWH_TEST_INCREMENTAL_SEED", "20261121"))
NOT_THERE = frozenset(("asof", "ranges"))
"""Views that ClickHouse does not compute, in parts or as a whole: it wants an equality in these joins."""
SOME = ("sums", "two_left", "no_member")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with ClickHouseServer(tmp_path_factory.mktemp("server")) as found:
        yield found


class Elsewhere(Lab):
    """The same lake; builds compute their parts on a server."""

    def __init__(self, home, server, seed):
        super().__init__(home, seed)
        settings = replace(self.lake.settings, clickhouse_url=server.url)
        self.engine = ENGINE(settings, self.lakes)

    def build(self, name, **options):
        key, text = self.views[name]
        sql = analysis_of(text, self.catalog()).sql(path_words)
        columns = [
            Column(row[0], row[1]) for row in self.connection.execute(f"DESCRIBE {sql}").fetchall()
        ]
        with BuildSite(self.engine, self.lake, name, SETTINGS) as site:

            def there(plan):
                plan.executor = InClickHouse(site, self.lake, name, columns, key)

            return super().build(name, change_plan=there, **options)

    def close(self):
        self.engine.close()
        super().close()


@pytest.fixture
def lab(tmp_path, server):
    lab = Elsewhere(tmp_path / "home", server, SEED)
    lab.plain.update(PLAIN)
    yield lab
    lab.close()


def test_every_view_equals_its_whole_query_after_every_round_of_changes(lab):
    names = list(SOME if ROUNDS < 10 else VIEWS)
    for name in tuple(names):
        lab.add(name, *VIEWS[name])
        try:
            assert lab.build(name).engine == "clickhouse"
        except EngineError:
            assert name in NOT_THERE
            names.remove(name)
            lab.reopen()
            continue
        assert lab.difference(name) == ([], []), name
    for number in range(ROUNDS):
        changes = [lab.change() for _ in range(1 + lab.random.randrange(3))]
        for name in names:
            plan = lab.build(name)
            assert lab.difference(name) == ([], []), (number, changes, name, plan.mode, plan.reason)
    parts = {name: modes.count("incremental") for name, modes in lab.modes.items()}
    assert sum(parts.values()) > len(names) * ROUNDS / 3, parts
