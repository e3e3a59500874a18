"""Runs single HogQL expressions on both engines, without tables: the parser, the registry and nothing else."""

import datetime as dt
import decimal
import math
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from pwh_assets.hogql.functions.base import Arg, Call
from pwh_assets.hogql.functions.macros import DUCKDB_MACROS
from pwh_assets.hogql.functions.registry import REGISTRY
from pwh_assets.hogql.functions.render import lambda_types, render, result_type
from pwh_assets.hogql.functions.rules import common
from pwh_assets.hogql.functions.sqltext import name, quote
from pwh_assets.hogql.lower.clickhouse import SETTINGS
from pwh_assets.hogql.parser import parse_expression, parse_select
from pwh_assets.hogql.types import (
    BOOLEAN,
    FLOAT,
    INTEGER,
    NULL,
    STRING,
    UNKNOWN,
    Type,
    array,
    tuple_,
)

OPERATORS = {
    exp.Add: "plus",
    exp.Sub: "minus",
    exp.Mul: "multiply",
    exp.Div: "divide",
    exp.Mod: "modulo",
    exp.EQ: "equals",
    exp.NEQ: "notEquals",
    exp.LT: "less",
    exp.LTE: "lessOrEquals",
    exp.GT: "greater",
    exp.GTE: "greaterOrEquals",
    exp.And: "and",
    exp.Or: "or",
    exp.Not: "not",
    exp.Like: "like",
    exp.ILike: "ilike",
    exp.DPipe: "concat",
}


