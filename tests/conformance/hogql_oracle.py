"""PostHog's own parser as an oracle, and one normal form for its trees and ours."""

import importlib
import json
import sys
import types
from typing import Any

from sqlglot import expressions as exp

_HOST = "posthog.hogql.errors"
_ERRORS = ("BaseHogQLError", "SyntaxError", "NotImplementedError", "ParsingError", "QueryError")


def _parser() -> Any:
    """`hogql_parser`, given the host application's error classes it looks for."""
    if _HOST not in sys.modules:
        parts = _HOST.split(".")
        for count in range(1, len(parts) + 1):
            name = ".".join(parts[:count])
            sys.modules.setdefault(name, types.ModuleType(name))
        for error in _ERRORS:
            setattr(sys.modules[_HOST], error, type(error, (Exception,), {}))
    return importlib.import_module("hogql_parser")


def oracle(text: str) -> dict[str, Any] | None:
    """The oracle's tree, or None where it refuses the text."""
    tree = _answer(text)
    return None if tree.get("error") else tree


def _answer(text: str) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.loads(_parser().parse_select_json(text, is_internal=True))
    except Exception as error:  # its lexer raises some refusals instead of returning them
        if type(error).__module__ not in (_HOST, __name__):
            raise
        return {"error": True, "message": str(error)}
    return answer


def refusal(text: str) -> str:
    """What the oracle says against a text."""
    return str(_answer(text).get("message", ""))


# The oracle's tree, normalised


def theirs(node: Any) -> Any:
    """The oracle's tree as nested tuples, without places, brackets and spelling."""
    if isinstance(node, list):
        return tuple(theirs(item) for item in node)
    if not isinstance(node, dict):
        return node
    read = _THEIRS.get(node["node"])
    if read is None:
        raise NotImplementedError(node["node"])
    return read(node)


def _chain(parts: list[Any]) -> Any:
    return ("field", *map(str, parts))


def _call(node: dict[str, Any]) -> Any:
    name, args = node["name"], node.get("args") or []
    if name.lower() == "not" and len(args) == 1 and not node.get("params"):
        return ("not", theirs(args[0]))
    if name == "concat" and not (node.get("distinct") or node.get("order_by")):
        parts = _merged(_flat_concat(args))
        return parts[0] if len(parts) == 1 else ("concat", *parts)
    found: tuple[Any, ...] = ("call", name, theirs(node.get("params") or []), theirs(args))
    if node.get("distinct"):
        found = (*found, "distinct")
    for key in ("order_by", "within_group", "filter_expr"):
        if node.get(key):
            found = (*found, key, theirs(node[key]))
    return found


def _flat_concat(args: list[Any]) -> list[Any]:
    found: list[Any] = []
    for arg in args:
        if isinstance(arg, dict) and arg.get("node") == "Call" and arg["name"] == "concat":
            found += _flat_concat(arg["args"])
        else:
            found.append(theirs(arg))
    return found


def _merged(parts: list[Any]) -> list[Any]:
    """Text next to text is one text."""
    found: list[Any] = []
    for part in parts:
        if (
            found
            and part[0] == "constant" == found[-1][0]
            and "None" not in (part[1], found[-1][1])
        ):
            found[-1] = ("constant", found[-1][1] + part[1])
        else:
            found.append(part)
    return found


def _constant(node: dict[str, Any]) -> Any:
    value = node.get("value")
    if isinstance(value, bool) or value is None:
        return ("constant", str(value))
    if isinstance(value, int | float):
        return ("number", float(value))
    if value in ("Infinity", "-Infinity", "NaN") and node.get("value_type", "number") == "number":
        return ("constant", value)
    return ("constant", value)


def _compare(node: dict[str, Any]) -> Any:
    operator = node["op"]
    return ("compare", operator, theirs(node["left"]), theirs(node["right"]))


def _connected(word: str) -> Any:
    def read(node: dict[str, Any]) -> Any:
        found: list[Any] = []
        for item in node["exprs"]:
            part = theirs(item)
            found += part[1:] if part[0] == word else [part]
        return (word, *found)

    return read


