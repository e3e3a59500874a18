"""Where an operator's project is worked on: a copy in the home, with our files beside theirs. Their folder is only read."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pwh_assets.errors import InvalidInputError
from pwh_assets.services.dbt_project.description import DbtProject, from_json
from pwh_assets.services.dbt_project.packages import installed_in, local_packages
from pwh_assets.settings import Settings

SOURCES_FILE = "pwh_sources.yml"
MACROS_FILE = "pwh_tables.sql"
DESCRIPTION = "pwh.json"
SOURCE = "pwh"
"""Their models read the warehouse's tables with `source('pwh', 'stripe_invoice')`."""

_described: dict[Path, tuple[int, DbtProject]] = {}
_KINDS = frozenset((".sql", ".yml", ".yaml", ".md", ".csv", ".py", ".json"))
_LEFT_OUT = frozenset(("target", "logs", "venv", "node_modules", "__pycache__"))

_TABLES = """{#
  Written by PWH: in the lake a `table` and a `view` are tables that are computed beside the old one and put in its
  place in one transaction under the lake's lock.
#}
{% macro pwh_lake_table(sql) %}
  {%- set target_relation = this.incorporate(type='table') -%}
  {{ run_hooks(pre_hooks) }}
  {% do adapter.store_relation('lake', target_relation, [], '', '', {'sql': sql}) %}
  {% call noop_statement('main', 'OK') %}
    {{ sql }}
  {% endcall %}
  {{ run_hooks(post_hooks) }}
  {{ return({'relations': [target_relation]}) }}
{% endmacro %}

{% materialization table, adapter='duckdb', supported_languages=['sql'] %}
  {{ return(pwh_lake_table(compiled_code)) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
  {{ return(pwh_lake_table(compiled_code)) }}
{% endmaterialization %}
"""


def folder_of(settings: Settings, project_id: int) -> Path:
    """The last copy that was read without a mistake."""
    return settings.home / "dbt" / f"own-{project_id}"


def project_of(settings: Settings, project_id: int) -> DbtProject | None:
    """The project as it was last read without a mistake; None when none was. Needs no dbt."""
    file = folder_of(settings, project_id) / DESCRIPTION
    try:
        changed = file.stat().st_mtime_ns
        kept = _described.get(file)
        if kept is None or kept[0] != changed:
            kept = changed, from_json(file.read_text(encoding="utf-8"))
            _described[file] = kept
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return kept[1]


def files_of(path: Path) -> Iterator[Path]:
    """Files of an operator's project that dbt could need, in a stable order."""
    for folder, names, files in os.walk(path):
        names[:] = sorted(n for n in names if n not in _LEFT_OUT and not n.startswith("."))
        for name in sorted(files):
            if Path(name).suffix.lower() in _KINDS:
                yield Path(folder) / name


def _all_files(path: Path) -> Iterator[tuple[Path, Path]]:
    """Every file with its place in the copy: the project's, and those of its local packages where `dbt deps` puts them.

    Raises:
        InvalidInputError: what is named as a local package is none.
    """
    packages, installed = local_packages(path), installed_in(path)
    ours = [path / installed / name for name in packages]
    for file in files_of(path):
        if not any(file.is_relative_to(folder) for folder in ours):
            yield file.relative_to(path), file
    for name, folder in packages.items():
        for file in files_of(folder):
            if not file.is_relative_to(folder / installed_in(folder)):
                yield Path(installed) / name / file.relative_to(folder), file


def signature(path: Path, tables: Sequence[str]) -> str:
    """A text that differs when a file of the folder was changed, or the tables it may read."""
    found = hashlib.sha256("\n".join(tables).encode())
    found.update((_TABLES + "".join(_template().values())).encode())
    try:
        files = list(_all_files(path))
    except InvalidInputError as error:
        found.update(error.sentence.encode())
        files = [(file.relative_to(path), file) for file in files_of(path)]
    for place, file in files:
        stat = file.stat()
        found.update(f"{place}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
    return found.hexdigest()[:32]


def configuration(path: Path) -> dict[str, Any]:
    """What `dbt_project.yml` says.

    Raises:
        InvalidInputError: there is none, or it is not YAML.
    """
    import yaml  # type: ignore[import-untyped,unused-ignore]

    file = path / "dbt_project.yml"
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError:
        raise InvalidInputError(
            "path", f"`{path}` is not a dbt project: it has no `dbt_project.yml`. Name its folder."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInputError(
            "path", f"`{file}` is not YAML: {' '.join(str(error).split())}. Mend it there."
        ) from None
    if not isinstance(found, dict) or not isinstance(found.get("name"), str):
        raise InvalidInputError("path", f"`{file}` has no `name`. dbt needs one.")
    return found


def copy_project(path: Path, into: Path, tables: Sequence[str]) -> None:
    """Copy the project and put our files beside: the profile, the sources, the materializations.

    Raises:
        InvalidInputError: it is not a dbt project.
    """
    config = configuration(path)
    for relative, file in _all_files(path):
        place = into / relative
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, place)
    ours = {
        "profiles.yml": _template()["profiles.yml"],
        f"{_first(config, 'model-paths', 'models')}/{SOURCES_FILE}": sources(tables),
        f"{_first(config, 'macro-paths', 'macros')}/{MACROS_FILE}": _TABLES,
    }
    for name, text in ours.items():
        place = into / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


def sources(tables: Sequence[str]) -> str:
    """The warehouse's tables as a source of dbt; JSON is YAML. Names only: what users write is not Jinja."""
    from pwh_assets.services.models.project import escape

    listed = [{"name": escape(name)} for name in tables]
    value = {
        "version": 2,
        "sources": [{"name": SOURCE, "database": "memory", "schema": SOURCE, "tables": listed}],
    }
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _first(config: dict[str, Any], key: str, default: str) -> str:
    found = config.get(key)
    return str(found[0]) if isinstance(found, list) and found else default


def _template() -> dict[str, str]:
    from pwh_assets.services.models.project import TEMPLATE

    return {"profiles.yml": (TEMPLATE / "profiles.yml").read_text(encoding="utf-8")}
