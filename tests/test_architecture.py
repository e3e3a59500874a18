"""The arrows of docs/architecture.md, held as one table: who may import whom, and where a library lives."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "pwh_assets"

BASE = {"errors", "settings", "core"}
MIDDLE = {"hogql", "engines", "sources", "views", "lake", "store"}

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "settings": {"errors"},
    "core": {"errors"},
    "duckdb_extensions": BASE,
    "hogql": BASE,
    "views": BASE,
    "store": BASE,
    "sources": BASE | {"duckdb_extensions"},
    "lake": BASE | {"duckdb_extensions", "engines"},
    "engines": BASE | {"duckdb_extensions", "lake", "hogql"},
    "services": BASE | MIDDLE | {"duckdb_extensions"},
    "resources": BASE | MIDDLE | {"services", "platform", "duckdb_extensions"},
    "orchestration": BASE | MIDDLE | {"services", "resources", "platform"},
    "api": BASE | MIDDLE | {"services", "orchestration"},
    "platform": BASE | MIDDLE | {"services", "duckdb_extensions"},
    "client": {"errors"},
    "definitions": BASE | MIDDLE | {"services", "resources", "orchestration", "platform"},
    "cli": BASE | MIDDLE | {"services", "orchestration", "platform", "api", "demo"},
    "demo": BASE | MIDDLE | {"services", "orchestration", "platform", "cli"},
}

HOMES: dict[str, set[str]] = {
    "sqlglot": {"hogql"},
    "dlt": {"sources", "services"},
    "dbt": {"services"},
    "dagster": {"resources", "orchestration", "definitions"},
    "dagster_dlt": {"resources", "orchestration"},
    "dagster_duckdb": {"resources"},
    "fastapi": {"api"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "chdb": {"engines"},
    "clickhouse_connect": {"engines"},
    "pandera": {"services"},
    "duckdb": {"lake", "engines", "sources", "services", "duckdb_extensions", "resources", "demo"},
}


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def part_of(path: Path) -> str:
    relative = path.relative_to(ROOT)
    return relative.parts[0].removesuffix(".py")


FILES = [path for path in sorted(ROOT.rglob("*.py")) if part_of(path) != "__init__"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_arrows(path: Path) -> None:
    part = part_of(path)
    allowed = MAY_IMPORT[part] | {part}
    for name in imports_of(path):
        if name.startswith("pwh_assets."):
            assert name.split(".")[1] in allowed | {"__version__", "build_defs"}, (
                f"{part} may not import {name}"
            )


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_library_stays_at_home(path: Path) -> None:
    part = part_of(path)
    for name in imports_of(path):
        homes = HOMES.get(name.split(".")[0])
        assert homes is None or part in homes, f"{name} belongs in {sorted(homes or ())}"


def test_every_package_says_what_belongs_in_it() -> None:
    for init in ROOT.rglob("__init__.py"):
        if "migrations" in init.parts:
            continue
        if init.parent.parent == ROOT or init.parent == ROOT:
            doc = ast.get_docstring(ast.parse(init.read_text())) or ""
            assert "Belongs here" in doc and "Keep out" in doc, init.parent.name


def test_no_module_postpones_annotations() -> None:
    for path in FILES:
        assert "from __future__ import annotations" not in path.read_text(), path
