"""Rewrites of the logical tree that every engine needs, in the order they are applied to each SELECT.

Belongs here: one file per rewrite, each a function from a query to an equal one.
Keep out: anything only one engine needs (that is its lowering's), names and types.
"""

from collections.abc import Callable

from pwh_assets.hogql.resolve.nodes import Query
from pwh_assets.hogql.rules.distinct_order import distinct_as_group
from pwh_assets.hogql.rules.having import having_as_where
from pwh_assets.hogql.rules.scalar_order import scalar_as_column
from pwh_assets.hogql.rules.unfold import unfold_aggregates

Rule = Callable[[Query], Query]

RULES: tuple[Rule, ...] = (having_as_where, distinct_as_group, unfold_aggregates, scalar_as_column)
