"""A YAML document whose every text knows where it was written, so that a mistake in HogQL has a line of the file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pwh_assets.core.metric import Metric
from pwh_assets.core.names import nearest
from pwh_assets.errors import UserError, quoted

MOST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong. Line and column count from 1."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class DocumentError(UserError):
    """A document cannot be applied; nothing was changed. `mistakes` has all of them, in order of place."""

    code = "invalid_semantic_document"

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=lambda each: (each.line, each.column)))
        shown = [str(each) for each in self.mistakes[:MOST_SHOWN]]
        if len(self.mistakes) > MOST_SHOWN:
            shown.append(f"And {len(self.mistakes) - MOST_SHOWN} more.")
        super().__init__("\n".join([*shown, "Nothing was changed."]))


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar of the document and where it begins."""

    value: str
    line: int = 1
    column: int = 1
    is_block: bool = False
    """True after `|`: line breaks of the value are the file's."""

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a character of the value."""
        before = self.value[: max(0, offset)]
        if not self.is_block:
            return self.line, self.column + (len(before) if "\n" not in self.value else 0)
        return self.line + before.count("\n"), self.column + len(before) - (before.rfind("\n") + 1)


class Composed:
    """A query put together from texts of the document and words of ours; places lead back to the texts."""

    def __init__(self, *parts: str | Text) -> None:
        self.text = ""
        self._spots: list[tuple[int, Text]] = []
        for part in parts:
            self.add(part)

    def add(self, part: str | Text) -> "Composed":
        if isinstance(part, Text):
            self._spots.append((len(self.text), part))
            part = part.value
        self.text += part
        return self

    @property
    def parts(self) -> list[Text]:
        """The texts of the document in it."""
        return [text for _, text in self._spots]

    def place(self, offset: int) -> tuple[int, int] | None:
        """Line and column in the file; None when there is no text of the document in it."""
        spot = None
        for start, text in self._spots:
            if spot is None or start <= offset:
                spot = start, text
        if spot is None:
            return None
        return spot[1].place(min(offset - spot[0], len(spot[1].value)))


@dataclass(slots=True)
class Mistakes:
    """What is wrong with one file, as it is found."""

    file: str
    found: list[Mistake] = field(default_factory=list)

    def add(self, place: "tuple[int, int] | Text", message: str) -> None:
        line, column = (place.line, place.column) if isinstance(place, Text) else place
        mistake = Mistake(self.file, line, column, message)
        if mistake not in self.found:
            self.found.append(mistake)


@dataclass(slots=True)
class DeclaredTable:
    """A virtual table as the document has it."""

    name: Text
    query: Composed
    description: str = ""
    owner: str = ""
    every: str | None = None
    at: str | None = None


@dataclass(slots=True)
class DeclaredMetric:
    """A metric as the document has it; `texts` are where its HogQL was written: `source`, `filters.0` and so on."""

    name: Text
    metric: Metric
    texts: dict[str, Text] = field(default_factory=dict)

    def place(self, what: str) -> Text:
        return self.texts.get(what, self.name)


@dataclass(slots=True)
class Document:
    """What a file declares."""

    mistakes: Mistakes
    tables: list[DeclaredTable] = field(default_factory=list)
    metrics: list[DeclaredMetric] = field(default_factory=list)


class Entry:
    """A mapping of the document. Asking for a value of another kind notes a mistake and gives a default."""

    def __init__(self, node: Any, reader: "Reader") -> None:
        self.reader = reader
        self.place = (node.start_mark.line + 1, node.start_mark.column + 1)
        self._nodes: dict[str, Any] = {}
        self._keys: dict[str, tuple[int, int]] = {}
        for key, value in node.value:
            name = str(key.value)
            place = (key.start_mark.line + 1, key.start_mark.column + 1)
            if name in self._nodes:
                reader.mistakes.add(place, f"`{name}` is there twice.")
            self._nodes[name], self._keys[name] = value, place

    def __contains__(self, name: str) -> bool:
        return name in self._nodes and not self.reader.is_null(self._nodes[name])

    def known(self, names: Sequence[str]) -> None:
        """Notes every word that is none of these."""
        for name, place in self._keys.items():
            if name not in names:
                near = nearest(name, list(names))
                hint = (
                    f"Did you mean `{near}`?" if near else f"There are {quoted(list(names), 20)}."
                )
                self.reader.mistakes.add(place, f"`{name}` is not understood here. {hint}")

    def text(self, name: str, *, required: bool = False) -> Text | None:
        if name not in self:
            if required:
                self.reader.mistakes.add(self.place, f"`{name}` is missing.")
            return None
        return self.reader.text(self._nodes[name], name)

    def word(self, name: str) -> str:
        found = self.text(name)
        return found.value.strip() if found else ""

    def is_mapping(self, name: str) -> bool:
        return name in self and self.reader.is_mapping(self._nodes[name])

    def entry(self, name: str) -> "Entry | None":
        if name not in self:
            return None
        return self.reader.entry(self._nodes[name], name)

    def items(self, name: str) -> list[Any]:
        """The nodes of a list; a single value is a list of one."""
        if name not in self:
            return []
        node = self._nodes[name]
        return list(node.value) if self.reader.is_list(node) else [node]

    def entries(self, name: str) -> "list[Entry]":
        found = (self.reader.entry(node, name) for node in self.items(name))
        return [each for each in found if each is not None]

    def place_of(self, name: str) -> tuple[int, int]:
        return self._keys.get(name, self.place)


class Reader:
    """Reads one file."""

    def __init__(self, text: str, file: str) -> None:
        self.mistakes = Mistakes(file)
        self._lines = text.splitlines()
        self._text = text

    def top(self) -> Entry:
        """The document's mapping. Raises DocumentError when it is none."""
        import yaml  # type: ignore[import-untyped,unused-ignore]

        try:
            node = yaml.compose(self._text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            words = getattr(error, "problem", None) or "it cannot be read"
            self.mistakes.add(place, f"This is not YAML: {words}.")
            raise DocumentError(self.mistakes.found) from None
        if node is None or not self.is_mapping(node):
            self.mistakes.add(
                (1, 1), "The document has no `virtual_tables:` and no `metrics:` at its top."
            )
            raise DocumentError(self.mistakes.found)
        return Entry(node, self)

    def is_mapping(self, node: Any) -> bool:
        return bool(node.id == "mapping")

    def is_list(self, node: Any) -> bool:
        return bool(node.id == "sequence")

    def is_null(self, node: Any) -> bool:
        return bool(node.tag == "tag:yaml.org,2002:null")

    def entry(self, node: Any, name: str) -> Entry | None:
        if self.is_mapping(node):
            return Entry(node, self)
        place = (node.start_mark.line + 1, node.start_mark.column + 1)
        self.mistakes.add(place, f"`{name}` has to be words with values here.")
        return None

    def text(self, node: Any, name: str) -> Text | None:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        if node.id != "scalar":
            self.mistakes.add((line, column), f"`{name}` has to be a text.")
            return None
        if node.style == "|":
            following = self._lines[line:]
            first = next((each for each in following if each.strip()), "")
            return Text(str(node.value), line + 1, len(first) - len(first.lstrip()) + 1, True)
        return Text(str(node.value), line, column + (1 if node.style in ("'", '"') else 0))
