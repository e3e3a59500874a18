"""Names of HogQL's list that run on no engine here, and why."""

from pwh_assets.hogql.functions.base import Refused

_FUNNEL = "it is a program PostHog installs in its ClickHouse"
_CALLS_OUT = "it would ask a service outside the warehouse"
_STREAM = "it depends on how ClickHouse cuts a table in blocks, so its answer is not defined"
_FILES = "queries read the catalog's tables only"
_SECRET = "it tells about the server, not about your data"
_DICTIONARY = "there are no dictionaries here"
_MODEL = "there are no models here"

REFUSED: tuple[Refused, ...] = (
    *(
        Refused(f"aggregate_funnel{suffix}", _FUNNEL, "Use windowFunnel.")
        for suffix in (
            "",
            "_array",
            "_cohort",
            "_trends",
            "_array_trends",
            "_cohort_trends",
            "_json",
            "_array_json",
            "_cohort_json",
            "_trends_json",
            "_array_trends_json",
            "_cohort_trends_json",
            "_test",
            "_array_trends_test",
        )
    ),
    Refused("embedText", _CALLS_OUT),
    Refused("promptJev", _CALLS_OUT),
    Refused("llmComplete", _CALLS_OUT),
    Refused("_lookupGeoipCityName", "it reads a dictionary inside PostHog"),
    Refused("_lookupGeoipPostalCode", "it reads a dictionary inside PostHog"),
    Refused(
        "_defaultChannelType", "it is internal to PostHog", "Use lookupPaidSourceType and its kin."
    ),
    Refused("_initialDomainType", "it is internal to PostHog", "Use lookupDomainType."),
    Refused("_domainType", "it is internal to PostHog", "Use lookupDomainType."),
    Refused("untuple", "it would give several columns", "Select the elements: t.1, t.2."),
    Refused(
        "mapPopulateSeries",
        "it is defined by the width of ClickHouse's integers",
        "Use mapFromArrays over range.",
    ),
    Refused("extractIPv4Substrings", "no engine here has it", "Use extractAll with a pattern."),
    Refused(
        "multiFuzzyMatchAny", "it needs an engine built for fuzzy patterns", "Use multiMatchAny."
    ),
    Refused(
        "multiFuzzyMatchAnyIndex",
        "it needs an engine built for fuzzy patterns",
        "Use multiMatchAnyIndex.",
    ),
    Refused(
        "multiFuzzyMatchAllIndices",
        "it needs an engine built for fuzzy patterns",
        "Use multiMatchAllIndices.",
    ),
    Refused("hasAllTokens", "it needs a text index", "Use hasToken with AND."),
    Refused("hasAnyTokens", "it needs a text index", "Use hasToken with OR."),
    Refused("multiplyDecimal", "decimals multiply with *", "Write a * b."),
    Refused("divideDecimal", "decimals divide with /", "Write a / b."),
    Refused("JSONExtractKey", "no engine here has it", "Use JSONExtractKeys(x)[n]."),
    Refused("toUInt256", "numbers have 128 bits at most", "Use toUInt128."),
    Refused("toInt256", "numbers have 128 bits at most", "Use toInt128."),
    *(
        Refused(
            f"reinterpretAs{kind}",
            "results carry no integers of that width",
            "Use reinterpretAsUInt64.",
        )
        for kind in ("UInt128", "UInt256", "Int128", "Int256")
    ),
    *(
        Refused(name, _STREAM, "Use a window function.")
        for name in (
            "runningDifference",
            "runningAccumulate",
            "neighbor",
            "blockNumber",
            "blockSize",
        )
    ),
    *(
        Refused(name, _SECRET)
        for name in (
            "hostName",
            "hostname",
            "FQDN",
            "version",
            "uptime",
            "currentUser",
            "currentDatabase",
            "getSetting",
            "getMacro",
            "getenv",
            "serverUUID",
            "tcpPort",
            "connectionId",
            "queryID",
            "displayName",
            "buildId",
            "filesystemAvailable",
            "filesystemCapacity",
            "demangle",
            "addressToLine",
            "addressToSymbol",
        )
    ),
    *(
        Refused(name, _FILES)
        for name in (
            "file",
            "url",
            "s3",
            "remote",
            "mysql",
            "postgresql",
            "executable",
            "input",
            "cluster",
            "catboostEvaluate",
        )
    ),
    *(
        Refused(name, _DICTIONARY, "Join the table instead.")
        for name in (
            "dictGet",
            "dictGetOrDefault",
            "dictGetOrNull",
            "dictHas",
            "dictGetHierarchy",
            "dictIsIn",
            "joinGet",
            "joinGetOrNull",
        )
    ),
    *(Refused(name, "a query may not wait on purpose") for name in ("sleep", "sleepEachRow")),
    *(Refused(name, "a query may not fail on purpose") for name in ("throwIf",)),
    *(
        Refused(name, _MODEL)
        for name in (
            "evalMLMethod",
            "stochasticLinearRegression",
            "stochasticLogisticRegression",
            "categoricalInformationValue",
        )
    ),
    *(
        Refused(name, "aggregation states are read with the -Merge form of their aggregate")
        for name in ("finalizeAggregation", "initializeAggregation", "arrayReduceInRanges")
    ),
    Refused("uniqUpTo", "it stops counting at a limit", "Use uniq."),
    Refused("groupBitmapAnd", "bitmaps of groups are read with groupBitmap"),
    Refused("groupBitmapOr", "bitmaps of groups are read with groupBitmap"),
    Refused("groupBitmapXor", "bitmaps of groups are read with groupBitmap"),
)
"""By name; a name that gets a row is no longer refused."""
