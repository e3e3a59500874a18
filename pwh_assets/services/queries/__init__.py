"""Queries of many people at once: worker processes, fair turns, and a cache that is exact.

Belongs here: what stands between a request and an engine. `services.hogql.query` runs one text in this process.
Keep out: HogQL, engines, HTTP.
"""

from pwh_assets.services.queries.cache import ResultCache
from pwh_assets.services.queries.request import Answer, Ask, Refresh, Stream
from pwh_assets.services.queries.service import Queries, QueryTask
from pwh_assets.services.queries.turns import StoppingError

__all__ = [
    "Answer",
    "Ask",
    "Queries",
    "QueryTask",
    "Refresh",
    "ResultCache",
    "StoppingError",
    "Stream",
]
