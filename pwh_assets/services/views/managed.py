"""Managed views: sets PWH writes for a source. Turned on and off, kept in step with the source, removed with it."""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.names import slug
from pwh_assets.core.source import Column, Source
from pwh_assets.core.view import SavedQuery, ViewOrigin
from pwh_assets.errors import ConflictError, InvalidInputError, PwhError, quoted
from pwh_assets.services.platform import Platform
from pwh_assets.views.base import Inputs, InputTable, ManagedSet, ManagedView
from pwh_assets.views.registry import discover

if TYPE_CHECKING:
    from pwh_assets.lake import LakeTable

log = logging.getLogger(__name__)

REVENUE = "revenue"
EVERY = Frequency("12hour")
DEFAULT_CURRENCY = "USD"


class NotThisSourceError(ConflictError):
    """The set is for sources of another type."""

    code = "managed_views_need_other_source"

    def __init__(self, source: str, source_type: str, wanted: str) -> None:
        self.source, self.source_type, self.wanted = source, source_type, wanted
        super().__init__(
            f"Revenue analytics reads `{wanted}` sources, and `{source}` is of type `{source_type}`. "
            f"`pwh source list` shows those there are."
        )


class ManagedViewInUseError(ConflictError):
    """Saved queries of people read managed views that should go."""

    code = "managed_view_in_use"

    def __init__(self, readers: Mapping[str, tuple[str, ...]]) -> None:
        self.readers = readers
        each = "; ".join(f"`{name}` is read by {quoted(who)}" for name, who in readers.items())
        super().__init__(
            f"{each}. Change or remove those views first, or force it and leave them broken. Nothing was removed."
        )


class ManagedNameTakenError(ConflictError):
    """Somebody's own view has the name of a managed one."""

    code = "managed_name_taken"

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        are = "are views of your own" if len(names) > 1 else "is a view of your own"
        super().__init__(
            f"{quoted(names)} {are}, and revenue analytics needs the name. Save it under another one, "
            "remove this one, and turn revenue analytics on again. Nothing was changed."
        )


@dataclass(frozen=True, slots=True)
class RevenueConfig:
    """What revenue analytics of one source is set to. `currency` is what everything is converted to."""

    enabled: bool = False
    include_invoiceless_charges: bool = False
    currency: str = DEFAULT_CURRENCY


@dataclass(frozen=True, slots=True)
class ManagedViewState:
    """One view of a set: whether it is there, why not, and what it goes without."""

    noun: str
    name: str
    description: str
    view: SavedQuery | None
    missing: tuple[str, ...] = ()
    """Tables, and columns as `table.column`, without which it cannot be made, in HogQL."""
    without: Mapping[str, str] | None = None
    """HogQL name of a table that is not synced -> what the view therefore lacks."""
    is_taken: bool = False
    """Somebody's own view has the name."""

    def as_dict(self) -> dict[str, Any]:
        from pwh_assets.services.sources.view import moment

        view = self.view
        return {
            "noun": self.noun,
            "name": self.name,
            "description": self.description,
            "exists": view is not None,
            "status": view.status.value if view else None,
            "version": view.version if view else None,
            "last_run_at": moment(view.last_run_at) if view else None,
            "latest_error": view.latest_error if view else None,
            "row_count": view.row_count if view else None,
            "missing": list(self.missing),
            "without": dict(self.without or {}),
            "is_taken": self.is_taken,
        }


