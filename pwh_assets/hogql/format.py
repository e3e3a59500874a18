"""A parsed query back as HogQL, laid out: one clause a line, comments kept."""

import re
from collections.abc import Callable
from typing import Any, Final

from sqlglot import expressions as exp

from pwh_assets.hogql.parser import Tokens, parse_select, tokenize
from pwh_assets.hogql.parser.expressions import balanced
from pwh_assets.hogql.parser.tokens import CLAUSES, CONSTANTS, RESERVED, kind_of

WIDTH: Final = 100
_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*\Z").match
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


def _name(text: str, quoted: bool = False) -> str:
    if not quoted and _PLAIN(text):
        return text
    escaped = text.replace("\\", "\\\\").replace("`", "``").replace("\n", "\\n")
    return f"`{escaped}`"


def _alias(node: exp.Identifier) -> str:
    is_word = kind_of(node.name) in RESERVED | CONSTANTS | CLAUSES
    return _name(node.name, bool(node.args.get("quoted")) or is_word)


def _string(text: str) -> str:
    return "'" + _escaped(text) + "'"


def _escaped(text: str) -> str:
    """Text for between quotes; line breaks become escapes so that indenting leaves them alone."""
    return text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")


def _indented(text: str) -> str:
    return "\n".join("  " + line if line else line for line in text.split("\n"))


