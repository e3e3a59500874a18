"""Template strings and HogQLX tags."""

from sqlglot import expressions as exp

from pwh_assets.hogql.parser.cursor import Cursor, Node, at
from pwh_assets.hogql.parser.literals import string_text, template_text


class Tags(Cursor):
    """Reads the islands inside HogQL."""

    def template(self) -> Node:
        """`f'a {b}'` is `concat('a ', b)`."""
        first = self.pos
        self.pos += 1
        parts: list[Node] = []
        while self.kinds[self.pos] in ("f-text", "{"):
            part = self.inner() if self.kinds[self.pos] == "{" else self.piece("f-text")
            if part.is_string and parts and parts[-1].is_string:
                # text next to text is one text
                joined = exp.Literal(this=parts[-1].name + part.name, is_string=True)
                parts[-1] = at(joined, parts[-1].meta["start"], part.meta["end"])
            else:
                parts.append(part)
        if not self.take("f-end"):
            self.fail("the end of the template string")
        node = self.done(exp.Anonymous(this="concat", expressions=parts), self.starts[first])
        node.meta["fstring"] = True
        return node

    def inner(self) -> Node:
        opener = self.pos
        self.pos += 1
        node = self.expression()
        self.close(opener, "}")
        return node

    def piece(self, kind: str) -> Node:
        pos = self.pos
        self.pos += 1
        start, end = self.starts[pos], self.ends[pos]
        raw = self.text[start:end]
        text = template_text(raw) if kind == "f-text" else raw
        return at(exp.Literal(this=text, is_string=True), start, end)

    def tag(self) -> Node:
        """`<Name a='x' b={y} c>children</Name>`."""
        first = self.pos
        self.pos += 1
        self.deeper()
        name = self.tag_name()
        arguments: list[Node] = [name]
        while self.kinds[self.pos] == "tag-name":
            arguments.append(self.attribute())
        if self.take("/>"):
            pass
        elif self.take("tag>"):
            children = self.tag_children(first)
            if children is not None:
                arguments.append(children)
            closing = self.tag_name()
            if closing.name != name.name:
                self.refuse(f"`</{closing.name}>` closes `<{name.name}>`", self.pos - 1)
            if not self.take("tag>"):
                self.fail("`>`")
        else:
            self.fail("an attribute, `>` or `/>`")
        self.depth -= 1
        return self.done(exp.Anonymous(this="__hx", expressions=arguments), self.starts[first])

    def tag_name(self) -> exp.Literal:
        pos = self.pos
        if self.kinds[pos] != "tag-name":
            self.fail("a tag's name")
        self.pos += 1
        return at(
            exp.Literal(this=self.source(pos), is_string=True), self.starts[pos], self.ends[pos]
        )

    def attribute(self) -> Node:
        pos = self.pos
        self.pos += 1
        key = at(exp.Var(this=self.source(pos)), self.starts[pos], self.ends[pos])
        value: Node
        if not self.take("="):
            value = at(exp.Boolean(this=True), self.starts[pos], self.ends[pos])
        elif self.kinds[self.pos] == "string":
            start, end = self.starts[self.pos], self.ends[self.pos]
            self.pos += 1
            value = at(
                exp.Literal(this=string_text(self.text[start:end]), is_string=True), start, end
            )
        elif self.kinds[self.pos] == "{":
            value = self.inner()
        else:
            self.fail("a string or `{`")
        return self.done(exp.Kwarg(this=key, expression=value), self.starts[pos])

    def tag_children(self, first: int) -> Node | None:
        """What stands between `<a>` and `</a>`, as an array argument."""
        start = self.starts[self.pos]
        children: list[Node] = []
        while not self.take("</"):
            kind = self.kinds[self.pos]
            if kind == "tag<":
                children.append(self.tag())
            elif kind == "{":
                children.append(self.inner())
            elif kind == "tag-text":
                node = self.piece(kind)
                if node.name.strip() or "\n" not in node.name:
                    children.append(node)
            else:
                self.fail(f"the closing tag of line {self.line(first)}")
        if not children:
            return None
        key = at(exp.Var(this="children"), start, start)
        array = self.done(exp.Array(expressions=children, bracket_notation=True), start)
        return self.done(exp.Kwarg(this=key, expression=array), start)
