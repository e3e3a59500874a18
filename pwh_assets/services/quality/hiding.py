"""Examples that may be shown: masked columns stay masked, and what may be a credential is never told."""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pwh_assets.services.platform import Platform
from pwh_assets.services.scrub import HIDDEN, scrub

if TYPE_CHECKING:
    from pwh_assets.hogql.plan import OutputColumn

LONGEST = 200
"""Characters of a text that are shown."""
_SECRET = re.compile(
    r"(^|_)(password|passwd|pwd|passphrase|secret|token|api_?key|access_?key|private_?key|credential)s?(_|$)",
    re.IGNORECASE,
)
Hidden = Collection[tuple[str, str]]
"""(table, column) whose values are not shown, in lower case."""


def masked_columns(platform: Platform, project_id: int) -> Hidden:
    """Every masked column of the project's synced tables."""
    return {
        (table.table_name.lower(), mask.column.lower())
        for table in platform.store.tables(project_id)
        for mask in table.options.masks
    }


def shown(
    columns: "Sequence[OutputColumn]", rows: Iterable[Sequence[Any]], hidden: Hidden
) -> list[dict[str, Any]]:
    """Rows by column name, as they may be shown."""
    closed = [_is_closed(column, hidden) for column in columns]
    return [
        {
            column.name: HIDDEN if is_closed and value is not None else _short(value)
            for column, value, is_closed in zip(columns, row, closed, strict=True)
        }
        for row in rows
    ]


def _is_closed(column: "OutputColumn", hidden: Hidden) -> bool:
    if _SECRET.search(column.name):
        return True
    for table, of, path in column.origins:
        if (table.lower(), of.lower()) in hidden or any(map(_SECRET.search, (of, *path))):
            return True
    return False


def _short(value: Any) -> Any:
    if isinstance(value, str):
        text = scrub(value)
        return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    if isinstance(value, list | dict):
        return _short(str(value))
    return value
