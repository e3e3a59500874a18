"""Many troubles of one cause: a source that cannot be read, a warehouse that is away, a daemon that starts nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pwh_assets.core.health import Fact, IssueKind, IssueType
from pwh_assets.errors import quoted
from pwh_assets.services.health.troubles import Trouble

SOURCE_CODES = frozenset(
    (
        "source_access",
        "source_unavailable",
        "source_failed",
        "private_host",
        "unknown_host",
        "secret_key_missing",
        "secret_damaged",
        "rate_limited",
    )
)
"""Codes of failures that can be the source's as a whole."""
WAREHOUSE_CODES = frozenset(("engine_unavailable",))
"""Codes of builds that failed because what computes views cannot be used."""


@dataclass(frozen=True, slots=True)
class Away:
    """Nothing starts runs by itself since then."""

    since: datetime


@dataclass(frozen=True, slots=True)
class Group:
    """Tables and views whose trouble is one and the same."""

    id: str
    name: str
    type: IssueType
    trouble: Trouble
    members: tuple[str, ...]
    source: str | None = None
    source_type: str | None = None


def grouped(
    facts: Mapping[str, Fact], troubles: Mapping[str, Trouble], away: Away | None
) -> tuple[dict[str, Group], dict[str, str]]:
    """Groups by key, and the key of every member's group."""
    groups: dict[str, Group] = {}
    failing: dict[tuple[str, str], list[str]] = {}
    unstarted: list[str] = []
    unbuilt: list[str] = []
    for name, trouble in troubles.items():
        fact = facts[name]
        if away and trouble.kind in (IssueKind.STALE, IssueKind.NEVER_RAN):
            moment = trouble.due_at or trouble.since
            if moment is not None and moment >= away.since:
                unstarted.append(name)
        elif trouble.kind is IssueKind.FAILED and _is_of_source(fact):
            failing.setdefault((fact.source_id, common_cause(fact)), []).append(name)
        elif trouble.kind is IssueKind.FAILED and _is_of_warehouse(fact):
            unbuilt.append(name)
    for (_, cause), names in failing.items():
        if len(names) > 1:
            group = _of_source(facts, troubles, sorted(names), cause)
            groups[f"source:{group.id}:{len(groups)}"] = group
    if away and unstarted:
        groups["daemon"] = _of_daemon(sorted(unstarted), away)
    if unbuilt:
        groups["warehouse"] = _of_warehouse(troubles, sorted(unbuilt))
    group_of = {name: key for key, group in groups.items() for name in group.members}
    return groups, group_of


def common_cause(fact: Fact) -> str:
    """What a table's failure says without the table's own name, which is another one in each."""
    words = fact.error or ""
    for name in (fact.name, fact.at_source):
        if name:
            words = words.replace(f"`{name}`", "`…`")
    return words


def _is_of_source(fact: Fact) -> bool:
    job = fact.last_job
    return bool(
        not fact.is_view and fact.source_id and job is not None and job.error_code in SOURCE_CODES
    )


def _is_of_warehouse(fact: Fact) -> bool:
    job = fact.last_job
    return fact.is_view and job is not None and job.error_code in WAREHOUSE_CODES


def _of_source(
    facts: Mapping[str, Fact], troubles: Mapping[str, Trouble], names: list[str], cause: str
) -> Group:
    one = facts[names[0]]
    mine = [troubles[name] for name in names]
    began = [trouble.since for trouble in mine if trouble.since is not None]
    of = sum(1 for fact in facts.values() if fact.source_id == one.source_id and fact.is_active)
    many = "All" if of == len(names) else f"{len(names)} of"
    words = one.error or cause
    retried = all(trouble.is_retrying for trouble in mine)
    return Group(
        id=one.source_id,
        name=one.source,
        type=IssueType.SOURCE,
        trouble=Trouble(
            IssueKind.SOURCE,
            f"{many} its {of} tables that sync fail for one reason. {words}"
            + (" They are being tried again." if retried else ""),
            f"Mend the cause (`pwh source update {one.source} FILE` changes fields and credentials), then run "
            f"`pwh sync {one.source}`.",
            min(began, default=None),
            cause,
            retried,
        ),
        members=tuple(names),
        source=one.source,
        source_type=one.source_type,
    )


def _of_warehouse(troubles: Mapping[str, Trouble], names: list[str]) -> Group:
    """One view is enough: whether the others were tried yet says nothing of what is wrong."""
    mine = [troubles[name] for name in names]
    began = [trouble.since for trouble in mine if trouble.since is not None]
    many = len(names) > 1
    views, keep = ("views were", "keep their") if many else ("view was", "keeps its")
    cause = "ClickHouse, where views are computed, does not answer or does not let us in."
    back = f"`pwh view run {names[0]}`" + (" and the others" if many else "")
    return Group(
        id="clickhouse",
        name="clickhouse",
        type=IssueType.WAREHOUSE,
        trouble=Trouble(
            IssueKind.WAREHOUSE,
            f"{cause} {len(names)} {views} not built and {keep} last rows: {quoted(names, 5)}.",
            f"`pwh doctor` says what is wrong with the server of `PWH_CLICKHOUSE_URL`. When it is back, run {back}, or "
            "wait for the next time they are built. DuckDB builds them with `--engine duckdb`.",
            min(began, default=None),
            cause,
            all(trouble.is_retrying for trouble in mine),
        ),
        members=tuple(names),
    )


def _of_daemon(names: list[str], away: Away) -> Group:
    return Group(
        id="daemon",
        name="daemon",
        type=IssueType.DAEMON,
        trouble=Trouble(
            IssueKind.DAEMON,
            f"Nothing runs by itself since {away.since:%Y-%m-%d %H:%M} UTC: Dagster's daemon is not there. "
            f"{quoted(names, 5)} should have run.",
            "Start it: `pwh up`.",
            away.since,
        ),
        members=tuple(names),
    )
