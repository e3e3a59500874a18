"""Asset specs: how tables and views look in Dagster before anything ran. Pure functions of core values."""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import dagster as dg

from pwh_assets.core.frequency import FREQUENCIES, Frequency
from pwh_assets.core.names import slug
from pwh_assets.core.source import Column, SyncedTable
from pwh_assets.core.view import Refresh, SavedQuery
from pwh_assets.orchestration.inventory import Inventory, scoped
from pwh_assets.services.freshness.bounds import in_words as length_in_words
from pwh_assets.services.lineage.graph import Node, NodeKind

STORAGE = "ducklake"
DEFAULT_OWNER = "team:data"
"""Owner of everything that names none: Dagster filters and groups by owner."""
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_LONGEST_TAG = 63


def synced_spec(inventory: Inventory, table: SyncedTable) -> dg.AssetSpec:
    """The asset of a synced table: what it is, how it syncs and how old it may get."""
    node = inventory.graph.nodes[table.table_name]
    source = table.source
    frequency = inventory.plan.effective(table.table_name) or table.frequency
    return dg.AssetSpec(
        node.asset_key,
        deps=_deps(inventory, node),
        description=_synced_description(table, frequency),
        group_name=scoped(inventory.project_id, source.slug),
        kinds={slug(source.source_type), "dlt", STORAGE},
        owners=[DEFAULT_OWNER],
        skippable=True,
        tags={
            "pwh/source": source.slug[:_LONGEST_TAG],
            "pwh/mode": table.mode.value,
            "pwh/frequency": frequency.name,
            **({} if is_scheduled(table) else {"pwh/paused": "true"}),
        },
        freshness_policy=freshness(frequency) if is_scheduled(table) else None,
        metadata={
            **table_metadata(source.slug, slug(table.name), table.columns, table.primary_key),
            "hogql_name": table.table_name,
            "mode": table.mode.value,
            "cursor": table.cursor or "none",
            "frequency": in_words(frequency),
            **_because(inventory, table.table_name),
        },
    )


def external_spec(inventory: Inventory, table: SyncedTable) -> dg.AssetSpec:
    """The table at its source: nothing here makes it, so Dagster only draws it."""
    source = table.source
    node = inventory.graph.nodes[f"{source.slug}/{table.name}"]
    return dg.AssetSpec(
        node.asset_key,
        description=f"`{table.name}` at the {source.source_type} source"
        + (f" ({source.description})." if source.description else "."),
        group_name=scoped(inventory.project_id, source.slug),
        kinds={slug(source.source_type)},
        owners=[DEFAULT_OWNER],
    )


def product_specs(inventory: Inventory) -> list[dg.AssetSpec]:
    """Events, persons and their kin: written by capture and imports, so Dagster only draws them."""
    return [
        dg.AssetSpec(
            node.asset_key,
            deps=_deps(inventory, node),
            description=f"`{node.name}` in HogQL: "
            + ("made from `events` when asked." if node.name == "sessions" else "product data."),
            group_name=scoped(inventory.project_id, "product"),
            kinds={"posthog", STORAGE},
            owners=[DEFAULT_OWNER],
            is_virtual=node.name == "sessions",
            metadata={"hogql_name": node.name, "dagster/table_name": f"lake.product.{node.name}"},
        )
        for node in inventory.graph.nodes.values()
        if node.kind is NodeKind.PRODUCT
    ]


def view_spec(inventory: Inventory, view: SavedQuery) -> dg.AssetSpec:
    """A saved query: virtual while it is plain, a table that dbt builds once it is materialized."""
    node = inventory.graph.nodes[view.name]
    kinds = {"dbt", "sql", STORAGE} if view.is_materialized else {"sql"}
    frequency = inventory.plan.effective(view.name)
    metadata: dict[str, Any] = {"hogql_name": view.name, "version": view.version}
    if view.is_materialized:
        metadata |= table_metadata(*view.place, view.columns)
        metadata["frequency"] = _rhythm_in_words(view, frequency)
    elif view.columns:
        metadata["dagster/column_schema"] = column_schema(view.columns)
    metadata |= _because(inventory, view.name)
    return dg.AssetSpec(
        node.asset_key,
        deps=_deps(inventory, node),
        description=(f"{view.description}\n\n" if view.description else "")
        + f"```sql\n{view.sql.strip()}\n```",
        group_name=scoped(inventory.project_id, view.place[0]),
        kinds=kinds,
        owners=[owner_of(view.owner)],
        tags={"pwh/frequency": frequency.name} if frequency else {},
        freshness_policy=view_freshness(inventory, view, frequency) if frequency else None,
        is_virtual=not view.is_materialized,
        code_version=str(view.version),
        metadata=metadata,
    )


def is_scheduled(table: SyncedTable) -> bool:
    """True when the table syncs by itself: not paused, not only when asked, and still there at its source."""
    return table.should_sync and not table.is_missing and not table.frequency.is_never


def freshness(frequency: Frequency) -> dg.FreshnessPolicy:
    """Warn one period and a little after the last run, fail at the end of the freshness window."""
    warn = frequency.every + timedelta(minutes=5)
    return dg.FreshnessPolicy.time_window(fail_window=frequency.fresh_for, warn_window=warn)


