"""Operators: logic, comparison and membership with HogQL's NULL, and texts read as what they are compared with."""

import uuid
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from sqlglot import exp

from pwh_assets.hogql.resolve.core import CODES
from pwh_assets.hogql.resolve.names import Names
from pwh_assets.hogql.resolve.nodes import (
    ArrayValue,
    Between,
    InList,
    InQuery,
    IsNull,
    Literal,
    Logic,
    Not,
    TupleValue,
    Value,
)
from pwh_assets.hogql.scope import Scope
from pwh_assets.hogql.types import BOOLEAN, DATE, DATETIME, FLOAT, INTEGER, UUID, Type

NUMBERS = frozenset(["Integer", "Float", "Decimal"])
TEXTS = frozenset(["String", "JSON"])

AN = "AEIOaeio"


def a(type_: Type) -> str:
    """A type with its article.

    >>> a(INTEGER), a(Type("UUID")), a(Type("DateTime"))
    ('an Integer', 'a UUID', 'a DateTime')
    """
    text = str(type_)
    return f"{'an' if text[0] in AN else 'a'} {text}"


class Operators(Names):
    """Resolves what stands between operands."""

    def is_null_literal(self, value: Value) -> bool:
        return isinstance(value, Literal) and value.value is None and value.type.name == "Null"

    def as_element(self, name: str, of: Type, item: Value, node: exp.Expression) -> Value:
        raise NotImplementedError

    # Comparison

    def compare(self, name: str, left: Value, right: Value, node: exp.Expression) -> Value:
        if name in ("equals", "notEquals"):
            for one, other in ((left, right), (right, left)):
                if self.is_null_literal(one):
                    return IsNull(BOOLEAN, other, name == "notEquals", node=node)
        left, right = self.alike(left, right)
        if not comparable(left.type, right.type):
            return self.problem(
                CODES.TYPE,
                f"{a(left.type)} cannot be compared with {a(right.type)}".replace("a", "A", 1),
                node,
                "Convert one of them, for example with `toString`.",
            )
        if name in ("equals", "notEquals"):
            left, right = self.whole(left, right.type), self.whole(right, left.type)
        return self.call(name, left, right, node=node)

    def differs(self, left: Value, right: Value, is_distinct: bool, node: exp.Expression) -> Value:
        """`IS [NOT] DISTINCT FROM`: NULL is a value like others."""
        if self.is_null_literal(left) or self.is_null_literal(right):
            other = right if self.is_null_literal(left) else left
            return IsNull(BOOLEAN, other, is_distinct, node=node)
        found = self.compare("notEquals", left, right, node)
        return found if is_distinct else Not(BOOLEAN, found, node=node)

    def whole(self, value: Value, other: Type) -> Value:
        """A text that may equal a whole number, read as one: exact, where a float would round long ids."""
        if value.type.name in TEXTS and other.name == "Integer" and not isinstance(value, Literal):
            return self.call("toInt", value, node=value.node)
        return value

    def alike(self, left: Value, right: Value) -> tuple[Value, Value]:
        """Both sides, a literal text read as the type of the other side."""
        if isinstance(right, Literal):
            right = self.read_as(right, left.type)
        elif isinstance(left, Literal):
            left = self.read_as(left, right.type)
        return self.as_time(left, right.type), self.as_time(right, left.type)

    def as_time(self, value: Value, other: Type) -> Value:
        """A number compared with a time is its seconds since 1970; with a date, its days."""
        if value.type.name in NUMBERS and other.name in ("Date", "DateTime"):
            return self.call(
                "toDate" if other.name == "Date" else "toDateTime", value, node=value.node
            )
        return value

    def read_as(self, literal: Literal, type_: Type) -> Literal:
        """A literal as a value of another type where it is one; else as it stands."""
        value, kind = literal.value, type_.name
        if isinstance(value, str):
            match kind:
                case "Date" | "DateTime":
                    return self.moment(literal, kind) or literal
                case "Integer" | "Float" | "Decimal":
                    return number(literal) or literal
                case "UUID":
                    try:
                        return Literal(UUID, uuid.UUID(value), node=literal.node)
                    except ValueError:
                        return literal
                case "Boolean" if value.lower() in ("true", "false", "1", "0"):
                    return Literal(BOOLEAN, value.lower() in ("true", "1"), node=literal.node)
        elif (
            kind == "Boolean"
            and isinstance(value, int)
            and not isinstance(value, bool)
            and value in (0, 1)
        ):
            return Literal(BOOLEAN, bool(value), node=literal.node)
        elif isinstance(value, bool) and kind in TEXTS:
            return literal
        elif isinstance(value, bool) and kind in NUMBERS:
            return Literal(INTEGER, int(value), node=literal.node)
        return literal

    def moment(self, literal: Literal, kind: str) -> Literal | None:
        """A text literal as a date or time; a time without zone is in the project's."""
        text = literal.value.strip()
        try:
            if len(text) == 10:
                day = date.fromisoformat(text)
                if kind == "Date":
                    return Literal(DATE, day, node=literal.node)
                found = datetime(day.year, day.month, day.day)
            else:
                found = datetime.fromisoformat(text)
        except ValueError:
            return None
        if found.tzinfo is None:
            found = found.replace(tzinfo=ZoneInfo(self.catalog.timezone))
        return Literal(DATETIME, found.astimezone(UTC).replace(tzinfo=None), node=literal.node)

    def between(self, node: exp.Between) -> Value:
        this = self.value(node.this)
        low, high = self.value(node.args["low"]), self.value(node.args["high"])
        low, high = self.alike(this, low)[1], self.alike(this, high)[1]
        kinds = {this.type.name, low.type.name, high.type.name}
        if (
            len(kinds) == 1
            or kinds <= NUMBERS
            or (kinds == {"Date", "DateTime"} and this.type == DATETIME)
        ):
            return Between(BOOLEAN, this, low, high, node=node)
        return Logic(
            BOOLEAN,
            "AND",
            [
                self.compare("greaterOrEquals", this, low, node),
                self.compare("lessOrEquals", this, high, node),
            ],
            node=node,
        )

    # Logic

    def condition(self, node: exp.Expression) -> Value:
        return self.truth(self.value(node))

    def truth(self, value: Value) -> Value:
        """A value where a condition stands: a number is true unless 0, a text when it says so."""
        kind = value.type.name
        if kind in NUMBERS:
            if isinstance(value, Literal):
                return Literal(BOOLEAN, bool(value.value), node=value.node)
            return self.call("notEquals", value, Literal(INTEGER, 0), node=value.node)
        if kind in TEXTS:
            if isinstance(value, Literal):
                return Literal(BOOLEAN, str(value.value).lower() in ("true", "1"), node=value.node)
            return self.call("toBool", value, node=value.node)
        if kind not in ("Boolean", "Unknown", "Null"):
            return self.problem(
                CODES.TYPE,
                f"{a(value.type)} is no condition".replace("a", "A", 1),
                value.node,
                "Compare it with something.",
            )
        return value

    def logic(self, op: str, operands: list[Value], node: exp.Expression | None) -> Value:
        """AND / OR, flat; neutral literals fall away."""
        items: list[Value] = []
        for operand in operands:
            operand = self.truth(operand)
            if isinstance(operand, Logic) and operand.op == op:
                items += operand.items
            elif not (isinstance(operand, Literal) and operand.value is (op == "AND")):
                items.append(operand)
        if not items:
            return Literal(BOOLEAN, op == "AND", node=node)
        return items[0] if len(items) == 1 else Logic(BOOLEAN, op, items, node=node)

    def connect(self, node: exp.Expression) -> Value:
        """A chain of AND, or of OR, of any length, without recursion along it."""
        kind = type(node)
        operands: list[exp.Expression] = []
        stack = [node]
        while stack:
            current = stack.pop()
            if type(current) is kind:
                stack.append(current.expression)
                stack.append(current.this)
            else:
                operands.append(current)
        return self.logic(
            "AND" if kind is exp.And else "OR", [self.value(o) for o in operands], node
        )

    def negation(self, node: exp.Not) -> Value:
        inner = node.this
        is_infix = node.meta.get("infix", False)
        if type(inner) is exp.In:
            return self.membership(inner, is_negated=True)
        value = self.value(inner)
        if is_infix:
            if isinstance(value, IsNull):
                return IsNull(BOOLEAN, value.this, True, node=node)
            if isinstance(
                inner, exp.Like | exp.ILike | exp.RegexpLike | exp.RegexpILike | exp.Escape
            ):
                return Not(BOOLEAN, value, True, node=node)
        return self.invert(value, node)

    def invert(self, value: Value, node: exp.Expression) -> Value:
        value = self.truth(value)
        if isinstance(value, Literal) and isinstance(value.value, bool):
            return Literal(BOOLEAN, not value.value, node=node)
        if isinstance(value, InList):
            return InList(
                BOOLEAN, value.this, value.items, value.has_null, not value.is_negated, node=node
            )
        if isinstance(value, InQuery):
            return InQuery(BOOLEAN, value.this, value.query, not value.is_negated, node=node)
        if isinstance(value, IsNull):
            return IsNull(BOOLEAN, value.this, not value.is_negated, node=node)
        return Not(BOOLEAN, value, node=node)

    # Membership

    def membership(self, node: exp.In, is_negated: bool = False) -> Value:
        if node.args.get("cohort"):
            return self.cohort(node, is_negated)
        this = self.value(node.this)
        query = node.args.get("query")
        if query is not None:
            return self.in_query(this, query, is_negated, node)
        field = node.args.get("field")
        if field is not None:
            return self.among(this, [self.value(field)], is_negated, node)
        return self.among(this, [self.value(item) for item in node.expressions], is_negated, node)

    def in_query(
        self, this: Value, query: exp.Expression, is_negated: bool, node: exp.Expression
    ) -> Value:
        inner = query.this if type(query) is exp.Subquery and not query.args.get("alias") else query
        found = self.query(inner, self.scope.env, self.scope)
        width = len(this.type.args) if this.type.name == "Tuple" else 1
        if len(found.columns) != width:
            return self.problem(
                CODES.TYPE,
                f"The query after `IN` has {len(found.columns)} columns where {width} "
                f"{'is' if width == 1 else 'are'} compared",
                query,
            )
        if width == 1:
            this = self.as_column(this, found.columns[0][1])
        return InQuery(BOOLEAN, this, found, is_negated, node=node)

    def as_column(self, this: Value, type_: Type) -> Value:
        """The left side of an IN in the type of the query's column, where engines would not do it alike."""
        ours, theirs = this.type.name, type_.name
        if ours in TEXTS and theirs == "UUID":
            return self.call("toUUID", this, node=this.node)
        if (ours == "UUID" and theirs in TEXTS) or (ours in NUMBERS and theirs in TEXTS):
            return self.call("toString", this, node=this.node)
        if ours in TEXTS and theirs in NUMBERS:
            return self.call("toInt" if theirs == "Integer" else "toFloat", this, node=this.node)
        if ours in TEXTS and theirs in ("Date", "DateTime"):
            return self.call(
                "toDateTime" if theirs == "DateTime" else "toDate", this, node=this.node
            )
        return this

    def among(
        self, this: Value, items: list[Value], is_negated: bool, node: exp.Expression
    ) -> Value:
        """`x IN (a, b)`, `x IN [a, b]`, `in(x, tuple(a, b))`."""
        if len(items) == 1:
            (only,) = items
            if isinstance(only, ArrayValue) or (
                isinstance(only, TupleValue) and this.type.name != "Tuple"
            ):
                items = only.items
            elif isinstance(only.type, Type) and only.type.name == "Array":
                this = self.as_element("IN", only.type, this, node)
                has = self.call("has", only, this, node=node)
                return Not(BOOLEAN, has, True, node=node) if is_negated else has
        has_null = any(self.is_null_literal(item) for item in items)
        plain: list[Value] = []
        others: list[Value] = []
        for item in items:
            if self.is_null_literal(item):
                continue
            if isinstance(item, Literal):
                item = self.read_as(item, this.type)
            (plain if fits(this.type, item.type) else others).append(item)
        found: Value = InList(BOOLEAN, this, plain, has_null, is_negated and not others, node=node)
        if not others:
            return found
        tests = [self.compare("equals", this, item, node) for item in others]
        any_of = (
            Logic(BOOLEAN, "OR", [found, *tests], node=node)
            if plain or has_null or len(tests) < 2
            else Logic(BOOLEAN, "OR", list(tests), node=node)
        )
        return Not(BOOLEAN, any_of, True, node=node) if is_negated else any_of

    def cohort(self, node: exp.In, is_negated: bool) -> Value:
        """`person_id IN COHORT 5`: membership in the rows of `cohort_people`."""
        this = self.value(node.this)
        wanted = node.expressions[0]
        number_ = None
        if isinstance(wanted, exp.Literal):
            number_ = (
                self.catalog.cohorts.get(wanted.this)
                if wanted.is_string
                else int(float(wanted.this))
            )
        if number_ is None:
            hint = (
                self.did_you_mean(wanted.name, list(self.catalog.cohorts))
                or "Name the cohort by its number."
            )
            return self.problem(
                CODES.UNKNOWN_TABLE,
                f"There is no cohort {self.words(wanted) or wanted.name}",
                wanted,
                hint,
            )
        from pwh_assets.hogql.resolve.core import parse_view

        tree = parse_view(f"SELECT person_id FROM cohort_people WHERE cohort_id = {number_}")
        anchor, self.anchor = self.anchor, self.anchor or node
        try:
            query = self.query(tree, {}, Scope({}))
        finally:
            self.anchor = anchor
        return InQuery(BOOLEAN, self.as_column(this, UUID), query, is_negated, node=node)


def comparable(left: Type, right: Type) -> bool:
    """Whether a comparison of the two can mean something."""
    names = {left.name, right.name}
    if len(names) == 1 or names & {"Unknown", "Null"}:
        return True
    if names & TEXTS:
        return not names & {"Array", "Tuple", "Map", "Interval"}
    return names <= NUMBERS | {"Boolean"} or names <= {"Date", "DateTime"}


def fits(left: Type, right: Type) -> bool:
    """Whether an engine compares both as they are."""
    if left.name == right.name:
        return True
    return (
        {left.name, right.name} <= NUMBERS
        or "Unknown" in (left.name, right.name)
        or (left.name in TEXTS and right.name in TEXTS)
    )


def number(literal: Literal) -> Literal | None:
    text = literal.value.strip()
    try:
        return Literal(INTEGER, int(text), node=literal.node)
    except ValueError:
        pass
    try:
        return Literal(FLOAT, float(text), node=literal.node)
    except ValueError:
        return None
