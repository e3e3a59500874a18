"""Plain views whose text no longer fits what it reads: nothing builds them, so nobody would notice before a reader does."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pwh_assets.core.check import TEXT_FITS, CheckResult
from pwh_assets.core.view import SavedQuery, ViewOrigin
from pwh_assets.services.lineage.graph import NodeKind, project_graph
from pwh_assets.services.platform import Platform

if TYPE_CHECKING:
    from pwh_assets.hogql.catalog import Catalog, TableDef

LONGEST_S = 2.0
"""CPU seconds for texts in one look; those that are left are for the next one."""
WHOLE = "*"
"""The subject of the answer that all of a project's views were looked at."""

_verified: dict[tuple[str, int], str] = {}
"""Project -> the version of the catalog that all its plain views were compared with."""


def verify_definitions(platform: Platform, project_id: int) -> None:
    """Compile the plain views whose text, or what it reads, is another one than when they last were, and keep what came of it.

    Each text is compiled for itself, with the views it names as tables: so it is the one that is broken that is named,
    not everything that reads it. Where the catalog did not change nothing is read, in another process neither.
    """
    store = platform.store
    key = (f"{platform.settings.home}\n{platform.settings.store_url}", project_id)
    version = store.catalog_version(project_id)
    if _verified.get(key) == version:
        return
    nodes = project_graph(platform, project_id).nodes.values()
    if any(node.kind is NodeKind.VIEW for node in nodes):
        known = {each.subject_id: each for each in store.checks_named(project_id, TEXT_FITS)}
        whole = known.get(WHOLE)
        if whole is None or whole.details.get("version") != version:
            found, is_whole = _looked_at(platform, project_id, known)
            if is_whole:
                details = {"version": version}
                found.append(CheckResult(project_id, WHOLE, TEXT_FITS, True, "warn", details))
            store.record_checks(found)
            if not is_whole:
                return
    _verified[key] = version


def _looked_at(
    platform: Platform, project_id: int, known: Mapping[str, CheckResult]
) -> tuple[list[CheckResult], bool]:
    """New answers, and whether no view is left."""
    from pwh_assets.services.hogql.catalog import build_catalog
    from pwh_assets.services.views.text import as_tables

    views = [
        view
        for view in platform.store.views(project_id)
        if not view.is_materialized and view.origin is not ViewOrigin.DBT
    ]
    catalog = as_tables(build_catalog(platform, project_id))
    deadline = time.process_time() + LONGEST_S
    found: list[CheckResult] = []
    for view in views:
        mark = _mark(view, catalog.by_name)
        before = known.get(view.id)
        if before is not None and before.details.get("mark") == mark:
            continue
        if time.process_time() > deadline:
            return found, False
        found.append(_verdict(catalog, view, mark))
    return found, True


def _mark(view: SavedQuery, tables: "Mapping[str, TableDef]") -> str:
    """A text that changes when the view's text does, or the columns and joins of what it reads."""
    read: list[object] = [view.sql]
    for name in view.inputs:
        table = tables.get(name.lower())
        read.append(name)
        if table is not None:
            read += [(column.name, repr(column.type)) for column in table.columns]
            read += [repr(join) for join in (*table.joins, *table.aliases)]
    return hashlib.sha256(repr(read).encode()).hexdigest()[:16]


def _verdict(catalog: "Catalog", view: SavedQuery, mark: str) -> CheckResult:
    from pwh_assets import hogql
    from pwh_assets.hogql.errors import HogQLError, SyntaxProblem

    message = ""
    try:
        hogql.compile(view.sql, catalog, "duckdb")
    except HogQLError as error:
        # A table that is gone, or that never had rows, is an issue of its own.
        codes: Sequence[str] = [problem.code for problem in error.problems]
        if any(code != SyntaxProblem.UNKNOWN_TABLE for code in codes):
            message = str(error)
    details = {"mark": mark, **({"message": message} if message else {})}
    return CheckResult(view.project_id, view.id, TEXT_FITS, not message, "error", details)