class _Printer:
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
        return self.query(leaf) if plain else f"(\n{_indented(self.query(leaf))}\n)"

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
        return [*lines, head + "\n" + _indented("\n".join(entries))]

    def entry(self, node: exp.Expr) -> str:
        alias = node.args["alias"]
        if node.args.get("scalar"):
            return f"{self.value(node.this)} AS {_alias(alias.this)}"
        text = _alias(alias.this) + self.names(alias.args.get("columns"))
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
        return f"{text} AS{how} (\n{_indented(self.query(node.this))}\n)"

    def names(self, nodes: Any) -> str:
        return f" ({', '.join(_alias(node) for node in nodes)})" if nodes else ""

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
                f"{_alias(item.args['alias'])} AS ({self.over(item)})" for item in args["windows"]
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
                return f"{word}\n{_indented(texts[0])}"
            return word + "\n" + _indented(",\n".join(texts)) + self.trailing(end)
        lines: list[str] = []
        for index, item in enumerate(nodes):
            lines += self.before(item.meta.get("start", 0))
            comma = "," if index < len(nodes) - 1 else ""
            text = self.value(item)
            lines.append(text + comma + self.trailing(item.meta.get("end", 0)))
        return word + "\n" + _indented("\n".join(lines))

    def condition(self, word: str, clause: exp.Expr | None) -> list[str]:
        if clause is None:
            return []
        lines = self.before(clause.meta.get("start", 0))
        node = clause.this
        text = self.value(node)
        if isinstance(node, exp.And) and (len(text) > WIDTH - 20 or "\n" in text):
            parts = [self.value(part) for part in _operands(node, exp.And)]
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
                f"{_alias(one.this)} = {self.value(one.expression)}" for one in args["settings"]
            ]
            lines.append("SETTINGS " + ", ".join(settings))
        return lines

    def order(self, order: exp.Expr) -> str:
        text = "ORDER BY " + ", ".join(self.ordered(item) for item in order.expressions)
        interpolated = order.args.get("interpolate")
        if interpolated is not None:
            parts = [
                f"{self.value(item.this)} AS {self.value(item.expression)}"
                if isinstance(item, exp.EQ)
                else self.value(item)
                for item in interpolated
            ]
            text += f" INTERPOLATE ({', '.join(parts)})"
        return text

    def ordered(self, node: exp.Expr) -> str:
        inner, collation = node.this, ""
        if isinstance(inner, exp.Collate):
            inner, collation = inner.this, f" COLLATE {self.value(inner.expression)}"
        text = self.value(inner) + (" DESC" if node.args.get("desc") else "")
        nulls = node.args.get("nulls_first")
        if nulls is not None:
            text += " NULLS FIRST" if nulls else " NULLS LAST"
        text += collation
        fill = node.args.get("with_fill")
        if fill is not None:
            text += " WITH FILL"
            for word, key in (("FROM", "from_"), ("TO", "to"), ("STEP", "step")):
                if fill.args.get(key) is not None:
                    text += f" {word} {self.value(fill.args[key])}"
        return text

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

    def dotted(self, node: exp.Expr) -> str:
        parts = node.meta.get("parts") or [node.name]
        if len(parts) == 1 and isinstance(node, exp.Identifier):
            return _alias(node)
        return ".".join(_alias(exp.to_identifier(part)) for part in parts)

    def table(self, node: exp.Expr) -> str:
        args = node.args
        if isinstance(node, exp.Paren):
            inner = " ".join(
                [self.table(node.this), *map(self.join_in_line, node.this.args["joins"])]
            )
            return f"({inner})"
        if isinstance(node, exp.Subquery):
            text = f"(\n{_indented(self.query(node.this))}\n)"
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
                text += f" ({_name(sample.args['method'].name)})"
        return text

    def table_part(self, part: str, quoted: bool) -> str:
        return _name(part, quoted or kind_of(part) in RESERVED | CONSTANTS | CLAUSES)

    def table_alias(self, alias: exp.Expr | None) -> str:
        if alias is None:
            return ""
        return f" AS {_alias(alias.this)}" + self.names(alias.args.get("columns"))

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

    # Expressions

    def items(self, nodes: list[Any]) -> str:
        return ", ".join(self.value(node) for node in nodes)

    def value(self, node: Any) -> str:
        write = _WRITERS.get(type(node))
        if write is None:
            raise TypeError(f"`{type(node).__name__}` is nothing the parser makes")
        return write(self, node)

    def binary(self, node: exp.Expr) -> str:
        """A left-leaning chain without recursion, however long."""
        parts: list[str] = []
        current = node
        while type(current) in _OPERATORS and not isinstance(current, exp.And | exp.Or):
            parts.append(f"{_OPERATORS[type(current)]} {self.value(current.expression)}")
            current = current.this
        parts.append(self.value(current))
        return " ".join(reversed(parts))

    def connected(self, node: exp.Expr) -> str:
        word = " AND " if isinstance(node, exp.And) else " OR "
        return word.join(self.value(part) for part in _operands(node, type(node)))

    def column(self, node: exp.Expr) -> str:
        return _alias(node.this)

    def path(self, node: exp.Expr) -> str:
        mark = "?." if node.args.get("safe") else "."
        part = node.expression
        left = self.value(node.this)
        if isinstance(node.this, exp.Literal) and not node.this.is_string:
            left += " "
        if isinstance(part, exp.Identifier):
            return (
                left
                + mark
                + _name(
                    part.name,
                    bool(part.args.get("quoted"))
                    or kind_of(part.name) in RESERVED | {"NULL", "INF", "NAN"},
                )
            )
        return left + mark + self.value(part)

    def literal(self, node: exp.Expr) -> str:
        return _string(node.this) if node.args["is_string"] else str(node.this)

    def negative(self, node: exp.Expr) -> str:
        inner = self.value(node.this)
        return f"- {inner}" if inner.startswith("-") else f"-{inner}"

    def call(self, node: exp.Expr) -> str:
        name, args = str(node.this), node.expressions
        if name == "__dict":
            pairs = [
                f"{self.value(key)}: {self.value(value)}"
                for key, value in zip(args[::2], args[1::2], strict=True)
            ]
            return "{" + ", ".join(pairs) + "}"
        if name == "__hx":
            return self.tag(node)
        if name == "__extract":
            return f"EXTRACT({_name(args[0].name)} FROM {self.value(args[1])})"
        if name == "__call":
            return f"{self.callee(args[0])}({self.items(args[1:])})"
        if node.meta.get("fstring"):
            return self.template(args)
        return self.named_call(name, node)

    def named_call(self, name: str, node: exp.Expr) -> str:
        order = node.args.get("order")
        return f"{_name(name)}({self.arguments(node.expressions)}{' ' + self.order(order) if order is not None else ''})"

    def arguments(self, nodes: list[Any]) -> str:
        if len(nodes) == 1 and isinstance(nodes[0], exp.Distinct):
            return ("DISTINCT " + self.items(nodes[0].expressions)).rstrip()
        return self.items(nodes)

    def callee(self, node: exp.Expr) -> str:
        if isinstance(node, exp.Cast):
            return f"CAST({self.value(node.this)} AS {self.type(node.args['to'])})"
        return self.value(node)

    def parametric(self, node: exp.Expr) -> str:
        return (
            f"{_name(str(node.this))}({self.items(node.args['params'])})"
            + self.named_call("x", node)[1:]
        )

    def template(self, parts: list[Any]) -> str:
        text = ""
        for part in parts:
            if isinstance(part, exp.Literal) and part.is_string:
                text += _escaped(str(part.this)).replace("{", "\\{")
            else:
                text += "{" + self.value(part) + "}"
        return f"f'{text}'"

    def tag(self, node: exp.Expr) -> str:
        name, *attributes = node.expressions
        text = f"<{name.name}"
        children: list[Any] = []
        for attribute in attributes:
            key, value = attribute.this.name, attribute.expression
            if key == "children" and isinstance(value, exp.Array):
                children = value.expressions
            elif isinstance(value, exp.Boolean) and value.this:
                text += f" {key}"
            elif isinstance(value, exp.Literal) and value.is_string:
                text += f" {key}={_string(value.this)}"
            else:
                text += f" {key}={{{self.value(value)}}}"
        if not children:
            return text + " />"
        inner = ""
        for child in children:
            if (
                isinstance(child, exp.Literal)
                and child.is_string
                and not set("<{") & set(child.this)
            ):
                inner += child.this
            elif isinstance(child, exp.Anonymous) and child.this == "__hx":
                inner += self.tag(child)
            else:
                inner += "{" + self.value(child) + "}"
        return f"{text}>{inner}</{name.name}>"

    def window(self, node: exp.Expr) -> str:
        name = node.args.get("alias")
        over = _alias(name) if name is not None else f"({self.over(node)})"
        return f"{self.value(node.this)} OVER {over}"

    def over(self, node: exp.Expr) -> str:
        words: list[str] = []
        if node.args.get("partition_by"):
            words.append(f"PARTITION BY {self.items(node.args['partition_by'])}")
        if node.args.get("order") is not None:
            words.append(self.order(node.args["order"]))
        spec = node.args.get("spec")
        if spec is not None:
            start = self.bound(spec, "start")
            if spec.args.get("end") is None:
                words.append(f"{spec.args['kind']} {start}")
            else:
                words.append(f"{spec.args['kind']} BETWEEN {start} AND {self.bound(spec, 'end')}")
        return " ".join(words)

    def bound(self, spec: exp.Expr, which: str) -> str:
        value, side = spec.args[which], spec.args.get(f"{which}_side")
        text = value if isinstance(value, str) else self.value(value)
        return f"{text} {side}" if side else text

    def negation(self, node: exp.Expr) -> str:
        inner = node.this
        if not node.meta.get("infix"):
            return f"NOT {self.value(inner)}"
        if isinstance(inner, exp.Is):
            return f"{self.value(inner.this)} IS NOT NULL"
        if isinstance(inner, exp.RegexpLike | exp.RegexpILike):
            mark = "!~*" if isinstance(inner, exp.RegexpILike) else "!~"
            return f"{self.value(inner.this)} {mark} {self.value(inner.expression)}"
        if isinstance(inner, exp.Escape):
            like = inner.this
            word = _OPERATORS[type(like)]
            return f"{self.value(like.this)} NOT {word} {self.value(like.expression)} ESCAPE {self.value(inner.expression)}"
        if isinstance(inner, exp.In):
            return self.contained(inner, "NOT IN")
        if isinstance(inner, exp.Between):
            return self.between(inner, "NOT BETWEEN")
        return (
            f"{self.value(inner.this)} NOT {_OPERATORS[type(inner)]} {self.value(inner.expression)}"
        )

    def contained(self, node: exp.Expr, word: str = "IN") -> str:
        args = node.args
        left = self.value(node.this)
        if args.get("cohort"):
            return f"{left} {word} COHORT {self.value(node.expressions[0])}"
        if args.get("query") is not None:
            return f"{left} {word} {self.value(args['query'])}"
        if args.get("field") is not None:
            return f"{left} {word} {self.value(args['field'])}"
        return f"{left} {word} ({self.items(node.expressions)})"

    def between(self, node: exp.Expr, word: str = "BETWEEN") -> str:
        low, high = self.value(node.args["low"]), self.value(node.args["high"])
        return f"{self.value(node.this)} {word} {low} AND {high}"

    def case(self, node: exp.Expr) -> str:
        words = ["CASE" + (f" {self.value(node.this)}" if node.this is not None else "")]
        words += [
            f"WHEN {self.value(one.this)} THEN {self.value(one.args['true'])}"
            for one in node.args["ifs"]
        ]
        if node.args.get("default") is not None:
            words.append(f"ELSE {self.value(node.args['default'])}")
        line = " ".join([*words, "END"])
        if len(line) <= 60 and "\n" not in line:
            return line
        return words[0] + "\n" + _indented("\n".join(words[1:])) + "\nEND"

    def ternary(self, node: exp.Expr) -> str:
        yes, no = node.args["true"], node.args["false"]
        return f"{self.value(node.this)} ? {self.value(yes)} : {self.value(no)}"

    def type(self, node: exp.Expr) -> str:
        return str(node.meta.get("type_text") or node.args.get("kind"))

    def cast(self, node: exp.Expr) -> str:
        to = node.args["to"]
        if to.meta.get("literal"):
            return f"{'DATE' if self.type(to) == 'Date' else 'TIMESTAMP'} {self.value(node.this)}"
        if node.meta.get("operator"):
            return f"{self.value(node.this)}::{self.type(to)}"
        word = "TRY_CAST" if isinstance(node, exp.TryCast) else "CAST"
        return f"{word}({self.value(node.this)} AS {self.type(to)})"

    def subquery(self, node: exp.Expr) -> str:
        text = self.query(node.this)
        line = (
            " ".join(text.split())
            if "\n" in text and "'" not in text and "--" not in text
            else text
        )
        if len(line) <= 60 and "\n" not in line:
            return f"({line})"
        return f"(\n{_indented(text)}\n)"

    def alias(self, node: exp.Expr) -> str:
        name = _alias(node.args["alias"])
        if isinstance(node.this, exp.Alias):
            return f"{name}: {self.value(node.this)}"
        return f"{self.value(node.this)} AS {name}"

    def star(self, node: exp.Expr) -> str:
        text = "*"
        if node.args.get("except_"):
            text += f" EXCLUDE ({', '.join(self.dotted(name) for name in node.args['except_'])})"
        if node.args.get("replace"):
            text += f" REPLACE ({self.items(node.args['replace'])})"
        return text

    def columns(self, node: exp.Expr) -> str:
        this = node.this
        inner = self.items(this.expressions) if isinstance(this, exp.Tuple) else self.value(this)
        return f"{'*' if node.args.get('unpack') else ''}COLUMNS({inner})"

    def function(self, node: exp.Expr) -> str:
        names = [_name(name.name, bool(name.args.get("quoted"))) for name in node.expressions]
        head = names[0] if len(names) == 1 else f"({', '.join(names)})"
        return f"{head} -> {self.value(node.this)}"

    def bracket(self, node: exp.Expr) -> str:
        index = node.expressions[0]
        mark = "?." if node.args.get("safe") else ""
        if isinstance(index, exp.Slice):
            start, end = index.this, index.expression
            inner = f"{self.value(start) if start is not None else ''}:{self.value(end) if end is not None else ''}"
        else:
            inner = self.value(index)
        return f"{self.value(node.this)}{mark}[{inner}]"

    def tuple(self, node: exp.Expr) -> str:
        items = node.expressions
        return f"({self.items(items)}{',' if len(items) == 1 else ''})"