@dataclass
class Compiler:
    """Just enough of a compiler for the registry's examples."""

    engine: str
    timezone: str = "UTC"
    week_start: str = "sunday"
    names: dict[str, Type] = field(default_factory=dict)

    def query(self, text: str) -> tuple[str, Type]:
        if text.lstrip().upper().startswith("SELECT"):
            sql, columns = self.select(parse_select(text))
            return sql, next(iter(columns.values()))
        arg = self.value(parse_expression(text))
        return f"SELECT {arg.sql}", arg.type

    def select(self, node: exp.Expression) -> tuple[str, dict[str, Type]]:
        inner = replace(self, names={})
        source = ""
        if node.args.get("from_"):
            subquery = node.args["from_"].this
            sql, columns = self.select(subquery.this)
            source = f" FROM ({sql}) AS s"
            inner = replace(self, names=columns)
        out: dict[str, Type] = {}
        items = []
        for i, item in enumerate(node.expressions):
            alias = item.alias if isinstance(item, exp.Alias) else f"c{i}"
            arg = inner.value(item.this if isinstance(item, exp.Alias) else item)
            out[alias] = arg.type
            items.append(f"{arg.sql} AS {name(alias)}")
        where = (
            f" WHERE {inner.value(node.args['where'].this).sql}" if node.args.get("where") else ""
        )
        return f"SELECT {', '.join(items)}{source}{where}", out

    def value(self, node: exp.Expression) -> Arg:
        if isinstance(node, exp.Paren):
            return self.value(node.this)
        if isinstance(node, exp.Literal):
            if node.is_string:
                return Arg(quote(node.this, self.engine), STRING, node)
            if node.this.isdigit():
                return Arg(node.this, INTEGER, node)
            sql = node.this if "e" in node.this.lower() else f"{node.this}e0"
            sql = f"{sql}::float8" if self.engine == "postgres" else sql
            return Arg(sql, FLOAT, node)
        if isinstance(node, exp.Boolean):
            return Arg(str(node.this).lower(), BOOLEAN, node)
        if isinstance(node, exp.Null):
            return Arg("NULL", NULL, node)
        if isinstance(node, exp.Star):
            return Arg("*", UNKNOWN, node)
        if isinstance(node, exp.Neg):
            inner = self.value(node.this)
            return Arg(f"(-{inner.sql})", inner.type, node)
        if isinstance(node, exp.Column):
            return Arg(name(node.name), self.names[node.name], node)
        if isinstance(node, exp.Array):
            parts = [self.value(part) for part in node.expressions]
            kind = common([part.type for part in parts])
            if self.engine == "postgres":
                return Arg(f"ARRAY[{', '.join(part.sql for part in parts)}]", array(kind), node)
            return Arg(f"[{', '.join(part.sql for part in parts)}]", array(kind), node)
        if isinstance(node, exp.Tuple):
            return self.call("tuple", list(node.expressions), node)
        if isinstance(node, exp.Dot):
            head = self.value(node.this)
            if head.type.name == "Tuple":
                return self.call("tupleElement", [node.this, node.expression], node)
            raise NotImplementedError(repr(node))
        if isinstance(node, exp.Bracket):
            return self.call("arrayElement", [node.this, node.expressions[0]], node)
        if isinstance(node, exp.Interval):
            return self.call(f"toInterval{node.args['unit'].name.capitalize()}", [node.this], node)
        if isinstance(node, exp.Anonymous):
            return self.call(node.this, node.expressions, node, order=node.args.get("order"))
        if isinstance(node, exp.ParameterizedAgg):
            return self.call(str(node.this), node.expressions, node, params=node.args["params"])
        if isinstance(node, exp.Window):
            return self.window(node)
        for kind_, called in OPERATORS.items():
            if type(node) is kind_:
                parts_ = [node.this] + ([node.expression] if node.args.get("expression") else [])
                return self.call(called, parts_, node)
        raise NotImplementedError(repr(node))

    def window(self, node: exp.Window) -> Arg:
        parts = []
        if node.args.get("partition_by"):
            listed = ", ".join(self.value(part).sql for part in node.args["partition_by"])
            parts.append(f"PARTITION BY {listed}")
        if node.args.get("order"):
            keys = ", ".join(
                self.value(key.this).sql + (" DESC" if key.args.get("desc") else "")
                for key in node.args["order"].expressions
            )
            parts.append(f"ORDER BY {keys}")
        spec = node.args.get("spec")
        if spec is not None:
            text = []
            for edge in ("start", "end"):
                side = spec.args.get(f"{edge}_side")
                bound = spec.args.get(edge)
                text.append(
                    f"{bound if isinstance(bound, str) else bound.this} {side or ''}".strip()
                )
            parts.append(f"{spec.args['kind']} BETWEEN {' AND '.join(text)}")
        call = node.this
        over = f"OVER ({' '.join(parts)})"
        params = call.args.get("params") or []
        return self.call(str(call.this), call.expressions, call, params=params, over=over)

    def call(
        self,
        called: str,
        nodes: list[exp.Expression],
        node: exp.Expression,
        *,
        params: Any = (),
        order: Any = None,
        over: str = "",
    ) -> Arg:
        distinct = bool(nodes) and isinstance(nodes[0], exp.Distinct)
        if distinct:
            nodes = nodes[0].expressions
        row = REGISTRY.find(called)
        suffixes: tuple[str, ...] = ()
        aggregate = REGISTRY.aggregate(called)
        if aggregate is not None:
            row, suffixes = aggregate
        assert row is not None, called
        plain = [None if isinstance(part, exp.Lambda) else self.value(part) for part in nodes]
        types = [part.type for part in plain if part is not None]
        args = []
        for part, done in zip(nodes, plain, strict=True):
            if done is not None:
                args.append(done)
                continue
            names = tuple(one.name for one in part.expressions)
            known = [*lambda_types(row, types), *[UNKNOWN] * len(names)]
            body = replace(self, names={**self.names, **dict(zip(names, known, strict=False))})
            arg = body.value(part.this)
            args.append(Arg(arg.sql, arg.type, part, names))
        keys = []
        if order is not None:
            keys = [
                (self.value(key.this).sql, bool(key.args.get("desc"))) for key in order.expressions
            ]
        request = Call(
            called,
            self.engine,
            args,
            [self.value(param) for param in params],
            distinct=distinct,
            order_sql=", ".join(sql + (" DESC" if down else "") for sql, down in keys),
            order_keys=keys,
            over_sql=over,
            timezone=self.timezone,
            week_start=self.week_start,
        )
        sql = render(row, request, suffixes)
        return Arg(sql, result_type(row, args, suffixes), node)


