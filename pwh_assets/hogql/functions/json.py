"""JSON texts: paths are further arguments, a text names a key, a number counts elements from 1 or from the end."""

import re
from collections.abc import Sequence
from dataclasses import replace

from pwh_assets.hogql.functions.base import Arg, Call, Fn, Handler, Row, alike
from pwh_assets.hogql.functions.sqltext import field_of, quote, sql_type, struct_of
from pwh_assets.hogql.functions.typenames import parse_type
from pwh_assets.hogql.types import BOOLEAN, FLOAT, INTEGER, JSON, STRING, Type, array, tuple_


def document(arg: Arg) -> str:
    """DuckDB: the argument as JSON, NULL where the text is none."""
    if arg.type == JSON:
        return arg.sql
    return f"TRY_CAST({arg.sql} AS JSON)"


def path(keys: Sequence[Arg]) -> str:
    """DuckDB: a JSON path of keys and positions, a literal where all of them are."""
    if not keys:
        return "'$'"
    literals = [key.literal for key in keys]
    if any(part == "" or '"' in str(part) for part in literals):
        escaped = (
            str(part - 1)
            if isinstance(part, int)
            else str(part).replace("~", "~0").replace("/", "~1")
            for part in literals
        )
        return quote("".join(f"/{part}" for part in escaped))
    if all(isinstance(part, str | int) and '"' not in str(part) for part in literals):
        return quote("$" + "".join(_step(part) for part in literals))
    if all(key.type.name != "Integer" or (key.literal or 0) > 0 for key in keys):
        return " || ".join(f"'/' || {_pointer(key)}" for key in keys)
    steps = []
    for key in keys:
        if key.type.name == "Integer":
            steps.append(
                f"'[' || CASE WHEN {key.sql} < 0 THEN '#' || {key.sql} ELSE "
                f"CAST({key.sql} - 1 AS VARCHAR) END || ']'"
            )
        else:
            steps.append(f"""'."' || replace({key.sql}, '"', '') || '"'""")
    return "'$' || " + " || ".join(steps)


def _pointer(key: Arg) -> str:
    """DuckDB: a key or place as a part of a JSON pointer."""
    if key.type.name == "Integer":
        return f"'{key.literal - 1}'"
    return f"replace(replace({key.sql}, '~', '~0'), '/', '~1')"


def _step(part: str | int) -> str:
    if isinstance(part, str):
        return f'."{part}"'
    return f"[#{part}]" if part < 0 else f"[{part - 1 if part else 4294967295}]"


def _native(call: Call, name: str, *extra: str) -> str:
    return f"{name}({', '.join([*(arg.sql for arg in call.args), *extra])})"


def _value(arg: Arg, keys: Sequence[Arg], function: str = "json_extract") -> str:
    return f"{function}({document(arg)}, {path(keys)})"


def _or_default(arg: Arg, sql: str, default: str, keys: Sequence[Arg] = ()) -> str:
    """The value, or the default where there is none; NULL only where the JSON or a key is NULL."""
    given = [arg, *(key for key in keys if key.literal is None)]
    known = " AND ".join(f"{one.sql} IS NOT NULL" for one in given)
    return f"(CASE WHEN {known} THEN coalesce({sql}, {default}) END)"


def _extract(clickhouse: str, macro: str, default: str) -> Handler:
    def handler(call: Call, /) -> str:
        if call.engine == "clickhouse":
            return _native(call, clickhouse)
        head, *keys = call.args
        return _or_default(head, f"{macro}({_value(head, keys)})", default, keys)

    return handler


def _string(call: Call, /) -> str:
    if call.engine == "clickhouse":
        return _native(call, "JSONExtractString")
    head, *keys = call.args
    return _or_default(head, f"hog_json_text({_value(head, keys)})", "''", keys)


def _raw(call: Call, /) -> str:
    if call.engine == "clickhouse":
        return _native(call, "JSONExtractRaw")
    head, *keys = call.args
    return _or_default(head, f"hog_json_raw({_value(head, keys)})", "''", keys)


def _bool(call: Call, /) -> str:
    if call.engine == "clickhouse":
        return f"CAST({_native(call, 'JSONExtractBool')} AS Nullable(Bool))"
    head, *keys = call.args
    return _or_default(head, f"hog_json_bool({_value(head, keys)})", "false", keys)


