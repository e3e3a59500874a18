"""Text to tokens, in one pass over one compiled expression."""

import re
from typing import Final

from pwh_assets.hogql.errors import Problem, SyntaxProblem
from pwh_assets.hogql.parser.tokens import CLOSERS, MAX_NESTING, MAX_TOKENS, OPENERS, WORDS, Tokens
from pwh_assets.hogql.parser.tokens import kind_of as _kind_of

_SPACE = r"[ \t\r\n\x0b\x0c\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]+"
_SKIP = rf"(?:{_SPACE}|(?:--|//)[^\r\n]*|\#(?![0-9])[^\r\n]*|/\*[^*]*\*+(?:[^/*][^*]*\*+)*/)*"
_NUMBER_FORM = r"""
      0[xX][0-9a-fA-F]+ (?:\.[0-9a-fA-F]*[pP][+-]?[0-9]+ | [pP][+-]?[0-9]+)?
    | 0[bBoO][0-9]+
    | [0-9]+ (?:\.[0-9]*[eE][+-]?[0-9]+ | [eE][+-]?[0-9]+ | \.[0-9]*)?
    | \.[0-9]+ (?:[eE][+-]?[0-9]+)?"""

_TOKEN = re.compile(
    rf"""{_SKIP}(?:
      ([A-Za-z_$][A-Za-z0-9_$]*)
    | ({_NUMBER_FORM})
    | ( /\* | =~\*? | !~\*? | ~\*? | <=> | == | != | <> | <= | >= | -> | :: | := | \|\| | \?\? | \?\.
      | [(),.=<>+\-*/%\[\]{{}}?:;] )
    | ('(?:[^\\']|\\.|'')*')
    | ("(?:[^\\"]|\\.|"")*" | `(?:[^\\`]|\\.|``)*`)
    | (\#[0-9]+)
    | (.)
    )?""",
    re.VERBOSE | re.DOTALL,
).match
_WORD, _NUMBER, _PUNCTUATION, _STRING, _QUOTED, _HASH, _OTHER = range(1, 8)
_KINDS: Final = {
    _NUMBER: "number",
    _STRING: "string",
    _QUOTED: "quoted",
    _HASH: "hash",
    _OTHER: "bad",
}
_SPECIAL: Final = frozenset("()[]{}<") | {"->", "/*"}

_TEMPLATE_TEXT = re.compile(r"(?:[^\\'{]|\\.|'')+", re.DOTALL).match
_TAG_START = re.compile(r"<[A-Za-z_][A-Za-z0-9_\-]*(?:[>/]|\s+[>/A-Za-z_0-9])").match
_TAG_TOKEN = re.compile(
    r"[ \t\r\n]*(?:([A-Za-z_][A-Za-z0-9_-]*)|(/>)|(>)|(=)|('(?:[^\\']|\\.|'')*')|(\{)|(.))?",
    re.DOTALL,
).match
_TAG_KINDS: Final = {1: "tag-name", 2: "/>", 3: "tag>", 4: "=", 5: "string", 6: "{", 7: "bad"}
_TAG_TEXT = re.compile(r"[^<{]+").match

# A `<` after one of these compares; anywhere else it may open a HogQLX tag.
_OPERAND_ENDS: Final = frozenset(
    {"name", "quoted", "string", "number", "hash", ")", "]", "}", "f-end"}
)

_HINTS: Final = {
    "!": "Write `NOT`",
    "&": "Write `AND` for both conditions",
    "|": "Write `OR` for either condition, `||` to join text",
    "@": "Variables are written `{variables.name}`",
    "\\": "Backslashes only belong inside strings",
}


def tokenize(text: str) -> Tokens:
    """Cut a text into tokens. Never raises: what cannot be read is a problem and a `bad` token."""
    lexer = _Lexer(text)
    lexer.run()
    return lexer.tokens


def fuse(kinds: list[str], kind: str) -> None:
    """Give operators of several words a kind of their own where the first word binds differently without."""
    if kind == "BETWEEN" and kinds[-1] == "NOT":
        kinds[-1] = "NOT BETWEEN"
    elif kind == "DISTINCT":
        index = -2 if kinds[-1] == "NOT" else -1
        if len(kinds) >= -index and kinds[index] == "IS":
            kinds[index] = "IS DISTINCT"


