"""Expressions of a parsed query back as text."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

from sqlglot import expressions as exp

from pwh_assets.hogql.parser.tokens import CLAUSES, CONSTANTS, RESERVED, kind_of

_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*\Z").match


def written_name(text: str, quoted: bool = False) -> str:
    if not quoted and _PLAIN(text):
        return text
    escaped = text.replace("\\", "\\\\").replace("`", "``").replace("\n", "\\n")
    return f"`{escaped}`"


def written_alias(node: exp.Identifier) -> str:
    is_word = kind_of(node.name) in RESERVED | CONSTANTS | CLAUSES
    return written_name(node.name, bool(node.args.get("quoted")) or is_word)


def _string(text: str) -> str:
    return "'" + _escaped(text) + "'"


def _escaped(text: str) -> str:
    """Text for between quotes; line breaks become escapes so that indenting leaves them alone."""
    return text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")


def indented(text: str) -> str:
    return "\n".join("  " + line if line else line for line in text.split("\n"))


class Writer(ABC):
    """Writes expressions; a subclass lays out the queries among them."""

    @abstractmethod
    def query(self, node: exp.Expr) -> str:
        """A query over several lines."""

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
        return word.join(self.value(part) for part in operands_of(node, type(node)))

    def column(self, node: exp.Expr) -> str:
        return written_alias(node.this)

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
                + written_name(
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
            return f"EXTRACT({written_name(args[0].name)} FROM {self.value(args[1])})"
        if name == "__call":
            return f"{self.callee(args[0])}({self.items(args[1:])})"
        if node.meta.get("fstring"):
            return self.template(args)
        return self.named_call(name, node)

    def named_call(self, name: str, node: exp.Expr) -> str:
        order = node.args.get("order")
        return f"{written_name(name)}({self.arguments(node.expressions)}{' ' + self.order(order) if order is not None else ''})"

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
            f"{written_name(str(node.this))}({self.items(node.args['params'])})"
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
        over = written_alias(name) if name is not None else f"({self.over(node)})"
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
        return words[0] + "\n" + indented("\n".join(words[1:])) + "\nEND"

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
        return f"(\n{indented(text)}\n)"

    def alias(self, node: exp.Expr) -> str:
        name = written_alias(node.args["alias"])
        if isinstance(node.this, (exp.Alias, exp.Lambda)):
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
        names = [
            written_name(name.name, bool(name.args.get("quoted"))) for name in node.expressions
        ]
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

    def dotted(self, node: exp.Expr) -> str:
        parts = node.meta.get("parts") or [node.name]
        if len(parts) == 1 and isinstance(node, exp.Identifier):
            return written_alias(node)
        return ".".join(written_alias(exp.to_identifier(part)) for part in parts)


def operands_of(node: exp.Expr, kind: type) -> list[exp.Expr]:
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

_WRITERS: Final[dict[type, Callable[[Writer, Any], str]]] = {
    **dict.fromkeys(_OPERATORS, Writer.binary),
    exp.And: Writer.connected,
    exp.Or: Writer.connected,
    exp.Column: Writer.column,
    exp.Dot: Writer.path,
    exp.Bracket: Writer.bracket,
    exp.Literal: Writer.literal,
    exp.Null: lambda printer, node: "NULL",
    exp.Boolean: lambda printer, node: "true" if node.this else "false",
    exp.PositionalColumn: lambda printer, node: f"#{node.this.name}",
    exp.Neg: Writer.negative,
    exp.Not: Writer.negation,
    exp.Is: lambda printer, node: f"{printer.value(node.this)} IS NULL",
    exp.In: Writer.contained,
    exp.Between: Writer.between,
    exp.Escape: lambda printer, node: (
        f"{printer.value(node.this)} ESCAPE {printer.value(node.expression)}"
    ),
    exp.Coalesce: lambda printer, node: (
        f"{printer.value(node.this)} ?? {printer.value(node.expressions[0])}"
    ),
    exp.If: Writer.ternary,
    exp.Case: Writer.case,
    exp.Cast: Writer.cast,
    exp.TryCast: Writer.cast,
    exp.Interval: lambda printer, node: (
        f"INTERVAL {printer.value(node.this)} {node.args['unit'].name}"
    ),
    exp.Paren: lambda printer, node: f"({printer.value(node.this)})",
    exp.Tuple: Writer.tuple,
    exp.Array: lambda printer, node: f"[{printer.items(node.expressions)}]",
    exp.Lambda: Writer.function,
    exp.Kwarg: lambda printer, node: (
        f"{written_name(node.this.name)} := {printer.value(node.expression)}"
    ),
    exp.Placeholder: lambda printer, node: "{" + printer.value(node.this) + "}",
    exp.Anonymous: Writer.call,
    exp.ParameterizedAgg: Writer.parametric,
    exp.Filter: lambda printer, node: (
        f"{printer.value(node.this)} FILTER (WHERE {printer.value(node.expression.this)})"
    ),
    exp.WithinGroup: lambda printer, node: (
        f"{printer.value(node.this)} WITHIN GROUP ({printer.order(node.expression)})"
    ),
    exp.IgnoreNulls: lambda printer, node: f"{printer.value(node.this)} IGNORE NULLS",
    exp.Window: Writer.window,
    exp.Alias: Writer.alias,
    exp.Star: Writer.star,
    exp.Columns: Writer.columns,
    exp.Subquery: Writer.subquery,
    **dict.fromkeys(
        (exp.Select, exp.Union, exp.Except, exp.Intersect), lambda writer, node: writer.query(node)
    ),
}
