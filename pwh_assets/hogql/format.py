"""A parsed query back as HogQL, laid out: one clause a line, comments kept."""

import re
from collections.abc import Callable
from typing import Any, Final

from sqlglot import expressions as exp

from pwh_assets.hogql.parser import Tokens, parse_select, tokenize
from pwh_assets.hogql.parser.expressions import balanced
from pwh_assets.hogql.parser.tokens import CLAUSES, CONSTANTS, RESERVED, kind_of
from pwh_assets.hogql.written import Writer, indented, operands_of, written_alias, written_name

WIDTH: Final = 100
_COMMENT = re.compile(r"--[^\r\n]*|//[^\r\n]*|#[^\r\n]*|/\*.*?\*/", re.DOTALL)


def format_hogql(text: str) -> str:
    """The text laid out anew, comments in their places. Raises `HogQLError` where it does not parse."""
    return _Printer(text, _comments(tokenize(text))).whole(parse_select(text))


def to_hogql(node: exp.Expr) -> str:
    """A tree of the parser as text. Parsing that text gives the same tree."""
    printer = _Printer("", [])
    if isinstance(node, exp.Select | exp.SetOperation):
        return printer.query(node)
    return printer.value(node)


class _Remark:
    """A comment and its place."""

    def __init__(self, start: int, text: str) -> None:
        self.start, self.text = start, text


def _comments(tokens: Tokens) -> list[_Remark]:
    found: list[_Remark] = []
    text, end = tokens.text, 0
    inside = 0
    for index, start in enumerate(tokens.starts):
        if start > end and not inside:
            for comment in _COMMENT.finditer(text, end, start):
                words = comment.group().rstrip()
                if words.startswith(("//", "#")):
                    words = "-- " + words.lstrip("/#").strip()
                found.append(_Remark(comment.start(), words))
        kind = tokens.kinds[index]
        inside += (kind == "f'") - (kind == "f-end")
        end = tokens.ends[index]
    return found