def _arithmetic(node: dict[str, Any]) -> Any:
    return ("arithmetic", node["op"], theirs(node["left"]), theirs(node["right"]))


def _frame(node: Any) -> Any:
    if not node:
        return None
    value = node.get("frame_value")
    if isinstance(value, int | float):
        value = {"node": "Constant", "value": value}
    return (node["frame_type"], theirs(value))


def _over(node: dict[str, Any]) -> Any:
    return (
        "over",
        theirs(node.get("partition_by") or []),
        theirs(node.get("order_by") or []),
        node.get("frame_method"),
        _frame(node.get("frame_start")),
        _frame(node.get("frame_end")),
    )


def _window(node: dict[str, Any]) -> Any:
    over = node.get("over_identifier") or (
        theirs(node["over_expr"]) if node.get("over_expr") else None
    )
    params, args = node.get("exprs") or [], node.get("args") or []
    return ("window", node["name"], theirs(params), theirs(args), over)


def _select(node: dict[str, Any]) -> Any:
    found: dict[str, Any] = {
        "select": theirs(node["select"]),
        "distinct": bool(node.get("distinct")),
        "from": _joins(node.get("select_from")),
        "array_join": theirs(node.get("array_join_list") or []),
        "group": _group(node.get("group_by") or []),
        "ctes": tuple(theirs(cte) for cte in node.get("ctes") or []),
        "order": theirs(node.get("order_by") or []),
    }
    for key in ("where", "prewhere", "having", "qualify", "limit", "offset"):
        found[key] = theirs(node.get(key))
    windows = node.get("window_exprs") or {}
    found["windows"] = tuple(sorted((name, theirs(window)) for name, window in windows.items()))
    return ("select", *sorted(found.items()))


def _group(items: list[Any]) -> Any:
    """CUBE and ROLLUP among others are calls there; their columns go to the end, in this order."""
    found: dict[str, list[Any]] = {"": [], "cube": [], "rollup": []}
    for item in items:
        part = theirs(item)
        name = part[1].lower() if part[0] == "call" else ""
        if name in ("cube", "rollup"):
            found[name] += part[3]
        else:
            found[""].append(part)
    return tuple(found[""] + found["cube"] + found["rollup"])


def _joins(node: Any) -> Any:
    found = []
    while node:
        constraint = node.get("constraint")
        table = node["table"]
        arguments = node.get("table_args")
        found.append(
            (
                _join_words(node.get("join_type") or "") if found else "",
                ("function", theirs(table), theirs(arguments))
                if arguments is not None
                else theirs(table),
                node.get("alias"),
                tuple(node.get("column_aliases") or ()),
                bool(node.get("table_final")),
                bool(node.get("sample")),
                theirs(constraint["expr"]) if constraint else None,
            )
        )
        node = node.get("next_join")
    return tuple(found)


def _as_join(table: dict[str, Any]) -> dict[str, Any]:
    return table if table["node"] == "JoinExpr" else {"node": "JoinExpr", "table": table}


def _join_words(words: str) -> str:
    """A join's words without those that change nothing."""
    return " ".join(
        sorted(word for word in words.split() if word not in ("OUTER", "ALL", "INNER", "JOIN"))
    )


def _set(node: dict[str, Any]) -> Any:
    leaves = [node["initial_select_query"]]
    leaves += [item["select_query"] for item in node["subsequent_select_queries"]]
    found: list[Any] = []
    for leaf in leaves:
        part = theirs(leaf)
        found += part[1:] if part[0] == "set" else [_leaf(part)]
    return ("set", *found)


def _leaf(found: Any) -> Any:
    """A branch without what may belong to the whole: the tail and the WITH in front."""
    if found[0] != "select":
        return found
    return (
        "select",
        *(pair for pair in found[1:] if pair[0] not in ("order", "limit", "offset", "ctes")),
    )


