"""Parts of URLs; a URL that lacks a part has '' there."""

from pwh_assets.hogql.functions.base import Call, Handler, Row, Unsupported, family
from pwh_assets.hogql.functions.strings import texts
from pwh_assets.hogql.functions.texts import listed, to_text
from pwh_assets.hogql.types import INTEGER, STRING, array

row = family("urls")

_U = "https://www.example.com:8080/a/b.html?x=1&y=2#top"


def _list(duckdb: str, native: str) -> Handler:
    def handler(call: Call, /) -> str:
        text = to_text(call, call.args[0])
        if call.engine == "clickhouse":
            return listed(call.args[0], text, lambda t: f"{native}({t})")
        return f"coalesce({duckdb.replace('{t}', text)}, [])"

    return handler


def _port(call: Call, /) -> str:
    text = to_text(call, call.args[0])
    default = call.args[1].sql if len(call.args) > 1 else "0"
    if call.engine == "clickhouse":
        return f"port({text}, toUInt16({default}))"
    return f"hog_url_port({text}, {default})"


def _cut_parameter(call: Call, /) -> str:
    text, name = to_text(call, call.args[0]), call.args[1]
    if call.engine == "clickhouse":
        return f"cutURLParameter({text}, {name.sql})"
    if name.type.name == "Array":
        raise ValueError("it takes one name there.")
    return f"hog_cut_parameter({text}, {name.sql})"


_SUFFIX = Unsupported(
    "the list of public suffixes (co.uk, com.au …) is in ClickHouse only; use domainWithoutWWW."
)


def _one(
    name: str, macro: str, doc: str, value: str, *more: tuple[str, object], **extra: object
) -> Row:
    return row(
        name,
        (1, 1),
        STRING,
        doc,
        texts(f"{macro}({{0}})"),
        texts(f"{name}({{0}})"),
        (f"{name}('{_U}')", value),
        *more,
        **extra,
    )


