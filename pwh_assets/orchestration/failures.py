"""Our errors as Dagster failures: the one place where a run's end is put into words."""

import logging
import traceback
from collections.abc import Mapping

import dagster as dg

from pwh_assets.errors import PwhError, quoted
from pwh_assets.orchestration.watcher import Trouble

log = logging.getLogger(__name__)


def failure_of(where: str, noun: str, troubles: Mapping[str, Trouble], selected: int) -> dg.Failure:
    """A run in which some tables or views failed and the others landed. Names each with its cause."""
    names = sorted(troubles)
    what = f"{len(names)} of {selected} {noun}s" if selected > 1 else f"The only {noun}"
    causes = "\n".join(f"`{name}`: {troubles[name].text}" for name in names)
    landed = "" if selected == len(names) else " The others are fresh."
    return dg.Failure(
        description=f"{what} of `{where}` failed: {quoted(names)}.{landed}\n{causes}",
        metadata={name: f"[{troubles[name].code}] {troubles[name].text}" for name in names},
        allow_retries=False,
    )


def log_unexpected(error: Exception, what: str) -> None:
    """Log where an error that is not ours was raised; its message may hold a credential and is left out."""
    if not isinstance(error, PwhError):
        frames = "".join(traceback.format_tb(error.__traceback__))
        log.error("%s raised %s\n%s", what, type(error).__name__, frames)
