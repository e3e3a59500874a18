"""Maps: made, read, filtered, added up."""

from collections.abc import Sequence

from pwh_assets.hogql.functions.base import (
    Arg,
    Call,
    Fn,
    Handler,
    Rendering,
    Row,
    TypeRule,
    alike,
    on,
)
from pwh_assets.hogql.functions.rules import common, element_of, first
from pwh_assets.hogql.functions.sqltext import filled, lambda_, let, name
from pwh_assets.hogql.types import BOOLEAN, INTEGER, UNKNOWN, Type, array, map_


def _map(call: Call, /) -> str:
    if len(call.args) % 2:
        raise ValueError("it takes keys and values in turn.")
    keys, values = call.args[::2], call.args[1::2]
    if call.engine == "clickhouse":
        listed = (
            f"{key.sql if key.literal is not None else f'assumeNotNull({key.sql})'}, {value.sql}"
            for key, value in zip(keys, values, strict=True)
        )
        return f"map({', '.join(listed)})"
    return (
        f"map([{', '.join(key.sql for key in keys)}], [{', '.join(value.sql for value in values)}])"
    )


def _map_type(types: Sequence[Type]) -> Type:
    return map_(common(types[::2]), common(types[1::2])) if types else map_(UNKNOWN, UNKNOWN)


def _keys(types: Sequence[Type]) -> Type:
    head = first(types)
    return array(head.args[0]) if head.name == "Map" else array(UNKNOWN)


def _values(types: Sequence[Type]) -> Type:
    head = first(types)
    return array(head.args[1]) if head.name == "Map" else array(UNKNOWN)


def _from_arrays(types: Sequence[Type]) -> Type:
    return map_(element_of(types[0]), element_of(types[1])) if len(types) > 1 else UNKNOWN


def _entries(call: Call, function: Arg, map_arg: Arg, wrap: str) -> str:
    """DuckDB: `wrap` of the lambda's body over a map's entries, in a lambda of one entry `__e`."""
    key, value = (name(variable) for variable in function.lambda_names)
    body = (
        f"list_transform([__e.key], lambda {key}: list_transform([__e.value], "
        f"lambda {value}: {function.sql})[1])[1]"
    )
    return filled(wrap, body=body, map=map_arg.sql)


def _with_lambda(native: str, template: str) -> Handler:
    def handler(call: Call, /) -> str:
        function, map_arg = call.args
        if len(function.lambda_names) != 2:
            raise ValueError("its lambda takes a key and a value.")
        if call.engine == "clickhouse":
            return f"{native}({lambda_('clickhouse', function.lambda_names, function.sql)}, {map_arg.sql})"
        return _entries(call, function, map_arg, template)

    return handler


def _entry_types(types: Sequence[Type]) -> Sequence[Type]:
    return next((type_.args for type_ in types if type_.name == "Map"), (UNKNOWN, UNKNOWN))


def _second(types: Sequence[Type]) -> Type:
    return types[-1]


def _applied(types: Sequence[Type]) -> Type:
    return map_(*types[0].args) if types and types[0].name == "Tuple" else types[-1]


def _combined(operator: str, native: str) -> Handler:
    """Values added or subtracted key by key."""

    def handler(call: Call, /) -> str:
        listed = ", ".join(arg.sql for arg in call.args)
        if call.engine == "clickhouse":
            if all(arg.type.name == "Map" and arg.type.args[1] == INTEGER for arg in call.args):
                signed = (f"mapApply((k, v) -> (k, toInt64(v)), {arg.sql})" for arg in call.args)
                return f"{native}({', '.join(signed)})"
            return f"{native}({listed})"
        if any(arg.type.name != "Map" for arg in call.args):
            raise ValueError("it takes Maps there.")
        entries = [f"map_entries({call.args[0].sql})"]
        for arg in call.args[1:]:
            sign = "-" if operator == "-" else ""
            entries.append(
                f"list_transform(map_entries({arg.sql}), lambda __e: {{'key': __e.key, 'value': {sign}__e.value}})"
            )
        gathered = f"list_concat({', '.join(entries)})"
        return let(
            gathered,
            lambda rows: (
                f"map_from_entries(list_transform(list_sort(list_distinct(list_transform({rows}, "
                "lambda __e: __e.key))), lambda __k: row(__k, list_sum(list_transform(list_filter("
                f"{rows}, lambda __e: __e.key = __k), lambda __e: __e.value)))))"
            ),
            "__rows",
        )

    return handler


def _row(
    fn: str,
    args: tuple[int, int | None],
    returns: TypeRule,
    doc: str,
    sql: dict[str, Rendering],
    *example: tuple[str, object],
    aliases: tuple[str, ...] = (),
    lambdas: bool = False,
) -> Fn:
    return Fn(
        fn,
        args,
        returns,
        doc,
        sql,
        example=example,
        aliases=aliases,
        category="maps",
        lambda_types=_entry_types if lambdas else None,
    )


_M = "map('a', 1, 'b', 2)"