ROWS: tuple[Row, ...] = (
    _one("protocol", "hog_url_protocol", "The part before ://.", "https"),
    _one(
        "domain",
        "hog_url_domain",
        "The host.",
        "www.example.com",
        ("domain('example.com/x')", "example.com"),
    ),
    _one(
        "domainWithoutWWW", "hog_url_domain_bare", "The host without a leading www.", "example.com"
    ),
    _one(
        "topLevelDomain",
        "hog_url_tld",
        "The last part of the host.",
        "com",
        ("topLevelDomain('http://1.2.3.4')", ""),
    ),
    row(
        "port",
        (1, 2),
        INTEGER,
        "The port; the second argument, else 0, where there is none.",
        _port,
        _port,
        (f"port('{_U}')", 8080),
        ("port('https://a.b/')", 0),
        ("port('https://a.b/', 80)", 80),
    ),
    _one(
        "path",
        "hog_url_path",
        "The path without query and fragment.",
        "/a/b.html",
        ("path('https://a.b')", ""),
    ),
    _one(
        "pathFull",
        "hog_url_path_full",
        "The path with query and fragment.",
        "/a/b.html?x=1&y=2#top",
    ),
    _one("queryString", "hog_url_query", "The query without ? and fragment.", "x=1&y=2"),
    _one("fragment", "hog_url_fragment", "The part after #.", "top"),
    _one("queryStringAndFragment", "hog_url_query_fragment", "Query and fragment.", "x=1&y=2#top"),
    row(
        "netloc",
        (1, 1),
        STRING,
        "User, host and port.",
        texts("hog_url_netloc({0})"),
        texts("extract({0}, '^(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?//([^/?#]*)')"),
        (f"netloc('{_U}')", "www.example.com:8080"),
    ),
    row(
        "extractURLParameter",
        (2, 2),
        STRING,
        "The value of a parameter, as it is written; '' where there is none.",
        texts("hog_url_parameter({0}, {1})"),
        texts("extractURLParameter({0}, {1})"),
        (f"extractURLParameter('{_U}', 'y')", "2"),
        (f"extractURLParameter('{_U}', 'z')", ""),
    ),
    row(
        "extractURLParameters",
        (1, 1),
        array(STRING),
        "The parameters as name=value.",
        _list("hog_url_parameters({t})", "extractURLParameters"),
        _list("", "extractURLParameters"),
        (f"extractURLParameters('{_U}')", ["x=1", "y=2"]),
    ),
    row(
        "extractURLParameterNames",
        (1, 1),
        array(STRING),
        "The parameters' names.",
        _list(
            "list_transform(hog_url_parameters({t}), lambda __p: string_split(__p, '=')[1])",
            "extractURLParameterNames",
        ),
        _list("", "extractURLParameterNames"),
        (f"extractURLParameterNames('{_U}')", ["x", "y"]),
    ),
    row(
        "URLHierarchy",
        (1, 1),
        array(STRING),
        "The URL cut after each / of its path and each ? and #.",
        _list("hog_url_hierarchy({t})", "URLHierarchy"),
        _list("", "URLHierarchy"),
        (
            "URLHierarchy('https://a.b/c/d?e=1')",
            ["https://a.b/", "https://a.b/c/", "https://a.b/c/d?", "https://a.b/c/d?e=1"],
        ),
    ),
    row(
        "URLPathHierarchy",
        (1, 1),
        array(STRING),
        "The path cut after each / and each ? and #.",
        _list("hog_url_path_hierarchy({t})", "URLPathHierarchy"),
        _list("", "URLPathHierarchy"),
        ("URLPathHierarchy('https://a.b/c/d?e=1')", ["/c/", "/c/d?", "/c/d?e=1"]),
    ),
    row(
        "encodeURLComponent",
        (1, 1),
        STRING,
        "The text with signs as %XX.",
        texts("url_encode({0})"),
        texts("encodeURLComponent({0})"),
        ("encodeURLComponent('a b/é')", "a%20b%2F%C3%A9"),
    ),
    row(
        "decodeURLComponent",
        (1, 1),
        STRING,
        "The text with %XX as signs.",
        texts("hog_url_decode({0})"),
        texts("decodeURLComponent({0})"),
        ("decodeURLComponent('a%20b%2F')", "a b/"),
    ),
    row(
        "encodeURLFormComponent",
        (1, 1),
        STRING,
        "The text as in forms: signs as %XX, spaces as +.",
        texts("replace(url_encode({0}), '%20', '+')"),
        texts("encodeURLFormComponent({0})"),
        ("encodeURLFormComponent('a b')", "a+b"),
    ),
    row(
        "decodeURLFormComponent",
        (1, 1),
        STRING,
        "The text of a form: + as a space, %XX as signs.",
        texts("hog_url_decode(replace({0}, '+', ' '))"),
        texts("decodeURLFormComponent({0})"),
        ("decodeURLFormComponent('a+b%20c')", "a b c"),
    ),
    row(
        "cutWWW",
        (1, 1),
        STRING,
        "The URL without a leading www. of its host.",
        texts("regexp_replace({0}, '^(([a-zA-Z][a-zA-Z0-9+.-]*:)?//)www\\.', '\\1')"),
        texts("cutWWW({0})"),
        ("cutWWW('https://www.a.b/')", "https://a.b/"),
    ),
    row(
        "cutQueryString",
        (1, 1),
        STRING,
        "The URL without ? and query.",
        texts("regexp_replace({0}, '\\?[^#]*', '')"),
        texts("cutQueryString({0})"),
        ("cutQueryString('https://a.b/c?x=1#f')", "https://a.b/c#f"),
    ),
    row(
        "cutFragment",
        (1, 1),
        STRING,
        "The URL without # and fragment.",
        texts("regexp_replace({0}, '#.*$', '', 's')"),
        texts("cutFragment({0})"),
        ("cutFragment('https://a.b/c#f')", "https://a.b/c"),
    ),
    row(
        "cutQueryStringAndFragment",
        (1, 1),
        STRING,
        "The URL without query and fragment.",
        texts("regexp_replace({0}, '[?#].*$', '', 's')"),
        texts("cutQueryStringAndFragment({0})"),
        ("cutQueryStringAndFragment('https://a.b/c?x=1#f')", "https://a.b/c"),
    ),
    row(
        "cutURLParameter",
        (2, 2),
        STRING,
        "The URL without a parameter.",
        _cut_parameter,
        _cut_parameter,
        ("cutURLParameter('https://a.b/c?x=1&y=2&z=3', 'y')", "https://a.b/c?x=1&z=3"),
    ),
    *(
        row(
            name,
            (1, 1),
            STRING,
            doc,
            _SUFFIX,
            texts(f"{name}({{0}})"),
            (f"{name}('https://news.bbc.co.uk/')", value),
        )
        for name, doc, value in (
            ("firstSignificantSubdomain", "The part of the host before its public suffix.", "bbc"),
            ("cutToFirstSignificantSubdomain", "The host's registered domain.", "bbc.co.uk"),
            (
                "cutToFirstSignificantSubdomainWithWWW",
                "The host's registered domain, www kept.",
                "bbc.co.uk",
            ),
        )
    ),
)