_THEIRS: dict[str, Any] = {
    "Field": lambda node: _chain(node["chain"]),
    "Constant": _constant,
    "Call": _call,
    "ExprCall": lambda node: ("call", "__call", (), (theirs(node["expr"]), *theirs(node["args"]))),
    "CompareOperation": _compare,
    "And": _connected("and"),
    "Or": _connected("or"),
    "Not": lambda node: ("not", theirs(node["expr"])),
    "ArithmeticOperation": _arithmetic,
    "BetweenExpr": lambda node: (
        "between",
        bool(node.get("negated")),
        *map(theirs, (node["expr"], node["low"], node["high"])),
    ),
    "Alias": lambda node: ("alias", node["alias"], theirs(node["expr"])),
    "Lambda": lambda node: ("lambda", tuple(node["args"]), theirs(node["expr"])),
    "Tuple": lambda node: ("tuple", *theirs(node["exprs"])),
    "Array": lambda node: ("array", *theirs(node["exprs"])),
    "ArrayAccess": lambda node: ("access", theirs(node["array"]), theirs(node["property"])),
    "TupleAccess": lambda node: ("element", theirs(node["tuple"]), str(node["index"])),
    "ArraySlice": lambda node: (
        "slice",
        *map(theirs, (node["array"], node.get("start_expr"), node.get("end_expr"))),
    ),
    "Dict": lambda node: ("dict", *(theirs(item) for pair in node["items"] for item in pair)),
    "TypeCast": lambda node: ("cast", _type(node["type_name"]), theirs(node["expr"])),
    "TryCast": lambda node: ("try_cast", _type(node["type_name"]), theirs(node["expr"])),
    "IsDistinctFrom": lambda node: (
        "distinct_from",
        bool(node.get("negated")),
        theirs(node["left"]),
        theirs(node["right"]),
    ),
    "PositionalRef": lambda node: ("positional", node["index"]),
    "Placeholder": lambda node: ("placeholder", theirs(node["expr"])),
    "NamedArgument": lambda node: ("named", node["name"], theirs(node["value"])),
    "WindowFunction": _window,
    "WindowExpr": _over,
    "OrderExpr": lambda node: ("order", node["order"], theirs(node["expr"])),
    "SelectQuery": _select,
    "SelectSetQuery": _set,
    "CTE": lambda node: ("cte", node["name"], node["cte_type"], theirs(node["expr"])),
    "ValuesQuery": lambda node: ("values", theirs(node["rows"])),
    "ColumnsExpr": lambda node: ("columns",),
    "SpreadExpr": lambda node: ("columns",),
    "PivotExpr": lambda node: ("pivot", _joins(_as_join(node["table"]))),
    "UnpivotExpr": lambda node: ("pivot", _joins(_as_join(node["table"]))),
    "HogQLXTag": lambda node: ("tag", node["kind"]),
    "GroupingSet": lambda node: ("tuple", *theirs(node["exprs"])),
}


def _type(text: str) -> str:
    return "".join(text.lower().split())


# Our tree, in the same form


def ours(node: Any) -> Any:
    """Our tree in the oracle's normal form."""
    if isinstance(node, list):
        return tuple(ours(item) for item in node)
    if node is None:
        return None
    read = _OURS.get(type(node))
    if read is None:
        raise NotImplementedError(type(node).__name__)
    return read(node)


def _our_chain(node: exp.Expr) -> Any:
    """A path: names make one field, everything after an index or a call is an access."""
    if isinstance(node, exp.Column):
        return ("field", node.this.name)
    left, part = ours(node.this), node.expression
    if isinstance(part, exp.Star):
        return _star(part) or (*left, "*")
    if isinstance(part, exp.Identifier):
        safe = node.args.get("safe")
        if left[0] == "field" and not safe:
            return (*left, part.name)
        return ("access", left, ("constant", part.name))
    index = part.this.name if isinstance(part, exp.Neg) else part.name
    return ("element", left, index)


