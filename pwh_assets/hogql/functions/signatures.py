"""What the arguments of each function may be: one word per place, the last one for all that follow.

| word | takes | read as |
|---|---|---|
| `any` | everything but a lambda | as it is |
| `text` | texts, numbers, truths, dates, UUIDs | everything else becomes a text |
| `scalar` | the same | as it is |
| `countable` | the same, without UUIDs | as it is |
| `string` | texts and JSON | as it is |
| `number` | numbers | texts and truths become numbers |
| `integer` | whole numbers | other numbers lose what is after the point, texts and truths become numbers |
| `time` | dates, times, texts, seconds | as it is |
| `instant` | times | dates become times |
| `array`, `map`, `tuple`, `interval`, `uuid` | that | as it is |
| `numbers`, `texts` | arrays of those | as it is |
| `condition` | what WHERE takes | as a condition |
| `literal` | a literal, alone or in an array | as it is |
| `lambda` | a lambda | as it is |

`a|b` takes either. What is not listed here goes by its family.
"""

from pwh_assets.hogql.functions.base import Fn, Row

SCALARS = frozenset(
    [
        "String",
        "JSON",
        "UUID",
        "Integer",
        "Float",
        "Decimal",
        "Boolean",
        "Date",
        "DateTime",
        "Bytes",
    ]
)
KINDS: dict[str, frozenset[str]] = {
    "boolean": frozenset(["Boolean"]),
    "text": frozenset(["String", "JSON", "Bytes"]),
    "scalar": SCALARS,
    "countable": SCALARS - {"UUID", "Bytes"},
    "string": frozenset(["String", "JSON"]),
    "number": frozenset(["Integer", "Float", "Decimal"]),
    "integer": frozenset(["Integer"]),
    "time": frozenset(["Date", "DateTime", "String", "JSON", "Integer", "Float", "Decimal"]),
    "instant": frozenset(["DateTime"]),
    "array": frozenset(["Array"]),
    "numbers": frozenset(["Array"]),
    "texts": frozenset(["Array"]),
    "map": frozenset(["Map"]),
    "tuple": frozenset(["Tuple"]),
    "interval": frozenset(["Interval"]),
    "uuid": frozenset(["UUID"]),
}
"""Word to the names of the types it takes."""

TITLES: dict[str, str] = {
    "boolean": "a truth",
    "text": "a text",
    "scalar": "reinterpretAsString nullIf a single value",
    "countable": "toInt8 toInt8OrZero toInt16 toInt16OrZero toInt32 toInt32OrZero toInt toInt64OrZero toInt128 toInt128OrZero toUInt8 toUInt8OrZero toUInt16 toUInt16OrZero toUInt32 toUInt32OrZero toUInt64 toUInt64OrZero toUInt128 toUInt128OrZero toFloat toFloatOrZero a number, text or date",
    "instant": "a time",
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "time": "a date or time",
    "array": "an array",
    "numbers": "an array of numbers",
    "texts": "an array of texts",
    "map": "a map",
    "tuple": "a tuple",
    "interval": "an interval",
    "uuid": "a UUID",
    "literal": "a literal",
    "lambda": "a lambda",
}

FAMILIES: dict[str, str] = {
    "strings": "text",
    "search": "text",
    "splitting": "text",
    "urls": "text",
    "maths": "number",
    "rounding": "number integer",
    "bits": "number integer",
    "dates": "time",
    "json": "string string|integer",
    "arrays": "array",
    "lambdas": "array",
    "maps": "map",
    "distance": "numbers|tuple",
    "hashes": "scalar",
    "geo": "number",
}
"""Category to what its functions take unless listed below; every other category takes anything."""

