"""What a reader may see: the one place where a caller becomes a catalog."""

import hmac
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pwh_assets.core.access import Caller
from pwh_assets.core.policy import AccessPolicy, TableRules, combine, facts_of
from pwh_assets.services.hogql.catalog import build_catalog, glanced_catalog
from pwh_assets.services.platform import Platform

if TYPE_CHECKING:
    from pwh_assets.hogql.catalog import Catalog
    from pwh_assets.hogql.plan import Plan

_SAID = re.compile(r"'[^']*'|\"[^\"]*\"|\d+")


def policy_of(
    policies: Iterable[AccessPolicy], project_id: int, caller: Caller | None
) -> Mapping[str, TableRules]:
    """The rules for a caller by table, in lower case; none for a process of our own, which is no caller."""
    if caller is None:
        return {}
    by_table: dict[str, list[AccessPolicy]] = {}
    for policy in policies:
        if policy.binds(caller, project_id):
            by_table.setdefault(policy.table.lower(), []).append(policy)
    if not by_table:
        return {}
    facts = facts_of(caller, project_id)
    return {table: combine(found, facts) for table, found in by_table.items()}


def catalog_for(platform: Platform, project_id: int, reader: Caller | None) -> "Catalog":
    """The project's catalog as the reader may see it. Without policies for them it is the project's own."""
    return _seen(build_catalog(platform, project_id), project_id, reader)


def glanced_catalog_for(
    platform: Platform, project_id: int, reader: Caller | None
) -> "Catalog | None":
    """The same where it can be had without waiting, else None."""
    catalog = glanced_catalog(platform, project_id)
    return _seen(catalog, project_id, reader) if catalog is not None else None


def _seen(catalog: "Catalog", project_id: int, reader: Caller | None) -> "Catalog":
    if reader is None or not catalog.policies:
        return catalog
    rules = policy_of(catalog.policies, project_id, reader)
    if not rules:
        return catalog
    from pwh_assets.hogql.policy import restrict

    return restrict(catalog, rules)


def sees_alike(platform: Platform, project_id: int, one: Caller, other: Caller | None) -> bool:
    """Whether two readers have the same answers: an answer made for one may then be shown to the other."""
    catalog = build_catalog(platform, project_id)  # once: it may change any moment
    return _seen(catalog, project_id, one).version == _seen(catalog, project_id, other).version


def mask_key(platform: Platform, project_id: int) -> str:
    """The project's key of hashes in answers; from it nobody gets to the one of masks at ingestion."""
    key = platform.store.mask_key(project_id)
    return hmac.digest(key, b"pwh access policies", "sha256").hex()


def spoken(plan: "Plan", reason: str) -> str:
    """An engine's sentence without values, where it may be about rows its reader does not see."""
    return _SAID.sub("…", reason) if plan.policy else reason
