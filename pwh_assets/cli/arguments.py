"""The argument parser: one sentence per mistake, and the words every command shares."""

import argparse
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from pwh_assets.core.names import nearest
from pwh_assets.errors import InvalidInputError, UserError, quoted

if TYPE_CHECKING:
    from pwh_assets.services.platform import Platform

    Groups = argparse._SubParsersAction["Parser"]
else:
    Groups = argparse._SubParsersAction

Command = Callable[[argparse.Namespace], int]
ENGINES = ("duckdb", "clickhouse")
"""The choices of `--engine`; written out, because `hogql.lower`, which knows them, brings sqlglot."""

_CHOICE = re.compile(
    r"argument (?P<what>.+?): invalid choice: '(?P<given>.*)' \(choose from (?P<known>.*)\)", re.S
)


class UsageError(UserError):
    """The command line cannot be read."""

    code = "usage"


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence instead of printing the usage."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("allow_abbrev", False)
        super().__init__(*args, **options)

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """What is left over is said by the very command that does not know it, with its options at hand."""
        found, left = super().parse_known_args(args, namespace)
        if left:
            raise UsageError(self._not_known(left))
        return found, left

    def _not_known(self, left: Sequence[str]) -> str:
        way_out = f"`{self.prog} --help` shows how it is written."
        word = next((each for each in left if each.startswith("--")), left[0])
        if not word.startswith("-"):
            return f"`{self.prog}` does not know what `{word}` is for. {way_out}"
        name = word.partition("=")[0]
        near = nearest(name, [each for each in self._option_string_actions if len(each) > 2])
        hint = f"Did you mean `{near}`?" if near else way_out
        return f"`{self.prog}` has no option `{name}`. {hint}"

    def error(self, message: str) -> NoReturn:
        way_out = f"`{self.prog} --help` shows how it is written."
        if found := _CHOICE.match(message):
            known = re.findall(r"'([^']*)'", found["known"])
            near = nearest(found["given"], known)
            hint = f"Did you mean `{near}`?" if near else f"There are {quoted(known, 20)}."
            noun = "command" if found["what"] == "COMMAND" else found["what"].split("/")[-1]
            raise UsageError(f"`{found['given']}` is not a {noun} of `{self.prog}`. {hint}")
        message = re.sub(r"^argument (\S+): ", r"`\1`: ", message)
        message = message.replace("the following arguments are required:", "missing:")
        raise UsageError(f"`{self.prog}` {message.rstrip('.')}. {way_out}")


def group(groups: Groups, name: str, summary: str) -> Groups:
    """A command that only holds others, such as `pwh source`."""
    parser = groups.add_parser(name, help=summary, description=summary)
    return parser.add_subparsers(
        metavar="COMMAND", dest="command", required=True, parser_class=Parser
    )


def command(groups: Groups, name: str, summary: str, run: Command, *, facts: bool = True) -> Parser:
    """A command with `--project`, and `--json` where it prints facts."""
    parser = groups.add_parser(name, help=summary, description=summary)
    parser.add_argument(
        "--project",
        type=number("project", 1),
        default=1,
        metavar="ID",
        help="the project (default 1)",
    )
    if facts:
        parser.add_argument("--json", action="store_true", help="print facts as JSON")
    parser.set_defaults(run=run)
    return parser


def number(noun: str, least: int, most: int | None = None) -> Callable[[str], int]:
    """A whole number within bounds, or a sentence saying so."""

    def parse(text: str) -> int:
        bounds = f"from {least} to {most}" if most is not None else f"of at least {least}"
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least or (most is not None and value > most):
            raise InvalidInputError(
                noun, f"`{text}` is not a {noun}: it is a whole number {bounds}."
            )
        return value

    return parse


def open_project(args: argparse.Namespace) -> "Platform":
    """The platform, after a look whether the project exists."""
    from pwh_assets.cli import auditing
    from pwh_assets.errors import NotFoundError
    from pwh_assets.platform import open_platform

    platform = open_platform()
    known: Sequence[int] = platform.store.project_ids()
    if args.project not in known:
        numbers = ", ".join(map(str, known))
        error = NotFoundError("project", str(args.project))
        error.args = (f"There is no project `{args.project}`. There are: {numbers}.",)
        raise error
    auditing.begin(args, platform)
    return platform