@dataclass(frozen=True, slots=True)
class RevenueStatus:
    source: Source
    config: RevenueConfig
    views: tuple[ManagedViewState, ...]
    without_rate: Mapping[str, int]
    """Currency -> items that could not be converted, as the last build left them."""

    @property
    def hints(self) -> tuple[str, ...]:
        """What to do so that more of it is there, in sentences."""
        found = []
        lost = dict.fromkeys(table for each in self.views for table in each.missing)
        for table in lost:
            nouns = [each.noun for each in self.views if table in each.missing]
            what = "Sync the column" if "." in table else "Sync"
            found.append(f"{what} `{table}`: {quoted(nouns)} cannot be made without it.")
        lacks: dict[str, str] = {}
        for each in self.views:
            lacks |= {t: why for t, why in (each.without or {}).items() if t not in lost}
        found += [f"Without `{table}` the numbers lack {why}." for table, why in lacks.items()]
        found += [
            f"`{each.name}` is a view of your own: rename or remove it, so that `{each.noun}` can be made."
            for each in self.views
            if each.is_taken
        ]
        for currency, count in self.without_rate.items():
            found.append(
                f"{count:,} items in {currency} have no rate and count as nothing: `pwh rates load FILE`."
            )
        return tuple(found)

    def as_dict(self) -> dict[str, Any]:
        return {
            "source_id": self.source.id,
            "source": self.source.slug,
            **asdict(self.config),
            "views": [each.as_dict() for each in self.views],
            "without_rate": dict(self.without_rate),
            "hints": list(self.hints),
        }


def revenue_config(platform: Platform, project_id: int, source_id: str) -> RevenueConfig:
    """What revenue analytics of a source is set to. Raises NotFoundError."""
    source = platform.store.source(source_id, project_id)
    return _configs(platform, project_id).get(source.id, RevenueConfig())


def change_revenue_config(
    platform: Platform,
    project_id: int,
    source_id: str,
    changes: Mapping[str, Any],
    *,
    force: bool = False,
) -> RevenueStatus:
    """Turn revenue analytics on or off or set it otherwise; what is not named stays. `changes` is the API's body.

    Views appear at once, computed when read until their first build; building is up to the caller.

    Args:
        force: turn it off although views of people read its views, which are then broken.

    Raises:
        NotFoundError: no such source.
        InvalidInputError: a field is wrong; nothing was changed.
        NotThisSourceError: not a Stripe source.
        ManagedNameTakenError: a view of somebody's has one of the names; nothing was changed.
        ManagedViewInUseError: it is read; nothing was changed.
        BusyError: one of the views is being built.
    """
    source = platform.store.source(source_id, project_id)
    managed = discover()[REVENUE]
    before = revenue_config(platform, project_id, source.id)
    config = _changed(before, changes)
    if config.enabled and source.source_type != managed.source_type:
        raise NotThisSourceError(source.slug, source.source_type, managed.source_type)
    if config.enabled:
        if taken := _taken(platform, managed, source):
            raise ManagedNameTakenError(taken)
        _keep(platform, project_id, source.id, config)
        _write(platform, managed, source, config)
    else:
        _remove(platform, managed, source, force=force)
        _keep(platform, project_id, source.id, config)
    return revenue_status(platform, project_id, source.id)


def revenue_status(platform: Platform, project_id: int, source_id: str) -> RevenueStatus:
    """How revenue analytics of a source stands: each view, what is missing, what to do. Raises NotFoundError."""
    source = platform.store.source(source_id, project_id)
    managed = discover()[REVENUE]
    config = revenue_config(platform, project_id, source.id)
    inputs = _inputs(platform, managed, source, config)
    there = {view.name.lower(): view for view in _views_of(platform, managed, source)}
    taken = set(_taken(platform, managed, source)) if config.enabled else set()
    states: dict[str, ManagedViewState] = {}
    for each in managed.views:
        name = managed.view_name(source.source_type, source.prefix, each.noun)
        missing = [_spelled(source, table) for table in _lost(each, inputs)]
        missing += [table for noun in each.reads for table in states[noun].missing]
        without = {
            _spelled(source, table): why
            for table, why in each.improved_by.items()
            if not inputs.has(table)
        }
        states[each.noun] = ManagedViewState(
            each.noun,
            name,
            each.description,
            there.get(name.lower()),
            tuple(dict.fromkeys(missing)),
            without,
            name.lower() in taken,
        )
    unknown = _without_rate(platform, states["revenue_item"].view) if config.enabled else {}
    return RevenueStatus(source, config, tuple(states.values()), unknown)


