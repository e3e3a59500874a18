"""Commands in the audit log, and `pwh audit`."""

import json
from pathlib import Path
from typing import Any

import pytest

from pwh_assets.cli import main


def test_commands_that_change_something_are_written_down_and_proved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PWH_HOME", str(tmp_path / "home"))

    def pwh(*words: str) -> tuple[int, Any]:
        status = main([*words, "--json"])
        return status, json.loads(capsys.readouterr().out)

    assert main(["property", "set", "event", "price", "Numeric"]) == 0
    assert main(["view", "remove", "nobody"]) == 2
    assert main(["property", "list"]) == 0
    capsys.readouterr()
    _, found = pwh("audit", "list")
    told = [(one["action"], one["phase"], one["outcome"]) for one in reversed(found["results"])]
    assert told == [
        ("cli:property set", "start", "begun"),
        ("cli:property set", "finish", "done"),
        ("cli:view remove", "start", "begun"),
        ("cli:view remove", "finish", "failed"),
    ]
    assert found["results"][0]["item"] == "nobody"
    assert found["results"][0]["actor"].startswith("cli:")
    status, head = pwh("audit", "verify")
    assert (status, head["problem"], head["seq"]) == (0, None, 4)
    status, _ = pwh("audit", "verify", "--head", f"4:{'0' * 64}")
    assert status == 1
    file = str(tmp_path / "audit.jsonl")
    status, done = pwh("audit", "export", file, "--prune")
    assert (status, done["entries"], done["pruned"]) == (0, 5, 5)  # with its own start
    assert pwh("audit", "verify", "--file", file)[0] == 0
    assert pwh("audit", "verify", "--head", f"4:{head['hash']}")[0] == 0
    assert main(["audit", "export", file]) == 2
    assert main(["audit", "list", "--since", "yesterday"]) == 2
    assert main(["audit", "verify", "--head", "4"]) == 2
    assert main(["source", "pause", "one", "two"]) == 2
    capsys.readouterr()
    assert pwh("audit", "list")[1]["results"][0]["item"] == "one, two"
