"""What the columns of an operator's dbt models are made of: read from the SQL that dbt last compiled of each."""

from pathlib import Path

from pwh_assets.core.view import SavedQuery
from pwh_assets.hogql.catalog import Catalog
from pwh_assets.hogql.foreign import columns_of
from pwh_assets.hogql.plan import OutputColumn
from pwh_assets.hogql.types import UNKNOWN
from pwh_assets.services.dbt_project.description import SCHEMA, DbtModel, DbtProject
from pwh_assets.services.dbt_project.workspace import SOURCE, folder_of, project_of
from pwh_assets.services.platform import Platform

_read: dict[tuple[str, int, str], tuple[OutputColumn, ...]] = {}
_MOST = 4096


def model_columns(
    platform: Platform, view: SavedQuery, catalog: Catalog
) -> tuple[OutputColumn, ...]:
    """Columns of a model and what each is made of; none until dbt compiled it, which building it does."""
    project = project_of(platform.settings, view.project_id)
    model = project.model(view.name) if project else None
    folder = folder_of(platform.settings, view.project_id)
    file = _compiled(folder, project, model) if project and model else None
    if file is None:
        return ()
    key = str(file), file.stat().st_mtime_ns, catalog.version
    found = _read.get(key)
    if found is None:
        if len(_read) >= _MOST:
            _read.clear()
        found = _read[key] = _columns(file.read_text(encoding="utf-8"), view, catalog)
    return found


def _compiled(folder: Path, project: DbtProject, model: DbtModel) -> Path | None:
    """The file dbt wrote; None while it wrote none of this state of the project."""
    package = model.unique_id.split(".")[1]
    places = folder / "target" / "compiled" / package
    return next(iter(sorted(places.rglob(f"{model.name}.sql"))), None)


def _columns(sql: str, view: SavedQuery, catalog: Catalog) -> tuple[OutputColumn, ...]:
    names: dict[tuple[str, str], str] = {}
    for name in view.inputs:
        owner, _, table = name.partition(".")
        names[(SCHEMA, table) if owner == SCHEMA else (SOURCE, name)] = name
    tables = {}
    for path, name in names.items():
        known = catalog.by_name.get(name.lower())
        if known is not None:
            tables[path] = [column.name for column in known.columns]
    return tuple(
        OutputColumn(column, UNKNOWN, tuple((names[path], of, ()) for path, of in made_of))
        for column, made_of in columns_of(sql, tables).items()
    )