class _Printer(Writer):
    """Prints queries over lines and expressions within them."""

    def __init__(self, text: str, remarks: list[_Remark]) -> None:
        self.text = text
        self.remarks = remarks
        self.next = 0

    def whole(self, node: exp.Expr) -> str:
        text = (
            self.query(node)
            if isinstance(node, exp.Select | exp.SetOperation)
            else self.value(node)
        )
        return "\n".join([text, *self.before(None)]) + "\n"

    # Comments

    def before(self, offset: int | None) -> list[str]:
        """The comments up to an offset, as lines."""
        lines: list[str] = []
        while self.next < len(self.remarks) and (
            offset is None or self.remarks[self.next].start < offset
        ):
            lines.append(self.remarks[self.next].text)
            self.next += 1
        return lines

    def trailing(self, offset: int) -> str:
        """The comment that ends the line on which what ends at `offset` stands."""
        if self.next < len(self.remarks):
            remark = self.remarks[self.next]
            gap = self.text[offset : remark.start]
            is_next = remark.start >= offset and not gap.strip(" \t,")
            if is_next and not remark.text.startswith("/*"):
                self.next += 1
                return "  " + remark.text
        return ""

    def has_remark(self, offset: int) -> bool:
        return self.next < len(self.remarks) and self.remarks[self.next].start < offset

    # Queries

    def query(self, node: exp.Expr) -> str:
        if isinstance(node, exp.SetOperation):
            return self.set_operation(node)
        if isinstance(node, exp.Select):
            return self.select(node)
        return self.value(node)

    def set_operation(self, node: exp.SetOperation) -> str:
        lines = self.with_(node)
        leaves = _leaves(node)
        words = type(node).__name__.upper()
        words += (
            ""
            if words != "UNION" and node.args.get("distinct")
            else " DISTINCT"
            if node.args.get("distinct")
            else " ALL"
        )
        if node.args.get("by_name"):
            words += " BY NAME"
        for index, leaf in enumerate(leaves):
            if index:
                lines.append(words)
            lines.append(self.branch(leaf, index == len(leaves) - 1))
        lines += self.tail(node)
        return "\n".join(lines)

    def branch(self, leaf: exp.Expr, is_last: bool) -> str:
        args = leaf.args
        plain = isinstance(leaf, exp.Placeholder) or (
            isinstance(leaf, exp.Select)
            and not any(
                args.get(key)
                for key in ("with_", "order", "limit", "offset", "limit_by", "settings")
            )
        )
        return self.query(leaf) if plain else f"(\n{indented(self.query(leaf))}\n)"

    def with_(self, node: exp.Expr) -> list[str]:
        clause = node.args.get("with_")
        if clause is None:
            return []
        lines = self.before(node.meta.get("start", 0) + 1)
        entries: list[str] = []
        for entry in clause.expressions:
            entries += self.before(entry.meta.get("start", 0))
            entries.append(self.entry(entry) + ",")
        entries[-1] = entries[-1][:-1]
        head = "WITH RECURSIVE" if clause.args.get("recursive") else "WITH"
        return [*lines, head + "\n" + indented("\n".join(entries))]

    def entry(self, node: exp.Expr) -> str:
        alias = node.args["alias"]
        if node.args.get("scalar"):
            return f"{self.value(node.this)} AS {written_alias(alias.this)}"
        text = written_alias(alias.this) + self.names(alias.args.get("columns"))
        if node.args.get("key_expressions"):
            text += " USING KEY" + self.names(node.args["key_expressions"])
        materialized = node.args.get("materialized")
        how = (
            " MATERIALIZED"
            if materialized
            else " NOT MATERIALIZED"
            if materialized is False
            else ""
        )
        return f"{text} AS{how} (\n{indented(self.query(node.this))}\n)"

    def names(self, nodes: Any) -> str:
        return f" ({', '.join(written_alias(node) for node in nodes)})" if nodes else ""

    def select(self, node: exp.Select) -> str:
        args = node.args
        lines = self.with_(node) or self.before(node.meta.get("start", 0) + 1)
        head = "SELECT"
        distinct = args.get("distinct")
        if distinct is not None:
            on = distinct.args.get("on")
            head += " DISTINCT" + (f" ON ({self.items(on.expressions)})" if on is not None else "")
        lines.append(self.list_clause(head, node.expressions))
        if args.get("from_"):
            lines += self.tables(args["from_"].this, args.get("joins") or [])
        for join in args.get("array_join") or []:
            side = "LEFT " if join.args.get("side") else ""
            lines.append(self.list_clause(f"{side}ARRAY JOIN", join.expressions))
        for key, word in (("prewhere", "PREWHERE"), ("where", "WHERE")):
            lines += self.condition(word, args.get(key))
        if args.get("group"):
            lines.append(self.group(args["group"]))
        for key, word in (("having", "HAVING"), ("qualify", "QUALIFY")):
            lines += self.condition(word, args.get(key))
        if args.get("windows"):
            named = [
                f"{written_alias(item.args['alias'])} AS ({self.over(item)})"
                for item in args["windows"]
            ]
            lines.append("WINDOW " + ", ".join(named))
        return "\n".join([*lines, *self.tail(node)])

    def list_clause(self, word: str, nodes: list[Any]) -> str:
        """`WORD a, b`, over several lines where it is long or has comments."""
        if not nodes:
            return word
        end = nodes[-1].meta.get("end", 0)
        if not self.has_remark(end) or len(nodes) == 1:
            texts = [self.value(item) for item in nodes]
            line = f"{word} {', '.join(texts)}"
            if "\n" not in line and len(line) <= WIDTH - 20:
                return line + self.trailing(end)
            if len(nodes) == 1:
                return f"{word}\n{indented(texts[0])}"
            return word + "\n" + indented(",\n".join(texts)) + self.trailing(end)
        lines: list[str] = []
        for index, item in enumerate(nodes):
            lines += self.before(item.meta.get("start", 0))
            comma = "," if index < len(nodes) - 1 else ""
            text = self.value(item)
            lines.append(text + comma + self.trailing(item.meta.get("end", 0)))
        return word + "\n" + indented("\n".join(lines))

    def condition(self, word: str, clause: exp.Expr | None) -> list[str]:
        if clause is None:
            return []
        lines = self.before(clause.meta.get("start", 0))
        node = clause.this
        text = self.value(node)
        if isinstance(node, exp.And) and (len(text) > WIDTH - 20 or "\n" in text):
            parts = [self.value(part) for part in operands_of(node, exp.And)]
            text = "\n  AND ".join(parts)
        lines.append(f"{word} {text}" + self.trailing(clause.meta.get("end", 0)))
        return lines

    def group(self, group: exp.Expr) -> str:
        if group.args.get("all"):
            text = "GROUP BY ALL"
        else:
            items = [self.value(item) for item in group.expressions]
            for key, word in (
                ("cube", "CUBE"),
                ("rollup", "ROLLUP"),
                ("grouping_sets", "GROUPING SETS"),
            ):
                for item in group.args.get(key) or []:
                    if key == "grouping_sets":
                        sets = ", ".join(
                            f"({self.items(one.expressions)})" for one in item.expressions
                        )
                        items.append(f"{word} ({sets})")
                    else:
                        items.append(f"{word}({self.items(item.expressions)})")
            text = "GROUP BY " + ", ".join(items)
        return (
            text
            + (" WITH TOTALS" if group.args.get("totals") else "")
            + self.trailing(group.meta.get("end", 0))
        )

    def tail(self, node: exp.Expr) -> list[str]:
        """ORDER BY, LIMIT BY, LIMIT, OFFSET, SETTINGS."""
        args = node.args
        lines: list[str] = []
        order = args.get("order")
        if order is not None:
            lines += self.before(order.meta.get("start", 0))
            lines.append(self.order(order) + self.trailing(order.meta.get("end", 0)))
        by = args.get("limit_by")
        if by is not None:
            count, offset, *items = by.expressions
            text = f"LIMIT {self.value(count)}"
            text += "" if isinstance(offset, exp.Null) else f" OFFSET {self.value(offset)}"
            lines.append(f"{text} BY {self.items(items)}")
        limit, offset = args.get("limit"), args.get("offset")
        words: list[str] = []
        if limit is not None:
            lines += self.before(limit.meta.get("start", 0))
            options = limit.args.get("limit_options")
            words.append(f"LIMIT {self.value(limit.expression)}")
            if options is not None:
                words += ["%"] * bool(options.args.get("percent"))
                words += ["WITH TIES"] * bool(options.args.get("with_ties"))
        if offset is not None:
            words.append(f"OFFSET {self.value(offset.expression)}")
        if words:
            lines.append(" ".join(words))
        if args.get("settings"):
            settings = [
                f"{written_alias(one.this)} = {self.value(one.expression)}"
                for one in args["settings"]
            ]
            lines.append("SETTINGS " + ", ".join(settings))
        return lines

    # Tables

    def tables(self, table: exp.Expr, joins: list[Any]) -> list[str]:
        lines = self.before(table.meta.get("start", 0))
        lines.append("FROM " + self.table(table))
        for join in joins:
            if join.args.get("comma"):
                lines[-1] += ","
                lines += self.before(join.meta.get("start", 0))
                lines.append("  " + self.table(join.this))
            else:
                lines[-1] += self.trailing(table.meta.get("end", 0))
                lines += self.before(join.meta.get("start", 0))
                lines.append(self.join(join))
        lines[-1] += self.trailing((joins[-1] if joins else table).meta.get("end", 0))
        return lines

    def join(self, join: exp.Expr) -> str:
        args = join.args
        words = [word for word in (args.get("method"), args.get("side"), args.get("kind")) if word]
        if args.get("side") and args.get("kind") in ("SEMI", "ANTI"):
            words = [word for word in (args.get("method"), args["side"], args["kind"]) if word]
            if args.get("method") == "ASOF":
                words = ["ASOF", args["kind"], args["side"]]
        text = f"{' '.join([*words, 'JOIN'])} {self.table(join.this)}"
        if args.get("on") is not None:
            text += f" ON {self.value(args['on'])}"
        if args.get("using"):
            text += f" USING ({', '.join(self.dotted(name) for name in args['using'])})"
        return text

    def table(self, node: exp.Expr) -> str:
        args = node.args
        if isinstance(node, exp.Paren):
            inner = " ".join(
                [self.table(node.this), *map(self.join_in_line, node.this.args["joins"])]
            )
            return f"({inner})"
        if isinstance(node, exp.Subquery):
            text = f"(\n{indented(self.query(node.this))}\n)"
        elif isinstance(node, exp.Values):
            rows = ", ".join(f"({self.items(row.expressions)})" for row in node.expressions)
            text = f"(VALUES {rows})"
        elif isinstance(node.this, exp.Identifier):
            parts = node.meta.get("parts") or [node.this.name]
            quoted = bool(node.this.args.get("quoted")) and len(parts) == 1
            text = ".".join(self.table_part(part, quoted) for part in parts)
        else:
            text = self.value(node.this)
        pivots = args.get("pivots") or []
        alias = args.get("alias")
        text += self.table_alias(alias)
        for pivot in pivots:
            text += " " + self.pivot(pivot) + self.table_alias(pivot.args.get("alias"))
        if args.get("final"):
            text += " FINAL"
        sample = args.get("sample")
        if sample is not None:
            text += f" SAMPLE {self.ratio(sample.args['size'])}"
            if sample.args.get("seed") is not None:
                text += f" OFFSET {self.ratio(sample.args['seed'])}"
            if sample.args.get("method") is not None:
                text += f" ({written_name(sample.args['method'].name)})"
        return text

    def table_part(self, part: str, quoted: bool) -> str:
        return written_name(part, quoted or kind_of(part) in RESERVED | CONSTANTS | CLAUSES)

    def table_alias(self, alias: exp.Expr | None) -> str:
        if alias is None:
            return ""
        return f" AS {written_alias(alias.this)}" + self.names(alias.args.get("columns"))

    def join_in_line(self, join: exp.Expr) -> str:
        return ", " + self.table(join.this) if join.args.get("comma") else self.join(join)

    def ratio(self, node: exp.Expr) -> str:
        return (
            f"{node.this.name}/{node.expression.name}"
            if isinstance(node, exp.Div)
            else self.value(node)
        )

    def pivot(self, node: exp.Expr) -> str:
        fields = " ".join(
            f"{self.value(one.this)} IN ({self.items(one.expressions)})"
            for one in node.args["fields"]
        )
        if node.args.get("unpivot"):
            nulls = " INCLUDE NULLS" if node.args.get("include_nulls") else ""
            pairs = []
            groups = node.args.get("expressions") or []
            per = _fields_of(node)
            for value, own in zip(groups, per, strict=True):
                texts = " ".join(
                    f"{self.value(one.this)} IN ({self.items(one.expressions)})" for one in own
                )
                pairs.append(f"{self.value(value)} FOR {texts}")
            return f"UNPIVOT{nulls} ({', '.join(pairs)})"
        group = node.args.get("group")
        grouped = f" GROUP BY {self.items(group.expressions)}" if group is not None else ""
        return f"PIVOT ({self.items(node.expressions)} FOR {fields}{grouped})"