NAMED: dict[str, str] = {
    # Texts
    "text|array|map": "length empty notEmpty",
    "text|array": "reverse",
    "any": "concat concatWithSeparator array transform ignore indexHint toTypeName toJSONString formatRow tuple map",
    "text integer": "substring left right repeat bitSlice geohashDecode port",
    "integer": "space range char",
    "text text integer": "position positionCaseInsensitive locate",
    "literal any": "format",
    "text literal": "trim trimLeft trimRight appendTrailingCharIfAbsent extractURLParameter ngrams extract extractAll "
    "extractAllGroupsVertical extractAllGroupsHorizontal extractGroups hasToken hasTokenOrNull hasTokenCaseInsensitive hasTokenCaseInsensitiveOrNull countMatches countMatchesCaseInsensitive "
    "cutURLParameter",
    "text literal integer": "substringIndex split_part",
    "text literal text": "replaceRegexpOne parseDateTime",
    "text texts": "multiSearchAny multiSearchAnyCaseInsensitive multiSearchFirstIndex multiSearchFirstIndexCaseInsensitive "
    "multiSearchFirstPosition multiSearchFirstPositionCaseInsensitive multiSearchAllPositions "
    "multiSearchAllPositionsCaseInsensitive multiMatchAny multiMatchAnyIndex multiMatchAllIndices",
    "text integer literal": "leftPad rightPad",
    "text literal literal": "translate regexpExtract convertCharset",
    # Dates
    "time literal": "toStartOfWeek toLastDayOfWeek toDayOfWeek toWeek toYearWeek",
    "time interval time": "toStartOfInterval",
    "literal time literal": "dateTrunc date_part dateName",
    "literal time": "dateDiff age",
    "time integer": "addSeconds subtractSeconds addMinutes subtractMinutes addHours subtractHours addDays subtractDays "
    "addWeeks subtractWeeks addMonths subtractMonths addQuarters subtractQuarters addYears subtractYears",
    "number": "toIntervalSecond toIntervalMinute toIntervalHour toIntervalDay toIntervalWeek toIntervalMonth "
    "toIntervalQuarter toIntervalYear toIntervalMillisecond makeDate makeDateTime make_interval max2 min2 abs divide "
    "sum sumKahan sumCount median stddevPop stddevSamp varPop varSamp covarPop covarSamp corr skewPop skewSamp kurtPop "
    "kurtSamp simpleLinearRegression groupArrayMovingSum groupArrayMovingAvg deltaSum avgWeighted "
    "exponentialMovingAverage mannWhitneyUTest studentTTest welchTTest rankCorr quantile quantiles "
    "quantileTDigest quantileTiming maxIntersections maxIntersectionsPosition intDiv intDivOrZero modulo moduloOrZero "
    "positiveModulo formatReadableSize formatReadableDecimalSize formatReadableQuantity",
    "integer literal": "fromUnixTimestamp64Milli fromUnixTimestamp64Micro fromUnixTimestamp fromModifiedJulianDay",
    "time text": "toTimeZone toUnixTimestamp",
    "literal": "timezone",
    "interval time": "date_bin",
    "time interval text": "tumble tumbleStart tumbleEnd",
    "time interval interval text": "hop hopStart hopEnd",
    "time number": "timeSlots",
    "any time": "now today yesterday",
    "time|interval": "toDayOfMonth",
    "uuid": "UUIDv7ToDateTime",
    # Arithmetic
    "number|interval": "negate",
    "integer integer": "gcd lcm groupBitAnd groupBitOr groupBitXor bitAnd bitOr bitXor bitShiftLeft bitShiftRight bitNot "
    "bitCount bitTest bitTestAll bitTestAny bitRotateLeft bitRotateRight bitHammingDistance intHash32 intHash64 "
    "factorial IPv4NumToString",
    "number text": "formatReadableTimeDelta",
    "number numbers": "roundDown",
    # Arrays
    "array any": "has indexOf countEqual arrayPushBack arrayPushFront",
    "array integer any": "arrayResize arrayRotateLeft arrayRotateRight arrayShiftLeft arrayShiftRight",
    "array integer": "arraySlice",
    "array|map": "arrayJoin mapLength sumMap minMap maxMap mapAdd mapSubtract",
    "integer any": "arrayWithConstant",
    "array literal": "arrayStringConcat",
    "literal array": "arrayReduce",
    "numbers array": "arrayAUC",
    "numbers": "bitmapBuild bitmapToArray bitmapHasAny bitmapHasAll bitmapCardinality bitmapMin bitmapMax bitmapAnd "
    "bitmapOr bitmapXor bitmapAndnot bitmapAndCardinality bitmapOrCardinality bitmapXorCardinality "
    "bitmapAndnotCardinality bitmapTransform",
    "numbers integer": "bitmapSubsetInRange bitmapSubsetLimit subBitmap bitmapContains",
    # Maps and tuples
    "array": "mapFromArrays",
    "map any": "mapContains mapContainsValue",
    "map text": "mapContainsKeyLike mapExtractKeyLike",
    "lambda map": "mapFilter mapApply mapExists mapAll",
    "any literal any": "lag lead lagInFrame leadInFrame nth_value",
    "tuple": "tupleNegate tupleToNameValuePairs tuplePlus tupleMinus tupleMultiply tupleDivide tupleHammingDistance",
    "tuple literal any": "tupleElement",
    "tuple number": "tupleMultiplyByNumber tupleDivideByNumber",
    "numbers|tuple number": "LpNorm LpNormalize",
    "numbers|tuple numbers|tuple number": "LpDistance",
    # JSON
    "string": "isValidJSON JSONArrayLength",
    "string literal": "JSON_VALUE JSON_QUERY JSON_EXISTS JSONExtractKeysAndValues",
    "string string|integer|literal": "JSONExtract",
    "text": "encodeXMLComponent decodeXMLComponent extractTextFromHTML isIPv4String isIPv6String MD5 SHA1 SHA224 SHA256 "
    "SHA384 SHA512 md5 halfMD5 CRC32 base64Encode base64Decode tryBase64Decode base64URLEncode base64URLDecode "
    "base58Encode base58Decode tryBase58Decode javaHash IPv4StringToNum isIPAddressInRange",
    "countable": "toInt8 toInt8OrZero toInt16 toInt16OrZero toInt32 toInt32OrZero toInt toInt64OrZero toInt128 "
    "toInt128OrZero toUInt8 toUInt8OrZero toUInt16 toUInt16OrZero toUInt32 toUInt32OrZero toUInt64 toUInt64OrZero "
    "toUInt128 toUInt128OrZero toFloat toFloatOrZero",
    "scalar": "nullIf reinterpretAsString",
    "time any": "toDate toDateOrZero toDateTime toDateTimeUS toDateTimeOrZero",
    "time literal text": "formatDateTime",
    "any literal": "string_agg",
    "number literal": "round roundBankers",
    "literal text literal": "splitByChar splitByString splitByRegexp",
    "string|number|instant": "toHour toMinute toSecond toMillisecond timeZoneOffset monthName",
    "string|number|instant text": "toTime",
    "number|instant": "avg quantileExact quantileExactLow quantileExactHigh medianExact medianExactLow medianExactHigh "
    "boundingRatio deltaSumTimestamp",
    "number|instant integer": "quantileExactWeighted",
    "number|instant condition": "windowFunnel sequenceMatch sequenceCount",
    "string|uuid": "toUUID toUUIDOrZero",
    "string|uuid uuid": "toUUIDOrDefault",
    "string|number|boolean": "toBool",
    "countable number": "toInt8OrDefault toInt16OrDefault toInt32OrDefault toInt64OrDefault toInt128OrDefault toUInt8OrDefault "
    "toUInt16OrDefault toUInt32OrDefault toUInt64OrDefault toUInt128OrDefault toFloatOrDefault",
    "countable any": "toDecimal",
    "array|map any": "arrayElement",
    # Other
    "number number number integer": "bar width_bucket",
    "literal literal number time": "convertCurrency",
    "condition": "isZeroOrNull every bool_or retention xor",
    "any integer": "groupArrayInsertAt",
    "literal integer": "ntile",
}  # fmt: skip
"""What the named functions take."""

