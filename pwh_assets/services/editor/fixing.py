"""Mending a text by the fixes its mistakes come with: the nearest name, a missing comma, quotes. No guess beyond them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pwh_assets.core.access import Caller
from pwh_assets.errors import UserError
from pwh_assets.services.platform import Platform
from pwh_assets.services.policies.reading import catalog_for

if TYPE_CHECKING:
    from pwh_assets.hogql.editor import Notice

MOST_ROUNDS = 8


class NotFixableError(UserError):
    """The text is wrong in a way that has no single fix."""

    code = "not_fixable"

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        self.attr = "query"
        self.mistakes = mistakes
        more = f" And {len(mistakes) - 3} more." if len(mistakes) > 3 else ""
        super().__init__(f"Nothing here can be mended by itself. {' '.join(mistakes[:3])}{more}")


@dataclass(frozen=True, slots=True)
class Fixed:
    """A mended text, what was put in the place of what, and the mistakes that are left."""

    query: str
    fixes: tuple[tuple[str, str], ...] = ()
    mistakes: tuple[str, ...] = ()


def fix_text(platform: Platform, project_id: int, text: str, reader: Caller | None) -> Fixed:
    """The text with every mistake mended that has a fix; one without mistakes comes back as it is.

    Raises:
        NotFixableError: it has mistakes, and none of them has a fix.
    """
    from pwh_assets.hogql.editor import examine

    catalog = catalog_for(platform, project_id, reader)
    engine = platform.settings.warehouse
    found = examine(text, catalog, engine)
    made: list[tuple[str, str]] = []
    for _ in range(MOST_ROUNDS):  # a mended mistake can uncover another one
        mended, fixes = _mended(text, found.errors)
        if not fixes or mended == text:
            break
        made += fixes
        text = mended
        found = examine(text, catalog, engine)
    mistakes = tuple(f"{each.message.rstrip('.')}." for each in found.errors)
    if mistakes and not made:
        raise NotFixableError(mistakes)
    return Fixed(text, tuple(made), mistakes)


def _mended(text: str, errors: "tuple[Notice, ...]") -> tuple[str, list[tuple[str, str]]]:
    """Every fix that does not overlap one before it; those of tables alone where there are some, because what columns
    are called depends on them.
    """
    tables = [each for each in errors if each.code == "unknown_table" and each.fix is not None]
    fixes = []
    end = 0
    parts = []
    for each in sorted(tables or errors, key=lambda one: (one.start, one.end)):
        if each.fix is None or each.start < end:
            continue
        parts += [text[end : each.start], each.fix]
        fixes.append((text[each.start : each.end], each.fix))
        end = each.end
    return "".join([*parts, text[end:]]), fixes
