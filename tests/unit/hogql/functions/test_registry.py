"""Names, suffixes, refusals and near misses of the function registry."""

import pytest

from pwh_assets.hogql.functions.base import Agg, Expansion, Fn, Refused, on
from pwh_assets.hogql.functions.reference import counts, runs_on
from pwh_assets.hogql.functions.registry import COMBINATORS, REGISTRY, Registry
from pwh_assets.hogql.types import INTEGER

LIST = [
    "plus",
    "minus",
    "multiply",
    "divide",
    "intDiv",
    "modulo",
    "positiveModulo",
    "negate",
    "abs",
    "gcd",
    "lcm",
    "empty",
    "notEmpty",
    "length",
    "reverse",
    "array",
    "range",
    "arrayConcat",
    "arrayElement",
    "has",
    "hasAll",
    "hasAny",
    "hasSubstr",
    "indexOf",
    "arrayCount",
    "countEqual",
    "arrayEnumerate",
    "arrayEnumerateUniq",
    "arrayPopBack",
    "arrayPopFront",
    "arrayPushBack",
    "arrayPushFront",
    "arrayResize",
    "arraySlice",
    "arraySort",
    "arrayReverseSort",
    "arrayUniq",
    "arrayJoin",
    "arrayDifference",
    "arrayDistinct",
    "arrayEnumerateDense",
    "arrayIntersect",
    "arrayReduce",
    "arrayReverse",
    "arrayFilter",
    "arrayFlatten",
    "arrayCompact",
    "arrayZip",
    "arrayAUC",
    "arrayMap",
    "arrayFill",
    "arrayFold",
    "arrayWithConstant",
    "arraySplit",
    "arrayExists",
    "arrayAll",
    "arrayFirst",
    "arrayLast",
    "arrayFirstIndex",
    "arrayMin",
    "arrayMax",
    "arraySum",
    "arrayAvg",
    "arrayCumSum",
    "arrayProduct",
    "arrayStringConcat",
    "toInt",
    "toFloat",
    "toDecimal",
    "toDate",
    "toDateTime",
    "toUUID",
    "toString",
    "toBool",
    "toJSONString",
    "parseDateTime",
    "hex",
    "unhex",
    "isNull",
    "isNotNull",
    "coalesce",
    "ifNull",
    "nullIf",
    "assumeNotNull",
    "toNullable",
    "toYear",
    "toQuarter",
    "toMonth",
    "toDayOfWeek",
    "toHour",
    "toMinute",
    "toSecond",
    "toUnixTimestamp",
    "toStartOfInterval",
    "toStartOfYear",
    "toStartOfMonth",
    "toMonday",
    "toStartOfWeek",
    "toStartOfDay",
    "toStartOfHour",
    "toISOWeek",
    "toWeek",
    "toYearWeek",
    "age",
    "dateAdd",
    "dateSub",
    "dateDiff",
    "date_diff",
    "date_trunc",
    "dateTrunc",
    "now",
    "today",
    "yesterday",
    "toYYYYMM",
    "addDays",
    "subtractMonths",
    "formatDateTime",
    "dateName",
    "monthName",
    "fromUnixTimestamp",
    "toIntervalDay",
    "date_part",
    "to_char",
    "make_date",
    "timezone",
    "toTimeZone",
    "JSONHas",
    "JSONLength",
    "JSONType",
    "JSONExtract",
    "JSONExtractInt",
    "JSONExtractFloat",
    "JSONExtractBool",
    "JSONExtractString",
    "JSONExtractKeys",
    "JSONExtractRaw",
    "JSONExtractArrayRaw",
    "JSONExtractKeysAndValues",
    "JSON_VALUE",
    "e",
    "pi",
    "exp",
    "ln",
    "log",
    "log2",
    "log10",
    "sqrt",
    "cbrt",
    "pow",
    "power",
    "sin",
    "floor",
    "ceil",
    "trunc",
    "round",
    "roundBankers",
    "rand",
    "left",
    "right",
    "lengthUTF8",
    "leftPad",
    "lower",
    "upper",
    "concat",
    "substring",
    "base64Encode",
    "base64Decode",
    "tryBase64Decode",
    "endsWith",
    "startsWith",
    "position",
    "locate",
    "multiSearchAny",
    "match",
    "multiMatchAny",
    "extract",
    "extractAll",
    "like",
    "ilike",
    "countSubstrings",
    "replace",
    "replaceAll",
    "replaceRegexpAll",
    "splitByChar",
    "splitByString",
    "repeat",
    "initcap",
    "lpad",
    "split_part",
    "ltrim",
    "trim",
    "equals",
    "notEquals",
    "less",
    "greater",
    "in",
    "notIn",
    "and",
    "or",
    "xor",
    "not",
    "if",
    "multiIf",
    "map",
    "mapKeys",
    "mapValues",
    "mapContains",
    "bitAnd",
    "bitOr",
    "bitXor",
    "protocol",
    "domain",
    "domainWithoutWWW",
    "path",
    "queryString",
    "extractURLParameter",
    "cutQueryString",
    "tuple",
    "tupleElement",
    "isFinite",
    "isNaN",
    "transform",
    "formatReadableSize",
    "least",
    "greatest",
    "cosineDistance",
    "rank",
    "dense_rank",
    "row_number",
    "first_value",
    "lagInFrame",
    "leadInFrame",
    "lag",
    "lead",
    "languageCodeToName",
    "count",
    "countIf",
    "countDistinct",
    "min",
    "max",
    "sum",
    "avg",
    "any",
    "anyLast",
    "argMin",
    "argMax",
    "groupArray",
    "groupUniqArray",
    "array_agg",
    "string_agg",
    "json_agg",
    "every",
    "uniq",
    "uniqExact",
    "median",
    "quantile",
    "quantiles",
    "quantileExact",
    "stddevPop",
    "varSamp",
    "covarPop",
    "corr",
    "topK",
    "sumMap",
    "windowFunnel",
    "simpleLinearRegression",
    "deltaSum",
    "skewPop",
    "kurtSamp",
    "avgWeighted",
    "groupBitAnd",
    "sortableSemVer",
    "getSurveyResponse",
]


