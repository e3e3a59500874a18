"""Hashes, UUIDs and encodings."""

from pwh_assets.hogql.functions.base import Call, Handler, Rendering, Row, Unsupported, family
from pwh_assets.hogql.functions.strings import texts
from pwh_assets.hogql.functions.texts import to_text
from pwh_assets.hogql.types import DATETIME, INTEGER, STRING, UUID, Type

row = family("hashes")

BYTES = Type("Bytes")
"""A hash's bytes: what `hex` makes readable."""


def _other(name: str) -> Unsupported:
    return Unsupported(
        f"DuckDB has no {name}, and another hash would give other numbers; use MD5 or SHA256."
    )


def _hex(call: Call, /) -> str:
    arg = call.args[0]
    if call.engine == "clickhouse":
        return f"hex(toInt64({arg.sql}))" if arg.type == INTEGER else f"hex({arg.sql})"
    match arg.type.name:
        case "Bytes" | "Unknown":
            return f"hex({arg.sql})"
        case "Integer":
            return f"hog_hex({arg.sql})"
        case "String":
            return f"hex({arg.sql})"
        case "UUID":
            return f"upper(replace(CAST({arg.sql} AS VARCHAR), '-', ''))"
        case _:
            raise ValueError("it takes texts, hashes, UUIDs and whole numbers there.")


def _bin(call: Call, /) -> str:
    arg = call.args[0]
    if call.engine == "clickhouse":
        return f"bin(toInt64({arg.sql}))" if arg.type == INTEGER else f"bin({arg.sql})"
    if arg.type.name != "Integer":
        raise ValueError("it takes whole numbers there.")
    return f"hog_bin({arg.sql})"


def _md5_hex(call: Call, /) -> str:
    text = to_text(call, call.args[0])
    if call.engine == "clickhouse":
        return f"hex(MD5({text}))"
    return f"upper(md5({text}))"


def _json_type_name(call: Call, /) -> str:
    """toTypeName: HogQL's name of the type, the same on every engine."""
    return f"'{call.args[0].type}'"


def _uuid_time(call: Call, /) -> str:
    arg = call.args[0]
    if call.engine == "clickhouse":
        return f"toTimeZone(toDateTime64(UUIDv7ToDateTime({arg.sql}), 6), 'UTC')"
    return f"make_timestamp(CAST(('0x' || replace(left(CAST({arg.sql} AS VARCHAR), 13), '-', '')) AS BIGINT) * 1000)"


def _base64(duckdb: str, clickhouse: str) -> tuple[Handler, Handler]:
    return texts(duckdb), texts(clickhouse)


_H = (
    (
        "cityHash64",
        None,
        "CityHash of 64 bits; of several arguments together.",
        2603192927274642682,
    ),
    ("sipHash64", 1, "SipHash of 64 bits.", 10863254463029944905),
    ("xxHash32", 1, "xxHash of 32 bits.", 1426945110),
    ("xxHash64", 1, "xxHash of 64 bits.", 15154266338359012955),
    ("xxh3", 1, "xxHash 3 of 64 bits.", 16629034431890738719),
    ("farmHash64", 1, "FarmHash of 64 bits.", 12917804110809363939),
    ("metroHash64", 1, "MetroHash of 64 bits.", None),
    ("murmurHash2_64", 1, "MurmurHash 2 of 64 bits.", 510903276987443985),
    ("murmurHash3_64", 1, "MurmurHash 3 of 64 bits.", 7196874446409822675),
    ("halfMD5", 1, "The first 8 bytes of MD5 as a number.", 919145239626757800),
    ("javaHash", 1, "Java's hashCode.", 97),
    ("CRC32", 1, "CRC of 32 bits.", 3904355907),
    ("intHash32", 1, "A quick hash of a number.", None),
    ("intHash64", 1, "A quick hash of a number.", 10577349846663553072),
)
_DUCKDB: dict[str, Rendering] = {
    "halfMD5": texts("CAST(('0x' || left(md5({0}), 16)) AS UBIGINT)"),
}