def keep_in_step(
    platform: Platform, project_id: int, source_id: str | None = None
) -> tuple[str, ...]:
    """Write anew what the sources' tables, or a newer PWH, make different. Cheap when nothing is.

    Called when tables were synced for the first time and when the project is loaded. It never raises: a set that
    cannot be written stays as it is, and the log says why.

    Returns:
        Names of the views that were made or got a new version.
    """
    changed: list[str] = []
    for known, config in _configs(platform, project_id).items():
        if not config.enabled or source_id not in (None, known):
            continue
        try:
            source = platform.store.source(known, project_id)
            changed += _write(platform, discover()[REVENUE], source, config)
        except PwhError as error:
            log.warning("managed views of %s are as they were: %s", known, error.sentence)
        except Exception:
            log.exception("managed views of %s are as they were", known)
    return tuple(changed)


def forget_source(platform: Platform, source: Source) -> tuple[str, ...]:
    """Remove every managed view of a source that goes, whoever reads them. Returns their names."""
    key = _setting(REVENUE, source.id)
    if key in platform.store.project_settings(source.project_id):
        platform.store.set_project_settings(source.project_id, {key: None})
    removed: list[str] = []
    for managed in discover().values():
        removed += _remove(platform, managed, source, force=True)
    return tuple(removed)


# What is kept


def _setting(name: str, source_id: str) -> str:
    return f"managed:{name}:{source_id}"


def _configs(platform: Platform, project_id: int) -> dict[str, RevenueConfig]:
    """By source id."""
    start = _setting(REVENUE, "")
    return {
        name.removeprefix(start): RevenueConfig(**json.loads(value))
        for name, value in platform.store.project_settings(project_id).items()
        if name.startswith(start)
    }


def _keep(platform: Platform, project_id: int, source_id: str, config: RevenueConfig) -> None:
    value = None if config == RevenueConfig() else json.dumps(asdict(config))
    platform.store.set_project_settings(project_id, {_setting(REVENUE, source_id): value})


def _changed(config: RevenueConfig, changes: Mapping[str, Any]) -> RevenueConfig:
    for name, value in changes.items():
        if name in ("enabled", "include_invoiceless_charges"):
            if not isinstance(value, bool):
                raise InvalidInputError(name, f"`{name}` is `{value}`; it is true or false.")
        elif name == "currency":
            if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z]{3}", value):
                raise InvalidInputError(
                    name, f"`currency` is `{value}`, which is not three letters such as EUR."
                )
        else:
            known = quoted(("enabled", "include_invoiceless_charges", "currency"))
            raise InvalidInputError(name, f"There is no field `{name}`; there are {known}.")
    wanted = dict(changes)
    if "currency" in wanted:
        wanted["currency"] = wanted["currency"].upper()
    return replace(config, **wanted)


# What can be written


def _inputs(
    platform: Platform, managed: ManagedSet, source: Source, config: RevenueConfig
) -> Inputs:
    stored: dict[str, LakeTable] = {
        table.name.lower(): table
        for table in platform.lakes.of(source.project_id).tables()
        if table.schema == source.slug
    }
    tables = {}
    for table in platform.store.tables(source.project_id, source.id):
        lake = stored.get(slug(table.name))
        if lake is not None:
            columns = frozenset(column.name for column in lake.columns)
            tables[table.name] = InputTable(table.table_name, columns)
    names = {
        each.noun: managed.view_name(source.source_type, source.prefix, each.noun)
        for each in managed.views
    }
    options = {
        "include_invoiceless_charges": config.include_invoiceless_charges,
        "currency": config.currency,
    }
    return Inputs(source.slug, tables, names, options)


def _lost(view: ManagedView, inputs: Inputs) -> list[str]:
    """Tables and columns the view needs and has not."""
    lost = [table for table in view.needs if table not in inputs.tables]
    for table, columns in view.needs_columns.items():
        if table in inputs.tables:
            lost += [f"{table}.{column}" for column in columns if not inputs.has(table, column)]
    return lost


def _spelled(source: Source, table: str) -> str:
    from pwh_assets.core.names import table_name

    name, dot, column = table.partition(".")
    return f"{table_name(source.source_type, source.prefix, name)}{dot}{column}"