ROWS: tuple[Row, ...] = (
    _row(
        "map",
        (0, None),
        _map_type,
        "A map of keys and values in turn. Also `{'k': v}`.",
        alike(_map),
        (_M, {"a": 1, "b": 2}),
        (f"{_M}['b']", 2),
        (f"{_M}['z']", None),
        aliases=("__dict",),
    ),
    _row(
        "mapFromArrays",
        (2, 2),
        _from_arrays,
        "A map of an array of keys and one of values.",
        on("map({0}, {1})", "mapFromArrays({0}, {1})"),
        ("mapFromArrays(['a'], [1])", {"a": 1}),
        aliases=("MAP_FROM_ARRAYS",),
    ),
    _row(
        "mapKeys",
        (1, 1),
        _keys,
        "The keys.",
        on("map_keys({0})", "mapKeys({0})"),
        (f"mapKeys({_M})", ["a", "b"]),
    ),
    _row(
        "mapValues",
        (1, 1),
        _values,
        "The values.",
        on("map_values({0})", "mapValues({0})"),
        (f"mapValues({_M})", [1, 2]),
    ),
    _row(
        "mapContains",
        (2, 2),
        BOOLEAN,
        "Whether the map has the key.",
        on("coalesce(map_contains({0}, {1}), false)", "mapContains({0}, {1})"),
        (f"mapContains({_M}, 'a')", True),
        aliases=("mapContainsKey",),
    ),
    _row(
        "mapContainsValue",
        (2, 2),
        BOOLEAN,
        "Whether the map has the value.",
        on("coalesce(list_contains(map_values({0}), {1}), false)", "has(mapValues({0}), {1})"),
        (f"mapContainsValue({_M}, 2)", True),
    ),
    _row(
        "mapContainsKeyLike",
        (2, 2),
        BOOLEAN,
        "Whether a key of the map is LIKE the pattern.",
        on(
            "(len(list_filter(map_keys({0}), lambda __k: __k LIKE {1} ESCAPE '\\')) > 0)",
            "mapContainsKeyLike({0}, {1})",
        ),
        (f"mapContainsKeyLike({_M}, 'a%')", True),
    ),
    _row(
        "mapExtractKeyLike",
        (2, 2),
        first,
        "The entries whose key is LIKE the pattern.",
        on(
            "map_from_entries(list_filter(map_entries({0}), lambda __e: __e.key LIKE {1} ESCAPE '\\'))",
            "mapExtractKeyLike({0}, {1})",
        ),
        (f"mapExtractKeyLike({_M}, 'a%')", {"a": 1}),
    ),
    _row(
        "mapFilter",
        (2, 2),
        _second,
        "The entries for which the lambda is true.",
        alike(
            _with_lambda(
                "mapFilter",
                "map_from_entries(list_filter(map_entries({map}), lambda __e: CAST({body} AS BOOLEAN)))",
            )
        ),
        (f"mapFilter((k, v) -> v > 1, {_M})", {"b": 2}),
        lambdas=True,
    ),
    _row(
        "mapApply",
        (2, 2),
        _applied,
        "A map of the tuples (key, value) the lambda makes of each entry.",
        alike(
            _with_lambda(
                "mapApply",
                "map_from_entries(list_transform(map_entries({map}), lambda __e: {body}))",
            )
        ),
        (f"mapApply((k, v) -> (k, v * 10), {_M})", {"a": 10, "b": 20}),
        lambdas=True,
    ),
    _row(
        "mapExists",
        (2, 2),
        BOOLEAN,
        "Whether the lambda is true for one entry.",
        alike(
            _with_lambda(
                "mapExists",
                "(len(list_filter(map_entries({map}), lambda __e: CAST({body} AS BOOLEAN))) > 0)",
            )
        ),
        (f"mapExists((k, v) -> v > 1, {_M})", True),
        lambdas=True,
    ),
    _row(
        "mapAll",
        (2, 2),
        BOOLEAN,
        "Whether the lambda is true for every entry.",
        alike(
            _with_lambda(
                "mapAll",
                "(len(list_filter(map_entries({map}), lambda __e: CAST({body} AS BOOLEAN))) = cardinality({map}))",
            )
        ),
        (f"mapAll((k, v) -> v > 1, {_M})", False),
        lambdas=True,
    ),
    _row(
        "mapUpdate",
        (2, 2),
        first,
        "The first map with the second's entries put over it.",
        on("map_concat({0}, {1})", "mapUpdate({0}, {1})"),
        (f"mapUpdate({_M}, map('b', 5))", {"a": 1, "b": 5}),
    ),
    _row(
        "mapConcat",
        (1, None),
        first,
        "The maps' entries in one.",
        on("map_concat({*})", "mapConcat({*})"),
        (f"mapConcat({_M}, map('c', 5))", {"a": 1, "b": 2, "c": 5}),
    ),
    _row(
        "mapAdd",
        (2, None),
        first,
        "Sums of the values, key by key.",
        alike(_combined("+", "mapAdd")),
        (f"mapAdd({_M}, map('b', 5))", {"a": 1, "b": 7}),
    ),
    _row(
        "mapSubtract",
        (2, None),
        first,
        "Differences of the values, key by key.",
        alike(_combined("-", "mapSubtract")),
        (f"mapSubtract({_M}, map('b', 5))", {"a": 1, "b": -3}),
    ),
    _row(
        "mapSort",
        (1, 1),
        first,
        "The map with its keys in order.",
        on("map_from_entries(list_sort(map_entries({0})))", "mapSort({0})"),
        ("mapSort(map('b', 2, 'a', 1))", {"a": 1, "b": 2}),
    ),
    _row(
        "mapReverseSort",
        (1, 1),
        first,
        "The map with its keys from the last.",
        on("map_from_entries(list_sort(map_entries({0}), 'DESC'))", "mapReverseSort({0})"),
        ("mapReverseSort(map('a', 1, 'b', 2))", {"b": 2, "a": 1}),
    ),
    _row(
        "mapLength",
        (1, 1),
        INTEGER,
        "Number of entries.",
        on("cardinality({0})", "length({0})"),
        (f"mapLength({_M})", 2),
    ),
)
