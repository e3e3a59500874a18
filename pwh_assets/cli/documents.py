"""What commands say that make things what a YAML file says, and that write such a file."""

from collections.abc import Sequence
from typing import Protocol

from pwh_assets.cli.console import print_json, say


class Applied(Protocol):
    """What applying a file changed, by names."""

    @property
    def added(self) -> Sequence[str]: ...
    @property
    def changed(self) -> Sequence[str]: ...
    @property
    def removed(self) -> Sequence[str]: ...
    @property
    def unchanged(self) -> Sequence[str]: ...


def print_applied(done: Applied, *, as_json: bool, dry_run: bool) -> int:
    """The facts, or a line per change and a summary. Returns the status 0."""
    if as_json:
        print_json(done)
        return 0
    for sign, names in (("+", done.added), ("~", done.changed), ("-", done.removed)):
        for name in names:
            say(f"{sign} {name}")
    words = "would be " if dry_run else ""
    say(
        f"{len(done.added)} {words}added, {len(done.changed)} {words}changed, {len(done.removed)} "
        f"{words}removed, {len(done.unchanged)} unchanged."
    )
    return 0


def print_document(text: str, *, as_json: bool) -> int:
    """A document of YAML, as it is or as JSON. Returns the status 0."""
    if as_json:
        import yaml

        print_json(yaml.safe_load(text))
    else:
        say(text.rstrip())
    return 0
