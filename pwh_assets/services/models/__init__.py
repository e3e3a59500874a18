"""Saved queries as dbt models: the project is generated, and dbt runs it inside this process.

Belongs here: the generated files, the dbt runner, the dbt-duckdb plugin that attaches the lake.
Keep out: HogQL's compiler, the store's records, schedules.
"""

from pwh_assets.services.models.project import (
    Generated,
    Model,
    ModelText,
    Target,
    generate,
    model_name,
)
from pwh_assets.services.models.publication import STAGE, Publication, Replacement
from pwh_assets.services.models.runner import ModelError, parse, run

__all__ = [
    "STAGE",
    "Generated",
    "Model",
    "ModelError",
    "ModelText",
    "Publication",
    "Replacement",
    "Target",
    "generate",
    "model_name",
    "parse",
    "run",
]
