"""Names only PostHog has: versions, languages, channels, robots, surveys; most expand or look a constant table up."""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from sqlglot import exp

from pwh_assets.hogql.functions.base import Call, Expansion, Fn, Handler, Row, family
from pwh_assets.hogql.functions.languages import LANGUAGES
from pwh_assets.hogql.functions.sqltext import quote
from pwh_assets.hogql.functions.texts import to_text
from pwh_assets.hogql.functions.traffic import BOTS, ORGANIC_MEDIA, PAID_MEDIA, SOURCES
from pwh_assets.hogql.types import BOOLEAN, INTEGER, STRING, array

row = family("posthog")

_SEMVER = r"^\s*v?((0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*))(?:[-+][^\s]*)?\s*$"


def _semver(call: Call, /) -> str:
    text = to_text(call, call.args[0])
    pattern = quote(_SEMVER, call.engine)
    if call.engine == "clickhouse":
        found = f"coalesce(nullIf(extract({text}, {pattern}), ''), '_')"
        return f"arrayMap(x -> toInt64OrNull(x), splitByChar('.', {found}))"
    found = f"coalesce(nullif(regexp_extract({text}, {pattern}, 1), ''), '_')"
    return f"list_transform(string_split({found}, '.'), lambda __x: hog_int(__x))"


def lookup(table: Mapping[str, str], default: str | None, fold: bool = False) -> Handler:
    """A text's counterpart in a constant table."""

    def handler(call: Call, /) -> str:
        text = to_text(call, call.args[0])
        if fold:
            text = f"lower({text})"
        engine = call.engine
        keys = ", ".join(quote(key, engine) for key in table)
        values = ", ".join(quote(value, engine) for value in table.values())
        otherwise = "NULL" if default is None else quote(default, engine)
        if engine == "clickhouse":
            return f"coalesce(arrayElementOrNull([{values}], indexOf([{keys}], ifNull({text}, ''))), {otherwise})"
        return f"coalesce(map([{keys}], [{values}])[{text}], {otherwise})"

    return handler


def _bot(value: str, regular: str, nobody: str) -> Handler:
    """A fact about the robot a user agent belongs to."""

    def handler(call: Call, /) -> str:
        text = to_text(call, call.args[0])
        engine = call.engine
        signs = ", ".join(quote(bot.sign, engine) for bot in BOTS)
        facts = ", ".join(quote(str(getattr(bot, value)), engine) for bot in BOTS)
        if engine == "clickhouse":
            place = f"arrayMin(multiMatchAllIndices(ifNull({text}, ''), [{signs}]))"
            found = f"arrayElementOrNull([{facts}], {place})"
        else:
            place = f"list_position(list_transform([{signs}], lambda __s: regexp_matches({text}, __s)), true)"
            found = f"([{facts}])[{place}]"
        return f"(CASE WHEN coalesce({text}, '') = '' THEN {quote(nobody)} ELSE coalesce({found}, {quote(regular)}) END)"

    return handler


def _is_bot(call: Call, /) -> str:
    return f"({_bot('traffic', 'Regular', 'Automation')(call)} <> 'Regular')"


def _by_the_resolver(args: Sequence[exp.Expression]) -> exp.Expression:
    """What these mean is kept with the project, so the resolver knows them (`resolve/stored.py`)."""
    raise ValueError("its arguments cannot be used.")


def _tree(text: str) -> exp.Expression:
    from pwh_assets.hogql.parser import parse_expression

    return cast(exp.Expression, parse_expression(text))


def _constant(node: exp.Expression, what: str) -> str:
    if not isinstance(node, exp.Literal):
        raise ValueError(f"{what} has to be a constant.")
    return str(node.this)