def _star(node: exp.Star) -> Any:
    return None if not (node.args.get("except_") or node.args.get("replace")) else ("columns",)


def _our_literal(node: exp.Literal) -> Any:
    if node.args["is_string"]:
        return ("constant", node.this)
    named = {"inf": "Infinity", "nan": "NaN"}.get(node.this)
    return ("constant", named) if named else ("number", float(node.this))


def _our_negative(node: exp.Neg) -> Any:
    inner = ours(node.this)
    if isinstance(node.this, exp.Literal) and inner[0] == "number":
        return ("number", -inner[1])
    if inner == ("constant", "Infinity"):
        return ("constant", "-Infinity")
    return ("arithmetic", "-", ("number", 0.0), inner)


def _our_call(node: exp.Anonymous) -> Any:
    name, args = node.this, node.expressions
    if name == "__dict":
        return ("dict", *ours(args))
    if name == "__hx":
        return ("tag", args[0].name)
    if (
        name == "concat"
        and not (args and isinstance(args[0], exp.Distinct))
        and not node.args.get("order")
    ):
        if node.meta.get("fstring") and not args:
            return ("constant", "")
        return _concat(node)
    distinct = bool(args) and isinstance(args[0], exp.Distinct)
    values = args[0].expressions if distinct else args
    found: tuple[Any, ...] = ("call", name, (), ours(values))
    if distinct:
        found = (*found, "distinct")
    if node.args.get("order"):
        found = (*found, "order_by", ours(node.args["order"].expressions))
    return found


def _concat(node: exp.Expr) -> Any:
    found: list[Any] = []
    parts = [node.this, node.expression] if isinstance(node, exp.DPipe) else node.expressions
    for part in parts:
        if isinstance(part, exp.Anonymous) and part.this == "concat" and part.args.get("order"):
            part = exp.Anonymous(
                this="concat", expressions=part.expressions
            )  # the order is lost there
        value = ours(part)
        found += value[1:] if value[0] == "concat" else [value]
    found = _merged(found)
    return found[0] if len(found) == 1 else ("concat", *found)


def _our_parametric(node: exp.ParameterizedAgg) -> Any:
    plain = exp.Anonymous(this=node.this, expressions=node.expressions)
    plain.set("order", node.args.get("order"))
    found = _our_call(plain)
    return (found[0], found[1], ours(node.args["params"]), *found[3:])


def _our_not(node: exp.Not) -> Any:
    inner = ours(node.this)
    if node.meta.get("infix"):
        if inner[0] == "between":
            return ("between", True, *inner[2:])
        operator = {"=~": "!~", "=~*": "!~*", "==": "!="}.get(inner[1], f"not {inner[1]}")
        return ("compare", operator, *inner[2:])
    return ("not", inner)


def _our_in(node: exp.In) -> Any:
    operator = "in cohort" if node.args.get("cohort") else "in"
    right: Any
    if node.args.get("query"):
        right = ours(node.args["query"])
    elif node.args.get("field"):
        right = ours(node.args["field"])
    elif len(node.expressions) == 1:
        right = ours(node.expressions[0])
    else:
        right = ("tuple", *ours(node.expressions))
    return ("compare", operator, ours(node.this), right)


def _our_case(node: exp.Case) -> Any:
    default = ours(node.args.get("default")) or ("constant", "None")
    pairs = [
        part
        for branch in node.args["ifs"]
        for part in (ours(branch.this), ours(branch.args["true"]))
    ]
    if node.this is not None:
        return ("call", "_caseWithExpression", (), (ours(node.this), *pairs, default))
    return ("call", "if" if len(pairs) == 2 else "multiIf", (), (*pairs, default))


def _our_window(node: exp.Window) -> Any:
    call = node.this
    while isinstance(call, exp.Filter | exp.IgnoreNulls):
        call = call.this
    found: Any
    if isinstance(call, exp.Anonymous):
        found = ("call", call.this, (), ours(call.expressions))
    else:
        found = ours(call)
    over: Any = node.args["alias"].name if node.args.get("alias") else _our_over(node)
    parametric = isinstance(call, exp.ParameterizedAgg)
    params = found[2] if parametric else found[3]
    return ("window", found[1], params, found[3] if parametric else (), over)