def _leaves(node: exp.SetOperation) -> list[exp.Expr]:
    """The branches to print with one operator between, whose text parses to this very tree."""

    def is_same(part: exp.Expr) -> bool:
        keys = ("distinct", "by_name")
        return (
            type(part) is type(node)
            and all(bool(part.args.get(key)) == bool(node.args.get(key)) for key in keys)
            and not any(
                part.args.get(key) for key in ("with_", "order", "limit", "offset", "settings")
            )
        )

    found: list[exp.Expr] = []
    stack: list[exp.Expr] = [node.expression, node.this]
    while stack:
        part = stack.pop()
        if is_same(part):
            stack += [part.expression, part.this]
        else:
            found.append(part)
    if isinstance(node, exp.Except) or not _is_balanced(node, found, is_same):
        return [node.this, node.expression]
    return found


def _is_balanced(
    node: exp.Expr, leaves: list[exp.Expr], is_same: Callable[[exp.Expr], bool]
) -> bool:
    def size(part: exp.Expr) -> Any:
        return (size(part.this), size(part.expression)) if part is node or is_same(part) else 0

    class _Pair:
        def __init__(self, this: Any, expression: Any) -> None:
            self.shape = (this.shape, expression.shape)
            self.meta = {"start": 0, "end": 0}

    class _Leaf:
        shape = 0
        meta: Final = {"start": 0, "end": 0}

    made: Any = balanced(_Pair, [_Leaf() for _ in leaves])  # type: ignore[misc]
    return bool(made.shape == size(node))


def _fields_of(node: exp.Expr) -> list[list[Any]]:
    """UNPIVOT's fields by value column."""
    counts = node.args.get("fields_of") or [1] * len(node.expressions)
    fields = list(node.args["fields"])
    return [[fields.pop(0) for _ in range(count)] for count in counts]