def _operands(node: exp.Expr, kind: type) -> list[exp.Expr]:
    """The operands of a chain of AND or OR, in order, without recursion."""
    found: list[exp.Expr] = []
    stack = [node]
    while stack:
        current = stack.pop()
        if type(current) is kind:
            stack += [current.expression, current.this]
        else:
            found.append(current)
    return found


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


_OPERATORS: Final[dict[type, str]] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
    exp.DPipe: "||",
    exp.EQ: "=",
    exp.NEQ: "!=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.Like: "LIKE",
    exp.ILike: "ILIKE",
    exp.RegexpLike: "=~",
    exp.RegexpILike: "=~*",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
}

_WRITERS: Final[dict[type, Callable[[_Printer, Any], str]]] = {
    **dict.fromkeys(_OPERATORS, _Printer.binary),
    exp.And: _Printer.connected,
    exp.Or: _Printer.connected,
    exp.Column: _Printer.column,
    exp.Dot: _Printer.path,
    exp.Bracket: _Printer.bracket,
    exp.Literal: _Printer.literal,
    exp.Null: lambda printer, node: "NULL",
    exp.Boolean: lambda printer, node: "true" if node.this else "false",
    exp.PositionalColumn: lambda printer, node: f"#{node.this.name}",
    exp.Neg: _Printer.negative,
    exp.Not: _Printer.negation,
    exp.Is: lambda printer, node: f"{printer.value(node.this)} IS NULL",
    exp.In: _Printer.contained,
    exp.Between: _Printer.between,
    exp.Escape: lambda printer, node: (
        f"{printer.value(node.this)} ESCAPE {printer.value(node.expression)}"
    ),
    exp.Coalesce: lambda printer, node: (
        f"{printer.value(node.this)} ?? {printer.value(node.expressions[0])}"
    ),
    exp.If: _Printer.ternary,
    exp.Case: _Printer.case,
    exp.Cast: _Printer.cast,
    exp.TryCast: _Printer.cast,
    exp.Interval: lambda printer, node: (
        f"INTERVAL {printer.value(node.this)} {node.args['unit'].name}"
    ),
    exp.Paren: lambda printer, node: f"({printer.value(node.this)})",
    exp.Tuple: _Printer.tuple,
    exp.Array: lambda printer, node: f"[{printer.items(node.expressions)}]",
    exp.Lambda: _Printer.function,
    exp.Kwarg: lambda printer, node: f"{_name(node.this.name)} := {printer.value(node.expression)}",
    exp.Placeholder: lambda printer, node: "{" + printer.value(node.this) + "}",
    exp.Anonymous: _Printer.call,
    exp.ParameterizedAgg: _Printer.parametric,
    exp.Filter: lambda printer, node: (
        f"{printer.value(node.this)} FILTER (WHERE {printer.value(node.expression.this)})"
    ),
    exp.WithinGroup: lambda printer, node: (
        f"{printer.value(node.this)} WITHIN GROUP ({printer.order(node.expression)})"
    ),
    exp.IgnoreNulls: lambda printer, node: f"{printer.value(node.this)} IGNORE NULLS",
    exp.Window: _Printer.window,
    exp.Alias: _Printer.alias,
    exp.Star: _Printer.star,
    exp.Columns: _Printer.columns,
    exp.Subquery: _Printer.subquery,
    exp.Select: _Printer.select,
    exp.Union: _Printer.set_operation,
    exp.Except: _Printer.set_operation,
    exp.Intersect: _Printer.set_operation,
}