def _survey_response(args: Sequence[exp.Expression]) -> exp.Expression:
    """The answer to a survey's question by its number, from the properties of the event."""
    index = _constant(args[0], "its first argument")
    if not index.isdigit():
        raise ValueError("its first argument has to be the number of a question, from 0.")
    by_index = "$survey_response" if index == "0" else f"$survey_response_{int(index)}"
    question = (
        args[1].this
        if len(args) > 1 and isinstance(args[1], exp.Literal) and args[1].this
        else None
    )
    many = len(args) > 2 and isinstance(args[2], exp.Boolean) and bool(args[2].this)
    by_id = (
        _text(f"$survey_response_{question}")
        if question
        else "concat('$survey_response_', JSONExtractString(JSONExtractArrayRaw(properties, '$survey_questions')"
        f"[{int(index) + 1}], 'id'))"
    )
    if many:
        return _tree(
            f"if(JSONHas(properties, {by_id}) AND length(JSONExtractArrayRaw(properties, {by_id})) > 0, "
            f"JSONExtractArrayRaw(properties, {by_id}), JSONExtractArrayRaw(properties, {_text(by_index)}))"
        )
    return _tree(
        f"coalesce(nullIf(JSONExtractString(properties, {by_id}), ''), "
        f"nullIf(JSONExtractString(properties, {_text(by_index)}), ''))"
    )


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _survey_filter(args: Sequence[exp.Expression]) -> exp.Expression:
    """Of several answers of one submission only the last."""
    where = f"event = 'survey sent' AND properties.$survey_id = {_text(_constant(args[0], 'its first argument'))}"
    for operator, bound in zip((">=", "<="), args[1:], strict=False):
        where += f" AND timestamp {operator} {_text(_constant(bound, 'a time'))}"
    key = "if(coalesce(properties.$survey_submission_id, '') = '', toString(uuid), properties.$survey_submission_id)"
    return _tree(
        f"uuid IN (SELECT argMax(uuid, timestamp) FROM events WHERE {where} GROUP BY {key})"
    )


def _tag(name: str, *keys: str) -> Callable[[Sequence[exp.Expression]], exp.Expression]:
    """A call as the display tag `<Name key={argument} … />`."""

    def expand(args: Sequence[exp.Expression]) -> exp.Expression:
        attributes = [
            exp.Kwarg(this=exp.Var(this=key), expression=arg)
            for key, arg in zip(keys, args, strict=False)
        ]
        literal = exp.Literal(this=name, is_string=True)
        return exp.Anonymous(this="__hx", expressions=[literal, *attributes])

    return expand


def _named(kinds: Mapping[str, tuple[str, ...]], prefix: str = "") -> dict[str, str]:
    return {name: f"{prefix}{kind}" for kind, names in kinds.items() for name in names}


_PAID_SOURCES = {
    name: {
        "Search": "Paid Search",
        "Social": "Paid Social",
        "Video": "Paid Video",
        "Shopping": "Paid Shopping",
    }[kind]
    for kind, names in SOURCES.items()
    if kind in ("Search", "Social", "Video", "Shopping")
    for name in names
}
_ORGANIC_SOURCES = {
    name: f"Organic {kind}" if kind in ("Search", "Social", "Video", "Shopping") else kind
    for kind, names in SOURCES.items()
    for name in names
}
_AGENT = "'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)'"


def _agent(name: str, value: str, doc: str, regular: str, nobody: str, example: str) -> Fn:
    handler = _bot(value, regular, nobody)
    return row(
        name,
        (1, 2),
        STRING,
        doc,
        handler,
        handler,
        (f"{name}({_AGENT})", example),
        (f"{name}('Mozilla/5.0 Firefox/120.0')", regular),
        (f"{name}('')", nobody),
        aliases=(f"__preview_{name}",),
    )


