"""What every source behind an HTTP API shares: calls that are repeated, paced and bounded, exact JSON, and typed rows.

Belongs here: the wire. Keep out: what any one vendor means by a page, a key or a permission.
"""

from pwh_assets.sources.http.api import Answer, Api
from pwh_assets.sources.http.limits import Limits
from pwh_assets.sources.http.parallel import ahead, in_order
from pwh_assets.sources.http.rows import RowBuilder

__all__ = ["Answer", "Api", "Limits", "RowBuilder", "ahead", "in_order"]
