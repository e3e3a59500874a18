"""Tuples and vectors: made, read, added, and how far apart they are."""

from collections.abc import Sequence

from pwh_assets.hogql.functions.base import (
    Arg,
    Call,
    Fn,
    Handler,
    Row,
    TypeRule,
    alike,
)
from pwh_assets.hogql.functions.rules import first
from pwh_assets.hogql.functions.sqltext import field_of, filled, struct_of
from pwh_assets.hogql.types import FLOAT, INTEGER, STRING, UNKNOWN, Type, array, tuple_


def _tuple(call: Call, /) -> str:
    listed = ", ".join(arg.sql for arg in call.args)
    if call.engine == "duckdb":
        return struct_of(arg.sql for arg in call.args)
    return f"tuple({listed})"


def _element(call: Call, /) -> str:
    head, key, *rest = call.args
    place = key.literal
    fields = head.type.fields
    if isinstance(place, str) and place in fields:
        place = fields.index(place) + 1
    if not isinstance(place, int):
        raise ValueError("its second argument has to be a place or a name of the tuple.")
    width = len(head.type.args)
    if place < 0 and width:
        place += width + 1
    if width and not 1 <= place <= width:
        if rest:
            return rest[0].sql
        raise ValueError(f"the tuple has {width} elements, asked for is number {place}.")
    if call.engine == "clickhouse":
        return f"tupleElement({head.sql}, {place})"
    return field_of(head.sql, place)


def _element_type(args: Sequence[Arg]) -> Type:
    head, key = args[0].type, args[1].literal
    if isinstance(key, str) and key in head.fields:
        key = head.fields.index(key) + 1
    if isinstance(key, int) and head.args:
        at = key if key > 0 else key + len(head.args) + 1
        if 1 <= at <= len(head.args):
            return head.args[at - 1]
    return UNKNOWN


def parts(arg: Arg) -> list[str]:
    """DuckDB: a tuple's elements.

    Raises:
        ValueError: its width is not known.
    """
    if arg.type.name != "Tuple" or not arg.type.args:
        raise ValueError("it takes tuples whose elements are known.")
    return [field_of(arg.sql, i) for i in range(1, len(arg.type.args) + 1)]


def _each(operator: str, native: str) -> Handler:
    """Element by element; a number as second argument goes with every element."""

    def handler(call: Call, /) -> str:
        if call.engine == "clickhouse":
            return f"{native}({', '.join(arg.sql for arg in call.args)})"
        left = parts(call.args[0])
        if len(call.args) == 1:
            return struct_of(f"{operator}{part}" for part in left)
        other = call.args[1]
        right = parts(other) if other.type.name == "Tuple" else [other.sql] * len(left)
        if len(left) != len(right):
            raise ValueError("its tuples have to be of the same width.")
        return struct_of(f"{a} {operator} {b}" for a, b in zip(left, right, strict=True))

    return handler


def _vector(arg: Arg) -> str:
    """DuckDB: a tuple or an array as an array of floats."""
    if arg.type.name == "Tuple":
        return f"CAST([{', '.join(parts(arg))}] AS DOUBLE[])"
    return f"CAST({arg.sql} AS DOUBLE[])"


def _measure(template: str, native: str, power: bool = False) -> Handler:
    """A number of one vector `{0}` or of two, `{0}` and `{1}`; `{p}` is the power."""

    def handler(call: Call, /) -> str:
        if call.engine == "clickhouse":
            return f"toFloat64({native}({', '.join(arg.sql for arg in call.args)}))"
        vectors = call.args[:-1] if power else call.args
        return filled(template, *map(_vector, vectors), p=call.args[-1].sql)

    return handler


_DIFF = "list_transform({0}, lambda __x, __i: abs(__x - ({1})[__i]))"
_ABS = "list_transform({0}, lambda __x: abs(__x))"


def _power(of: str) -> str:
    return f"pow(list_sum(list_transform({of}, lambda __y: pow(__y, {{p}}))), 1.0 / {{p}})"


def _normalized(kind: str, power: bool = False) -> Handler:
    norm = {
        "L1": f"list_sum({_ABS})",
        "L2": "sqrt(list_sum(list_transform({0}, lambda __x: __x * __x)))",
        "Linf": f"list_max({_ABS})",
        "Lp": _power(_ABS),
    }[kind]

    def handler(call: Call, /) -> str:
        if call.engine == "clickhouse":
            return f"{kind}Normalize({', '.join(arg.sql for arg in call.args)})"
        arg = call.args[0]
        size = filled(norm, _vector(arg), p=call.args[-1].sql)
        return struct_of(f"{part} / {size}" for part in parts(arg))

    return handler