class Engines:
    """Both engines in this process."""

    def __init__(self) -> None:
        from chdb import session

        self.duckdb = duckdb.connect()
        self.duckdb.execute("SET TimeZone = 'UTC'")
        for macro in DUCKDB_MACROS:
            self.duckdb.execute(macro)
        self.clickhouse = session.Session()

    def run(self, engine: str, sql: str) -> list[tuple[Any, ...]]:
        if engine == "duckdb":
            return self.duckdb.execute(sql).fetchall()
        settings = ", ".join(
            f"{key} = {quote(value) if isinstance(value, str) else value}"
            for key, value in SETTINGS.items()
        )
        try:
            answer = self.clickhouse.query(f"{sql} SETTINGS {settings}", "ArrowStream")
        except Exception:
            # chdb keeps what a failed query had written already and puts it before the next answer.
            self.clickhouse.query("SELECT 1", "ArrowStream")
            raise
        data = bytes(answer.bytes())  # A copy: the answer's memory goes with the answer.
        table = pa.ipc.open_stream(data).read_all()
        columns = [column.to_pylist() for column in table.columns]
        return list(zip(*columns, strict=True))

    def values(self, engine: str, sqls: list[str]) -> list[Any]:
        """The value of each one-value query, or the exception it raised."""
        if not sqls:
            return []
        scalar = [sql.removeprefix("SELECT ") for sql in sqls]
        single = len(sqls) == 1
        try:
            if single:
                rows = self.run(engine, sqls[0])
                return [rows[0][0] if rows else None]
            listed = ", ".join(f"{sql} AS v{i}" for i, sql in enumerate(scalar))
            return list(self.run(engine, f"SELECT {listed}")[0])
        except Exception as error:
            if single:
                return [error]
            half = len(sqls) // 2
            return self.values(engine, sqls[:half]) + self.values(engine, sqls[half:])

    def close(self) -> None:
        self.duckdb.close()
        self.clickhouse.close()


def normal(value: Any, type_: Type) -> Any:
    """A value in one spelling, whichever engine it came from."""
    if value is None or isinstance(value, Exception):
        return value
    if type_ == BOOLEAN and isinstance(value, int | bool):
        return bool(value)
    if isinstance(value, dict):
        if type_.name == "Map":
            return {key: normal(one, type_.args[1]) for key, one in value.items()}
        value = list(value.values())
    if isinstance(value, list | tuple):
        if type_.name == "Map":
            return {key: normal(one, type_.args[1]) for key, one in value}
        parts = (
            type_.args
            if type_.name == "Tuple" and len(type_.args) == len(value)
            else [type_.args[0] if type_.args else UNKNOWN] * len(value)
        )
        return [normal(one, part) for one, part in zip(value, parts, strict=True)]
    if isinstance(value, decimal.Decimal):
        return float(value) if value != int(value) else int(value)
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, bytes | bytearray):
        return (
            str(uuid.UUID(bytes=bytes(value)))
            if len(value) == 16 and type_.name == "UUID"
            else value
        )
    if isinstance(value, uuid.UUID):
        return str(value)
    return value


def same(left: Any, right: Any) -> bool:
    """Equal, where floats may differ in their last digits and nan equals nan."""
    if isinstance(left, Exception) or isinstance(right, Exception):
        return isinstance(left, Exception) and isinstance(right, Exception)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, float) or isinstance(right, float):
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            return False
        if math.isnan(left) or math.isnan(right):
            return math.isnan(left) and math.isnan(right)
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12)
    return bool(left == right)


__all__ = ["Compiler", "Engines", "normal", "same", "tuple_"]