def _has(call: Call, /) -> str:
    if call.engine == "clickhouse":
        return _native(call, "JSONHas")
    head, *keys = call.args
    return _or_default(head, f"json_exists({document(head)}, {path(keys)})", "false", keys)


def _length(call: Call, /) -> str:
    if call.engine == "clickhouse":
        return _native(call, "JSONLength")
    head, *keys = call.args
    return _or_default(head, f"hog_json_length({_value(head, keys)})", "0", keys)


def _kind(call: Call, /) -> str:
    if call.engine == "clickhouse":
        return f"toString({_native(call, 'JSONType')})"
    head, *keys = call.args
    return _or_default(head, f"hog_json_type({_value(head, keys)})", "'Null'", keys)


def _array_raw(call: Call, /) -> str:
    if call.engine == "clickhouse":
        head, *rest = call.args
        args = ", ".join([f"ifNull({head.sql}, '')", *(arg.sql for arg in rest)])
        return f"JSONExtractArrayRaw({args})"
    head, *keys = call.args
    return f"coalesce(hog_json_array({_value(head, keys)}), [])"


def _keys(call: Call, /) -> str:
    head, *keys = call.args
    if call.engine == "clickhouse":
        args = ", ".join([f"ifNull({head.sql}, '')", *(arg.sql for arg in keys)])
        return f"JSONExtractKeys({args})"
    return f"coalesce(hog_json_keys({_value(head, keys)}), [])"


def _pairs(raw: bool) -> Handler:
    def handler(call: Call, /) -> str:
        head, *rest = call.args
        if call.engine == "clickhouse":
            name = "JSONExtractKeysAndValuesRaw" if raw else "JSONExtractKeysAndValues"
            args = ", ".join([f"ifNull({head.sql}, '')", *(arg.sql for arg in rest)])
            return f"{name}({args})"
        keys = rest if raw else rest[:-1]
        wanted = STRING if raw else _type_literal(rest[-1] if rest else None)
        at = "json_extract(__o, '$.\"' || __k || '\"')"
        value = f"hog_json_raw({at})" if raw else cast(at, wanted)
        pairs = f"list_transform(coalesce(hog_json_keys(__o), []), lambda __k: {{'v1': __k, 'v2': {value}}})"
        if not raw:
            pairs = f"list_filter({pairs}, lambda __p: __p.v2 IS NOT NULL)"
        return f"coalesce(list_transform([{_value(head, keys)}], lambda __o: {pairs})[1], [])"

    return handler


def _type_literal(arg: Arg | None) -> Type:
    if arg is None or not isinstance(arg.literal, str):
        raise ValueError("its last argument has to name a type, such as 'Float64'.")
    return parse_type(arg.literal)[0]


def cast(value: str, wanted: Type) -> str:
    """DuckDB: a JSON value as a type, NULL where it is none."""
    match wanted.name:
        case "String":
            return f"hog_json_text({value})"
        case "Integer":
            return f"hog_json_int({value})"
        case "Float" | "Decimal":
            return f"hog_json_float({value})"
        case "Boolean":
            return f"hog_json_bool({value})"
        case "Array":
            inner = cast("__j", wanted.args[0])
            return f"list_transform(coalesce(hog_json_values({value}), []), lambda __j: {inner})"
        case "Tuple":
            cells = (
                cast(f"json_extract({value}, '$[{i}]')", part) for i, part in enumerate(wanted.args)
            )
            return struct_of(cells, wanted.fields)
        case "Map":
            inner = cast(f"json_extract({value}, '$.\"' || __k || '\"')", wanted.args[1])
            return (
                f"map_from_entries(list_transform(coalesce(hog_json_keys({value}), []), "
                f"lambda __k: row(__k, {inner})))"
            )
        case "JSON":
            return value
        case _:
            return f"TRY_CAST(json_extract_string({value}, '$') AS {sql_type(wanted, 'duckdb')})"


def _typed(call: Call, /) -> str:
    head, *keys, name = call.args
    if not isinstance(name.literal, str):
        raise ValueError("its last argument has to name a type, such as 'Float64'.")
    wanted, nullable = parse_type(name.literal)
    if call.engine == "clickhouse":
        if wanted.name in ("Array", "Map", "Tuple") and head.literal is None:
            return _native(
                replace(call, args=[replace(head, sql=f"ifNull({head.sql}, '')"), *call.args[1:]]),
                "JSONExtract",
            )
        return _native(call, "JSONExtract")
    sql = cast(_value(head, keys), wanted)
    if nullable or wanted.name in ("Tuple", "Map", "Array", "JSON"):
        return sql
    from pwh_assets.hogql.functions.sqltext import default_value

    return _or_default(head, sql, default_value(wanted, "duckdb"), keys)


