"""Quality checks: declared in words, compiled through HogQL, answered with numbers and examples.

Belongs here: what a check may be (a file per kind in `kinds/`), declaring, running, the audit of a view's new rows.
Keep out: tables of the store, Dagster's checks, printing.
"""

from pwh_assets.services.quality.audit import QualityFailedError, audit
from pwh_assets.services.quality.declare import add_check, find_check, remove_check
from pwh_assets.services.quality.document import apply_document, export_document
from pwh_assets.services.quality.run import run_checks

__all__ = [
    "QualityFailedError",
    "add_check",
    "apply_document",
    "audit",
    "export_document",
    "find_check",
    "remove_check",
    "run_checks",
]
