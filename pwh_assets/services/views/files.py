"""Saved queries as files: one `.sql` per view, what is known of it as YAML in comments at its top.

The same views give the same bytes, so a folder of them lives in Git like any other code.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pwh_assets.core.names import nearest
from pwh_assets.core.quality import QualityCheck
from pwh_assets.core.view import Refresh, SavedQuery, ViewOrigin
from pwh_assets.errors import InvalidInputError, UserError, quoted
from pwh_assets.services.platform import Platform

FENCE = "-- ---"
_LEAD = "-- "
_WORDS = (
    "description",
    "owner",
    "folder",
    "materialized",
    "incremental",
    "engine",
    "freshness_target",
    "audit_blocks",
    "checks",
)
_RHYTHM = ("every", "at", "refresh")
_PARTS = ("key", "unique_key", "lookback_seconds")


@dataclass(frozen=True, slots=True)
class FileProblem:
    """One mistake in one file. Line and column count from 1."""

    path: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.message}"


class FilesRefusedError(UserError):
    """The folder cannot be imported; nothing was changed."""

    code = "invalid_view_files"

    def __init__(self, problems: Sequence[FileProblem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.path, p.line, p.column)))
        listed = " ".join(map(str, self.problems[:5]))
        more = f" And {len(problems) - 5} more." if len(problems) > 5 else ""
        super().__init__(f"Nothing was imported. {listed}{more}")


@dataclass(frozen=True, slots=True)
class ViewFile:
    """What one file says. A word it leaves out is the default: the file is all there is to know."""

    name: str
    path: str
    """Inside the folder."""
    sql: str
    line: int = 1
    """Line of the file on which the text begins."""
    description: str = ""
    owner: str = ""
    folder: str = ""
    refresh: Refresh | None = None
    """None for a plain view."""
    every: str | None = None
    at: str | None = None
    incremental: Mapping[str, Any] | None = None
    engine: str | None = None
    """What builds it; None for the warehouse's."""
    freshness_target: str | None = None
    audit_blocks: bool = True
    checks: tuple[Mapping[str, Any], ...] = ()
    places: Mapping[str, tuple[int, int]] = field(default_factory=dict, compare=False)
    """Line and column of each word."""

    def problem(self, message: str, word: str | None = None) -> FileProblem:
        line, column = self.places.get(word or "", (self.line if word is None else 1, 1))
        return FileProblem(self.path, line, column, message)


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did, as paths inside the folder."""

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    """Files of views there are no more; `prune` removes them."""


def is_exportable(view: SavedQuery) -> bool:
    """True for what people write by hand; managed sets, virtual tables and dbt models have files of their own."""
    return view.origin is ViewOrigin.USER and not view.managed_by


def export_views(
    platform: Platform, project_id: int, folder: Path, *, prune: bool = False
) -> Exported:
    """Write every view people saved into the folder; a file is touched only when it says something else.

    Args:
        prune: also remove `.sql` files of views that are not there any more.

    Raises:
        InvalidInputError: the folder cannot be written.
    """
    checks: dict[str, list[QualityCheck]] = {}
    for check in platform.store.quality_checks(project_id):
        checks.setdefault(check.subject_id, []).append(check)
    texts = {
        f"{view.name}.sql": render(file_of(view, checks.get(view.id, ())))
        for view in platform.store.views(project_id)
        if is_exportable(view)
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = {_inside(file, folder): file for file in sorted(folder.rglob("*.sql"))}
        by_name = {Path(path).name: path for path in there}
        written, unchanged = [], []
        for name, text in sorted(texts.items()):
            path = by_name.get(name, name)  # a file that was moved into a folder stays there
            if path in there and there[path].read_bytes() == text.encode():
                unchanged.append(path)
                continue
            (folder / path).write_bytes(text.encode())
            written.append(path)
        gone = [path for path in there if Path(path).name not in texts]
        for path in gone if prune else ():
            there[path].unlink()
    except OSError as error:
        raise InvalidInputError(
            "folder", f"`{folder}` cannot be written: {(error.strerror or 'no reason').lower()}."
        ) from None
    return Exported(
        tuple(written), tuple(unchanged), tuple(gone if prune else ()), () if prune else tuple(gone)
    )


def file_of(view: SavedQuery, checks: Iterable[QualityCheck]) -> ViewFile:
    """The view as its file says it."""
    frequency = view.frequency
    return ViewFile(
        view.name,
        f"{view.name}.sql",
        view.sql,
        description=view.description,
        owner=view.owner,
        folder=view.folder,
        refresh=view.refresh if view.is_materialized else None,
        every=frequency.name if frequency and view.is_materialized else None,
        at=frequency.time_of_day if frequency and view.is_materialized else None,
        incremental=_parts(view.incremental) if view.is_materialized else None,
        engine=view.engine if view.is_materialized else None,
        freshness_target=view.freshness_target,
        audit_blocks=view.audit_blocks,
        checks=tuple(check_entry(check) for check in sorted(checks, key=lambda each: each.name)),
    )


def check_entry(check: QualityCheck) -> dict[str, Any]:
    """A check in the words of a document of checks, without its table."""
    found: dict[str, Any] = {"name": check.name, "kind": check.kind, **check.options}
    found["severity"] = check.severity.value
    for word, value in (("where", check.where), ("description", check.description)):
        if value:
            found[word] = value
    if check.frequency:
        found["every"] = check.frequency.name
        if check.frequency.time_of_day:
            found["at"] = check.frequency.time_of_day
    return found


def render(file: ViewFile) -> str:
    """The file's text."""
    head: dict[str, Any] = {
        word: text for word in ("description", "owner", "folder") if (text := getattr(file, word))
    }
    if file.refresh is Refresh.SCHEDULE:
        head["materialized"] = {"every": file.every, **({"at": file.at} if file.at else {})}
    elif file.refresh is not None:
        head["materialized"] = {"refresh": file.refresh.value}
    if file.incremental:
        head["incremental"] = dict(file.incremental)
    if file.engine:
        head["engine"] = file.engine
    if file.freshness_target:
        head["freshness_target"] = file.freshness_target
    if not file.audit_blocks:
        head["audit_blocks"] = False
    if file.checks:
        head["checks"] = [dict(each) for each in file.checks]
    sql = file.sql.strip()
    if not head and not sql.startswith(FENCE):
        return f"{sql}\n"
    lines = [f"{_LEAD}{line}".rstrip() for line in _yaml(head).splitlines()] if head else []
    return "\n".join([FENCE, *lines, FENCE, sql]) + "\n"