def _typed_result(args: Sequence[Arg]) -> Type:
    try:
        return _type_literal(args[-1] if args else None)
    except ValueError:
        return STRING


def _pairs_result(args: Sequence[Arg]) -> Type:
    return array(tuple_(STRING, _typed_result(args)))


def _valid(call: Call, /) -> str:
    sql = call.args[0].sql
    if call.engine == "clickhouse":
        return f"isValidJSON({sql})"
    return f"json_valid({sql})" if call.args[0].type != JSON else f"({sql} IS NOT NULL)"


def _to_json(call: Call, /) -> str:
    arg = call.args[0]
    if call.engine == "clickhouse":
        if arg.type == BOOLEAN:
            return f"toJSONString(CAST({arg.sql} AS Nullable(Bool)))"
        if arg.type.name == "DateTime":
            from pwh_assets.hogql.functions.texts import to_text

            return f"toJSONString({to_text(call, arg)})"
        return f"toJSONString({arg.sql})"
    return f"CAST({json_of(call, arg.sql, arg.type)} AS VARCHAR)"


def json_of(call: Call, sql: str, type_: Type) -> str:
    """DuckDB: a value as JSON, spelled as ClickHouse does: 3.0 is 3, times are texts, tuples arrays."""
    from pwh_assets.hogql.functions.texts import _duckdb_text

    match type_.name:
        case "Float":
            return f"(CASE WHEN isfinite({sql}) THEN CAST(hog_float_text({sql}) AS JSON) END)"
        case "Decimal":
            return f"CAST({_duckdb_text(call, sql, type_)} AS JSON)"
        case "DateTime" | "Date" | "UUID":
            return f"to_json({_duckdb_text(call, sql, type_)})"
        case "Array" if type_.args:
            inner = json_of(call, "__t", type_.args[0])
            return f"to_json(list_transform({sql}, lambda __t: {inner}))"
        case "Tuple" if type_.args:
            cells = (
                f"CAST({json_of(call, field_of(sql, i), part)} AS JSON)"
                for i, part in enumerate(type_.args, 1)
            )
            return f"json_array({', '.join(cells)})"
        case "JSON":
            return sql
        case _:
            return f"to_json({sql})"


_PATH = re.compile(r'^\$((\.[A-Za-z_$][\w$]*)|\["[^"]*"\]|\[\d+\])*$')


def _json_path(kind: str) -> Handler:
    def handler(call: Call, /) -> str:
        document_, given = call.args[:2]
        name = {"value": "JSON_VALUE", "query": "JSON_QUERY", "exists": "JSON_EXISTS"}[kind]
        if call.engine == "clickhouse":
            return f"{name}({document_.sql}, {given.sql})"
        text = given.literal
        if not isinstance(text, str) or not _PATH.match(text):
            raise ValueError("its path has to be a text such as '$.a.b[0]'.")
        at = f"json_extract({document(document_)}, {quote(text)})"
        if kind == "exists":
            return _or_default(
                document_, f"json_exists({document(document_)}, {quote(text)})", "false"
            )
        if kind == "query":
            return _or_default(document_, f"'[' || CAST({at} AS VARCHAR) || ']'", "''")
        scalar = (
            f"(CASE WHEN json_type({at}) NOT IN ('OBJECT', 'ARRAY') THEN hog_json_text({at}) END)"
        )
        return _or_default(document_, scalar, "''")

    return handler


def _array_length(call: Call, /) -> str:
    sql = call.args[0]
    if call.engine == "clickhouse":
        return f"JSONArrayLength({sql.sql})"
    return f"(CASE WHEN json_type({document(sql)}) = 'ARRAY' THEN json_array_length({document(sql)}) END)"


_D = """'{"a": {"b": [1, "x"]}, "n": 5, "f": 1.5, "t": true, "s": "v", "z": null}'"""