ROWS: tuple[Row, ...] = (
    row(
        "MD5",
        (1, 1),
        BYTES,
        "MD5 as bytes; hex(MD5(x)) is the text.",
        texts("unhex(md5({0}))"),
        texts("MD5({0})"),
        ("hex(MD5('abc'))", "900150983CD24FB0D6963F7D28E17F72"),
    ),
    row(
        "md5",
        (1, 1),
        STRING,
        "MD5 as hexadecimal text.",
        _md5_hex,
        _md5_hex,
        ("md5('abc')", "900150983CD24FB0D6963F7D28E17F72"),
    ),
    row(
        "SHA1",
        (1, 1),
        BYTES,
        "SHA-1 as bytes.",
        texts("unhex(sha1({0}))"),
        texts("SHA1({0})"),
        ("hex(SHA1('abc'))", "A9993E364706816ABA3E25717850C26C9CD0D89D"),
    ),
    row(
        "SHA256",
        (1, 1),
        BYTES,
        "SHA-256 as bytes.",
        texts("unhex(sha256({0}))"),
        texts("SHA256({0})"),
        ("hex(SHA256('abc'))", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"),
    ),
    *(
        row(
            name,
            (1, 1),
            BYTES,
            f"SHA-{name[3:]} as bytes.",
            _other(name),
            texts(f"{name}({{0}})"),
            (f"left(hex({name}('abc')), 8)", value),
        )
        for name, value in (("SHA224", "23097D22"), ("SHA384", "CB00753F"), ("SHA512", "DDAF35A1"))
    ),
    *(
        row(
            name,
            (1, most),
            INTEGER,
            doc,
            _DUCKDB.get(name) or _other(name),
            f"{name}({{*}})",
            *(
                ((f"{name}({1 if name.startswith('int') else chr(39) + 'a' + chr(39)})", value),)
                if value
                else (
                    (
                        f"{name}({1 if name.startswith('int') else chr(39) + 'a' + chr(39)}) > 0",
                        True,
                    ),
                )
            ),
        )
        for name, most, doc, value in _H
    ),
    row(
        "hex",
        (1, 1),
        STRING,
        "Bytes of a text, hash or whole number as hexadecimal digits.",
        _hex,
        _hex,
        ("hex('abc')", "616263"),
        ("hex(255)", "FF"),
        ("hex(256)", "0100"),
    ),
    row(
        "unhex",
        (1, 1),
        STRING,
        "The text of hexadecimal digits.",
        texts("hog_text_of(unhex({0}))"),
        texts("unhex({0})"),
        ("unhex('616263')", "abc"),
    ),
    row(
        "bin",
        (1, 1),
        STRING,
        "A whole number in binary digits, in whole bytes.",
        _bin,
        _bin,
        ("bin(5)", "00000101"),
    ),
    row(
        "base64Encode",
        (1, 1),
        STRING,
        "The text in Base64.",
        *_base64("to_base64(encode({0}))", "base64Encode({0})"),
        ("base64Encode('abc')", "YWJj"),
        aliases=("TO_BASE64",),
    ),
    row(
        "base64Decode",
        (1, 1),
        STRING,
        "The text of a Base64 text.",
        *_base64("hog_text_of(from_base64({0}))", "base64Decode({0})"),
        ("base64Decode('YWJj')", "abc"),
        aliases=("FROM_BASE64",),
    ),
    row(
        "tryBase64Decode",
        (1, 1),
        STRING,
        "The text of a Base64 text, '' where it is none.",
        *_base64(
            "(CASE WHEN {0} IS NOT NULL THEN coalesce(TRY(hog_text_of(from_base64({0}))), '') END)",
            "tryBase64Decode({0})",
        ),
        ("tryBase64Decode('YWJj')", "abc"),
        ("tryBase64Decode('!')", ""),
    ),
    row(
        "base64URLEncode",
        (1, 1),
        STRING,
        "The text in the Base64 of URLs.",
        *_base64(
            "rtrim(translate(to_base64(encode({0})), '+/', '-_'), '=')", "base64URLEncode({0})"
        ),
        ("base64URLEncode('a?>')", "YT8-"),
    ),
    row(
        "base64URLDecode",
        (1, 1),
        STRING,
        "The text of a Base64 text of URLs.",
        *_base64(
            "hog_text_of(from_base64(translate({0}, '-_', '+/') || repeat('=', (4 - length({0}) % 4) % 4)))",
            "base64URLDecode({0})",
        ),
        ("base64URLDecode('YT8-')", "a?>"),
    ),
    *(
        row(
            name,
            (1, 1),
            STRING,
            doc,
            Unsupported("DuckDB has no Base58."),
            f"{name}({{0}})",
            example,
        )
        for name, doc, example in (
            ("base58Encode", "The text in Base58.", ("base58Encode('abc')", "ZiCa")),
            ("base58Decode", "The text of a Base58 text.", ("base58Decode('ZiCa')", "abc")),
            (
                "tryBase58Decode",
                "The text of a Base58 text, '' where it is none.",
                ("tryBase58Decode('0')", ""),
            ),
        )
    ),
    row(
        "generateUUIDv4",
        (0, 1),
        UUID,
        "A new random UUID.",
        "uuid()",
        "generateUUIDv4()",
        ("isNull(generateUUIDv4())", False),
        volatile=True,
    ),
    row(
        "generateUUIDv7",
        (0, 1),
        UUID,
        "A new UUID that sorts by time.",
        "uuidv7()",
        "generateUUIDv7()",
        ("isNull(generateUUIDv7())", False),
        volatile=True,
    ),
    row(
        "UUIDv7ToDateTime",
        (1, 2),
        DATETIME,
        "The time in a UUID of version 7.",
        _uuid_time,
        _uuid_time,
        (
            "toString(UUIDv7ToDateTime(toUUID('018f05c9-4ab8-7b86-b64e-c9f03fbd45d1')))",
            "2024-04-22 12:30:29.048000",
        ),
    ),
    row(
        "toTypeName",
        (1, 1),
        STRING,
        "HogQL's name of the value's type.",
        _json_type_name,
        _json_type_name,
        ("toTypeName('a')", "String"),
        ("toTypeName([1])", "Array(Integer)"),
    ),
)