def _our_over(node: exp.Window) -> Any:
    spec = node.args.get("spec")
    frames = [None, None]
    if spec is not None:
        for index, which in enumerate(("start", "end")):
            value, side = spec.args.get(which), spec.args.get(f"{which}_side")
            if value == "CURRENT ROW":
                frames[index] = ("CURRENT ROW", None)
            elif value is not None:
                frames[index] = (side, None if value == "UNBOUNDED" else ours(value))
    order = node.args.get("order")
    return (
        "over",
        ours(node.args.get("partition_by") or []),
        ours(order.expressions if order else []),
        spec.args["kind"] if spec is not None else None,
        *frames,
    )


def _our_select(node: exp.Select) -> Any:
    args = node.args
    group = args.get("group")
    grouped: list[Any] = []
    if group is not None:
        grouped = list(ours(group.expressions))
        for key in ("cube", "rollup"):
            for item in group.args.get(key) or []:
                grouped += ours(item.expressions)
        for item in group.args.get("grouping_sets") or []:
            grouped += ours(item.expressions)
    with_ = args.get("with_")
    order = args.get("order")
    windows = args.get("windows") or []
    found: dict[str, Any] = {
        "select": ours(node.expressions),
        "distinct": bool(args.get("distinct")),
        "from": _our_joins(node),
        "array_join": tuple(
            item for join in args.get("array_join") or [] for item in ours(join.expressions)
        ),
        "group": tuple(grouped),
        "ctes": tuple(ours(cte) for cte in with_.expressions) if with_ is not None else (),
        "order": ours(order.expressions if order is not None else []),
        "limit": ours(args["limit"].expression) if args.get("limit") else None,
        "offset": ours(args["offset"].expression) if args.get("offset") else None,
        "windows": tuple(
            sorted((window.args["alias"].name, _our_over(window)) for window in windows)
        ),
    }
    for key in ("where", "prewhere", "having", "qualify"):
        found[key] = ours(args[key].this) if args.get(key) else None
    return ("select", *sorted(found.items()))


def _our_joins(node: exp.Select) -> Any:
    from_ = node.args.get("from_")
    if from_ is None:
        return ()
    found: list[Any] = []
    _add_table(found, from_.this, "", None)
    for join in node.args.get("joins") or []:
        _add_join(found, join)
    return tuple(found)


def _add_join(found: list[Any], join: exp.Join) -> None:
    args = join.args
    kind, side, method = args.get("kind") or "", args.get("side") or "", args.get("method") or ""
    words = " ".join((side, kind, "" if method == "NATURAL" else method))
    using = args.get("using")
    condition = ours(args.get("on"))
    if using:
        names = [("field", *name.meta.get("parts", [name.name])) for name in using]
        condition = names[0] if len(names) == 1 else ("tuple", *names)
    _add_table(found, join.this, _join_words(words), condition)


def _add_table(found: list[Any], table: exp.Expr, words: str, condition: Any) -> None:
    if isinstance(table, exp.Paren):
        _add_table(found, table.this, words, condition)
        for join in table.this.args.get("joins") or []:
            _add_join(found, join)
        return
    alias = table.args.get("alias")
    pivots = table.args.get("pivots")
    if pivots:
        bare = table.copy()
        bare.set("pivots", None)
        inner: list[Any] = []
        _add_table(inner, bare, "", None)
        alias = pivots[-1].args.get("alias")
        name = alias.this.name if alias is not None else None
        found.append((words, ("pivot", tuple(inner)), name, (), False, False, condition))
        return
    columns = (
        tuple(column.name for column in alias.args.get("columns") or [])
        if alias is not None
        else ()
    )
    found.append(
        (
            words,
            _our_table(table),
            alias.this.name if alias is not None else None,
            columns,
            bool(table.args.get("final")),
            bool(table.args.get("sample")),
            condition,
        )
    )