def _floats(types: Sequence[Type]) -> Type:
    return tuple_(*[FLOAT] * len(first(types).args))


def _divided(types: Sequence[Type]) -> Type:
    return _floats(types)


def _hamming(call: Call, /) -> str:
    left, right = call.args
    if call.engine == "clickhouse":
        return f"tupleHammingDistance({left.sql}, {right.sql})"
    differ = (
        f"CAST({a} IS DISTINCT FROM {b} AS INTEGER)"
        for a, b in zip(parts(left), parts(right), strict=True)
    )
    return "(" + " + ".join(differ) + ")"


def _pairs_of(call: Call, /) -> str:
    arg = call.args[0]
    if call.engine == "clickhouse":
        return f"tupleToNameValuePairs({arg.sql})"
    names = arg.type.fields or tuple(str(i) for i in range(1, len(arg.type.args) + 1))
    cells = (struct_of((f"'{name}'", part)) for name, part in zip(names, parts(arg), strict=True))
    return f"[{', '.join(cells)}]"


def _pairs_type(types: Sequence[Type]) -> Type:
    head = first(types)
    return array(tuple_(STRING, head.args[0] if head.args else UNKNOWN))


def _row(
    fn: str,
    args: tuple[int, int | None],
    returns: TypeRule,
    doc: str,
    handler: Handler,
    *example: tuple[str, object],
    aliases: tuple[str, ...] = (),
    category: str = "tuples",
) -> Fn:
    return Fn(
        fn, args, returns, doc, alike(handler), example=example, aliases=aliases, category=category
    )