GEO_AS_THEY_ARE = ("h3", "geo", "stringToH3", "pointIn")
"""Beginnings of the names whose arguments the engine that has them checks."""


def _spelled() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for words, names in NAMED.items():
        for name in names.split():
            found[name] = tuple(words.split())
    return found


SPELLED = _spelled()


_MOVES = {2: ("time", "interval"), 3: ("literal", "integer", "time")}
COUNTED: dict[str, dict[int, tuple[str, ...]]] = {
    "dateAdd": _MOVES,
    "dateSub": _MOVES,
    "arrayFold": {3: ("any", "array", "any"), 4: ("any", "array", "array", "any")},
}
"""What depends on how many arguments there are."""

_found: dict[str, tuple[str, ...]] = {}


def takes(row: Row, count: int) -> tuple[str, ...]:
    """The row's words for so many arguments; empty when it takes anything."""
    by_count = COUNTED.get(row.name)
    if by_count is not None:
        return by_count.get(count, ())
    words = _found.get(row.name)
    if words is None:
        words = _found[row.name] = _words(row)
    return words


def _words(row: Row) -> tuple[str, ...]:
    if row.name in SPELLED:
        return SPELLED[row.name]
    if not isinstance(row, Fn) or row.name.startswith(GEO_AS_THEY_ARE):
        return ()
    return tuple(FAMILIES.get(row.category, "").split())


def word_at(words: tuple[str, ...], place: int) -> str:
    return words[min(place, len(words) - 1)]
