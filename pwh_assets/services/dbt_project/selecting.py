"""What dbt's own `--select` and `--exclude` mean in an operator's project."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pwh_assets.errors import InvalidInputError
from pwh_assets.services.dbt_project import reading
from pwh_assets.services.dbt_project.adopting import path_of
from pwh_assets.services.dbt_project.description import DbtModel, DbtProject, DbtTest
from pwh_assets.services.dbt_project.workspace import folder_of, project_of
from pwh_assets.services.models.runner import DBT, first_sentence, quietly
from pwh_assets.services.platform import Platform


@dataclass(frozen=True, slots=True)
class Selected:
    """Models and tests by name."""

    project: DbtProject
    models: tuple[DbtModel, ...]
    tests: tuple[DbtTest, ...]


def selected(
    platform: Platform, project_id: int, select: Sequence[str] = (), exclude: Sequence[str] = ()
) -> Selected:
    """Models and tests that dbt selects; all of them when nothing is said.

    Raises:
        NotFoundError: the project has no dbt project.
        ProjectBrokenError: it was never read without a mistake.
        InvalidInputError: dbt does not understand the selection.
    """
    path = path_of(platform, project_id)
    project = project_of(platform.settings, project_id)
    if project is None:
        raise reading.ProjectBrokenError(path, "`pwh dbt refresh` says what is wrong with it.")
    if not select and not exclude:
        return Selected(project, project.models, project.tests)
    manifest = reading.manifest_of(platform.settings, project_id, project)
    words = ["ls", "--output", "json", "--output-keys", "unique_id"]
    words += ["--select", *select] if select else []
    words += ["--exclude", *exclude] if exclude else []
    with DBT, quietly():
        folder = folder_of(platform.settings, project_id)
        result = reading.dbt(folder, [*words, "--no-write-json"], manifest)
    if result.exception is not None or not result.success:
        cause = first_sentence(str(result.exception or "dbt gave no reason"))
        raise InvalidInputError("select", f"dbt does not understand `{' '.join(select)}`: {cause}")
    found = {json.loads(line)["unique_id"] for line in result.result or ()}
    return Selected(
        project,
        tuple(each for each in project.models if each.unique_id in found),
        tuple(each for each in project.tests if each.unique_id in found),
    )
