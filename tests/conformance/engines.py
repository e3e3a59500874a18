"""Every query engine over one lake, and what makes two answers equal."""

import re
from collections import Counter

from pwh_assets.engines.base import Limits
from pwh_assets.engines.clickhouse import ENGINE as CLICKHOUSE
from pwh_assets.engines.duckdb import ENGINE as DUCKDB
from pwh_assets.hogql import compile as compile_hogql
from pwh_assets.lake import Lakes
from pwh_assets.services.hogql.query import shaped
from pwh_assets.settings import Settings
from tests.conformance.made import NOW, catalog_of, fill

NAMES = ("duckdb", "clickhouse")
LIMITS = Limits(timeout_s=60)
VARIABLES = {"event_names": "$pageview"}


class Engines:
    """Both engines over made-up rows for the given texts."""

    def __init__(self, home, texts, clickhouse_url=None):
        given = {"PWH_CLICKHOUSE_URL": clickhouse_url} if clickhouse_url else {}
        settings = Settings.from_env({"PWH_HOME": str(home), **given})
        self.lakes = Lakes(settings)
        self.catalog, made = catalog_of(texts)
        fill(self.lakes.of(1), self.catalog, made)
        self.engines = {
            "duckdb": DUCKDB(settings, self.lakes),
            "clickhouse": CLICKHOUSE(settings, self.lakes),
        }

    def plan(self, text, engine):
        return compile_hogql(text, self.catalog, engine, now=NOW, variables=VARIABLES)

    def rows(self, text, engine):
        plan = self.plan(text, engine)
        session = self.engines[engine].open(1, LIMITS)
        try:
            session.prepare(plan.physical)
            answer = session.run(plan.sql, dict(plan.settings), LIMITS)
            try:
                return list(shaped(answer.rows(), [column.type for column in plan.columns]))
            finally:
                answer.close()
        finally:
            session.close()

    def close(self):
        for engine in self.engines.values():
            engine.close()
        self.lakes.close()


def same(engines, text, answers):
    """Equal as multisets; else with arrays sorted; else once an outer LIMIT that leaves ties open is gone."""
    left, right = answers
    if _bag(left) == _bag(right) or _bag(left, _sorted) == _bag(right, _sorted):
        return True
    unlimited = re.sub(r"(?is)\blimit\s+\d+\s*$", "", text.strip().rstrip(";"))
    if unlimited == text.strip():
        return False
    left, right = (engines.rows(unlimited, name) for name in NAMES)
    return _bag(left, _sorted) == _bag(right, _sorted)


def _bag(rows, change=lambda value: value):
    return Counter(repr(tuple(change(_plain(value)) for value in row)) for row in rows)


def _plain(value):
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, list):
        return tuple(_plain(item) for item in value)
    if isinstance(value, dict):
        return tuple(sorted((key, _plain(item)) for key, item in value.items()))
    return value


def _sorted(value):
    return (
        tuple(sorted((_sorted(item) for item in value), key=repr))
        if isinstance(value, tuple)
        else value
    )
