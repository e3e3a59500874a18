"""What fits no other family: readable numbers, replacement tables, addresses, bytes."""

from collections.abc import Sequence

from pwh_assets.hogql.functions.base import Arg, Call, Handler, Row, Unsupported, family
from pwh_assets.hogql.functions.rules import common, element_of
from pwh_assets.hogql.functions.strings import texts
from pwh_assets.hogql.functions.texts import to_text, unify
from pwh_assets.hogql.types import (
    BOOLEAN,
    FLOAT,
    INTEGER,
    STRING,
    UNKNOWN,
    UUID,
    Type,
)

_UUID_TEXT = "[0-9a-fA-F]{{8}}(-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}"

_UUID_PARTS = "^(.{{8}})(.{{4}})(.{{4}})(.{{4}})(.{{12}})$"

_UUID_JOINED = "\\1-\\2-\\3-\\4-\\5"

_UUID_JOINED_NATIVE = _UUID_JOINED.replace("\\", "\\\\")

BYTES = Type("Bytes")

row = family("other")


def _number(template: str, clickhouse: str) -> tuple[Handler, Handler]:
    def duckdb(call: Call, /) -> str:
        return template.replace("{0}", f"CAST({call.args[0].sql} AS DOUBLE)")

    def native(call: Call, /) -> str:
        return f"{clickhouse}({', '.join(arg.sql for arg in call.args)})"

    return duckdb, native


def _readable(units: Sequence[str], base: int) -> str:
    listed = ", ".join(f"'{unit}'" for unit in units)
    top = len(units) - 1
    power = f"least({top}, greatest(0, CAST(floor(log10(greatest(abs({{0}}), 1)) / log10({base}) + 1e-12) AS INTEGER)))"
    value = f"printf('%.2f', {{0}} / pow({base}, {power}))"
    return f"({value} || [{listed}][{power} + 1])"


_SIZES = _readable(
    [f" {unit}" for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")], 1024
)

_DECIMALS = _readable(
    [f" {unit}" for unit in ("B", "KB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")], 1000
)

_QUANTITIES = _readable(
    [
        "",
        " thousand",
        " million",
        " billion",
        " trillion",
        " quadrillion",
        " quintillion",
        " sextillion",
        " septillion",
    ],
    1000,
)

_SPANS = (
    ("year", 31536000),
    ("month", 2635200),
    ("day", 86400),
    ("hour", 3600),
    ("minute", 60),
    ("second", 1),
)


def _time_delta(call: Call, /) -> str:
    if call.engine == "clickhouse":
        return f"formatReadableTimeDelta({', '.join(arg.sql for arg in call.args)})"
    largest = str(call.args[1].literal).rstrip("s") if len(call.args) > 1 else "year"
    names = [name for name, _ in _SPANS]
    if largest not in names:
        raise ValueError(
            "its second argument has to be one of years, months, days, hours, minutes, seconds."
        )
    spans = _SPANS[names.index(largest) :]
    seconds = f"CAST(floor(abs(CAST({call.args[0].sql} AS DOUBLE))) AS BIGINT)"
    parts = []
    left = "__s"
    for i, (word, size) in enumerate(spans):
        count = f"({left} // {size})" if i == 0 else f"({left} % {spans[i - 1][1]} // {size})"
        if i == 1 and spans[0][0] == "year":
            count = f"({left} % {spans[0][1]} // {size})"
        if i >= 2 and spans[0][0] == "year":
            count = f"(({left} % 31536000) % 2635200 {'' if word == 'day' else f'% {spans[i - 1][1]}'} // {size})"
        parts.append(
            f"CASE WHEN {count} > 0 THEN {count} || ' {word}' || CASE WHEN {count} = 1 THEN '' ELSE 's' END END"
        )
    listed = f"list_filter([{', '.join(parts)}], lambda __p: __p IS NOT NULL)"
    text = (
        f"list_transform([{listed}], lambda __w: CASE WHEN len(__w) = 0 THEN '0 seconds' WHEN len(__w) = 1 THEN __w[1] "
        "ELSE array_to_string(__w[1:-2], ', ') || ' and ' || __w[-1] END)[1]"
    )
    sign = f"CASE WHEN {call.args[0].sql} <= -1 THEN '-' ELSE '' END"
    return f"(CASE WHEN {call.args[0].sql} IS NOT NULL THEN {sign} || list_transform([{seconds}], lambda __s: {text})[1] END)"


def _transform(call: Call, /) -> str:
    value, keys, results, *default = call.args
    otherwise = default[0] if default else value
    wanted = common([element_of(results.type), otherwise.type])
    fallback = unify(call, [otherwise], wanted)[0]
    if call.engine == "clickhouse":
        place = f"indexOf({keys.sql}, {value.sql})"
        picked = f"arrayElementOrNull({results.sql}, {place})"
        picked = unify(call, [Arg(picked, element_of(results.type), results.node)], wanted)[0]
        return f"(CASE WHEN has({keys.sql}, {value.sql}) THEN {picked} ELSE {fallback} END)"
    place = f"list_position({keys.sql}, {value.sql})"
    picked = unify(
        call, [Arg(f"({results.sql})[{place}]", element_of(results.type), results.node)], wanted
    )[0]
    return f"(CASE WHEN {place} IS NOT NULL THEN {picked} ELSE {fallback} END)"


def _transform_type(types: Sequence[Type]) -> Type:
    return (
        common([element_of(types[2]), types[3] if len(types) > 3 else types[0]])
        if len(types) > 2
        else UNKNOWN
    )


def _xml(call: Call, /) -> str:
    sql = to_text(call, call.args[0])
    for sign, name in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ('"', "&quot;"),
        ("''", "&apos;"),
    ):
        sql = f"replace({sql}, '{sign}', '{name}')"
    return sql


