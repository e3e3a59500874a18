"""Packages of an operator's project that lie beside it: `local:` in `packages.yml`, found without `dbt deps`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pwh_assets.errors import InvalidInputError

FILES = ("packages.yml", "dependencies.yml")
INSTALLED = "dbt_packages"


def local_packages(path: Path) -> dict[str, Path]:
    """The folders of local packages, those of packages among them, by the name of the project in each.

    Raises:
        InvalidInputError: a folder that is named is no dbt project, or two have one name.
    """
    found: dict[str, Path] = {}
    queue = [path]
    for project in queue:
        for text in _named(project):
            folder = (project / text).resolve()
            name = _name(folder, project, text)
            if found.setdefault(name, folder) != folder:
                raise InvalidInputError(
                    "path",
                    f"The packages in `{found[name]}` and `{folder}` are both called `{name}`. Rename one.",
                )
            if folder not in queue:
                queue.append(folder)
    return found


def installed_in(path: Path) -> str:
    """The folder dbt looks for packages in, as the project says."""
    said = _yaml(path / "dbt_project.yml").get("packages-install-path")
    return str(said) if said else INSTALLED


def _named(project: Path) -> list[str]:
    said = (_yaml(project / file).get("packages") for file in FILES)
    entries = [each for listed in said if isinstance(listed, list) for each in listed]
    return [
        str(each["local"]) for each in entries if isinstance(each, Mapping) and each.get("local")
    ]


def _name(folder: Path, project: Path, text: str) -> str:
    name = _yaml(folder / "dbt_project.yml").get("name")
    if not isinstance(name, str):
        raise InvalidInputError(
            "path",
            f"`{project}` names the local package `{text}`, and `{folder}` is no dbt project: it has no "
            "`dbt_project.yml` with a `name`. Mend the path in `packages.yml`.",
        )
    return name


def _yaml(file: Path) -> Mapping[str, Any]:
    import yaml  # type: ignore[import-untyped,unused-ignore]

    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return found if isinstance(found, Mapping) else {}
