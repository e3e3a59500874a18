"""Self-managed tables: one address in somebody's own storage each, read where it lies under a name of its own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pwh_assets.core.names import SELF_MANAGED
from pwh_assets.core.source import SyncedTable
from pwh_assets.errors import InvalidInputError, NotFoundError, PwhError, UserError, quoted
from pwh_assets.services.hogql.in_place import look
from pwh_assets.services.platform import Platform
from pwh_assets.services.sources.connecting import create_source, remove_source, update_source

FORMATS: Mapping[str, str] = {
    "auto": "auto",
    "CSV": "csv",
    "CSVWithNames": "csv",
    "Parquet": "parquet",
    "JSONEachRow": "jsonl",
    "Delta": "delta",
    "DeltaS3Wrapper": "delta",
}
"""PostHog's words for formats, and what a source of files calls them."""
_WORDS: Mapping[str, str] = {
    "auto": "auto",
    "csv": "CSVWithNames",
    "parquet": "Parquet",
    "jsonl": "JSONEachRow",
    "delta": "Delta",
}
OPTIONS = ("region", "endpoint")


class NotSelfManagedError(UserError):
    """The table belongs to a source that is synced, a view, or the product."""

    code = "not_self_managed"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"`{name}` is no self-managed table. A synced table is changed through its source "
            "(`warehouse_schemas/`), a view through `warehouse_saved_queries/`."
        )


@dataclass(frozen=True, slots=True)
class Credential:
    """Keys of the storage. Of Azure: the account's name and its key."""

    access_key: str = ""
    access_secret: str = field(default="", repr=False)


def create_table(
    platform: Platform,
    project_id: int,
    name: str,
    format_word: str,
    url_pattern: str,
    credential: Credential | None = None,
    options: Mapping[str, Any] | None = None,
) -> SyncedTable:
    """Connect a table. Its files are looked at, so it can be asked at once.

    Raises:
        InvalidInputError: a field is wrong, there are no files, or they are of several tables.
        NameClashError: something has the name.
        SourceAccessError, SourceUnavailableError: the storage refused us or did not answer.
    """
    payload = {
        "name": name,
        "url": url_pattern,
        "format": _format(format_word),
        **_keys(credential),
        **_options(options),
    }
    body = {"source_type": SELF_MANAGED, "prefix": name.strip().lower(), "payload": payload}
    with _in_words_of_tables():
        source = create_source(platform, project_id, body)
    tables = platform.store.tables(project_id, source.id)
    try:
        if not tables:
            raise InvalidInputError(
                "url_pattern", f"No file that could be read as a table lies at `{url_pattern}`."
            )
        look(platform, tables[0])
    except BaseException:
        remove_source(platform, project_id, source.id)
        raise
    return own_table(platform, project_id, tables[0].id)


def update_table(
    platform: Platform,
    project_id: int,
    table_id: str,
    *,
    name: str | None = None,
    format_word: str | None = None,
    url_pattern: str | None = None,
    credential: Credential | None = None,
    options: Mapping[str, Any] | None = None,
) -> SyncedTable:
    """Change where it lies or how it is read; the storage is asked before anything is kept, then its columns are looked
    at again.

    Raises:
        NotFoundError, NotSelfManagedError.
        InvalidInputError: a field is wrong. A table keeps its name.
        SourceAccessError, SourceUnavailableError: the storage refused us or did not answer.
    """
    table = own_table(platform, project_id, table_id)
    if name is not None and name.strip().lower() != table.name:
        raise InvalidInputError(
            "name", "A table keeps its name, because queries say it. Create another one."
        )
    payload: dict[str, Any] = {**_keys(credential), **_options(options)}
    if url_pattern is not None:
        payload["url"] = url_pattern
    if format_word is not None:
        payload["format"] = _format(format_word)
    if payload:
        with _in_words_of_tables():
            update_source(platform, project_id, table.source.id, {"payload": payload})
    look(platform, own_table(platform, project_id, table_id))
    return own_table(platform, project_id, table_id)


def refresh_table(platform: Platform, project_id: int, table_id: str) -> SyncedTable:
    """Look at its columns again; rows are always read as they are. Raises as `update_table`."""
    look(platform, own_table(platform, project_id, table_id))
    return own_table(platform, project_id, table_id)


def remove_table(platform: Platform, project_id: int, table_id: str) -> dict[str, Any]:
    """Forget the table and its keys. The files stay where they lie. Answers as `remove_source`.

    Raises:
        NotFoundError, NotSelfManagedError.
        BusyError: it is being looked at.
    """
    table = own_table(platform, project_id, table_id)
    return remove_source(platform, project_id, table.source.id)


def own_table(platform: Platform, project_id: int, table_id: str) -> SyncedTable:
    """By its id alone. Raises NotFoundError, NotSelfManagedError."""
    table = platform.store.find_table(project_id, table_id)
    if table is None or table.id != table_id:
        view = platform.store.find_view(project_id, table_id)
        if view is not None and view.id == table_id:
            raise NotSelfManagedError(view.name)
        raise NotFoundError("table", table_id)
    if table.source.source_type != SELF_MANAGED:
        raise NotSelfManagedError(table.table_name)
    return table


def described(table: SyncedTable) -> dict[str, Any]:
    """Where a self-managed table lies and how it is read, without its secret."""
    config = table.source.config
    return {
        "format": _WORDS.get(str(config.get("format")), str(config.get("format"))),
        "url_pattern": config.get("url"),
        "credential": {"access_key": config.get("key_id") or ""},
        "options": {name: config[name] for name in OPTIONS if config.get(name)},
    }


def _format(word: str) -> str:
    known = {name.lower(): kind for name, kind in FORMATS.items()}
    known |= {kind: kind for kind in FORMATS.values()}
    if word.strip().lower() not in known:
        raise InvalidInputError(
            "format", f"`{word[:60]}` is no format. Use one of {quoted(list(FORMATS), 10)}."
        )
    return known[word.strip().lower()]


def _keys(credential: Credential | None) -> dict[str, Any]:
    if credential is None:
        return {}
    return {"key_id": credential.access_key, "secret": credential.access_secret}


def _options(options: Mapping[str, Any] | None) -> dict[str, Any]:
    for name, value in (options or {}).items():
        if name not in OPTIONS or not isinstance(value, str):
            raise InvalidInputError(
                "options", f"`{name[:60]}` is no option, or no text. There are {quoted(OPTIONS)}."
            )
    return dict(options or {})


_ATTRS: Mapping[str, str] = {
    "url": "url_pattern",
    "key_id": "credential",
    "secret": "credential",
    "region": "options",
    "endpoint": "options",
    "prefix": "name",
}
"""A source's fields, and those of a table they are made of."""


@contextmanager
def _in_words_of_tables() -> Iterator[None]:
    """A mistake in the source's field is one in the table's."""
    try:
        yield
    except PwhError as error:
        error.attr = _ATTRS.get(error.attr or "", error.attr)
        raise
