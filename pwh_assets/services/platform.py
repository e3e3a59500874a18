"""Everything a service needs, opened once at the entry and handed down."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pwh_assets.engines.base import Engine
from pwh_assets.settings import Settings
from pwh_assets.sources.base import SourceType

if TYPE_CHECKING:
    from pwh_assets.lake import Lakes
    from pwh_assets.store import Store


@dataclass(frozen=True, slots=True)
class Platform:
    """The parts of one home. Build it with `pwh_assets.platform.open_platform`."""

    settings: Settings
    store: "Store"
    lakes: "Lakes"
    sources: Mapping[str, SourceType]
    engines: Mapping[str, Engine]
    opener: "Callable[[Settings], Platform] | None" = None
    """How another process opens the same home; it can be pickled."""
