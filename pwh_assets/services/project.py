"""Settings of a project that change what its queries mean."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pwh_assets.core.language import PersonMode
from pwh_assets.errors import InvalidInputError, quoted
from pwh_assets.services.hogql.filters import TEST_ACCOUNTS, check_filters
from pwh_assets.services.platform import Platform


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    default: str
    values: tuple[str, ...]
    doc: str
    check: Callable[[str], str] | None = None
    """Of a setting that is no choice of values: what is kept of a text. Raises InvalidInputError."""


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "person_mode",
        PersonMode.NO_OVERRIDE.value,
        tuple(mode.value for mode in PersonMode),
        "Whom an event belongs to: the person it came with, or the one its distinct id belongs to now.",
    ),
    Setting(
        "week_start",
        "sunday",
        ("sunday", "monday"),
        "The day a week begins with, in `toStartOfWeek` and its kin.",
    ),
    Setting(
        TEST_ACCOUNTS,
        "[]",
        (),
        "Property filters, as a JSON list, that hold where a query's `filters` say `filterTestAccounts`.",
        check_filters,
    ),
)


def settings_of(platform: Platform, project_id: int) -> dict[str, str]:
    """Every setting with its value; the default where the project sets none."""
    kept = platform.store.project_settings(project_id)
    return {one.name: kept.get(one.name, one.default) for one in SETTINGS}


def change_settings(
    platform: Platform, project_id: int, changes: Mapping[str, str]
) -> dict[str, str]:
    """Set some; `default` sets one back. Raises InvalidInputError, and then nothing was changed."""
    known = {one.name: one for one in SETTINGS}
    wanted: dict[str, str | None] = {}
    for name, value in changes.items():
        setting = known.get(name)
        if setting is None:
            raise InvalidInputError(
                name, f"There is no setting `{name}`; there are {quoted(sorted(known))}."
            )
        if setting.check is not None and value != "default":
            value = setting.check(value)
        elif value != "default" and value not in setting.values:
            raise InvalidInputError(
                name, f"`{name}` cannot be `{value}`; it can be {quoted(setting.values)}."
            )
        wanted[name] = None if value in ("default", setting.default) else value
    platform.store.set_project_settings(project_id, wanted)
    return settings_of(platform, project_id)
