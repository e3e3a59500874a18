"""What an editor asks about a HogQL text: completions at a cursor, mistakes with fixes, the schema.

Belongs here: answers made from a text and a catalog alone, also while the text does not parse yet.
Keep out: the store, the lake, engines, HTTP; those who call this know them.
"""

from pwh_assets.hogql.editor.complete import Completions, complete
from pwh_assets.hogql.editor.metadata import Metadata, Notice, examine
from pwh_assets.hogql.editor.suggestion import Suggestion

__all__ = ["Completions", "Metadata", "Notice", "Suggestion", "complete", "examine"]