def _unxml(call: Call, /) -> str:
    sql = to_text(call, call.args[0])
    for sign, name in (
        ("<", "&lt;"),
        (">", "&gt;"),
        ('"', "&quot;"),
        ("''", "&apos;"),
        ("&", "&amp;"),
    ):
        sql = f"replace({sql}, '{name}', '{sign}')"
    return sql


def _ipv4_number(call: Call, /) -> str:
    sql = to_text(call, call.args[0])
    if call.engine == "clickhouse":
        return f"IPv4StringToNumOrNull({sql})"
    return f"hog_ipv4({sql})"


def _in_range(call: Call, /) -> str:
    address, network = (to_text(call, arg) for arg in call.args)
    if call.engine == "clickhouse":
        known = f"(isIPv4String({address}) OR isIPv6String({address}))"
        return f"if({known}, isIPAddressInRange({address}, {network}), false)"
    if ":" in str(call.args[0].literal) or ":" in str(call.args[1].literal):
        raise ValueError("IPv6 ranges are not known there.")
    bits = f"CAST(string_split({network}, '/')[2] AS INTEGER)"
    shift = f"CAST(pow(2, 32 - {bits}) AS BIGINT)"
    return (
        f"coalesce(hog_ipv4({address}) // {shift} = "
        f"hog_ipv4(string_split({network}, '/')[1]) // {shift}, false)"
    )


def _row_number(call: Call, /) -> str:
    return "rowNumberInAllBlocks()" if call.engine == "clickhouse" else "(row_number() OVER () - 1)"


_BYTES = Unsupported("reading a text's bytes as a number is in ClickHouse only.")

