"""What a dbt project consists of, as far as the warehouse cares: models, tests, and what each reads. Plain values."""

import json
import re
from dataclasses import asdict, dataclass, fields
from typing import Any

from pwh_assets.core.source import Column
from pwh_assets.core.view import Refresh

SCHEMA = "dbt"
"""Schema of the lake that holds the tables, and the first part of their names in HogQL."""


@dataclass(frozen=True, slots=True)
class DbtModel:
    """A model, seed or snapshot. Its table is `dbt.<name>` in HogQL and in the lake."""

    name: str
    unique_id: str
    kind: str
    """`model`, `seed` or `snapshot`."""
    materialized: str
    code: str
    selector: str
    """How dbt's `--select` names it."""
    description: str = ""
    owner: str = ""
    columns: tuple[Column, ...] = ()
    inputs: tuple[str, ...] = ()
    """HogQL names of what it reads, also through ephemeral models."""
    refresh: Refresh | None = None
    """As its `meta.pwh` says; None for what the project says."""
    every: str | None = None
    at: str | None = None

    @property
    def table_name(self) -> str:
        """Its name in HogQL."""
        return f"{SCHEMA}.{self.name}"


@dataclass(frozen=True, slots=True)
class DbtTest:
    """A test of the project. `subject` is the HogQL name of what it is about, None when it is about nothing of ours."""

    name: str
    unique_id: str
    selector: str
    subject: str | None
    severity: str
    """`error` or `warn`."""
    column: str | None = None
    description: str = ""
    inputs: tuple[str, ...] = ()
    """HogQL names of what it reads."""

    @property
    def check_name(self) -> str:
        """Its name as a check: letters, digits and underscores."""
        return re.sub(r"\W", "_", self.name)


@dataclass(frozen=True, slots=True)
class DbtProject:
    """A project as it was when it was last read without a mistake."""

    name: str
    signature: str
    """Another text whenever a file of it changes."""
    models: tuple[DbtModel, ...] = ()
    tests: tuple[DbtTest, ...] = ()
    tables: tuple[str, ...] = ()
    """HogQL names of the warehouse's tables it reads with `source('pwh', …)`."""
    has_run_hooks: bool = False
    """`on-run-start` or `on-run-end`: statements that may write anything at any time."""

    def model(self, table_name: str) -> DbtModel | None:
        """The model of this HogQL name."""
        wanted = table_name.lower()
        return next((each for each in self.models if each.table_name.lower() == wanted), None)

    def tests_of(self, table_name: str) -> tuple[DbtTest, ...]:
        wanted = table_name.lower()
        return tuple(each for each in self.tests if (each.subject or "").lower() == wanted)


def to_json(project: DbtProject) -> str:
    return json.dumps(asdict(project), indent=1, sort_keys=True)


def from_json(text: str) -> DbtProject:
    """Raises ValueError, KeyError or TypeError when it is not what `to_json` wrote."""
    raw = json.loads(text)
    return DbtProject(
        name=raw["name"],
        signature=raw["signature"],
        models=tuple(_model(each) for each in raw["models"]),
        tests=tuple(DbtTest(**{**each, "inputs": tuple(each["inputs"])}) for each in raw["tests"]),
        tables=tuple(raw["tables"]),
        has_run_hooks=raw["has_run_hooks"],
    )


def _model(raw: dict[str, Any]) -> DbtModel:
    known = {field.name for field in fields(DbtModel)}
    values = {name: value for name, value in raw.items() if name in known}
    values["columns"] = tuple(Column(**each) for each in raw["columns"])
    values["inputs"] = tuple(raw["inputs"])
    values["refresh"] = Refresh(raw["refresh"]) if raw["refresh"] else None
    return DbtModel(**values)
