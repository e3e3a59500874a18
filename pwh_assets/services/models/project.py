"""The dbt project of one warehouse project: our template and a model per materialized view."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from pwh_assets.core.source import Column
from pwh_assets.core.view import SavedQuery
from pwh_assets.engines.clickhouse_types import column_type
from pwh_assets.engines.mirror_names import table_of
from pwh_assets.settings import Settings

TEMPLATE = Path(__file__).parent / "dbt_project"
"""`dbt_project/` of the checkout (a link), or its copy in the installed package."""

_SOURCE = re.compile(r"""source\("([^"]*)", "([^"]*)"\)""")


class Target(StrEnum):
    """The engine that computes the models of a generated project; also the output of its profile."""

    DUCKDB = "lake"
    CLICKHOUSE = "clickhouse"


@dataclass(frozen=True, slots=True)
class ModelText:
    """A view's SQL as the compiler printed it, with a token for each stored table it reads."""

    sql: str
    tokens: Mapping[str, tuple[str, ...]]
    """Token -> path in the lake."""
    columns: tuple[Column, ...] = ()
    """For ClickHouse, which has to be told: the columns with their types in the lake."""
    settings: Mapping[str, str | int | float] = field(default_factory=dict)
    """Settings of ClickHouse that the SQL relies on."""


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
    target: Target = Target.DUCKDB


def model_name(view_name: str) -> str:
    """The dbt name of a view; dbt allows no dots in names.

    >>> model_name("revenue.mrr")
    'revenue__mrr'
    """
    return view_name.replace(".", "__")


def folder_of(settings: Settings, project_id: int, target: Target = Target.DUCKDB) -> Path:
    suffix = "" if target is Target.DUCKDB else f"-{target}"
    return settings.home / "dbt" / f"{project_id}{suffix}"


def generate(
    settings: Settings,
    project_id: int,
    models: Iterable[Model],
    target: Target = Target.DUCKDB,
) -> Generated:
    """Bring the project's files up to date; a file is written only when its content differs.

    Files of models that are no longer there are deleted. The same models give the same bytes.
    """
    folder = folder_of(settings, project_id, target)
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
            text = _model_sql(model.view, model.text, names, target)
        files[f"models/{file.name}"] = text
        files[f"models/{file.stem}.yml"] = _model_yml(model, _kept_types(file, model, target))
    files["models/0_sources.yml"] = sources_yml(
        (text for path, text in files.items() if path.endswith(".sql")), target
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
    return Generated(folder, _digest(files), tuple(written), target)


def _sql_file(folder: Path, model: Model) -> Path:
    return folder / "models" / f"{model_name(model.view.name)}.sql"


def _template_files() -> dict[str, str]:
    return {
        file.relative_to(TEMPLATE).as_posix(): file.read_text(encoding="utf-8")
        for file in sorted(TEMPLATE.rglob("*"))
        if file.suffix in (".sql", ".yml")
    }


def _model_sql(view: SavedQuery, text: ModelText, names: Mapping[str, str], target: Target) -> str:
    """Escaped for Jinja, because a text of the user's may hold braces; then the edges put in."""
    sql = escape(text.sql)
    for token, path in text.tokens.items():
        sql = sql.replace(token, _relation(path, names))
    alias = view.name if target is Target.DUCKDB else table_of(("views", view.name))
    return f"{{{{ config(alias={json.dumps(alias)}) }}}}\n{sql}\n"


def _relation(path: tuple[str, ...], names: Mapping[str, str]) -> str:
    schema, table = path[-2], path[-1]
    if schema == "views" and table.lower() in names:
        return f'{{{{ ref("{names[table.lower()]}") }}}}'
    return f"{{{{ source({json.dumps(schema)}, {json.dumps(table)}) }}}}"


def _kept_types(file: Path, model: Model, target: Target) -> dict[str, str]:
    """ClickHouse's types of the model's columns; of a model whose file is kept, those it has there."""
    if target is Target.DUCKDB:
        return {}
    if model.text is not None:
        return {column.name: column_type(column) for column in model.text.columns}
    known = json.loads(file.with_suffix(".yml").read_text(encoding="utf-8"))
    columns = known["models"][0]["columns"]
    return {each["name"]: each["data_type"] for each in columns}


def _model_yml(model_: Model, types: Mapping[str, str]) -> str:
    """JSON is YAML, and needs no care about quoting."""
    view = model_.view
    words = {column.name: escape(column.description) for column in view.columns}
    model = {
        "name": model_name(view.name),
        "description": escape(view.description),
        "meta": {"owner": escape(view.owner)} if view.owner else {},
        "columns": [
            {
                "name": escape(name),
                "description": words.get(name, ""),
                **({"data_type": types[name]} if name in types else {}),
            }
            for name in (types or words)
        ],
    }
    config = {"meta": model.pop("meta")}
    return _json({"version": 2, "models": [{**model, "config": config}]})


def sources_yml(
    texts: Iterable[str], target: Target = Target.DUCKDB, database: str = "{{ target.schema }}"
) -> str:
    """The sources these models name, as dbt wants them declared; `database` is ClickHouse's."""
    tables = sorted({found for text in texts for found in _SOURCE.findall(text)})
    is_lake = target is Target.DUCKDB
    schemas: dict[str, list[dict[str, str]]] = {}
    for schema, table in tables:
        copy = {} if is_lake else {"identifier": table_of((schema, table))}
        schemas.setdefault(schema, []).append({"name": table, **copy})
    sources = [
        {
            "name": schema,
            **({"database": "lake", "schema": schema} if is_lake else {"schema": database}),
            "tables": found,
        }
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