def test_names_everyone_uses_are_there() -> None:
    assert not [
        name for name in LIST if REGISTRY.find(name) is None and REGISTRY.aggregate(name) is None
    ]


def test_at_least_330_names_run_on_duckdb_and_more_on_clickhouse() -> None:
    number = counts()
    assert number["duckdb"] >= 900
    assert number["clickhouse"] >= number["duckdb"]


def test_a_name_is_found_as_written_first_and_then_in_any_case() -> None:
    assert REGISTRY.find("md5") is not REGISTRY.find("MD5")
    assert REGISTRY.find("COUNT") is REGISTRY.find("count")
    assert REGISTRY.find("TODATE") is REGISTRY.find("toDate")
    assert REGISTRY.find("nothing_like_it") is None


@pytest.mark.parametrize(
    ("name", "base", "suffixes"),
    [
        ("sumIf", "sum", ("If",)),
        ("uniqOrNullIf", "uniq", ("OrNull", "If")),
        ("argMaxIf", "argMax", ("If",)),
        ("groupArrayDistinct", "groupArray", ("Distinct",)),
        ("quantileArrayIf", "quantile", ("Array", "If")),
        ("countDistinctIf", "countDistinct", ("If",)),
        ("sumArgMax", "sum", ("ArgMax",)),
        ("countif", "count", ("If",)),
        ("array_aggIf", "groupArray", ("If",)),
        ("uniqExactMerge", "uniq", ("Merge",)),
        ("sumMap", "sumMap", ()),
    ],
)
def test_suffixes_are_read_off_a_name(name: str, base: str, suffixes: tuple[str, ...]) -> None:
    found = REGISTRY.aggregate(name)
    assert found is not None
    assert (found[0].name, found[1]) == (base, suffixes)


@pytest.mark.parametrize("name", ["If", "toDate", "toDateIf", "sumX", "IfIf", "", "lagIf"])
def test_what_is_no_aggregate_takes_no_suffix(name: str) -> None:
    assert REGISTRY.aggregate(name) is None


def test_a_refused_name_says_why_and_what_to_use() -> None:
    refusal = REGISTRY.refused("AGGREGATE_FUNNEL")
    assert refusal is not None and refusal.reason and refusal.hint
    assert REGISTRY.refused("count") is None


def test_near_names_are_offered_also_combined_ones() -> None:
    assert REGISTRY.nearest("cuontIf") == ["countIf"]
    assert REGISTRY.nearest("toStartOfMonht") == ["toStartOfMonth"]
    assert REGISTRY.nearest("zzzzzz") == []


def test_two_rows_may_not_share_a_name() -> None:
    row = Fn("twice", (0, 0), INTEGER, "One.", on("1", "1"))
    with pytest.raises(ValueError, match="two rows"):
        Registry([row, row])


def test_a_name_with_a_row_is_not_refused() -> None:
    row = Fn("here", (0, 0), INTEGER, "One.", on("1", "1"))
    assert Registry([row], [Refused("here", "it is gone")]).refused("here") is None


def test_every_row_reads_well() -> None:
    for row in REGISTRY:
        assert row.doc.endswith((".", "…")), row.name
        fewest, most = row.args
        assert fewest >= 0 and (most is None or fewest <= most), row.name
        if not isinstance(row, Expansion):
            assert runs_on(row, "duckdb") or runs_on(row, "clickhouse"), row.name


def test_no_suffix_hides_another() -> None:
    for i, suffix in enumerate(COMBINATORS):
        assert not [
            later for later in COMBINATORS[:i] if suffix != later and suffix.endswith(later)
        ]


def test_aggregates_name_what_clickhouse_calls_them() -> None:
    for row in REGISTRY:
        if isinstance(row, Agg):
            assert row.native is None or row.native == "" or row.native.isalnum()
