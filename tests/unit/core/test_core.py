"""The product's words: names, frequencies, and the doctests beside them."""

import doctest
import importlib
import pkgutil
from datetime import timedelta

import pytest

import pwh_assets.core
from pwh_assets.core import names
from pwh_assets.core.frequency import FREQUENCIES, Frequency
from pwh_assets.core.source import Source, SyncedTable, SyncMode
from pwh_assets.errors import InvalidInputError, quoted

MODULES = [
    *(
        f"pwh_assets.core.{module.name}"
        for module in pkgutil.iter_modules(pwh_assets.core.__path__)
    ),
    "pwh_assets.errors",
    "pwh_assets.services.sources.egress",
    "pwh_assets.services.scrub",
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Users", "users"),
        ("order items", "order_items"),
        ("  A--B  ", "a_b"),
        ("2024 plan", "_2024_plan"),
        ("", "_"),
        ("Ünï", "n"),
        ("***", "_"),
    ],
)
def test_a_slug_is_an_identifier(text: str, word: str) -> None:
    assert names.slug(text) == word


@pytest.mark.parametrize("prefix", ["", "_", "  ", "__"])
def test_a_prefix_of_nothing_is_no_prefix(prefix: str) -> None:
    assert names.table_name("Stripe", prefix, "Invoice") == "stripe_invoice"
    assert names.source_slug("Stripe", prefix) == "stripe"
    assert names.table_spellings("stripe", prefix, "invoice") == (
        "stripe_invoice",
        "stripe.invoice",
    )


def test_the_flat_name_comes_first_among_the_spellings() -> None:
    for prefix in ("", "prod", "Prod_"):
        spellings = names.table_spellings("Postgres", prefix, "Users")
        assert spellings[0] == names.table_name("Postgres", prefix, "Users")
        assert len(set(spellings)) == len(spellings)


def test_the_nearest_name_keeps_its_spelling() -> None:
    assert names.nearest("INVOICES", ["Invoice", "charge"]) == "Invoice"
    assert names.nearest("zzz", ["Invoice"]) is None
    assert names.nearest("x", []) is None


@pytest.mark.parametrize("name", FREQUENCIES)
def test_every_frequency_has_a_cron_line_and_a_window(name: str) -> None:
    frequency = Frequency.parse(name, "13:07")
    fields = frequency.cron.split()
    assert len(fields) == 5
    assert frequency.fresh_for == 2 * FREQUENCIES[name] + timedelta(minutes=5)
    if frequency.every >= timedelta(days=1):
        assert fields[:2] == ["7", "13"]


@pytest.mark.parametrize(
    ("alias", "name"), [("day", "24hour"), ("week", "7day"), ("hour", "1hour")]
)
def test_words_stand_for_frequencies(alias: str, name: str) -> None:
    assert Frequency.parse(alias).name == name


@pytest.mark.parametrize("name", ["2hour", "", "24 hour", "0 * * * *", "5MIN"])
def test_what_is_no_frequency_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(InvalidInputError, match="5min, 15min") as refused:
        Frequency.parse(name)
    assert refused.value.attr == "sync_frequency"


@pytest.mark.parametrize("clock", ["25:00", "12", "ab:cd", "12:60", "-1:30", ":"])
def test_what_is_no_time_of_day_is_refused(clock: str) -> None:
    with pytest.raises(InvalidInputError, match="HH:MM"):
        Frequency.parse("24hour", clock)


@pytest.mark.parametrize(
    ("clock", "kept"), [("2:5", "02:05"), ("02:30:00", "02:30"), (None, None), ("", None)]
)
def test_a_time_of_day_is_kept_to_the_minute(clock: str | None, kept: str | None) -> None:
    assert Frequency.parse("24hour", clock).time_of_day == kept


def test_full_refresh_means_full() -> None:
    assert SyncMode("full_refresh") is SyncMode.FULL
    with pytest.raises(ValueError):
        SyncMode("sometimes")


def test_a_table_knows_its_name_and_project() -> None:
    table = SyncedTable("t", Source("s", 3, "postgres", "prod_"), "Users")
    assert (table.table_name, table.project_id) == ("prod_users", 3)


def test_names_in_a_sentence() -> None:
    assert quoted([]) == "nothing"
    assert quoted(["a"]) == "`a`"
    assert quoted([str(i) for i in range(14)]).endswith("and 2 more")


def test_an_anchor_shifts_every_run_of_a_day() -> None:
    assert Frequency.parse("6hour", "02:30").cron == "30 2,8,14,20 * * *"
    assert Frequency.parse("12hour", "18:05").cron == "5 6,18 * * *"
    assert Frequency.parse("1hour").cron == "0 * * * *"
    assert Frequency.parse("1min").cron == "*/1 * * * *"


def test_never_is_a_frequency_without_a_rhythm() -> None:
    never = Frequency.parse("never")
    assert never.is_never
    with pytest.raises(KeyError):
        _ = never.cron
