"""Where the engines differ on awkward arguments, and why that is left so. Strict: one that no longer differs fails."""

CALENDAR = "the calendars end at different years, both far from any data"
NUMBER_TEXT = (
    "ClickHouse's best-effort parser takes a number with a point for a month and a day of this year"
)
NULL_OPTION = "a separator, size or index that is NULL: an option, not data"
NULL_ELEMENTS = "an array with NULL inside: ClickHouse compares the hidden value, DuckDB nothing"
NULL_FILLER = "ClickHouse fills an array that may hold NULL with NULL, the type's default otherwise"
NULL_TUPLE = "a tuple of NULLs on the one engine, NULL on the other"
LENIENT = "DuckDB answers where ClickHouse refuses the argument"
STRICT = "ClickHouse answers nonsense where DuckDB refuses the argument"
NEGATIVE = "the sign is read as the highest bit, or not"

KNOWN: dict[str, tuple[str, ...]] = {
    CALENDAR: (
        "toIntervalMonth", "addMonths", "subtractMonths", "toIntervalQuarter", "addQuarters", "subtractQuarters",
        "toIntervalYear", "addYears", "subtractYears",
    ),
    NUMBER_TEXT: ("toDate", "toDateOrZero", "toDateTime", "toDateTimeUS", "toDateTimeOrZero"),
    NULL_OPTION: (
        "split_part", "splitByString", "splitByRegexp", "arrayStringConcat", "arrayRotateLeft", "arrayRotateRight",
        "mapContainsKeyLike", "timeSlots",
    ),
    NULL_ELEMENTS: ("hasAny", "hasAll", "hasSubstr", "arrayJaccardIndex"),
    NULL_FILLER: ("arrayShiftLeft", "arrayShiftRight"),
    NULL_TUPLE: ("tupleMultiplyByNumber", "tupleDivideByNumber"),
    STRICT: ("parseDateTime", "map", "base64URLDecode", "replaceRegexpAll"),
    NEGATIVE: ("lgamma", "IPv4NumToString"),
    LENIENT: (
        "toUInt64OrDefault", "gcd", "lcm", "timezone", "leftPad", "rightPad", "appendTrailingCharIfAbsent", "translate",
        "substringIndex", "multiSearchAny", "multiSearchAnyCaseInsensitive", "multiSearchFirstIndex",
        "multiSearchFirstIndexCaseInsensitive", "multiSearchFirstPosition", "multiSearchFirstPositionCaseInsensitive",
        "multiSearchAllPositions", "multiSearchAllPositionsCaseInsensitive", "multiMatchAny", "multiMatchAnyIndex",
        "multiMatchAllIndices", "regexpExtract", "replaceRegexpOne", "splitByChar", "ngrams", "arrayResize", "arrayWithConstant",
        "arrayZip", "arrayAUC", "JSONExtractArrayRaw", "LpNorm", "LpDistance", "LpNormalize", "width_bucket", "roundDown",
        "bitShiftLeft", "bitShiftRight", "bitTest", "bitTestAll", "bitTestAny", "bar", "isIPAddressInRange",
    ),
}  # fmt: skip
"""Reason to rows."""

ROWS: dict[str, str] = {row: reason for reason, rows in KNOWN.items() for row in rows}