def _mark(managed: ManagedSet, source: Source) -> str:
    """What `SavedQuery.managed_by` says."""
    return f"{managed.name}:{source.slug}"


def _views_of(platform: Platform, managed: ManagedSet, source: Source) -> list[SavedQuery]:
    mark = _mark(managed, source)
    views = platform.store.views(source.project_id)
    return [v for v in views if v.origin is ViewOrigin.MANAGED and v.managed_by == mark]


def _taken(platform: Platform, managed: ManagedSet, source: Source) -> tuple[str, ...]:
    """Names of the set, lower case, that views of people have."""
    own = {view.id for view in _views_of(platform, managed, source)}
    names = {
        managed.view_name(source.source_type, source.prefix, each.noun).lower()
        for each in managed.views
    }
    views = platform.store.views(source.project_id)
    return tuple(v.name.lower() for v in views if v.id not in own and v.name.lower() in names)


# Writing and removing


def _write(
    platform: Platform, managed: ManagedSet, source: Source, config: RevenueConfig
) -> list[str]:
    """Save each view that can be written and whose text differs, after those it reads."""
    from pwh_assets.services.views.builds import view_exclusively
    from pwh_assets.services.views.saved import check_name
    from pwh_assets.services.views.text import examine

    project_id, changed = source.project_id, []
    taken = _taken(platform, managed, source)
    inputs = _inputs(platform, managed, source, config)
    there = {view.name.lower(): view for view in _views_of(platform, managed, source)}
    made: set[str] = set()
    for each in managed.views:
        name = check_name(inputs.views[each.noun])
        existing = there.get(name.lower())
        if _lost(each, inputs) or not made.issuperset(each.reads) or name.lower() in taken:
            if existing is not None:
                made.add(each.noun)  # its last good rows stay; health says what is missing
            continue
        text = each.text(inputs)
        made.add(each.noun)
        if existing is not None and existing.sql == text and existing.is_materialized:
            continue
        with view_exclusively(platform, project_id):
            columns, read = examine(platform, project_id, name, text)
            described = [Column(c.name, c.type, c.nullable, each.columns[c.name]) for c in columns]
            view = platform.store.save_view(
                project_id,
                name,
                text,
                described,
                read,
                each.description,
                author="PWH",
                origin=ViewOrigin.MANAGED,
                managed_by=_mark(managed, source),
            )
            platform.store.update_view(view.id, is_materialized=True, frequency=EVERY)
        changed.append(name)
    return changed


def _remove(platform: Platform, managed: ManagedSet, source: Source, *, force: bool) -> list[str]:
    """All or nothing, readers before what they read."""
    from pwh_assets.services.views.builds import dependents, view_exclusively

    project_id = source.project_id
    views = _views_of(platform, managed, source)
    own = {view.name for view in views}
    if not force:
        readers = {
            view.name: others
            for view in views
            if (others := tuple(set(dependents(platform, project_id, view.name)) - own))
        }
        if readers:
            raise ManagedViewInUseError(readers)
    order = [managed.view_name(source.source_type, source.prefix, v.noun) for v in managed.views]
    views.sort(key=lambda view: -order.index(view.name) if view.name in order else 1)
    for view in views:
        with view_exclusively(platform, project_id), view_exclusively(platform, project_id, view):
            platform.store.remove_view(view.id)
            platform.store.remove_quality_checks_of(view.id)
            platform.lakes.of(project_id).drop_table("views", view.name)
    return [view.name for view in views]


def _without_rate(platform: Platform, view: SavedQuery | None) -> dict[str, int]:
    """Items without a converted amount by currency, once they are built: asking the text would cost a whole build."""
    from pwh_assets.services.hogql.query import run_query

    if view is None or view.last_run_at is None:
        return {}
    text = (
        f"SELECT original_currency, count() AS items FROM {view.name} WHERE amount IS NULL "
        "GROUP BY original_currency ORDER BY original_currency"
    )
    try:
        return {str(row[0]): int(row[1]) for row in run_query(platform, view.project_id, text).rows}
    except PwhError:
        return {}