_FUSED: Final = frozenset({"BETWEEN", "DISTINCT"})


class _Lexer:
    """One pass. `modes` holds what an open `{` returns to; it stays empty in plain HogQL."""

    def __init__(self, text: str) -> None:
        self.tokens = Tokens(text)
        self.text = text
        self.modes: list[str] = []
        self.brackets: list[int] = []

    def add(self, kind: str, start: int, end: int) -> None:
        self.tokens.kinds.append(kind)
        self.tokens.starts.append(start)
        self.tokens.ends.append(end)

    def problem(self, message: str, start: int, end: int, hint: str | None = None) -> None:
        if len(self.tokens.problems) < 20:
            self.tokens.problems.append(Problem(SyntaxProblem.SYNTAX, message, start, end, hint))

    def too_large(self, message: str, start: int) -> None:
        self.tokens.problems[:] = [Problem(SyntaxProblem.TOO_LARGE, message, start, start + 1)]
        self.tokens.is_too_large = True

    def run(self) -> None:
        text, tokens, modes = self.text, self.tokens, self.modes
        kinds, starts, ends = tokens.kinds, tokens.starts, tokens.ends
        add_kind, add_start, add_end = kinds.append, starts.append, ends.append
        known, size, position = WORDS.get, len(text), 0
        while not tokens.is_too_large:
            if modes and modes[-1] != "code":
                position = self.island(position)
                continue
            found = _TOKEN(text, position)
            assert found is not None
            group = found.lastindex
            if group is None:
                break
            start, position = found.span(group)
            if group == _WORD:
                word = text[start:position]
                if word == "f" and text.startswith("'", position):
                    position += 1
                    modes.append("template")
                    add_kind("f'")
                else:
                    kind = known(word) or _kind_of(word)
                    if kind in _FUSED and kinds:
                        fuse(kinds, kind)
                    add_kind(kind)
            elif group == _PUNCTUATION:
                mark = text[start:position]
                if mark in _SPECIAL:
                    position = self.special(mark, start, position)
                    continue
                add_kind(mark)
            elif group == _OTHER:
                position = self.bad(start)
                continue
            else:
                add_kind(_KINDS[group])
            add_start(start)
            add_end(position)
            if len(kinds) > MAX_TOKENS:
                message = f"The text has more than {MAX_TOKENS:,} words and signs; split the query"
                self.too_large(message, start)
        if not tokens.is_too_large:
            for opener in self.brackets:
                self.unclosed(opener, len(kinds))
        self.add("end", size, size)

    def special(self, mark: str, start: int, end: int) -> int:
        """Brackets, and the signs that may open another language."""
        tokens = self.tokens
        index = len(tokens.kinds)
        if mark == "<":
            last = tokens.kinds[-1] if tokens.kinds else ""
            if last not in _OPERAND_ENDS and _TAG_START(self.text, start):
                self.modes.append("tag")
                mark = "tag<"
        elif mark == "->":
            tokens.has_arrow = True
        elif mark in OPENERS:
            self.open(mark, start)
            return end
        elif mark == "/*":
            self.problem("The comment is never closed", start, end, "Add `*/`")
            return len(self.text)
        else:
            self.close(mark, index, start, end)
        self.add(mark, start, end)
        return end

    def open(self, mark: str, start: int) -> None:
        self.brackets.append(len(self.tokens.kinds))
        self.add(mark, start, start + 1)
        if mark == "{" and self.modes:
            self.modes.append("code")
        if len(self.brackets) > MAX_NESTING:
            self.too_large(
                f"Brackets are nested more than {MAX_NESTING} deep; name the inner parts using WITH",
                start,
            )

    def close(self, mark: str, index: int, start: int, end: int) -> None:
        tokens, wanted = self.tokens, CLOSERS[mark]
        if mark == "}" and self.modes:
            self.modes.pop()
        if self.brackets and tokens.kinds[self.brackets[-1]] == wanted:
            tokens.match[self.brackets.pop()] = index
        elif any(tokens.kinds[opener] == wanted for opener in self.brackets):
            while tokens.kinds[self.brackets[-1]] != wanted:
                self.unclosed(self.brackets.pop(), index)
            tokens.match[self.brackets.pop()] = index
        else:
            tokens.is_unbalanced = True
            hint = f"Remove it, or open it with `{wanted}` earlier"
            self.problem(f"`{mark}` closes nothing", start, end, hint)

    def unclosed(self, opener: int, index: int) -> None:
        tokens = self.tokens
        tokens.match[opener] = index
        tokens.is_unbalanced = True
        mark, start = tokens.kinds[opener], tokens.starts[opener]
        line = self.text.count("\n", 0, start) + 1
        column = start - self.text.rfind("\n", 0, start)
        message = f"`{mark}` opened at line {line}, column {column} is never closed"
        self.problem(message, start, start + 1, f"Add `{OPENERS[mark]}`")

    def bad(self, start: int) -> int:
        """A character that begins no token: unclosed quotes swallow their line, others stand alone."""
        mark = self.text[start]
        if mark in "'\"`":
            end = self.text.find("\n", start)
            end = len(self.text) if end < 0 else end
            what, kind = ("string", "string") if mark == "'" else ("quoted name", "quoted")
            self.problem(f"The {what} is never closed", start, end, f"Add {mark} where it ends")
            self.add(kind, start, end)
            return end
        hint = _HINTS.get(mark)
        if mark.isalpha():
            hint = "Put names with such letters in backquotes"
        end = start + (2 if mark in "&|" and self.text.startswith(mark, start + 1) else 1)
        self.problem(f"Unexpected character `{self.text[start:end]}`", start, end, hint)
        self.add("bad", start, end)
        return end

    # Template strings and tags: islands of another language, whose `{` leads back to HogQL.

    def island(self, position: int) -> int:
        """Read one token of the innermost island."""
        if len(self.modes) > 2 * MAX_NESTING:
            self.too_large(f"Tags are nested more than {MAX_NESTING} deep", position)
            return position
        mode = self.modes[-1]
        if mode == "template":
            return self.template(position)
        return self.children(position) if mode == "children" else self.tag(position, mode)

    def template(self, position: int) -> int:
        text = self.text
        found = _TEMPLATE_TEXT(text, position)
        if found:
            self.add("f-text", position, found.end())
            return found.end()
        if text.startswith("{", position):
            self.open("{", position)
            return position + 1
        self.modes.pop()
        if not text.startswith("'", position):
            self.problem(
                "The template string is never closed", position, position, "Add ' where it ends"
            )
            position = len(text)
            self.modes.clear()
        self.add("f-end", position, min(position + 1, len(text)))
        return min(position + 1, len(text))

    def tag(self, position: int, mode: str) -> int:
        """Inside `<name ... >`, or inside `</name>` where the mode is `closing`."""
        found = _TAG_TOKEN(self.text, position)
        if found is None or found.lastindex is None:
            self.modes.clear()
            self.problem("The tag is never closed", position, len(self.text), "End it with `/>`")
            return len(self.text)
        group = found.lastindex
        start, end = found.span(group)
        if group == 6:
            self.open("{", start)
            return end
        self.add(_TAG_KINDS[group], start, end)
        if group == 7:
            self.problem(f"Unexpected character `{self.text[start]}` in a tag", start, end)
        elif group == 2 or (group == 3 and mode == "closing"):
            self.modes.pop()
        elif group == 3:
            self.modes[-1] = "children"
        return end

    def children(self, position: int) -> int:
        text = self.text
        found = _TAG_TEXT(text, position)
        if found:
            self.add("tag-text", position, found.end())
            return found.end()
        if text.startswith("</", position):
            self.add("</", position, position + 2)
            self.modes[-1] = "closing"
            return position + 2
        if text.startswith("<", position):
            self.add("tag<", position, position + 1)
            self.modes.append("tag")
            return position + 1
        if text.startswith("{", position):
            self.open("{", position)
            return position + 1
        self.modes.clear()
        self.problem("The tag is never closed", len(text), len(text), "Close it with `</name>`")
        return len(text)
