"""The dbt project of one warehouse project: our template and a model per materialized view."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pwh_assets.core.view import SavedQuery
from pwh_assets.settings import Settings

TEMPLATE = Path(__file__).parent / "dbt_project"
"""`dbt_project/` of the checkout (a link), or its copy in the installed package."""

_SOURCE = re.compile(r"""source\("([^"]*)", "([^"]*)"\)""")


@dataclass(frozen=True, slots=True)
class ModelText:
    """A view's SQL as the compiler printed it, with a token for each stored table it reads."""

    sql: str
    tokens: Mapping[str, tuple[str, ...]]
    """Token -> path in the lake."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the project; without a text, the file it has is kept."""

    view: SavedQuery
    text: ModelText | None


@dataclass(frozen=True, slots=True)
class Generated:
    """The project on disk. `digest` changes when any file of it does."""

    folder: Path
    digest: str
    written: tuple[str, ...]
    """Files that were new or differed."""


def model_name(view_name: str) -> str:
    """The dbt name of a view; dbt allows no dots in names.

    >>> model_name("revenue.mrr")
    'revenue__mrr'
    """
    return view_name.replace(".", "__")


def folder_of(settings: Settings, project_id: int) -> Path:
    return settings.home / "dbt" / str(project_id)


def generate(settings: Settings, project_id: int, models: Iterable[Model]) -> Generated:
    """Bring the project's files up to date; a file is written only when its content differs.

    Files of models that are no longer there are deleted. The same models give the same bytes.
    """
    folder = folder_of(settings, project_id)
    files = _template_files()
    every = sorted(
        (each for each in models if each.text is not None or _sql_file(folder, each).exists()),
        key=lambda model: model.view.name,
    )
    names = {model.view.name.lower(): model_name(model.view.name) for model in every}
    for model in every:
        file = _sql_file(folder, model)
        if model.text is None:
            text = file.read_text(encoding="utf-8")
        else:
            text = _model_sql(model.view, model.text, names)
        files[f"models/{file.name}"] = text
        files[f"models/{file.stem}.yml"] = _model_yml(model.view)
    files["models/0_sources.yml"] = sources_yml(
        text for path, text in files.items() if path.endswith(".sql")
    )
    written = []
    for path, text in files.items():
        file = folder / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            aside = file.with_suffix(f"{file.suffix}.new")
            aside.write_text(text, encoding="utf-8")
            aside.replace(file)
            written.append(path)
    for file in (folder / "models").glob("*"):
        if f"models/{file.name}" not in files:
            file.unlink(missing_ok=True)
            written.append(f"models/{file.name}")
    return Generated(folder, _digest(files), tuple(written))


def _sql_file(folder: Path, model: Model) -> Path:
    return folder / "models" / f"{model_name(model.view.name)}.sql"


def _template_files() -> dict[str, str]:
    return {
        file.relative_to(TEMPLATE).as_posix(): file.read_text(encoding="utf-8")
        for file in sorted(TEMPLATE.rglob("*"))
        if file.suffix in (".sql", ".yml")
    }


def _model_sql(view: SavedQuery, text: ModelText, names: Mapping[str, str]) -> str:
    """Escaped for Jinja, because a text of the user's may hold braces; then the edges put in."""
    sql = escape(text.sql)
    for token, path in text.tokens.items():
        sql = sql.replace(token, _relation(path, names))
    head = f"{{{{ config(alias={json.dumps(view.name)}) }}}}"
    return f"{head}\n{sql}\n"


def _relation(path: tuple[str, ...], names: Mapping[str, str]) -> str:
    schema, table = path[-2], path[-1]
    if schema == "views" and table.lower() in names:
        return f'{{{{ ref("{names[table.lower()]}") }}}}'
    return f"{{{{ source({json.dumps(schema)}, {json.dumps(table)}) }}}}"


def _model_yml(view: SavedQuery) -> str:
    """JSON is YAML, and needs no care about quoting."""
    model = {
        "name": model_name(view.name),
        "description": escape(view.description),
        "meta": {"owner": escape(view.owner)} if view.owner else {},
        "columns": [
            {"name": escape(column.name), "description": escape(column.description)}
            for column in view.columns
        ],
    }
    config = {"meta": model.pop("meta")}
    return _json({"version": 2, "models": [{**model, "config": config}]})


def sources_yml(texts: Iterable[str]) -> str:
    """The sources these models name, as dbt wants them declared."""
    tables = sorted({found for text in texts for found in _SOURCE.findall(text)})
    schemas: dict[str, list[dict[str, str]]] = {}
    for schema, table in tables:
        schemas.setdefault(schema, []).append({"name": table})
    sources = [
        {"name": schema, "database": "lake", "schema": schema, "tables": found}
        for schema, found in schemas.items()
    ]
    return _json({"version": 2, "sources": sources})


def escape(text: str) -> str:
    """The text as Jinja prints it back: nothing in it is an expression."""
    return re.sub(r"\{(?=[{%#])", '{{ "{" }}', text)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _digest(files: Mapping[str, str]) -> str:
    found = hashlib.sha256()
    for path in sorted(files):
        found.update(f"{path}\0{files[path]}\0".encode())
    return found.hexdigest()
