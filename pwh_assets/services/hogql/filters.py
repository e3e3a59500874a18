"""What `filters` of a query stand for in its text: dates, properties, and the project's own of test accounts."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pwh_assets.errors import InvalidInputError
from pwh_assets.services.platform import Platform

TEST_ACCOUNTS = "test_account_filters"
"""The project's setting: a JSON list of property filters that leave test accounts out."""


def filter_values(
    platform: Platform, project_id: int, filters: Mapping[str, Any]
) -> dict[str, Any]:
    """Values of `{filters}` and `{filters.dateRange.…}` for the compiler."""
    properties = list(filters.get("properties") or ())
    if filters.get("filterTestAccounts"):
        kept = platform.store.project_settings(project_id).get(TEST_ACCOUNTS)
        properties += json.loads(kept) if kept else []
    dates = filters.get("dateRange") or {}
    found: dict[str, Any] = {"filters": {"dateRange": dates, "properties": properties}}
    if dates:
        found["filters.dateRange.from"] = dates.get("date_from")
        found["filters.dateRange.to"] = dates.get("date_to")
    return found


def is_left_out(sql: str, variables: Mapping[str, Any]) -> bool:
    """Whether something is filtered and the text has no place for it."""
    given = variables.get("filters")
    if not isinstance(given, Mapping) or "{filters" in sql:
        return False
    return bool(given["properties"]) or any((given["dateRange"] or {}).values())


def check_filters(text: str) -> str:
    """A list of property filters as it is kept. Raises InvalidInputError."""
    from pwh_assets.hogql.actions import property_condition
    from pwh_assets.hogql.errors import HogQLError
    from pwh_assets.hogql.resolve.core import parse_expression

    try:
        found = json.loads(text)
        if not isinstance(found, Sequence) or not all(isinstance(one, Mapping) for one in found):
            raise ValueError("it is no list of property filters")
        for one in found:
            parse_expression(property_condition(one))
    except (ValueError, TypeError, HogQLError) as error:
        raise InvalidInputError(
            TEST_ACCOUNTS,
            f"`{TEST_ACCOUNTS}` cannot be used: {error}. Write a JSON list such as "
            '[{"key": "email", "type": "person", "operator": "not_icontains", "value": "@example.com"}].',
        ) from None
    return json.dumps(found)
