"""Every command on the language's pages, run as it stands there, one after another in one home."""

import io
import json
import re
import shlex
from pathlib import Path

import pytest

from pwh_assets.cli import main
from pwh_assets.services.product.actions import save_action
from pwh_assets.services.product.loading import import_distinct_ids, import_events, import_persons
from tests.e2e.homes import Warehouse, people

DOCS = Path(__file__).parent.parent.parent / "docs" / "hogql"
PAGES = ["editor", "joins", "cohorts", "actions", "properties", "project"]
PERSON = "0190f1c2-0000-7000-8000-000000000001"
EVENT = {
    "event": "sign up",
    "distinct_id": "user@example.com",
    "person_id": PERSON,
    "timestamp": "2026-01-01T00:00:00Z",
    "properties": {"plan": "pro", "price": 3},
}


def commands(page: str) -> list[str]:
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```", (DOCS / f"{page}.md").read_text())
    return [line for block in blocks for line in block.splitlines() if line.startswith("pwh ")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    warehouse = Warehouse(folder)
    warehouse.write("users", people())
    (folder / "rates.csv").write_text("date,currency,rate\n2026-01-01,EUR,0.9\n")
    for name, row, load in (
        ("persons", {"id": PERSON, "properties": {"email": "p1@example.com"}}, import_persons),
        ("ids", {"distinct_id": "user@example.com", "person_id": PERSON}, import_distinct_ids),
        ("events", EVENT, import_events),
    ):
        file = folder / f"{name}.jsonl"
        file.write_text(json.dumps(row))
        load(warehouse.platform, 1, file)
    warehouse.close()
    return folder


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_works(
    page: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PWH_HOME", str(home))
    monkeypatch.chdir(home)
    assert commands(page)
    for line in commands(page):
        words = shlex.split(line.replace("\\$", "$"))[1:]
        assert main(words) == 0, (line, capsys.readouterr())
        assert capsys.readouterr().out, line


def test_the_steps_of_an_action_on_its_page_are_understood(tmp_path: Path) -> None:
    (block,) = re.findall(r"(?ms)^```json\n(.*?)^```", (DOCS / "actions.md").read_text())
    warehouse = Warehouse(tmp_path)
    assert len(save_action(warehouse.platform, 1, "From the page", json.loads(block)).steps) == 2
    warehouse.close()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("hogql", "metadata", "SELECT evnt FROM events"), 2, "Fix: `event`"),
        (("hogql", "complete", "SELECT * FROM app_", "--json"), 0, '"label": "app_users"'),
        (("hogql", "complete", "", "--at", "7"), 0, "SELECT"),
        (("hogql", "schema", "nobody"), 2, "no table `nobody`"),
        (("hogql", "format", "SELECT ("), 2, "never closed"),
        (("cohort", "refresh", "nobody"), 2, "no cohort `nobody`"),
        (("cohort", "create", "x", "SELECT nothing FROM persons"), 2, "`nothing`"),
        (("action", "create", "x"), 2, "needs a step"),
        (("action", "remove", "nobody"), 2, "no action `nobody`"),
        (("rates", "load", "nowhere.csv"), 2, "cannot be read"),
        (("project", "set", "moon=1"), 2, "no setting `moon`"),
        (("project", "set", "moon"), 2, "NAME=VALUE"),
        (("property", "set", "event", "a", "Text"), 2, "`Text` is no type"),
        (("join", "remove", "nobody"), 2, "no join `nobody`"),
        (("join", "validate", "persons", "a", "events", "b"), 1, "does not work"),
        (("hogql", "metadata", "SELECT {variables.a}", "--variable", "a=[1"), 0, "String"),
        (("hogql", "metadata", "SELECT 1", "--variable", "a"), 2, "NAME=VALUE"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    words: tuple[str, ...],
    status: int,
    said: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PWH_HOME", str(home))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert main(list(words)) == status
    found = capsys.readouterr()
    assert said in found.out + found.err
    assert "Traceback" not in found.err