ROWS: tuple[Row, ...] = (
    _row(
        "tuple",
        (0, None),
        lambda types: tuple_(*types),
        "A tuple of the arguments. Also `(a, b)`.",
        _tuple,
        ("tuple(1, 'a')", [1, "a"]),
    ),
    Fn(
        "tupleElement",
        (2, 3),
        UNKNOWN,
        "The element of a tuple at a place or by name. Also `t.1`.",
        alike(_element),
        example=(("tupleElement((1, 'a'), 2)", "a"), ("(1, 'a').1", 1)),
        category="tuples",
        typed=_element_type,
    ),
    _row(
        "tuplePlus",
        (2, 2),
        first,
        "Sum of two tuples, element by element.",
        _each("+", "tuplePlus"),
        ("tuplePlus((1, 2), (3, 4))", [4, 6]),
        aliases=("vectorSum",),
    ),
    _row(
        "tupleMinus",
        (2, 2),
        first,
        "Difference of two tuples, element by element.",
        _each("-", "tupleMinus"),
        ("tupleMinus((3, 4), (1, 1))", [2, 3]),
        aliases=("vectorDifference",),
    ),
    _row(
        "tupleMultiply",
        (2, 2),
        first,
        "Product of two tuples, element by element.",
        _each("*", "tupleMultiply"),
        ("tupleMultiply((1, 2), (3, 4))", [3, 8]),
    ),
    _row(
        "tupleDivide",
        (2, 2),
        _divided,
        "Quotient of two tuples, element by element.",
        _each("/", "tupleDivide"),
        ("tupleDivide((1, 4), (2, 2))", [0.5, 2.0]),
    ),
    _row(
        "tupleNegate",
        (1, 1),
        first,
        "The tuple with the signs changed.",
        _each("-", "tupleNegate"),
        ("tupleNegate((1, 2))", [-1, -2]),
    ),
    _row(
        "tupleMultiplyByNumber",
        (2, 2),
        first,
        "Every element times a number.",
        _each("*", "tupleMultiplyByNumber"),
        ("tupleMultiplyByNumber((1, 2), 3)", [3, 6]),
    ),
    _row(
        "tupleDivideByNumber",
        (2, 2),
        _divided,
        "Every element by a number.",
        _each("/", "tupleDivideByNumber"),
        ("tupleDivideByNumber((1, 2), 2)", [0.5, 1.0]),
    ),
    _row(
        "tupleHammingDistance",
        (2, 2),
        INTEGER,
        "In how many places two tuples differ.",
        _hamming,
        ("tupleHammingDistance((1, 2), (1, 3))", 1),
    ),
    _row(
        "tupleToNameValuePairs",
        (1, 1),
        _pairs_type,
        "An array of the elements with their names.",
        _pairs_of,
        ("tupleToNameValuePairs((5, 6))", [["1", 5], ["2", 6]]),
    ),
    _row(
        "dotProduct",
        (2, 2),
        FLOAT,
        "Scalar product of two vectors.",
        _measure("list_dot_product({0}, {1})", "dotProduct"),
        ("dotProduct((1, 2), (3, 4))", 11.0),
        ("dotProduct([1., 2.], [3., 4.])", 11.0),
        aliases=("scalarProduct", "arrayDotProduct"),
        category="distance",
    ),
    _row(
        "L1Norm",
        (1, 1),
        FLOAT,
        "Sum of the absolute values.",
        _measure(f"list_sum({_ABS})", "L1Norm"),
        ("L1Norm((3, -4))", 7.0),
        aliases=("normL1",),
        category="distance",
    ),
    _row(
        "L2Norm",
        (1, 1),
        FLOAT,
        "Length of a vector.",
        _measure("sqrt(list_sum(list_transform({0}, lambda __x: __x * __x)))", "L2Norm"),
        ("L2Norm((3, -4))", 5.0),
        aliases=("normL2",),
        category="distance",
    ),
    _row(
        "LinfNorm",
        (1, 1),
        FLOAT,
        "Greatest absolute value.",
        _measure(f"list_max({_ABS})", "LinfNorm"),
        ("LinfNorm((3, -4))", 4.0),
        aliases=("normLinf",),
        category="distance",
    ),
    _row(
        "LpNorm",
        (2, 2),
        FLOAT,
        "p-norm of a vector.",
        _measure(_power(_ABS), "LpNorm", power=True),
        ("LpNorm((3, -4), 2)", 5.0),
        aliases=("normLp",),
        category="distance",
    ),
    _row(
        "L1Distance",
        (2, 2),
        FLOAT,
        "Sum of the absolute differences.",
        _measure(f"list_sum({_DIFF})", "L1Distance"),
        ("L1Distance((1, 2), (3, 5))", 5.0),
        aliases=("distanceL1",),
        category="distance",
    ),
    _row(
        "L2Distance",
        (2, 2),
        FLOAT,
        "Euclidean distance.",
        _measure("list_distance({0}, {1})", "L2Distance"),
        ("L2Distance((0, 0), (3, 4))", 5.0),
        aliases=("distanceL2",),
        category="distance",
    ),
    _row(
        "L2SquaredDistance",
        (2, 2),
        FLOAT,
        "Square of the Euclidean distance.",
        _measure(f"list_sum(list_transform({_DIFF}, lambda __y: __y * __y))", "L2SquaredDistance"),
        ("L2SquaredDistance((0, 0), (3, 4))", 25.0),
        aliases=("distanceL2Squared",),
        category="distance",
    ),
    _row(
        "LinfDistance",
        (2, 2),
        FLOAT,
        "Greatest absolute difference.",
        _measure(f"list_max({_DIFF})", "LinfDistance"),
        ("LinfDistance((1, 2), (3, 5))", 3.0),
        aliases=("distanceLinf",),
        category="distance",
    ),
    _row(
        "LpDistance",
        (3, 3),
        FLOAT,
        "Distance by the p-norm.",
        _measure(_power(_DIFF), "LpDistance", power=True),
        ("LpDistance((0, 0), (3, 4), 2)", 5.0),
        aliases=("distanceLp",),
        category="distance",
    ),
    _row(
        "cosineDistance",
        (2, 2),
        FLOAT,
        "1 minus the cosine of the angle.",
        _measure("(1 - list_cosine_similarity({0}, {1}))", "cosineDistance"),
        ("cosineDistance((1, 0), (0, 1))", 1.0),
        category="distance",
    ),
    *(
        _row(
            f"{kind}Normalize",
            (args, args),
            _floats,
            f"The tuple divided by its {kind} norm.",
            _normalized(kind),
            example,
            aliases=(f"normalize{kind}",),
            category="distance",
        )
        for kind, args, example in (
            ("L1", 1, ("L1Normalize((1, 3))", [0.25, 0.75])),
            ("L2", 1, ("L2Normalize((3, 4))", [0.6, 0.8])),
            ("Linf", 1, ("LinfNormalize((2, 4))", [0.5, 1.0])),
            ("Lp", 2, ("LpNormalize((3, 4), 2)", [0.6, 0.8])),
        )
    ),
)
