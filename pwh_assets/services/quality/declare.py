"""Declaring checks: what cannot work is refused now, with the place of the mistake, not found out at night."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pwh_assets.core.check import CheckResult
from pwh_assets.core.frequency import FREQUENCIES, Frequency
from pwh_assets.core.names import nearest
from pwh_assets.core.quality import QualityCheck, Severity
from pwh_assets.errors import ConflictError, InvalidInputError, NotFoundError, quoted
from pwh_assets.hogql.errors import HogQLError, Problem
from pwh_assets.services.lineage.graph import project_graph
from pwh_assets.services.platform import Platform
from pwh_assets.services.quality.base import Kind, Question, check_column
from pwh_assets.services.quality.doors import LiveDoor
from pwh_assets.services.quality.options import read_options
from pwh_assets.services.quality.registry import kind_of
from pwh_assets.services.quality.subjects import node_of, subject_of
from pwh_assets.services.sync import contracts

RESERVED = (contracts.COLUMNS, contracts.UNIQUE, contracts.PRESENT)
"""Names of the checks every synced table has anyway."""
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,99}")
_SHORTEST, _LONGEST = timedelta(hours=1), timedelta(days=7)


def declare(
    platform: Platform,
    project_id: int,
    table: str,
    kind: str,
    options: Mapping[str, Any],
    *,
    name: str | None = None,
    severity: str = "error",
    where: str = "",
    description: str = "",
    every: str | None = None,
    at: str | None = None,
) -> QualityCheck:
    """The check these words declare, looked at from all sides; nothing is saved.

    Args:
        table: any spelling of a synced table, view or product table.
        every: how often it runs by itself, `1hour` to `7day`; not at all by default.

    Raises:
        InvalidInputError: a field is wrong; `attr` names it.
        HogQLError: a text is wrong; it says where in that text.
        NotFoundError: there is no such table, or nothing is known of its columns yet.
    """
    found = kind_of(kind)
    node = node_of(platform, project_id, table)
    subject, catalog = subject_of(platform, node, project_id)
    read = read_options(found, options)
    check = QualityCheck(
        "",
        project_id,
        subject.id,
        _checked_name(name or found.default_name(read)),
        found.name,
        read,
        _severity(severity),
        where.strip(),
        description.strip(),
        _frequency(every, at),
    )
    now = datetime.now(UTC)
    question = Question(check, subject, LiveDoor(platform, project_id, catalog, now), now)
    _check_filter(found, question)
    for column in found.columns(read):
        check_column(question, "columns" if "columns" in read else "column", column)
    found.examine(question)
    for text in found.queries(question):
        try:
            question.door.plan(text)
        except HogQLError as error:
            raise InvalidInputError(
                "options", f"`{check.name}` cannot be computed: {error.problems[0].message}."
            ) from None
    return check


def add_check(
    platform: Platform,
    project_id: int,
    table: str,
    kind: str,
    options: Mapping[str, Any],
    **more: Any,
) -> QualityCheck:
    """Declare a check and keep it. Arguments are those of `declare`.

    Raises:
        ConflictError: the table has a check of this name.
    """
    check = declare(platform, project_id, table, kind, options, **more)
    known = {each.name for each in platform.store.quality_checks(project_id, check.subject_id)}
    # Others have results too: contracts, and the tests of an own dbt project.
    known |= {name for of, name in latest_results(platform, project_id) if of == check.subject_id}
    if check.name in known:
        raise ConflictError(
            f"`{table}` has a check `{check.name}` already. Remove it first, or give this one another name "
            "with `--name`."
        )
    (kept,) = platform.store.save_quality_checks([check])
    return kept


def remove_check(platform: Platform, project_id: int, name: str) -> QualityCheck:
    """Forget a check and its latest result. Returns what it was. Raises NotFoundError, ConflictError."""
    check = find_check(platform, project_id, name)
    platform.store.remove_quality_check(project_id, check.id)
    return check


def find_check(platform: Platform, project_id: int, name: str) -> QualityCheck:
    """By `<table>.<name>`, by name alone where only one table has it, or by id.

    Raises:
        NotFoundError: it names the nearest.
        ConflictError: several tables have a check of this name.
    """
    graph = project_graph(platform, project_id)
    named = {each.id: node for node in graph.nodes.values() for each in (node,)}
    checks = platform.store.quality_checks(project_id)
    full: dict[str, QualityCheck] = {}
    for check in checks:
        node = named.get(check.subject_id)
        full[f"{node.name if node else check.subject_id}.{check.name}"] = check
    for spelled, check in full.items():
        if name in (spelled, check.id):
            return check
    table, _, last = name.rpartition(".")
    node = graph.find(table) if table else None
    found = {
        spelled: check
        for spelled, check in full.items()
        if check.name == last and (not table or (node and check.subject_id == node.id))
    }
    if len(found) > 1:
        raise ConflictError(f"Several tables have a check `{name}`: {quoted(list(found))}.")
    if not found:
        near = nearest(name, [*full, *(check.name for check in checks)])
        hint = f"Did you mean `{near}`?" if near else "`pwh check list` shows all."
        raise NotFoundError("check", name, hint)
    return next(iter(found.values()))


def checks_of(platform: Platform, project_id: int, table: str) -> list[QualityCheck]:
    """All checks of a table or view, by any spelling. Raises NotFoundError."""
    node = node_of(platform, project_id, table)
    return platform.store.quality_checks(project_id, node.id)


def latest_results(platform: Platform, project_id: int) -> dict[tuple[str, str], CheckResult]:
    """The latest answer of every check, contracts included, by (table's id, name)."""
    return {
        (result.subject_id, result.name): result
        for result in platform.store.latest_checks(project_id)
    }


def _checked_name(name: str) -> str:
    name = name.strip().lower()
    if not _NAME.fullmatch(name):
        raise InvalidInputError(
            "name",
            f"`{name[:60]}` cannot be the name of a check. Use lower-case letters, digits and underscores, at most 100.",
        )
    if name in RESERVED:
        raise InvalidInputError(
            "name", f"`{name}` is the name of a check every synced table has. Choose another one."
        )
    return name


def _severity(word: str) -> Severity:
    try:
        return Severity(word)
    except ValueError:
        raise InvalidInputError(
            "severity", f"`{word}` is not a severity; it is `error` or `warn`."
        ) from None


def _frequency(every: str | None, at: str | None) -> Frequency | None:
    if not every or every == "never":
        return None
    found = Frequency.parse(every, at, "every")
    if not _SHORTEST <= found.every <= _LONGEST:
        names = quoted([n for n, each in FREQUENCIES.items() if _SHORTEST <= each <= _LONGEST])
        raise InvalidInputError(
            "every", f"A check can run by itself every {names}, not every `{found.name}`."
        )
    return found


def _check_filter(kind: Kind, question: Question) -> None:
    """Raises HogQLError with places in the filter's own text."""
    from pwh_assets.hogql.parser import parse_expression

    where = question.check.where
    if not where:
        return
    if not kind.takes_filter:
        raise InvalidInputError("where", f"A `{kind.name}` check takes no filter.")
    parse_expression(where)
    start = f"SELECT 1 AS a FROM {question.table} WHERE (\n"
    try:
        question.door.plan(f"{start}{where}\n)")
    except HogQLError as error:
        raise HogQLError(
            [
                Problem(
                    each.code,
                    each.message,
                    min(max(0, each.start - len(start)), len(where)),
                    min(max(0, each.end - len(start)), len(where)),
                    each.hint,
                )
                for each in error.problems
            ],
            where,
        ) from None
