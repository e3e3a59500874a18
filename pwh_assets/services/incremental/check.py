"""Whether a query or a saved view can be built in parts, without running anything."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pwh_assets.core.view import SavedQuery
from pwh_assets.services.hogql.catalog import build_catalog
from pwh_assets.services.incremental.config import (
    IncrementalConfig,
    NotIncrementalError,
    check_lookback,
)
from pwh_assets.services.platform import Platform

if TYPE_CHECKING:
    from pwh_assets.hogql.incremental import Eligibility


def check_incremental(
    platform: Platform,
    project_id: int,
    query: str,
    key: str | None = None,
    unique_key: Sequence[str] = (),
    lookback_seconds: int = 0,
) -> "Eligibility":
    """What stands in the way of building a query in parts, and which keys it could have. `query` is a view's
    name or HogQL.

    Raises:
        NotFoundError: a single word is no view's name.
        HogQLError: the text is wrong; it says where.
        InvalidInputError: the lookback is too long.
    """
    from pwh_assets.hogql.incremental import analysis_of, eligibility

    check_lookback(lookback_seconds)
    is_text = any(letter.isspace() for letter in query.strip())
    find = platform.store.find_view if is_text else platform.store.view
    view = find(project_id, query.strip())
    text = view.sql if view is not None else query
    keys = {
        table.table_name: table.primary_key
        for table in platform.store.tables(project_id)
        if table.primary_key
    }
    analysis = analysis_of(text, build_catalog(platform, project_id))
    return eligibility(
        analysis, key, tuple(unique_key), looks_back=lookback_seconds > 0, primary_keys=keys
    )


def checked_config(
    platform: Platform, project_id: int, name: str, config: IncrementalConfig
) -> IncrementalConfig:
    """The settings with names spelled as the view's columns are.

    Raises:
        NotIncrementalError: the view cannot be built in parts so.
    """
    found = check_incremental(
        platform, project_id, name, config.key, config.unique_key, config.lookback_seconds
    )
    if not found.eligible:
        raise NotIncrementalError(name, found.blockers)
    spelled = {column.lower(): column for column in found.columns}
    return IncrementalConfig(
        spelled[config.key.lower()],
        tuple(spelled[column.lower()] for column in config.unique_key),
        config.lookback_seconds,
    )


def set_incremental(
    platform: Platform, view: SavedQuery, config: IncrementalConfig | None
) -> SavedQuery:
    """Build a materialized view in parts from now on, or as a whole again. The next build is a whole one.

    `config` is one that `checked_config` gave.
    """
    stored = config.stored() if config is not None else None
    changes = {} if stored == view.incremental else {"incremental_state": None}
    return platform.store.update_view(view.id, incremental=stored, **changes)


def forget_progress(platform: Platform, view: SavedQuery) -> None:
    """Let the next build of a view compute everything anew."""
    if view.incremental:
        platform.lakes.of(view.project_id).forget_state(view.id)
