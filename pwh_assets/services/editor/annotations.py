"""What people say about tables, views and their columns. It stands where the source's own words stood, everywhere.

Who does not see a column, does not see what is said of it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pwh_assets.core.access import Caller
from pwh_assets.core.editor import Annotation
from pwh_assets.errors import InvalidInputError, NotFoundError
from pwh_assets.services.platform import Platform
from pwh_assets.services.policies.reading import catalog_for

if TYPE_CHECKING:
    from pwh_assets.hogql.catalog import TableDef

LONGEST = 10_000


@dataclass(frozen=True, slots=True)
class Subjects:
    """What can be annotated, by id: HogQL names, and which of them are views."""

    names: dict[str, str]
    views: frozenset[str]


def annotations_of(
    platform: Platform,
    project_id: int,
    reader: Caller | None,
    *,
    of_views: bool,
    subject_id: str | None = None,
) -> list[Annotation]:
    """Those of tables, or of views, whose table and column the reader sees."""
    tables = _seen(platform, project_id, reader)
    subjects = _subjects(platform, project_id)
    found = []
    for one in platform.store.annotations(project_id):
        if subject_id not in (None, one.subject_id):
            continue
        table = tables.get(subjects.names.get(one.subject_id, "").lower())
        is_view = one.subject_id in subjects.views
        if table is not None and is_view == of_views and _has(table, one.column):
            found.append(one)
    return found


def annotation_of(
    platform: Platform, project_id: int, reader: Caller | None, note_id: str, *, of_views: bool
) -> Annotation:
    """Raises NotFoundError, also for one of something the reader does not see."""
    for one in annotations_of(platform, project_id, reader, of_views=of_views):
        if one.id == note_id:
            return one
    raise NotFoundError("annotation", note_id)


def annotate(
    platform: Platform,
    project_id: int,
    caller: Caller,
    subject_id: str,
    column: str,
    description: str,
    *,
    of_views: bool,
) -> Annotation:
    """Say something of a column, or with an empty one of the table or view as a whole.

    Args:
        subject_id: id of a synced table or view, or the name of a product table.

    Raises:
        NotFoundError: there is no such table, or it has no rows yet.
        InvalidInputError: it has no such column, or nothing is said.
        AnnotationExistsError: something is said of it already.
    """
    subjects = _subjects(platform, project_id)
    name = subjects.names.get(subject_id)
    table = _seen(platform, project_id, caller).get((name or "").lower())
    if name is None or table is None or (subject_id in subjects.views) != of_views:
        raise NotFoundError("saved query" if of_views else "table", subject_id)
    column = column.strip()
    if not _has(table, column):
        raise InvalidInputError("column_name", f"`{name}` has no column `{column[:100]}`.")
    exact = next((c.name for c in table.columns if c.name.lower() == column.lower()), "")
    text = _text(description)
    return platform.store.add_annotation(project_id, subject_id, exact, text, caller.name)


def change_annotation(
    platform: Platform,
    project_id: int,
    caller: Caller,
    note_id: str,
    description: str,
    *,
    of_views: bool,
) -> Annotation:
    """Raises NotFoundError, InvalidInputError."""
    note = annotation_of(platform, project_id, caller, note_id, of_views=of_views)
    return platform.store.change_annotation(project_id, note.id, _text(description), caller.name)


def remove_annotation(
    platform: Platform, project_id: int, caller: Caller, note_id: str, *, of_views: bool
) -> None:
    """What the source says of it is shown again. Raises NotFoundError."""
    note = annotation_of(platform, project_id, caller, note_id, of_views=of_views)
    platform.store.remove_annotation(project_id, note.id)


def _subjects(platform: Platform, project_id: int) -> Subjects:
    from pwh_assets.services.lineage.graph import PRODUCT_TABLES

    views = {view.id: view.name for view in platform.store.views(project_id)}
    tables = {table.id: table.table_name for table in platform.store.tables(project_id)}
    product = {name: name for name in PRODUCT_TABLES}
    return Subjects({**product, **tables, **views}, frozenset(views))


def _seen(platform: Platform, project_id: int, reader: Caller | None) -> "dict[str, TableDef]":
    return {table.name.lower(): table for table in catalog_for(platform, project_id, reader).tables}


def _has(table: "TableDef", column: str) -> bool:
    names = {each.name.lower() for each in table.columns if not each.hidden}
    return not column or column.lower() in names


def _text(description: str) -> str:
    text = description.strip()
    if not text or len(text) > LONGEST:
        raise InvalidInputError("description", f"Say something, in at most {LONGEST:,} characters.")
    return text
