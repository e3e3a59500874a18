"""Managed sets of views as one switch for all sources they are for."""

from collections.abc import Mapping
from dataclasses import dataclass

from pwh_assets.core.source import Source
from pwh_assets.core.view import SavedQuery, ViewOrigin
from pwh_assets.errors import ConflictError, NotFoundError
from pwh_assets.services.platform import Platform
from pwh_assets.services.views.managed import REVENUE, change_revenue_config, revenue_config
from pwh_assets.views.registry import discover

KINDS: Mapping[str, str] = {"revenue_analytics": REVENUE}
"""PostHog's word for a set, and ours."""


class NoSourceError(ConflictError):
    """There is no source the set could be made of."""

    code = "no_source_for_viewset"

    def __init__(self, kind: str, wanted: str) -> None:
        super().__init__(
            f"`{kind}` is made of `{wanted}` sources, and none is connected. Connect one first."
        )


@dataclass(frozen=True, slots=True)
class Viewset:
    """One set: for which sources it is on, and its views."""

    kind: str
    sources: Mapping[str, bool]
    """Id of each source it could be made of, and whether it is on there."""
    views: tuple[SavedQuery, ...]

    @property
    def is_enabled(self) -> bool:
        return any(self.sources.values())


def viewset(platform: Platform, project_id: int, kind: str) -> Viewset:
    """Raises NotFoundError: there is no such set."""
    name = _name(kind)
    on = {
        source.id: revenue_config(platform, project_id, source.id).enabled
        for source in _sources(platform, project_id, name)
    }
    views = tuple(
        view
        for view in platform.store.views(project_id)
        if view.origin is ViewOrigin.MANAGED and view.managed_by.startswith(f"{name}:")
    )
    return Viewset(kind, on, views)


def switch_viewset(
    platform: Platform, project_id: int, kind: str, *, enabled: bool, force: bool = False
) -> Viewset:
    """Turn a set on or off, source by source; the first that is refused ends it. Other settings of it stay.

    Raises:
        NotFoundError: there is no such set.
        NoSourceError: nothing to turn it on for.
        PwhError: as `change_revenue_config`.
    """
    name = _name(kind)
    sources = _sources(platform, project_id, name)
    if enabled and not sources:
        raise NoSourceError(kind, discover()[name].source_type)
    for source in sources:
        change_revenue_config(platform, project_id, source.id, {"enabled": enabled}, force=force)
    return viewset(platform, project_id, kind)


def _name(kind: str) -> str:
    if kind not in KINDS:
        raise NotFoundError("managed viewset", kind, f"There is `{next(iter(KINDS))}`.")
    return KINDS[kind]


def _sources(platform: Platform, project_id: int, name: str) -> list[Source]:
    wanted = discover()[name].source_type
    return [each for each in platform.store.sources(project_id) if each.source_type == wanted]
