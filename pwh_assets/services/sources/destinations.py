"""Where synced rows go. There is the lake, and the ClickHouse cluster where the operator set one up; nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from pwh_assets.errors import UserError, quoted
from pwh_assets.services.platform import Platform


class UnknownDestinationError(UserError):
    """Rows should go to a place that is none of ours."""

    code = "unknown_destination"

    def __init__(self, wanted: Sequence[str], known: Sequence[str]) -> None:
        self.attr = "destination_ids"
        super().__init__(
            f"{quoted(list(wanted))} is no destination. Rows go to {quoted(list(known))}: all of them, always."
        )


@dataclass(frozen=True, slots=True)
class Destination:
    """A place rows are written to. The operator chooses it for the home, nobody for a table."""

    id: str
    type: str
    name: str


def destinations(platform: Platform) -> list[Destination]:
    """Every one rows are written to."""
    found = [Destination("lake", "ducklake", "The lake")]
    if platform.settings.warehouse == "clickhouse":
        found.append(Destination("clickhouse", "clickhouse", "The ClickHouse cluster"))
    return found


def choose_destinations(platform: Platform, wanted: Sequence[str]) -> list[Destination]:
    """The same, when exactly those are wanted that there are.

    Raises:
        UnknownDestinationError: others are wanted, or fewer.
    """
    known = [each.id for each in destinations(platform)]
    if unknown := [name for name in wanted if name not in known]:
        raise UnknownDestinationError(unknown, known)
    if missing := [name for name in known if name not in wanted]:
        raise LeftOutError(missing)
    return destinations(platform)


class LeftOutError(UserError):
    """A destination was left out that all rows go to."""

    code = "destination_required"

    def __init__(self, missing: Sequence[str]) -> None:
        self.attr = "destination_ids"
        super().__init__(
            f"Every row goes to {quoted(list(missing))}: the operator chose it for the whole home, and no source or table "
            "can be kept from it."
        )
