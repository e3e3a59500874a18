"""What the CLI prints, and that its page knows every command."""

import argparse
import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from pwh_assets.cli import main
from pwh_assets.cli.console import count, plain, table
from pwh_assets.cli.entry import parser
from pwh_assets.core.job import JobStatus

PAGE = Path(__file__).parents[3] / "docs" / "cli.md"


def commands(of: argparse.ArgumentParser) -> Iterator[str]:
    groups = [a for a in of._actions if isinstance(a, argparse._SubParsersAction)]
    if not groups:
        yield of.prog
    for group in groups:
        for inner in group.choices.values():
            yield from commands(inner)


@pytest.mark.parametrize("name", list(commands(parser())))
def test_every_command_is_on_its_page(name: str) -> None:
    *above, last = name.split()
    text = PAGE.read_text()
    assert f"`{name}" in text or (" ".join(above) in text and f"`{last}" in text), name


def test_pages_name_commands_and_options_that_exist() -> None:
    top = parser()
    for page in PAGE.parent.rglob("*.md"):
        for line in re.findall(
            r"`(pwh [a-z][^`]*)`|^(pwh [a-z].*)$", page.read_text(), re.MULTILINE
        ):
            said = "".join(line).partition(" # ")[0]
            command, words = top, said.split()[1:]
            while groups := [
                a for a in command._actions if isinstance(a, argparse._SubParsersAction)
            ]:
                if not words or words[0] in ("…", "COMMAND"):
                    break
                assert words[0] in groups[0].choices, f"{page.name}: {said}"
                command = groups[0].choices[words.pop(0)]
            for option in re.findall(r"(?<=[ \[])--[a-z][a-z-]*", " " + " ".join(words)):
                assert option in command._option_string_actions, f"{page.name}: {said}"


@pytest.mark.parametrize("name", list(commands(parser())))
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*name.split()[1:], "--help"]) == 0
    assert "--project" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (float("nan"), None),
        (float("inf"), None),
        (Decimal("1.50"), 1.5),
        (Decimal("12345678901234567890"), 12345678901234567890),
        (Decimal("0.1234567890123456789"), "0.1234567890123456789"),
        (Decimal("NaN"), None),
        (datetime(2026, 1, 2, 3, tzinfo=UTC), "2026-01-02T03:00:00+00:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (time(1, 2), "01:02:00"),
        (timedelta(minutes=1), 60.0),
        (b"a\xff", "a\\xff"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (JobStatus.FAILED, "Failed"),
        ({1: (2, {3})}, {"1": [2, [3]]}),
    ],
)
def test_values_become_json(value: object, shown: object) -> None:
    assert plain(value) == shown
    json.dumps(plain(value), allow_nan=False)


def test_numbers_stand_to_the_right_and_wide_letters_keep_the_columns() -> None:
    shown = table(("name", "n"), [("a", 1), ("日本", 1000), (None, None)]).splitlines()
    assert shown == ["name     n", "────  ────", "a        1", "日本  1000", "NULL  NULL"]


def test_a_cell_stays_on_its_line() -> None:
    shown = table(("x",), [("a\nb\x1b[31m\u202e",), ("y" * 100,)]).splitlines()
    assert len(shown) == 4
    assert "\x1b" not in shown[2] and "\u202e" not in shown[2]
    assert shown[3].endswith("…") and len(shown[3]) == 60


def test_an_empty_answer_still_has_its_columns() -> None:
    assert table(("a", "b"), []).splitlines()[0] == "a  b"


def test_counting_words() -> None:
    assert (count(1, "row"), count(2000, "row")) == ("1 row", "2,000 rows")
