"""What people keep while they write queries: folders, drafts, open tabs, annotations; and what an editor may mend.

Belongs here: who sees which of it, what it may say, statistics of columns, applying the fixes of a text's mistakes.
Keep out: completion and mistakes (`services/hogql/editor`), saved queries themselves (`services/views`), HTTP.
"""

from pwh_assets.services.editor.annotations import (
    annotate,
    annotation_of,
    annotations_of,
    change_annotation,
    remove_annotation,
)
from pwh_assets.services.editor.drafts import (
    change_draft,
    find_tabs,
    make_draft,
    my_draft,
    my_drafts,
    my_tabs,
    remove_draft,
    remove_tabs,
    save_tabs,
)
from pwh_assets.services.editor.fixing import Fixed, fix_text
from pwh_assets.services.editor.folders import (
    find_folder,
    folder_named,
    make_folder,
    remove_folder,
    rename_folder,
)
from pwh_assets.services.editor.statistics import ColumnStatistics, statistics_of

__all__ = [
    "ColumnStatistics",
    "Fixed",
    "annotate",
    "annotation_of",
    "annotations_of",
    "change_annotation",
    "change_draft",
    "find_folder",
    "find_tabs",
    "fix_text",
    "folder_named",
    "make_draft",
    "make_folder",
    "my_draft",
    "my_drafts",
    "my_tabs",
    "remove_annotation",
    "remove_draft",
    "remove_folder",
    "remove_tabs",
    "rename_folder",
    "save_tabs",
    "statistics_of",
]