def read_files(folder: Path) -> tuple[list[ViewFile], list[FileProblem]]:
    """Every `.sql` file of the folder and those below, and what is wrong with any of them.

    Raises:
        InvalidInputError: there is no such folder.
    """
    if not folder.is_dir():
        raise InvalidInputError("folder", f"There is no folder `{folder}`.")
    files, problems = [], []
    seen: dict[str, str] = {}
    for file in sorted(folder.rglob("*.sql")):
        path = _inside(file, folder)
        try:
            found = parse_file(path, file.read_bytes().decode("utf-8"))
        except UnicodeDecodeError:
            problems.append(FileProblem(path, 1, 1, "It is not UTF-8 text. Save it as UTF-8."))
            continue
        except FilesRefusedError as error:
            problems += error.problems
            continue
        if other := seen.get(found.name.lower()):
            problems.append(
                FileProblem(path, 1, 1, f"`{other}` is the same view. Keep one of them.")
            )
            continue
        seen[found.name.lower()] = path
        files.append(found)
    return files, problems


def parse_file(path: str, text: str) -> ViewFile:
    """What a file says; its name is the view's.

    Raises:
        FilesRefusedError: with the mistakes of its head.
    """
    name = Path(path).name.removesuffix(".sql")
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0].rstrip() != FENCE:
        return ViewFile(name, path, text.replace("\r\n", "\n").strip(), 1 + _blank(lines))
    try:
        end = next(n for n, line in enumerate(lines) if n and line.rstrip() == FENCE)
    except StopIteration:
        message = f"The head that begins with `{FENCE}` does not end. Close it with the same line."
        raise FilesRefusedError([FileProblem(path, 1, 1, message)]) from None
    bare = [n for n in range(1, end) if lines[n].strip() and not lines[n].startswith("--")]
    if bare:
        message = f"Lines of the head begin with `{_LEAD}`, this one does not."
        raise FilesRefusedError([FileProblem(path, n + 1, 1, message) for n in bare])
    head = "\n".join(line.removeprefix("--").removeprefix(" ") for line in lines[1:end])
    body = lines[end + 1 :]
    return _Head(path, head).file(name, "\n".join(body).strip(), end + 2 + _blank(body))


