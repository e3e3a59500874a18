"""Actions: events under a name, by steps that say what an event must be."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from pwh_assets.core.language import Action, ActionStep, Matching
from pwh_assets.errors import InvalidInputError, NotFoundError
from pwh_assets.services.hogql.catalog import build_catalog
from pwh_assets.services.platform import Platform

_KNOWN = {field.name for field in fields(ActionStep)}
_TEXTS = ("event", "url", "text", "href", "tag_name", "selector")


def save_action(
    platform: Platform,
    project_id: int,
    name: str,
    steps: Sequence[Mapping[str, Any]],
    description: str = "",
) -> Action:
    """Make an action or give the one of this name other steps. Steps are written as in PostHog's API.

    Raises:
        InvalidInputError: a step cannot be understood, or asks for what events do not have.
    """
    from pwh_assets import hogql
    from pwh_assets.hogql.actions import action_condition
    from pwh_assets.hogql.errors import HogQLError

    name = name.strip()
    if not name or len(name) > 400 or name.isdigit():
        raise InvalidInputError(
            "name", f"`{name[:60]}` cannot be an action's name. Use words, not a number."
        )
    made = [read_step(step) for step in steps]
    try:
        condition = action_condition(made)
        text = f"SELECT count() FROM events WHERE {condition}"
        hogql.compile(text, build_catalog(platform, project_id), "duckdb")
    except ValueError as error:
        raise InvalidInputError("steps", f"Action `{name}` cannot be used: {error}.") from None
    except HogQLError as error:
        raise InvalidInputError(
            "steps", f"Action `{name}` cannot be used: {error.problems[0].message}."
        ) from None
    return platform.store.save_action(project_id, name, made, description)


def read_step(given: Mapping[str, Any]) -> ActionStep:
    """A step as PostHog's API writes it. Raises InvalidInputError."""
    if not isinstance(given, Mapping):
        raise InvalidInputError("steps", 'A step is an object such as {"event": "paid"}.')
    values = {
        key: value for key, value in given.items() if key in _KNOWN and value not in (None, "")
    }
    for key in _TEXTS:
        if key in values and not isinstance(values[key], str):
            raise InvalidInputError("steps", f"`{key}` of a step is a text.")
    for key in ("url_matching", "text_matching", "href_matching"):
        if key in values:
            try:
                values[key] = Matching(values[key])
            except ValueError:
                raise InvalidInputError(
                    "steps", f"`{key}` is `{values[key]}`; there are contains, exact and regex."
                ) from None
    properties = values.get("properties") or ()
    if not isinstance(properties, list | tuple) or not all(
        isinstance(one, Mapping) for one in properties
    ):
        raise InvalidInputError("steps", "`properties` of a step is a list of objects.")
    values["properties"] = tuple(dict(one) for one in properties)
    unknown = [key for key in given if key not in _KNOWN and key not in ("id", "name", "uuid")]
    if unknown:
        raise InvalidInputError("steps", f"A step has no `{unknown[0]}`.")
    return ActionStep(**values)


def find_action(platform: Platform, project_id: int, wanted: str) -> Action:
    """By name or number. Raises NotFoundError."""
    for action in platform.store.actions(project_id):
        if action.name == wanted or str(action.id) == wanted:
            return action
    raise NotFoundError("action", wanted, "`pwh action list` shows those there are.")


def remove_action(platform: Platform, project_id: int, wanted: str) -> Action:
    """Raises NotFoundError."""
    action = find_action(platform, project_id, wanted)
    platform.store.delete_action(project_id, action.id)
    return action


def action_text(action: Action) -> str:
    """The condition an action stands for, in HogQL; why there is none, where there is none."""
    from pwh_assets.hogql.actions import action_condition

    try:
        return action_condition(action.steps)
    except ValueError as error:
        return f"-- cannot be used: {error}"
