"""Declaring one metric or virtual table by itself, as an entry of a document has it, and asking as somebody."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from pwh_assets.core.access import Caller
from pwh_assets.core.metric import SavedMetric
from pwh_assets.core.view import SavedQuery
from pwh_assets.errors import NotFoundError
from pwh_assets.services.platform import Platform
from pwh_assets.services.policies.guarding import check_unbound
from pwh_assets.services.semantic.applying import (
    Applied,
    apply_document,
    remove_metric,
    virtual_tables,
)

Kind = Literal["metrics", "virtual_tables"]
WHAT = "A metric or virtual table"


def declare(
    platform: Platform,
    project_id: int,
    caller: Caller,
    kind: Kind,
    entry: Mapping[str, Any],
    *,
    force: bool = False,
) -> Applied:
    """Make or change one. `entry` has the words of `docs/metrics.md`.

    Raises:
        DocumentError: with every mistake; nothing was changed.
        StillReadError: somebody reads what would change.
        PolicyBoundError: a policy binds the caller, and what is declared is computed without.
    """
    text = json.dumps({kind: [dict(entry)]}, ensure_ascii=False)
    return apply_text(platform, project_id, caller, text, force=force)


def apply_text(
    platform: Platform,
    project_id: int,
    caller: Caller,
    text: str,
    *,
    prune: bool = False,
    dry_run: bool = False,
    force: bool = False,
) -> Applied:
    """Apply a whole document in somebody's name. Raises as `declare`."""
    check_unbound(platform, project_id, caller, WHAT)
    return apply_document(
        platform,
        project_id,
        text,
        file="body",
        prune=prune,
        dry_run=dry_run,
        force=force,
        author=caller.name,
    )


def find_virtual_table(platform: Platform, project_id: int, name: str) -> SavedQuery:
    """Raises NotFoundError."""
    for view in virtual_tables(platform, project_id):
        if view.name.lower() == name.lower():
            return view
    raise NotFoundError("virtual table", name)


def remove(
    platform: Platform, project_id: int, name: str, kind: Kind, *, force: bool = False
) -> SavedMetric | SavedQuery:
    """Remove a metric or virtual table of this name. Raises NotFoundError, StillReadError."""
    from pwh_assets.services.semantic.asking import find_metric

    if kind == "metrics":
        name = f"metric:{find_metric(platform, project_id, name).definition.key}"
    else:
        name = find_virtual_table(platform, project_id, name).name
    return remove_metric(platform, project_id, name, force=force)
