"""Which engine builds a view, and why: what was asked for this time, what the view asks for, or the warehouse's."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pwh_assets.core.view import SavedQuery, ViewOrigin
from pwh_assets.errors import InvalidInputError, UserError, quoted
from pwh_assets.hogql.errors import HogQLError, SyntaxProblem
from pwh_assets.services.models.project import ModelText
from pwh_assets.services.platform import Platform
from pwh_assets.services.views.text import model_text

if TYPE_CHECKING:
    from pwh_assets.engines.clickhouse import ClickHouseEngine

OWN_DBT = "A model of an own dbt project is built in the lake, whose SQL it is."


class EngineNotConfiguredError(InvalidInputError):
    """There is no ClickHouse to compute a view."""

    code = "engine_not_configured"

    def __init__(self, view: str) -> None:
        self.view = view
        super().__init__(
            "engine",
            f"View `{view}` cannot be built in ClickHouse: this home has none. Set `PWH_CLICKHOUSE_URL` to a server, or "
            "install the extra with `pip install 'pwh-assets[clickhouse]'`; else leave the engine out.",
        )


class EngineUnfitError(UserError):
    """The engine that was asked for cannot compute the view."""

    code = "engine_unfit"
    status = 422

    def __init__(self, view: str, reason: str) -> None:
        self.view, self.reason = view, reason
        super().__init__(
            f"View `{view}` cannot be built in ClickHouse: {reason} Leave the engine out, and DuckDB builds it."
        )


@dataclass(frozen=True, slots=True)
class Builder:
    """The engine that builds a view next time; `reason` is a sentence, empty where there is nothing to say."""

    engine: str
    reason: str = ""


def builder_of(platform: Platform, view: SavedQuery) -> Builder | None:
    """Of a plain view None. What only the build can find out, such as a type ClickHouse lacks, is not asked here."""
    if not view.is_materialized:
        return None
    if engine_of(platform, view) != "clickhouse":
        return Builder("duckdb", "The view asks for it." if view.engine else "")
    if view.origin is ViewOrigin.DBT:
        return Builder("duckdb", OWN_DBT)
    return Builder("clickhouse")


def engine_of(platform: Platform, view: SavedQuery, asked: str | None = None) -> str:
    """The engine that shall build it, before it is known whether it can."""
    return asked or view.engine or platform.settings.warehouse


def check_engine(platform: Platform, view: SavedQuery, engine: str | None) -> None:
    """See that an engine may be asked to build the view; None asks for none.

    Raises:
        InvalidInputError: there is no such engine.
        EngineNotConfiguredError: it is ClickHouse, and the home has none.
        EngineUnfitError: it is ClickHouse, and the view is a model of an own dbt project.
    """
    from importlib.util import find_spec

    from pwh_assets.hogql.lower import ENGINES  # brings sqlglot

    if engine is not None and engine not in ENGINES:
        raise InvalidInputError(
            "engine", f"There is no engine `{engine}` for views. Choose one of {quoted(ENGINES)}."
        )
    if engine != "clickhouse":
        return
    if not platform.settings.clickhouse_url and find_spec("chdb") is None:
        raise EngineNotConfiguredError(view.name)
    if view.origin is ViewOrigin.DBT:
        raise EngineUnfitError(view.name, OWN_DBT)


def set_engine(platform: Platform, view: SavedQuery, engine: str) -> SavedQuery:
    """Have the view built by this engine from now on; `default` is whatever the warehouse is. Raises as `check_engine`."""
    wanted = None if engine == "default" else engine
    check_engine(platform, view, wanted)
    return platform.store.update_view(view.id, engine=wanted)


def in_clickhouse(
    platform: Platform, view: SavedQuery, asked: str | None = None
) -> tuple[ModelText | None, str]:
    """The view's model for ClickHouse where that shall build it and can; else None, and a sentence where there is
    something to say.

    Raises:
        EngineUnfitError: ClickHouse was asked for and cannot build it.
        HogQLError, EngineUnavailableError, DbtClickHouseMissingError: as `clickhouse_text`.
    """
    if engine_of(platform, view, asked) != "clickhouse":
        return None, ""
    text, why_not = clickhouse_text(platform, view)
    if text is None and asked is not None:
        raise EngineUnfitError(view.name, why_not)
    return text, f"DuckDB built it: {why_not}" if text is None else ""


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