ROWS: tuple[Row, ...] = (
    row(
        "bar",
        (4, 4),
        STRING,
        "A bar of block signs: value, least, most, width.",
        "hog_bar({0}, {1}, {2}, {3})",
        "bar({*})",
        ("bar(5, 0, 10, 4)", "██"),
        ("bar(2.5, 0, 10, 10)", "██▌"),
    ),
    row(
        "transform",
        (3, 4),
        _transform_type,
        "The value's counterpart: transform(x, from, to, default).",
        _transform,
        _transform,
        ("transform(2, [1, 2], ['a', 'b'], 'z')", "b"),
        ("transform('q', ['a'], ['b'])", "q"),
        ("transform(3, [1], ['a'], 'z')", "z"),
    ),
    row(
        "formatReadableSize",
        (1, 1),
        STRING,
        "Bytes in KiB, MiB …",
        *_number(_SIZES, "formatReadableSize"),
        ("formatReadableSize(123456)", "120.56 KiB"),
        aliases=("FORMAT_BYTES",),
    ),
    row(
        "formatReadableDecimalSize",
        (1, 1),
        STRING,
        "Bytes in KB, MB …",
        *_number(_DECIMALS, "formatReadableDecimalSize"),
        ("formatReadableDecimalSize(123456)", "123.46 KB"),
    ),
    row(
        "formatReadableQuantity",
        (1, 1),
        STRING,
        "A number in thousand, million …",
        *_number(_QUANTITIES, "formatReadableQuantity"),
        ("formatReadableQuantity(1234567)", "1.23 million"),
    ),
    row(
        "formatReadableTimeDelta",
        (1, 2),
        STRING,
        "Seconds in years, months, days, hours, minutes and seconds; the second argument is the largest unit.",
        _time_delta,
        _time_delta,
        ("formatReadableTimeDelta(3661)", "1 hour, 1 minute and 1 second"),
        ("formatReadableTimeDelta(0)", "0 seconds"),
        ("formatReadableTimeDelta(3661, 'minutes')", "61 minutes and 1 second"),
    ),
    row(
        "indexHint",
        (1, None),
        BOOLEAN,
        "True; hints at an index are not needed here.",
        "true",
        "true",
        ("indexHint(1 = 0)", True),
    ),
    row("ignore", (0, None), INTEGER, "0, whatever the arguments.", "0", "0", ("ignore(5)", 0)),
    row(
        "rowNumberInAllBlocks",
        (0, 0),
        INTEGER,
        "Number of the row, counted from 0.",
        _row_number,
        _row_number,
        ("rowNumberInAllBlocks()", 0),
        aliases=("rowNumberInBlock",),
    ),
    row(
        "encodeXMLComponent",
        (1, 1),
        STRING,
        "The text with <, &, >, quotes as entities.",
        _xml,
        texts("encodeXMLComponent({0})"),
        ("encodeXMLComponent('<a>&\"')", "&lt;a&gt;&amp;&quot;"),
    ),
    row(
        "decodeXMLComponent",
        (1, 1),
        STRING,
        "The text with entities as signs.",
        _unxml,
        texts("decodeXMLComponent({0})"),
        ("decodeXMLComponent('&lt;a&gt;')", "<a>"),
    ),
    row(
        "extractTextFromHTML",
        (1, 1),
        STRING,
        "The text of HTML.",
        Unsupported("taking HTML apart is in ClickHouse only."),
        texts("extractTextFromHTML({0})"),
        ("extractTextFromHTML('<p>hi</p>')", "hi"),
    ),
    row(
        "convertCharset",
        (3, 3),
        STRING,
        "The text's bytes in another encoding.",
        Unsupported("texts are always UTF-8 there."),
        "convertCharset({*})",
        ("convertCharset('abc', 'utf-8', 'latin1')", "abc"),
    ),
    row(
        "IPv4NumToString",
        (1, 1),
        STRING,
        "A number as an IPv4 address.",
        "(({0} >> 24) % 256 || '.' || ({0} >> 16) % 256 || '.' || ({0} >> 8) % 256 || '.' || {0} % 256)",
        "IPv4NumToString(toUInt32({0}))",
        ("IPv4NumToString(3232235777)", "192.168.1.1"),
        aliases=("INET_NTOA",),
    ),
    row(
        "IPv4StringToNum",
        (1, 1),
        INTEGER,
        "An IPv4 address as a number; NULL where it is none.",
        _ipv4_number,
        _ipv4_number,
        ("IPv4StringToNum('192.168.1.1')", 3232235777),
        ("IPv4StringToNum('x')", None),
        aliases=("INET_ATON", "IPv4StringToNumOrNull"),
    ),
    row(
        "isIPv4String",
        (1, 1),
        BOOLEAN,
        "Whether the text is an IPv4 address.",
        texts("(CASE WHEN {0} IS NOT NULL THEN hog_ipv4({0}) IS NOT NULL END)"),
        texts("isIPv4String({0})"),
        ("isIPv4String('1.2.3.4')", True),
        ("isIPv4String('1.2.3.400')", False),
    ),
    row(
        "isIPv6String",
        (1, 1),
        BOOLEAN,
        "Whether the text is an IPv6 address.",
        Unsupported("IPv6 addresses are read in ClickHouse only."),
        texts("isIPv6String({0})"),
        ("isIPv6String('::1')", True),
    ),
    row(
        "isIPAddressInRange",
        (2, 2),
        BOOLEAN,
        "Whether an address is in a range such as '10.0.0.0/8'.",
        _in_range,
        _in_range,
        ("isIPAddressInRange('10.1.2.3', '10.0.0.0/8')", True),
        ("isIPAddressInRange('11.1.2.3', '10.0.0.0/8')", False),
    ),
    *(
        row(
            f"reinterpretAs{kind}",
            (1, 1),
            returns,
            f"The bytes of a text as {kind}.",
            _BYTES,
            f"reinterpretAs{kind}({{0}})",
            *example,
        )
        for kind, returns, *example in (
            *(
                (f"{sign}{bits}", INTEGER, (f"reinterpretAs{sign}{bits}('a')", 97))
                for sign in ("UInt", "Int")
                for bits in (8, 16, 32, 64)
            ),
            ("Float32", FLOAT, ("reinterpretAsFloat32('a') > 0", True)),
            ("Float64", FLOAT, ("reinterpretAsFloat64('a') > 0", True)),
            (
                "UUID",
                UUID,
                (
                    "toString(reinterpretAsUUID('abcdefghijklmnop'))",
                    "68676665-6463-6261-706f-6e6d6c6b6a69",
                ),
            ),
            ("String", STRING, ("reinterpretAsString(97)", "a")),
        )
    ),
    row(
        "UUIDStringToNum",
        (1, 1),
        BYTES,
        "The 16 bytes of a UUID's text; NULL where it is none.",
        f"CASE WHEN regexp_full_match({{0}}, '{_UUID_TEXT}') THEN unhex(replace({{0}}, '-', '')) END",
        f"if(match({{0}}, '^{_UUID_TEXT}$'), unhex(replaceAll({{0}}, '-', '')), NULL)",
        (
            "hex(UUIDStringToNum('612f3c40-5d3c-217e-707b-592a6b523d61'))",
            "612F3C405D3C217E707B592A6B523D61",
        ),
        ("UUIDStringToNum('612f3c40')", None),
    ),
    row(
        "UUIDNumToString",
        (1, 1),
        STRING,
        "The UUID of 16 bytes as text; NULL where they are not 16.",
        f"CASE WHEN length(hex({{0}})) = 32 THEN regexp_replace(lower(hex({{0}})), '{_UUID_PARTS}', '{_UUID_JOINED}') END",
        f"if(length({{0}}) = 16, replaceRegexpOne(lower(hex({{0}})), '{_UUID_PARTS}', '{_UUID_JOINED_NATIVE}'), NULL)",
        ("UUIDNumToString('a/<@]<!~p{Y*kR=`')", "612f3c40-5d3c-217e-707b-592a6b523d60"),
        ("UUIDNumToString('a')", None),
    ),
)
