"""Which engine builds a view when the warehouse is ClickHouse, and why."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pwh_assets.core.view import SavedQuery, ViewOrigin
from pwh_assets.hogql.errors import HogQLError, SyntaxProblem
from pwh_assets.services.models.project import ModelText
from pwh_assets.services.platform import Platform
from pwh_assets.services.views.text import model_text

if TYPE_CHECKING:
    from pwh_assets.engines.clickhouse import ClickHouseEngine

IN_PARTS = (
    "A view that is built in parts is built in the lake, whose change feed says what was touched."
)
OWN_DBT = "A model of an own dbt project is built in the lake, whose SQL it is."


@dataclass(frozen=True, slots=True)
class Builder:
    """The engine that builds a view next time; `reason` is a sentence, empty where there is nothing to say."""

    engine: str
    reason: str = ""


def builder_of(platform: Platform, view: SavedQuery) -> Builder | None:
    """Of a plain view None. What only the build can find out, such as a type ClickHouse lacks, is not asked here."""
    if not view.is_materialized:
        return None
    if platform.settings.warehouse != "clickhouse":
        return Builder("duckdb")
    if view.origin is ViewOrigin.DBT:
        return Builder("duckdb", OWN_DBT)
    if view.incremental:
        return Builder("duckdb", IN_PARTS)
    return Builder("clickhouse")


def clickhouse_text(platform: Platform, view: SavedQuery) -> tuple[ModelText | None, str]:
    """The view's model for ClickHouse; None, and why, when DuckDB has to build it.

    Raises:
        HogQLError: the text no longer fits its inputs.
        EngineUnavailableError: the server does not answer.
        DbtClickHouseMissingError: dbt cannot speak to ClickHouse here.
    """
    from pwh_assets.engines.base import EngineUnavailableError
    from pwh_assets.engines.clickhouse import ClickHouseHeldError
    from pwh_assets.engines.clickhouse_types import is_exact
    from pwh_assets.services.models.clickhouse import (
        DbtClickHouseMissingError,
        WarehouseAwayError,
        is_installed,
    )

    if not is_installed():
        raise DbtClickHouseMissingError
    try:
        text = model_text(platform, view, "clickhouse")
    except HogQLError as error:
        if any(problem.code != SyntaxProblem.UNSUPPORTED for problem in error.problems):
            raise
        return None, f"{error.problems[0].message.rstrip('.')}."
    for column in text.columns:
        if not is_exact(column):
            return (
                None,
                f"`{column.name}` is of type {column.type}, which ClickHouse does not keep.",
            )
    try:
        clickhouse(platform).mirror(view.project_id)
    except EngineUnavailableError as error:
        raise WarehouseAwayError.of(view.name, error) from None
    except ClickHouseHeldError:
        return None, "another process has this home's in-process ClickHouse open."
    return text, ""


def clickhouse(platform: Platform) -> "ClickHouseEngine":
    """The home's ClickHouse."""
    from pwh_assets.engines.clickhouse import ClickHouseEngine

    engine = platform.engines["clickhouse"]
    assert isinstance(engine, ClickHouseEngine)
    return engine