ROWS: tuple[Row, ...] = (
    row(
        "sortableSemVer",
        (1, 1),
        array(INTEGER),
        "A version such as 1.10.2 as an array that sorts; [NULL] of what is none.",
        _semver,
        _semver,
        ("sortableSemVer('1.10.2')", [1, 10, 2]),
        ("sortableSemVer('v1.2.3-beta')", [1, 2, 3]),
        ("sortableSemVer('x')", [None]),
        ("sortableSemVer('1.10.0') > sortableSemVer('1.9.9')", True),
    ),
    row(
        "languageCodeToName",
        (1, 1),
        STRING,
        "The English name of a language by its two-letter code; Unknown of others.",
        lookup(LANGUAGES, "Unknown"),
        lookup(LANGUAGES, "Unknown"),
        ("languageCodeToName('de')", "German"),
        ("languageCodeToName('?')", "Unknown"),
    ),
    row(
        "lookupDomainType",
        (1, 1),
        STRING,
        "Kind of a referring domain: Search, Social, Video, Shopping, Email; NULL of others.",
        lookup(_named(SOURCES), None, True),
        lookup(_named(SOURCES), None, True),
        ("lookupDomainType('google.com')", "Search"),
        ("lookupDomainType('example.com')", None),
    ),
    row(
        "lookupPaidSourceType",
        (1, 1),
        STRING,
        "Channel of a paid visit by its source.",
        lookup(_PAID_SOURCES, None, True),
        lookup(_PAID_SOURCES, None, True),
        ("lookupPaidSourceType('google')", "Paid Search"),
    ),
    row(
        "lookupPaidMediumType",
        (1, 1),
        STRING,
        "Channel of a paid visit by its medium.",
        lookup(_named(PAID_MEDIA), None, True),
        lookup(_named(PAID_MEDIA), None, True),
        ("lookupPaidMediumType('cpc')", "Paid Search"),
    ),
    row(
        "lookupOrganicSourceType",
        (1, 1),
        STRING,
        "Channel of an unpaid visit by its source.",
        lookup(_ORGANIC_SOURCES, None, True),
        lookup(_ORGANIC_SOURCES, None, True),
        ("lookupOrganicSourceType('facebook')", "Organic Social"),
    ),
    row(
        "lookupOrganicMediumType",
        (1, 1),
        STRING,
        "Channel of an unpaid visit by its medium.",
        lookup(_named(ORGANIC_MEDIA), None, True),
        lookup(_named(ORGANIC_MEDIA), None, True),
        ("lookupOrganicMediumType('newsletter')", "Email"),
    ),
    _agent(
        "getTrafficType",
        "traffic",
        "Regular, Bot, AI Agent or Automation, by a user agent.",
        "Regular",
        "Automation",
        "Bot",
    ),
    _agent(
        "getTrafficCategory",
        "category",
        "Kind of robot by a user agent, such as search_crawler; else regular.",
        "regular",
        "no_user_agent",
        "search_crawler",
    ),
    _agent(
        "getBotType",
        "category",
        "Kind of robot by a user agent; '' of a person.",
        "",
        "no_user_agent",
        "search_crawler",
    ),
    _agent(
        "getBotName",
        "name",
        "Name of the robot by a user agent; '' of a person.",
        "",
        "",
        "Googlebot",
    ),
    _agent("getBotOperator", "operator", "Who runs the robot; '' of a person.", "", "", "Google"),
    row(
        "isLikelyBot",
        (1, 2),
        BOOLEAN,
        "Whether a user agent is a robot's or empty.",
        _is_bot,
        _is_bot,
        (f"isLikelyBot({_AGENT})", True),
        ("isLikelyBot('Mozilla/5.0 Firefox/120.0')", False),
        aliases=("__preview_isBot",),
    ),
    Expansion(
        "convertCurrency",
        (3, 4),
        "An amount in another currency: from, to, amount, and the day (today's rate without). NULL where a rate is missing.",
        _by_the_resolver,
        example=("convertCurrency('USD', 'USD', 5)", 5),
    ),
    Expansion(
        "matchesAction",
        (1, 1),
        "Whether the event matches an action, by the action's name or number.",
        _by_the_resolver,
    ),
    Expansion(
        "getSurveyResponse",
        (1, 3),
        "The answer to a survey's question: its number, its id, whether it has several answers.",
        _survey_response,
    ),
    Expansion(
        "uniqueSurveySubmissionsFilter",
        (1, 3),
        "A condition on events: of each submission of a survey only the last answer.",
        _survey_filter,
    ),
    Expansion(
        "sparkline",
        (1, 1),
        "A small chart of an array, as a display tag.",
        _tag("Sparkline", "data"),
    ),
    Expansion(
        "recordingButton",
        (1, 2),
        "A button that opens a session's recording, as a display tag.",
        _tag("RecordingButton", "sessionId", "recordingStatus"),
    ),
    Expansion(
        "explainCSPReport",
        (1, 1),
        "A button that explains a CSP report, as a display tag.",
        _tag("ExplainCSPReport", "properties"),
    ),
)
