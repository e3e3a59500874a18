"""The base of every error a user can meet: a sentence, a stable code, and whether trying again can help."""

from typing import ClassVar


class PwhError(Exception):
    """Something the user can act on.

    A subclass takes facts, keeps them as attributes and builds one sentence: the subject in backticks,
    what was found, the way out. `code` is for programs and never changes once released.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    """The HTTP status this error becomes at the edge."""
    exit_status: ClassVar[int] = 1
    """The exit status of `pwh` when this error ends a command."""
    retryable: ClassVar[bool] = False
    """True when the same call may succeed later without anybody changing anything."""
    attr: str | None = None
    """The field of the request that is wrong, where one is."""

    @property
    def sentence(self) -> str:
        return str(self)


class UserError(PwhError):
    """What was asked for cannot be done as asked; nothing was changed."""

    code = "invalid"
    status = 400
    exit_status = 2


class InvalidInputError(UserError):
    """One field of the input is wrong; `attr` names it."""

    code = "invalid_input"

    def __init__(self, attr: str, sentence: str) -> None:
        self.attr = attr
        super().__init__(sentence)


class NotFoundError(UserError):
    """The named thing does not exist in this project (or belongs to another one: the same answer)."""

    code = "not_found"
    status = 404

    def __init__(self, noun: str, name: str, hint: str = "") -> None:
        self.noun, self.name = noun, name
        where = "" if noun == "project" else " in this project"
        super().__init__(f"There is no {noun} `{name}`{where}. {hint}".strip())


class ConflictError(UserError):
    """The request clashes with something that exists; the sentence names both sides."""

    code = "conflict"
    status = 409


class BusyError(PwhError):
    """Another process is doing this right now; nothing was started."""

    code = "busy"
    status = 409
    retryable = True


class SourceError(PwhError):
    """A source could not be read. Subclasses in `sources/` say whether trying again can help."""

    code = "source_failed"
    status = 502


class SourceUnavailableError(SourceError):
    """The source did not answer, answered too slowly or asked us to wait: worth another try."""

    code = "source_unavailable"
    retryable = True

    def __init__(self, sentence: str = "", retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        """Seconds the source asked us to wait (`Retry-After`), when it did: the next attempt waits at least so long."""
        super().__init__(sentence)


class SourceAccessError(SourceError):
    """The source refused the credentials or a permission is missing: only a person can mend it."""

    code = "source_access"
    exit_status = 2


def quoted(names: "list[str] | tuple[str, ...]", most: int = 12) -> str:
    """Names for a sentence: `a`, `b` and `c`; a long list is cut and counted.

    >>> quoted(["a", "b", "c"])
    '`a`, `b` and `c`'
    """
    shown = [f"`{name}`" for name in names[:most]]
    if len(names) > most:
        return ", ".join(shown) + f" and {len(names) - most} more"
    if len(shown) < 2:
        return "".join(shown) or "nothing"
    return ", ".join(shown[:-1]) + " and " + shown[-1]