ROWS: tuple[Row, ...] = (
    Fn(
        "JSONExtractString",
        (1, None),
        STRING,
        "The value at a path as text; '' where there is none.",
        alike(_string),
        example=(
            (f"JSONExtractString({_D}, 's')", "v"),
            (f"JSONExtractString({_D}, 'a', 'b', 2)", "x"),
            (f"JSONExtractString({_D}, 'q')", ""),
            ("JSONExtractString('bad', 'a')", ""),
        ),
        category="json",
    ),
    *(
        Fn(
            name,
            (1, None),
            INTEGER,
            "The value at a path as a whole number; 0 where there is none.",
            alike(_extract(name, macro, "0")),
            example=(
                (f"{name}({_D}, 'n')", 5),
                (f"{name}({_D}, 'a', 'b', 1)", 1),
                (f"{name}({_D}, 'q')", 0),
            ),
            category="json",
        )
        for name, macro in (
            ("JSONExtractInt", "hog_json_int"),
            ("JSONExtractUInt", "hog_json_uint"),
        )
    ),
    Fn(
        "JSONExtractFloat",
        (1, None),
        FLOAT,
        "The value at a path as a float; 0 where there is none.",
        alike(_extract("JSONExtractFloat", "hog_json_float", "0")),
        example=((f"JSONExtractFloat({_D}, 'f')", 1.5), (f"JSONExtractFloat({_D}, 's')", 0.0)),
        category="json",
    ),
    Fn(
        "JSONExtractBool",
        (1, None),
        BOOLEAN,
        "Whether the value at a path is true.",
        alike(_bool),
        example=((f"JSONExtractBool({_D}, 't')", True), (f"JSONExtractBool({_D}, 's')", False)),
        category="json",
    ),
    Fn(
        "JSONExtractRaw",
        (1, None),
        STRING,
        "The value at a path as JSON text; '' where there is none.",
        alike(_raw),
        example=(
            (f"JSONExtractRaw({_D}, 'a')", '{"b":[1,"x"]}'),
            (f"JSONExtractRaw({_D}, 's')", '"v"'),
            (f"JSONExtractRaw({_D}, 'q')", ""),
        ),
        category="json",
    ),
    Fn(
        "JSONExtractArrayRaw",
        (1, None),
        array(STRING),
        "The elements of the array at a path as JSON texts.",
        alike(_array_raw),
        example=(
            (f"JSONExtractArrayRaw({_D}, 'a', 'b')", ["1", '"x"']),
            ("JSONExtractArrayRaw('bad')", []),
        ),
        category="json",
    ),
    Fn(
        "JSONExtractKeys",
        (1, None),
        array(STRING),
        "The keys of the object at a path.",
        alike(_keys),
        example=(f"JSONExtractKeys({_D})", ["a", "n", "f", "t", "s", "z"]),
        aliases=("json_object_keys",),
        category="json",
    ),
    Fn(
        "JSONExtractKeysAndValues",
        (2, None),
        array(tuple_(STRING, STRING)),
        "Keys and values of the object at a path; the last argument names the values' type.",
        alike(_pairs(raw=False)),
        example=("""JSONExtractKeysAndValues('{"a": 1, "b": 2}', 'Int64')""", [["a", 1], ["b", 2]]),
        category="json",
        typed=_pairs_result,
    ),
    Fn(
        "JSONExtractKeysAndValuesRaw",
        (1, None),
        array(tuple_(STRING, STRING)),
        "Keys and values of the object at a path, values as JSON texts.",
        alike(_pairs(raw=True)),
        example=(
            """JSONExtractKeysAndValuesRaw('{"a": 1, "b": "x"}')""",
            [["a", "1"], ["b", '"x"']],
        ),
        category="json",
    ),
    Fn(
        "JSONExtract",
        (2, None),
        STRING,
        "The value at a path as the type the last argument names.",
        alike(_typed),
        example=(
            (f"JSONExtract({_D}, 'n', 'Int64')", 5),
            (f"JSONExtract({_D}, 'a', 'b', 'Array(String)')", ["1", "x"]),
            (f"JSONExtract({_D}, 'q', 'Nullable(Int64)')", None),
        ),
        category="json",
        typed=_typed_result,
    ),
    Fn(
        "JSONHas",
        (1, None),
        BOOLEAN,
        "Whether there is a value at the path.",
        alike(_has),
        example=(
            (f"JSONHas({_D}, 'a', 'b')", True),
            (f"JSONHas({_D}, 'q')", False),
            (f"JSONHas({_D}, 'z')", True),
        ),
        category="json",
    ),
    Fn(
        "JSONLength",
        (1, None),
        INTEGER,
        "Number of elements of the array, or keys of the object, at a path; else 0.",
        alike(_length),
        example=(
            (f"JSONLength({_D})", 6),
            (f"JSONLength({_D}, 'a', 'b')", 2),
            (f"JSONLength({_D}, 'n')", 0),
        ),
        category="json",
    ),
    Fn(
        "JSONType",
        (1, None),
        STRING,
        "Object, Array, String, Int64, UInt64, Double, Bool or Null.",
        alike(_kind),
        example=(
            (f"JSONType({_D}, 'n')", "Int64"),
            (f"JSONType({_D}, 'f')", "Double"),
            (f"JSONType({_D}, 'q')", "Null"),
        ),
        category="json",
    ),
    Fn(
        "isValidJSON",
        (1, 1),
        BOOLEAN,
        "Whether the text is JSON.",
        alike(_valid),
        example=(("isValidJSON('{}')", True), ("isValidJSON('bad')", False)),
        category="json",
    ),
    Fn(
        "toJSONString",
        (1, 1),
        STRING,
        "The value as JSON text.",
        alike(_to_json),
        example=(
            ("toJSONString([1, 2])", "[1,2]"),
            ("toJSONString('a\"b')", '"a\\"b"'),
            ("toJSONString(3.0)", "3"),
            ("toJSONString(map('a', 1))", '{"a":1}'),
        ),
        aliases=("to_json", "to_jsonb"),
        category="json",
    ),
    Fn(
        "JSON_VALUE",
        (2, None),
        STRING,
        "The scalar at a path such as '$.a.b'; '' where there is none.",
        alike(_json_path("value")),
        example=((f"JSON_VALUE({_D}, '$.a.b[1]')", "x"), (f"JSON_VALUE({_D}, '$.q')", "")),
        category="json",
    ),
    Fn(
        "JSON_QUERY",
        (2, 2),
        STRING,
        "The value at a path such as '$.a', in brackets.",
        alike(_json_path("query")),
        example=(f"JSON_QUERY({_D}, '$.n')", "[5]"),
        category="json",
    ),
    Fn(
        "JSON_EXISTS",
        (2, 2),
        BOOLEAN,
        "Whether there is a value at a path such as '$.a'.",
        alike(_json_path("exists")),
        example=((f"JSON_EXISTS({_D}, '$.n')", True), (f"JSON_EXISTS({_D}, '$.q')", False)),
        category="json",
    ),
    Fn(
        "JSONArrayLength",
        (1, 1),
        INTEGER,
        "Number of elements of a JSON array; NULL of anything else.",
        alike(_array_length),
        example=(("JSONArrayLength('[1, 2]')", 2), ("JSONArrayLength('{}')", None)),
        aliases=("JSON_ARRAY_LENGTH", "json_array_length"),
        category="json",
    ),
    *(
        Fn(
            f"simpleJSONExtract{kind}",
            (2, 2),
            returns,
            "A key's value, of JSON without spaces or escapes.",
            alike(handler),
            example=(f"""simpleJSONExtract{kind}('{{"a":{text}}}', 'a')""", value),
            aliases=(f"visitParamExtract{kind}",),
            category="json",
        )
        for kind, returns, handler, text, value in (
            ("String", STRING, _string, '"x"', "x"),
            ("Int", INTEGER, _extract("JSONExtractInt", "hog_json_int", "0"), "5", 5),
            ("UInt", INTEGER, _extract("JSONExtractUInt", "hog_json_uint", "0"), "5", 5),
            ("Float", FLOAT, _extract("JSONExtractFloat", "hog_json_float", "0"), "1.5", 1.5),
            ("Bool", BOOLEAN, _bool, "true", True),
            ("Raw", STRING, _raw, "[1]", "[1]"),
        )
    ),
    Fn(
        "simpleJSONHas",
        (2, 2),
        BOOLEAN,
        "Whether there is such a key, in JSON without spaces or escapes.",
        alike(_has),
        example=("""simpleJSONHas('{"a":1}', 'a')""", True),
        aliases=("visitParamHas",),
        category="json",
    ),
)
