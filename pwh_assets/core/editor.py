"""What people keep around their queries: folders, drafts, open tabs, and what they say about columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Folder:
    """A place saved queries are shown in. It may be empty."""

    id: str
    project_id: int
    name: str
    created_by: str
    created_at: datetime
    view_count: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """A text somebody works on and has not saved as a view. `author` alone sees it."""

    id: str
    project_id: int
    author: str
    name: str
    query: str
    view_id: str | None
    """The view it will change; None for one that is not there yet."""
    edited_version: int | None
    """The view's version the work began from."""
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Annotation:
    """What somebody says about a table, view or column of it; shown wherever that is described."""

    id: str
    project_id: int
    subject_id: str
    """Id of the synced table or saved query; the name of a product table."""
    column: str
    """Empty: it is about the table or view as a whole."""
    description: str
    author: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class TabState:
    """The open tabs of one person's editor, as the editor wrote them. `author` alone sees it."""

    id: str
    project_id: int
    author: str
    state: Mapping[str, Any]
    updated_at: datetime
