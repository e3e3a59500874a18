"""Which buckets of a view a change of its inputs touches, worked out on the logical tree.

Belongs here: following a key from a view's column down to stored tables, the query that lists touched keys,
the query that computes only those, and what to tell people about it.
Keep out: connections, snapshots, the lake's feed of changes, the store.
"""

from pwh_assets.hogql.incremental.analysis import Analysis, analysis_of
from pwh_assets.hogql.incremental.eligibility import Eligibility, KeyCandidate, eligibility
from pwh_assets.hogql.incremental.reach import BOTH, CHANGED, TOUCHED, CannotFollow

__all__ = [
    "BOTH",
    "CHANGED",
    "TOUCHED",
    "Analysis",
    "CannotFollow",
    "Eligibility",
    "KeyCandidate",
    "analysis_of",
    "eligibility",
]
