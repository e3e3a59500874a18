"""Checks as a YAML document that can live in Git: applied as often as one likes, and written back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pwh_assets.core.names import nearest
from pwh_assets.core.quality import QualityCheck
from pwh_assets.errors import InvalidInputError, UserError, quoted
from pwh_assets.services.lineage.graph import project_graph
from pwh_assets.services.platform import Platform
from pwh_assets.services.quality.declare import declare
from pwh_assets.services.quality.options import COMMON
from pwh_assets.services.quality.registry import kind_of

_WORDS = ("table", "kind", "name", "severity", "where", "description", "every", "at")


class DocumentError(UserError):
    """A document of checks cannot be applied; nothing was changed."""

    code = "invalid_document"

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        more = f" And {len(problems) - 5} more." if len(problems) > 5 else ""
        super().__init__(f"Nothing was changed. {' '.join(problems[:5])}{more}")


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying a document did, or would do; checks by `<table>.<name>`."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def apply_document(
    platform: Platform, project_id: int, text: str, *, prune: bool = False, dry_run: bool = False
) -> Applied:
    """Make the project's checks what a document says, all of it or nothing.

    Args:
        prune: also remove checks the document does not name.
        dry_run: look and tell, change nothing.

    Raises:
        DocumentError: with every mistake, each by its place.
    """
    entries = read_document(text)
    graph = project_graph(platform, project_id)
    names = {node.id: node.name for node in graph.nodes.values()}
    wanted: dict[tuple[str, str], QualityCheck] = {}
    problems = []
    for number, entry in enumerate(entries, 1):
        place = f"Check {number} ({entry.get('table', '?')}, {entry.get('kind', '?')}):"
        try:
            check = _declared(platform, project_id, entry)
            if (check.subject_id, check.name) in wanted:
                raise InvalidInputError(
                    "name", f"`{check.name}` is there twice for one table. Give one another name."
                )
            wanted[check.subject_id, check.name] = check
        except UserError as error:
            problems.append(f"{place} {error.sentence}")
    if problems:
        raise DocumentError(problems)
    known = {
        (each.subject_id, each.name): each for each in platform.store.quality_checks(project_id)
    }
    added, changed, unchanged = [], [], []
    for key, check in wanted.items():
        full = f"{names.get(check.subject_id, check.subject_id)}.{check.name}"
        if key not in known:
            added.append(full)
        elif all(getattr(known[key], field) == getattr(check, field) for field in _COMPARED):
            unchanged.append(full)
        else:
            changed.append(full)
    gone = [each for key, each in known.items() if prune and key not in wanted]
    if not dry_run:
        platform.store.save_quality_checks(list(wanted.values()))
        for each in gone:
            platform.store.remove_quality_check(project_id, each.id)
    removed = (f"{names.get(each.subject_id, each.subject_id)}.{each.name}" for each in gone)
    return Applied(tuple(added), tuple(changed), tuple(unchanged), tuple(removed))


_COMPARED = ("kind", "options", "severity", "where", "description", "frequency")


def read_document(text: str) -> list[dict[str, Any]]:
    """The entries of `checks:`. Raises DocumentError."""
    import yaml  # type: ignore[import-untyped,unused-ignore]

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        words = getattr(error, "problem", None) or "it cannot be read"
        raise DocumentError([f"The document is not YAML{where}: {words}."]) from None
    if found is None:
        return []
    if not isinstance(found, dict) or not isinstance(found.get("checks", None), list):
        raise DocumentError(["The document has no list `checks:` at its top."])
    if unknown := [str(name) for name in found if name != "checks"]:
        raise DocumentError([f"{quoted(unknown)} at the top of the document is not understood."])
    broken = [n for n, each in enumerate(found["checks"], 1) if not isinstance(each, dict)]
    if broken:
        raise DocumentError([f"Check {n} is no mapping of words to values." for n in broken])
    return [{str(key): value for key, value in each.items()} for each in found["checks"]]


def export_document(platform: Platform, project_id: int) -> str:
    """Every check as a document that `apply_document` finds nothing to do in."""
    import yaml

    graph = project_graph(platform, project_id)
    names = {node.id: node.name for node in graph.nodes.values()}
    entries = []
    for check in platform.store.quality_checks(project_id):
        if check.subject_id not in names:
            continue
        entry: dict[str, Any] = {
            "table": names[check.subject_id],
            "name": check.name,
            "kind": check.kind,
            **check.options,
            "severity": check.severity.value,
        }
        if check.where:
            entry["where"] = check.where
        if check.description:
            entry["description"] = check.description
        if check.frequency:
            entry["every"] = check.frequency.name
            if check.frequency.time_of_day:
                entry["at"] = check.frequency.time_of_day
        entries.append(entry)
    entries.sort(key=lambda entry: (entry["table"], entry["name"]))
    return str(yaml.safe_dump({"checks": entries}, sort_keys=False, allow_unicode=True, width=100))


def _declared(platform: Platform, project_id: int, entry: Mapping[str, Any]) -> QualityCheck:
    for word in ("table", "kind"):
        if not isinstance(entry.get(word), str):
            raise InvalidInputError(word, f"It has no `{word}`.")
    kind = kind_of(entry["kind"])
    allowed = {*_WORDS, *(option.name for option in (*kind.options, *COMMON)), "column", "columns"}
    for word in entry:
        if word not in allowed:
            near = nearest(word, sorted(allowed))
            hint = f"Did you mean `{near}`?" if near else f"It takes {quoted(sorted(allowed), 20)}."
            raise InvalidInputError(word, f"`{word}` is not understood. {hint}")
    for word in ("name", "where", "description", "every", "at", "severity"):
        if entry.get(word) is not None and not isinstance(entry[word], str):
            raise InvalidInputError(word, f"`{word}` has to be text; put it in quotes.")
    return declare(
        platform,
        project_id,
        entry["table"],
        entry["kind"],
        {word: value for word, value in entry.items() if word not in _WORDS},
        name=entry.get("name"),
        severity=entry.get("severity") or "error",
        where=entry.get("where") or "",
        description=entry.get("description") or "",
        every=entry.get("every"),
        at=entry.get("at"),
    )