def _our_table(table: exp.Expr) -> Any:
    if isinstance(table, exp.Subquery):
        return ours(table.this)
    if isinstance(table, exp.Values):
        return ("values", tuple(ours(row.expressions) for row in table.expressions))
    inner = table.this
    if isinstance(inner, exp.Anonymous) and not inner.this.startswith("__"):
        return ("function", ("field", inner.this), ours(inner.expressions))
    if isinstance(inner, exp.Identifier):
        return ("field", *table.meta["parts"])
    return ours(inner)


def _our_set(node: exp.SetOperation) -> Any:
    leaves: list[Any] = []

    def visit(part: exp.Expr) -> None:
        found = part
        if isinstance(found, exp.SetOperation) and not found.args.get("limit"):
            visit(found.this)
            visit(found.expression)
        else:
            leaves.append(_leaf(ours(found)))

    visit(node.this)
    visit(node.expression)
    return ("set", *leaves)


def _binary(operator: str) -> Any:
    return lambda node: ("compare", operator, ours(node.this), ours(node.expression))


def _arith(operator: str) -> Any:
    return lambda node: ("arithmetic", operator, ours(node.this), ours(node.expression))


def _our_connected(word: str) -> Any:
    def read(node: exp.Expr) -> Any:
        found: list[Any] = []
        for part in (ours(node.this), ours(node.expression)):
            found += part[1:] if part[0] == word else [part]
        return (word, *found)

    return read


def _our_slice_or_access(node: exp.Bracket) -> Any:
    index = node.expressions[0]
    if isinstance(index, exp.Slice):
        return ("slice", ours(node.this), ours(index.this), ours(index.expression))
    return ("access", ours(node.this), ours(index))


_OURS: dict[type, Any] = {
    exp.Column: _our_chain,
    exp.Dot: _our_chain,
    exp.Star: lambda node: _star(node) or ("field", "*"),
    exp.Literal: _our_literal,
    exp.Boolean: lambda node: ("constant", str(node.this)),
    exp.Null: lambda node: ("constant", "None"),
    exp.Neg: _our_negative,
    exp.Paren: lambda node: ours(node.this),
    exp.Subquery: lambda node: ours(node.this),
    exp.Anonymous: _our_call,
    exp.ParameterizedAgg: _our_parametric,
    exp.DPipe: _concat,
    exp.Filter: lambda node: (*ours(node.this), "filter_expr", ours(node.expression.this)),
    exp.IgnoreNulls: lambda node: ours(node.this),
    exp.WithinGroup: lambda node: (
        "call",
        *(
            (ours(node.this)[1], ours(node.this)[3], ())
            if isinstance(node.this, exp.Anonymous)
            else ()
        ),
        "within_group",
        ours(node.expression.expressions),
    ),
    exp.Window: _our_window,
    exp.Alias: lambda node: ("alias", node.alias, ours(node.this)),
    exp.Not: _our_not,
    exp.And: _our_connected("and"),
    exp.Or: _our_connected("or"),
    exp.In: _our_in,
    exp.EQ: _binary("=="),
    exp.NEQ: _binary("!="),
    exp.LT: _binary("<"),
    exp.LTE: _binary("<="),
    exp.GT: _binary(">"),
    exp.GTE: _binary(">="),
    exp.Is: lambda node: ("compare", "==", ours(node.this), ("constant", "None")),
    exp.Like: _binary("like"),
    exp.ILike: _binary("ilike"),
    exp.RegexpLike: _binary("=~"),
    exp.RegexpILike: _binary("=~*"),
    exp.NullSafeEQ: lambda node: ("distinct_from", True, ours(node.this), ours(node.expression)),
    exp.NullSafeNEQ: lambda node: ("distinct_from", False, ours(node.this), ours(node.expression)),
    exp.Add: _arith("+"),
    exp.Sub: _arith("-"),
    exp.Mul: _arith("*"),
    exp.Div: _arith("/"),
    exp.Mod: _arith("%"),
    exp.Between: lambda node: (
        "between",
        False,
        *map(ours, (node.this, node.args["low"], node.args["high"])),
    ),
    exp.Coalesce: lambda node: ("call", "ifNull", (), (ours(node.this), *ours(node.expressions))),
    exp.If: lambda node: (
        "call",
        "if",
        (),
        tuple(map(ours, (node.this, node.args["true"], node.args["false"]))),
    ),
    exp.Case: _our_case,
    exp.Cast: lambda node: ("cast", _type(node.args["to"].meta["type_text"]), ours(node.this)),
    exp.TryCast: lambda node: (
        "try_cast",
        _type(node.args["to"].meta["type_text"]),
        ours(node.this),
    ),
    exp.Interval: lambda node: (
        "call",
        f"toInterval{node.args['unit'].name.capitalize()}",
        (),
        (ours(node.this),),
    ),
    exp.Tuple: lambda node: ("tuple", *ours(node.expressions)),
    exp.Array: lambda node: ("array", *ours(node.expressions)),
    exp.Lambda: lambda node: (
        "lambda",
        tuple(name.name for name in node.expressions),
        ours(node.this),
    ),
    exp.Kwarg: lambda node: ("named", node.this.name, ours(node.expression)),
    exp.Placeholder: lambda node: ("placeholder", ours(node.this)),
    exp.Columns: lambda node: ("columns",),
    exp.PositionalColumn: lambda node: ("positional", int(node.this.name)),
    exp.Bracket: _our_slice_or_access,
    exp.Ordered: lambda node: ("order", "DESC" if node.args["desc"] else "ASC", ours(node.this)),
    exp.Collate: lambda node: ours(node.this),
    exp.Select: _our_select,
    exp.Union: _our_set,
    exp.Except: _our_set,
    exp.Intersect: _our_set,
    exp.CTE: lambda node: (
        "cte",
        node.args["alias"].this.name,
        "column" if node.args.get("scalar") else "subquery",
        ours(node.this),
    ),
}