class _Head:
    """The YAML of one file, read with the place of every word."""

    def __init__(self, path: str, text: str) -> None:
        self._path, self._text = path, text
        self._problems: list[FileProblem] = []
        self._places: dict[str, tuple[int, int]] = {}

    def file(self, name: str, sql: str, line: int) -> ViewFile:
        words, values = self._load()
        rhythm, parts = words.get("materialized"), words.get("incremental")
        refresh, every, at = self._rhythm(rhythm)
        found = ViewFile(
            name,
            self._path,
            sql,
            line,
            description=self._words(words, "description"),
            owner=self._words(words, "owner"),
            folder=self._words(words, "folder"),
            refresh=refresh,
            every=every,
            at=at,
            incremental=self._incremental(parts),
            engine=self._words(words, "engine") or None,
            freshness_target=self._words(words, "freshness_target") or None,
            audit_blocks=self._truth(values),
            checks=self._checks(values),
            places=self._places,
        )
        if found.incremental and refresh is None:
            self._bad("incremental", "Only a materialized view is built in parts.")
        if found.engine and refresh is None:
            self._bad("engine", "Only a materialized view is built by an engine.")
        if self._problems:
            raise FilesRefusedError(self._problems)
        return found

    def _load(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The words as texts (`02:30` is no number) and as YAML's own values."""
        import yaml  # type: ignore[import-untyped,unused-ignore]

        try:
            node = yaml.compose(self._text, Loader=yaml.SafeLoader)
            words = yaml.load(self._text, Loader=yaml.BaseLoader)  # texts only
            values = yaml.safe_load(self._text)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            line, column = (mark.line + 2, mark.column + 4) if mark else (2, 1)
            why = getattr(error, "problem", None) or "it cannot be read"
            raise FilesRefusedError(
                [FileProblem(self._path, line, column, f"The head is not YAML: {why}.")]
            ) from None
        if node is None:
            return {}, {}
        if not isinstance(values, dict) or not isinstance(words, dict):
            message = "The head is no mapping of words to values."
            raise FilesRefusedError([FileProblem(self._path, 2, 1, message)])
        for key, _ in node.value:
            mark = key.start_mark
            self._places[str(key.value)] = (mark.line + 2, mark.column + 4)
        self._unknown("", words, _WORDS)
        return words, values

    def _unknown(self, within: str, given: Mapping[str, Any], known: Sequence[str]) -> None:
        for word in given:
            if word not in known:
                near = nearest(str(word), list(known))
                hint = f"Did you mean `{near}`?" if near else f"There are {quoted(tuple(known))}."
                self._bad(within or str(word), f"`{word}` is not understood. {hint}")

    def _bad(self, word: str, message: str) -> None:
        line, column = self._places.get(word, (2, 1))
        self._problems.append(FileProblem(self._path, line, column, message))

    def _words(self, words: Mapping[str, Any], word: str) -> str:
        value = words.get(word, "")
        if not isinstance(value, str):
            self._bad(word, f"`{word}` has to be text.")
            return ""
        return value.strip()

    def _rhythm(self, given: Any) -> tuple[Refresh | None, str | None, str | None]:
        if given is None:
            return None, None, None
        if not isinstance(given, dict):
            self._bad("materialized", "`materialized` takes `every` and `at`, or `refresh`.")
            return None, None, None
        self._unknown("materialized", given, _RHYTHM)
        try:
            refresh = Refresh(given.get("refresh", "schedule"))
        except ValueError:
            known = quoted([each.value for each in Refresh])
            self._bad("materialized", f"`refresh` is one of {known}.")
            return None, None, None
        return refresh, given.get("every"), given.get("at")

    def _incremental(self, given: Any) -> dict[str, Any] | None:
        if given is None:
            return None
        if not isinstance(given, dict) or not isinstance(given.get("key"), str):
            self._bad(
                "incremental", "`incremental` takes `key`, `unique_key` and `lookback_seconds`."
            )
            return None
        self._unknown("incremental", given, _PARTS)
        seconds = given.get("lookback_seconds", "0")
        if not str(seconds).isdigit():
            self._bad("incremental", "`lookback_seconds` is a whole number.")
            return None
        unique = given.get("unique_key") or []
        return _parts({**given, "unique_key": [unique] if isinstance(unique, str) else unique})

    def _truth(self, values: Mapping[str, Any]) -> bool:
        value = values.get("audit_blocks", True)
        if not isinstance(value, bool):
            self._bad("audit_blocks", "`audit_blocks` is true or false.")
        return value is not False

    def _checks(self, values: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
        given = values.get("checks") or []
        if not isinstance(given, list) or any(not isinstance(each, dict) for each in given):
            self._bad("checks", "`checks` is a list of mappings with `name`, `kind` and options.")
            return ()
        return tuple({str(word): value for word, value in each.items()} for each in given)


def _parts(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A view's `incremental` with all its words, spelled one way."""
    if not given:
        return None
    return {
        "key": str(given["key"]),
        "unique_key": [str(each) for each in given.get("unique_key") or ()],
        "lookback_seconds": int(given.get("lookback_seconds") or 0),
    }


def _blank(lines: Sequence[str]) -> int:
    """How many lines there are before the first that says something."""
    return next((n for n, line in enumerate(lines) if line.strip()), 0)


def _inside(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()


def _yaml(value: Mapping[str, Any]) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):  # type: ignore[misc,unused-ignore]
        """Texts of several lines as such, so that a changed line is one line of a diff."""

    def text(dumper: Any, data: str) -> Any:
        style = "|" if "\n" in data else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    Dumper.add_representer(str, text)
    return str(
        yaml.dump(dict(value), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    )