def view_freshness(
    inventory: Inventory, view: SavedQuery, frequency: Frequency
) -> dg.FreshnessPolicy:
    """Of a view that promises something: fail once its inputs' age and the time since its build are more than that.

    A view that follows its inputs has no policy: while nothing changes, there is nothing to build.
    """
    if view.freshness_target is None:
        return freshness(frequency)
    ages = inventory.plan.ages
    above = [ages[each] for each in inventory.graph.inputs[view.name]]
    oldest = max((age for age in above if age is not None), default=timedelta())
    least = inventory.plan.adds(view.name)
    fail = max(FREQUENCIES[view.freshness_target] - oldest, least, timedelta(minutes=1))
    warn = frequency.every + timedelta(minutes=5)
    return dg.FreshnessPolicy.time_window(
        fail_window=fail, warn_window=warn if warn < fail else None
    )


def in_words(frequency: Frequency) -> str:
    """The frequency for a reader.

    >>> in_words(Frequency("24hour", "02:30")), in_words(Frequency("1hour"))
    ('every 24 hours at 02:30 UTC', 'every hour')
    """
    if frequency.is_never:
        return "when asked"
    number, unit = re.fullmatch(r"(\d+)(\w+)", frequency.name).groups()  # type: ignore[union-attr]
    unit = {"min": "minute"}.get(unit, unit)
    text = f"every {unit}" if number == "1" else f"every {number} {unit}s"
    return f"{text} at {frequency.time_of_day} UTC" if frequency.time_of_day else text


def owner_of(owner: str) -> str:
    """An owner Dagster accepts: an e-mail address, or a team.

    >>> owner_of("ada@example.com"), owner_of("team:growth"), owner_of("Growth Team"), owner_of("")
    ('ada@example.com', 'team:growth', 'team:growth_team', 'team:data')
    """
    if not owner.strip():
        return DEFAULT_OWNER
    return owner if _EMAIL.fullmatch(owner) else f"team:{slug(owner.removeprefix('team:'))}"


def column_schema(columns: Sequence[Column], primary_key: Sequence[str] = ()) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.type,
                description=column.description or None,
                constraints=dg.TableColumnConstraints(
                    nullable=column.nullable and column.name not in primary_key,
                    unique=tuple(primary_key) == (column.name,),
                    other=["primary key"] if column.name in primary_key else [],
                ),
            )
            for column in columns
        ]
    )


def table_metadata(
    schema: str, table: str, columns: Sequence[Column], primary_key: Sequence[str] = ()
) -> Mapping[str, Any]:
    """Dagster's standard keys of a stored table."""
    found: dict[str, Any] = {
        "dagster/table_name": f"lake.{schema}.{table}",
        "dagster/storage_kind": STORAGE,
    }
    if columns:
        found["dagster/column_schema"] = column_schema(columns, primary_key)
    return found


@contextmanager
def virtual_assets_allowed() -> Iterator[None]:
    """Virtual assets are a preview of Dagster 1.13 that we chose; say so once here, not in every log."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Virtual assets", category=dg.PreviewWarning)
        yield


def _deps(inventory: Inventory, node: Node) -> list[dg.AssetKey]:
    graph = inventory.graph
    return [dg.AssetKey(graph.nodes[name].asset_key) for name in graph.inputs.get(node.name, ())]


def _rhythm_in_words(view: SavedQuery, frequency: Frequency | None) -> str:
    if view.refresh is Refresh.INPUTS:
        return "after its inputs change"
    return in_words(frequency) if frequency else "when asked"


def _because(inventory: Inventory, name: str) -> dict[str, str]:
    """What the freshness targets make of it, for whoever wonders why it runs so often."""
    plan, found = inventory.plan, {}
    pace, age = plan.paces[name], plan.ages[name]
    if name in plan.because and pace.own is not None:
        found["frequency_set"] = in_words(pace.own)
        found["frequency_because"] = f"`{plan.because[name]}` promises how old it gets"
    if pace.target is not None:
        found["freshness_target"] = pace.target
        if age is not None:
            found["age_at_worst"] = length_in_words(age)
    return found


def _synced_description(table: SyncedTable, frequency: Frequency) -> str:
    how = {
        "full": "the whole table",
        "incremental": f"rows past `{table.cursor}`, merged on {_key_in_words(table)}",
        "append": f"rows past `{table.cursor}`, added",
        "xmin": f"rows written since the last sync, merged on {_key_in_words(table)}",
        "cdc": "every change, in the order of the source",
        "in_place": "not copied: queries read the files where they lie",
        "webhook": f"what the vendor pushes, merged on {_key_in_words(table)}",
    }[table.mode.value]
    when = in_words(frequency) if is_scheduled(table) else "paused"
    if table.should_sync and table.frequency.is_never:
        when = "when asked"
    if table.is_missing:
        when = "no longer at the source"
    about = f"{table.description}\n\n" if table.description else ""
    return f"{about}`{table.table_name}` in HogQL. Syncs {how}; {when}."


def _key_in_words(table: SyncedTable) -> str:
    return ", ".join(f"`{name}`" for name in table.primary_key) or "nothing"