# What the measure counts: called functions and tables


def their_names(tree: Any) -> tuple[list[str], list[str]]:
    """Called functions and tables in the oracle's tree, sorted."""
    functions: list[str] = []
    tables: list[str] = []

    def visit(node: Any) -> None:
        if isinstance(node, list):
            for item in node:
                visit(item)
        elif isinstance(node, dict):
            kind = node.get("node")
            if kind in ("Call", "WindowFunction"):
                functions.append(node["name"].lower())
            if kind in ("JoinExpr", "PivotExpr", "UnpivotExpr") and isinstance(
                node.get("table"), dict
            ):
                table = node["table"]
                if table.get("node") == "Field":
                    tables.append(".".join(map(str, table["chain"])))
            for value in node.values():
                visit(value)

    visit(tree)
    return sorted(functions), sorted(tables)


_SUGAR = {"not", "if", "multiif", "ifnull", "concat", "_casewithexpression", "cube", "rollup"}


def our_names(tree: exp.Expr) -> tuple[list[str], list[str]]:
    """Called functions and tables in our tree, sorted."""
    functions: list[str] = []
    tables: list[str] = []
    for node in tree.walk():
        if isinstance(node, exp.Anonymous | exp.ParameterizedAgg):
            if isinstance(node.parent, exp.Table):
                tables.append(node.this)
            elif not node.this.startswith("__"):
                functions.append(node.this.lower())
        elif isinstance(node, exp.Interval):
            functions.append(f"tointerval{node.args['unit'].name.lower()}")
        elif isinstance(node, exp.Table) and "parts" in node.meta:
            tables.append(".".join(node.meta["parts"]))
    return sorted(functions), sorted(tables)


def without_sugar(names: list[str]) -> list[str]:
    """Functions that one side writes as calls and the other as operators are left out."""
    return [name for name in names if name not in _SUGAR]
