"""Regular expressions that mean the same everywhere: RE2's common core, rewritten for other libraries.

Where libraries disagree (look-around, classes of Unicode, flags inside) the pattern is refused with the part that is the reason.
"""

from dataclasses import dataclass

CLASSES: dict[str, str] = {"d": "0-9", "w": "0-9A-Za-z_", "s": "\\t\\n\\f\\r "}
"""What RE2's classes hold; other libraries count letters and digits of all scripts."""
SPECIAL = frozenset("\\^$.|?*+()[]{}-")
CONTROLS = {"t": "\\t", "n": "\\n", "r": "\\r", "f": "\\f"}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern for another library."""

    text: str
    groups: int
    ignores_case: bool
    is_plain: bool
    """Whether a library that prefers the longest also finds the same text: no alternatives, lazy or grouped repeats."""


def rewritten(pattern: str, *, end: str) -> Pattern:
    r"""A RE2 pattern (flags `s`) in the words every library has; `end` is how the library says end of text.

    >>> rewritten("^a\\d+$", end="\\Z").text
    '^a[0-9]+\\\\Z'

    Raises:
        ValueError: the libraries disagree on a part of it.
    """
    return _Reader(pattern, end).read()


class _Reader:
    def __init__(self, pattern: str, end: str) -> None:
        self.pattern, self.end = pattern, end
        self.at = 0
        self.out: list[str] = []
        self.groups = 0
        self.is_plain = True
        self.depth = 0

    def read(self) -> Pattern:
        ignores_case = False
        while self.pattern.startswith(("(?i)", "(?s)", "(?is)", "(?si)"), self.at):
            close = self.pattern.index(")", self.at)
            ignores_case = ignores_case or "i" in self.pattern[self.at : close]
            self.at = close + 1
        can_repeat = False
        while self.at < len(self.pattern):
            can_repeat = self.step(can_repeat)
        if self.depth:
            raise ValueError("its pattern has a bracket that is not closed.")
        return Pattern("".join(self.out), self.groups, ignores_case, self.is_plain)

    def step(self, can_repeat: bool) -> bool:
        """One part of the pattern; whether it may be repeated."""
        letter = self.pattern[self.at]
        self.at += 1
        match letter:
            case "\\":
                self.out.append(self.escape(inside=False))
                return True
            case "[":
                self.out.append(self.klass())
                return True
            case "(":
                self.open()
                return False
            case ")":
                if not self.depth:
                    raise ValueError("its pattern closes a bracket that is not open.")
                self.depth -= 1
                self.out.append(")")
                if self.pattern[self.at : self.at + 1] in ("?", "*", "+", "{"):
                    self.is_plain = False
                return True
            case "|":
                self.is_plain = False
                self.out.append("|")
                return False
            case "^":
                self.out.append("^")
                return False
            case "$":
                self.out.append(self.end)
                return False
            case "?" | "*" | "+" | "{":
                if not can_repeat:
                    raise ValueError(f"its pattern repeats nothing at `{letter}`.")
                self.repeat(letter)
                return False
            case "]" | "}":
                self.out.append("\\" + letter)
                return True
            case ".":
                self.out.append(".")
                return True
            case "\0":
                raise ValueError("its pattern holds a NUL character.")
            case _:
                self.out.append(letter)
                return True

    def open(self) -> None:
        self.depth += 1
        if self.pattern.startswith("?:", self.at):
            self.at += 2
            self.out.append("(?:")
        elif self.pattern.startswith("?", self.at):
            raise ValueError("its pattern has a group of a kind that other libraries lack.")
        else:
            self.groups += 1
            self.out.append("(")

    def repeat(self, letter: str) -> None:
        text = letter
        if letter == "{":
            close = self.pattern.find("}", self.at)
            inside = self.pattern[self.at : close] if close > 0 else ""
            low, _, high = inside.partition(",")
            if not low.isdigit() or (high and not high.isdigit()) or int(high or low) > 255:
                raise ValueError("its pattern has a number of repeats that other libraries lack.")
            text = f"{{{inside}}}"
            self.at = close + 1
        following = self.pattern[self.at : self.at + 1]
        if following == "?":
            self.at += 1
            self.is_plain = False
            text += "?"
        elif following and following in "+*{":
            raise ValueError("its pattern repeats a repeat.")
        self.out.append(text)

    def escape(self, *, inside: bool) -> str:
        letter = self.pattern[self.at : self.at + 1]
        self.at += 1
        if letter in CLASSES:
            return CLASSES[letter] if inside else f"[{CLASSES[letter]}]"
        if letter.lower() in CLASSES and letter and not inside:
            return f"[^{CLASSES[letter.lower()]}]"
        if letter in CONTROLS:
            return CONTROLS[letter]
        if letter and ord(letter) < 128 and not letter.isalnum():
            return "\\" + letter if letter in SPECIAL else letter
        raise ValueError(f"its pattern has `\\{letter}`, which other libraries lack.")

    def klass(self) -> str:
        parts = ["["]
        if self.pattern[self.at : self.at + 1] == "^":
            parts.append("^")
            self.at += 1
        is_first = True
        while True:
            letter = self.pattern[self.at : self.at + 1]
            if not letter:
                raise ValueError("its pattern has a class that is not closed.")
            self.at += 1
            if letter == "]" and not is_first:
                return "".join([*parts, "]"])
            if letter == "[" and self.pattern[self.at : self.at + 1] == ":":
                raise ValueError(
                    "its pattern has a named class, which other libraries do otherwise."
                )
            if letter == "\\":
                parts.append(self.escape(inside=True))
            elif letter in "[]&~^":
                parts.append("\\" + letter)
            else:
                parts.append(letter)
            is_first = False
