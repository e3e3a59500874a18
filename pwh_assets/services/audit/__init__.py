"""The audit log: who did and asked what, kept so that a change to it is found.

Belongs here: writing entries in the background, proving a chain whole, sealed exports.
Keep out: HTTP and the command line; what an entry is (`core/audit.py`) and how it is linked (`store/audit.py`).
"""

from pwh_assets.services.audit.chain import ChainBreak, ChainReport, verify_chain
from pwh_assets.services.audit.export import Exported, export_chain, verify_file
from pwh_assets.services.audit.log import AuditLog, AuditUnavailableError
from pwh_assets.services.audit.origin import Origin, origin
from pwh_assets.services.audit.queries import QueryAudit
from pwh_assets.services.audit.witness import Witness

__all__ = [
    "AuditLog",
    "AuditUnavailableError",
    "ChainBreak",
    "ChainReport",
    "Exported",
    "Origin",
    "QueryAudit",
    "Witness",
    "export_chain",
    "origin",
    "verify_chain",
    "verify_file",
]
