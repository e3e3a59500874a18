"""The values a column or property has, for whoever fills in a filter: a HogQL text, asked like any other."""

from typing import Any

from pwh_assets.core.access import Caller
from pwh_assets.core.names import nearest
from pwh_assets.errors import InvalidInputError, NotFoundError
from pwh_assets.services.hogql import editor
from pwh_assets.services.platform import Platform

MOST = 10


def values_query(
    platform: Platform,
    project_id: int,
    table_name: str,
    key: str,
    holding: str = "",
    reader: Caller | None = None,
) -> tuple[str, dict[str, Any]]:
    """A text that gives at most ten values of a column, or of a property where there is no such column; its variables.

    Raises:
        NotFoundError: there is no such table.
        InvalidInputError: it has no such column, and no properties.
    """
    from pwh_assets.hogql.editor.suggestion import quoted_name

    tables = editor.schema(platform, project_id, reader)["tables"]
    spelled = {
        name: each for each in tables.values() for name in (each["name"], *each["spellings"])
    }
    table = spelled.get(table_name)
    if table is None:
        meant = nearest(table_name, list(spelled))
        raise NotFoundError("table", table_name, f"Did you mean `{meant}`?" if meant else "")
    columns = [n for n, field in table["fields"].items() if "schema_valid" in field]
    if key in columns:
        read = quoted_name(key)
    elif "properties" in columns and key:
        read = f"properties.{quoted_name(key)}"
    else:
        meant = nearest(key, columns)
        hint = f" Did you mean `{meant}`?" if meant else ""
        raise InvalidInputError("key", f"`{table_name}` has no column `{key}`.{hint}")
    name = ".".join(quoted_name(part) for part in table["name"].split("."))
    condition, variables = f"isNotNull({read})", {}
    if holding:
        condition += f" AND positionCaseInsensitive(toString({read}), {{variables.holding}}) > 0"
        variables["holding"] = holding
    text = (
        f"SELECT DISTINCT toString({read}) AS value FROM {name} WHERE {condition} "
        f"ORDER BY value LIMIT {MOST}"
    )
    return text, variables
