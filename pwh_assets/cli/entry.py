"""The entry: reads the command line, runs one command, and turns every error into a sentence and a status."""

import importlib
import io
import json
import os
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from pwh_assets import __version__
from pwh_assets.cli.arguments import Parser, UsageError
from pwh_assets.cli.loading import loaded
from pwh_assets.errors import PwhError

_WORDS: Mapping[str, tuple[str, ...]] = {
    "up": ("up",),
    "source": ("source",),
    "sync": ("sync",),
    "activity": ("status", "jobs", "usage"),
    "query": ("query",),
    "view": ("view",),
    "check": ("check",),
    "dbt": ("dbt",),
    "metric": ("metric",),
    "join": ("join",),
    "cohort": ("cohort",),
    "action": ("action",),
    "properties": ("property",),
    "policy": ("policy",),
    "pii": ("pii",),
    "forget": ("forget",),
    "rates": ("rates",),
    "project": ("project",),
    "user": ("user",),
    "key": ("key",),
    "revenue": ("revenue",),
    "health": ("health", "lineage"),
    "alert": ("alert",),
    "audit": ("audit",),
    "hogql": ("hogql",),
    "events": ("events", "persons"),
    "installation": ("verify", "doctor", "secrets", "demo"),
}
"""The modules here that register commands, in the order of the help, with the first words of those."""


def parser(word: str | None = None) -> Parser:
    """Every command with its arguments; the docs page is made from it.

    Args:
        word: the first word of a command line: only the module that has it is loaded. All are when none does.
    """
    top = Parser(
        prog="pwh", description="The product warehouse: connect, sync, ask, save, look after."
    )
    top.add_argument("--version", action="version", version=f"pwh {__version__}")
    groups = top.add_subparsers(metavar="COMMAND", dest="noun", required=True, parser_class=Parser)
    asked = [module for module, words in _WORDS.items() if word in words]
    for module in asked or _WORDS:
        importlib.import_module(f"pwh_assets.cli.{module}").register(groups)
    return top


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit status: 0, 1 for a failure or issues, 2 for what the user has to change."""
    status = None
    try:
        status = _run(argv)
    finally:
        if auditing := sys.modules.get("pwh_assets.cli.auditing"):  # a project was opened
            auditing.end(status)
    return status


def _run(argv: Sequence[str] | None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, io.TextIOWrapper
        ):  # odd bytes and narrow terminals must not end a command
            stream.reconfigure(errors="backslashreplace")
    try:
        _check_characters(words)
        args = parser(words[0] if words else None).parse_args(words)
        if not getattr(args, "is_loading", False):  # such a command says itself when it has all
            loaded()
        status: int = args.run(args)
        sys.stdout.flush()
    except PwhError as error:
        return _refuse(error, as_json="--json" in words)
    except BrokenPipeError:  # the reader, such as `head`, has had enough
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  it has to outlive this function
        return 0
    except SystemExit as stop:  # --help and --version
        return stop.code if isinstance(stop.code, int) else 0
    except Exception as error:
        if isinstance(error, RuntimeError) and str(error) == "Query interrupted":
            raise KeyboardInterrupt from None  # DuckDB's word for Ctrl-C
        return _apologize(error)
    return status


def _check_characters(words: Sequence[str]) -> None:
    for word in words:
        if not word.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in word):
            shown = word.encode("utf-8", "backslashreplace").decode()
            raise UsageError(f"`{shown}` is not UTF-8 text. Write it in UTF-8.")


def _refuse(error: PwhError, as_json: bool) -> int:
    sentence = " ".join(error.sentence.split())
    if as_json:
        shape = {
            "type": "validation_error" if error.exit_status == 2 else "server_error",
            "code": error.code,
            "detail": sentence,
            "attr": error.attr,
        }
        print(json.dumps({"error": shape}, ensure_ascii=False))
    print(sentence, file=sys.stderr)
    return error.exit_status


def _apologize(error: Exception) -> int:
    """A mistake of ours: one sentence for the user, the traceback for the log."""
    from pwh_assets.services.scrub import scrub

    lines = scrub(str(error)).strip().splitlines()
    cause = f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
    log = Path(os.environ.get("PWH_HOME") or ".pwh") / "logs" / "cli.log"
    where = ""
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as out:
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            out.write(f"{stamp} {scrub(''.join(traceback.format_exception(error)))}\n")
        where = f" The details are in `{log}`."
    except OSError:
        pass
    print(f"Something went wrong inside PWH ({cause}).{where}", file=sys.stderr)
    return 1
