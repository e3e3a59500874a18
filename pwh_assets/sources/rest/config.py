"""A declared API: what a person wrote, checked piece by piece, as values the reading goes by.

The words are those of dlt's `rest_api` source. What would need code (`processing_steps`, functions) is refused.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pwh_assets.core.names import nearest
from pwh_assets.errors import InvalidInputError, quoted

PAGINATORS: Mapping[str, Mapping[str, Any]] = {
    "auto": {},
    "single_page": {},
    "header_link": {"links_next_key": "next"},
    "json_link": {"next_url_path": "next"},
    "cursor": {"cursor_path": "cursors.next", "cursor_param": "cursor"},
    "offset": {
        "limit": 100,
        "offset": 0,
        "offset_param": "offset",
        "limit_param": "limit",
        "total_path": None,
        "maximum_offset": None,
        "stop_after_empty_page": True,
        "has_more_path": None,
    },
    "page_number": {
        "base_page": 0,
        "page": None,
        "page_param": "page",
        "total_path": None,
        "maximum_page": None,
        "stop_after_empty_page": True,
        "has_more_path": None,
    },
}
"""What may be said about each, with its default."""
_WHOLE = frozenset(("limit", "offset", "maximum_offset", "base_page", "page", "maximum_page"))
_CODE = ("processing_steps", "response_actions", "hooks", "session", "convert")
_PLACEHOLDER = re.compile(r"\{([\w.]+)\}")
_DATA_TYPES = {
    "text": "VARCHAR",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "bool": "BOOLEAN",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "date": "DATE",
    "json": "JSON",
    "decimal": "DECIMAL(38,9)",
    "wei": "DECIMAL(38,0)",
}


@dataclass(frozen=True, slots=True)
class Paginator:
    kind: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Incremental:
    """`column` is the cursor; `param` is the query parameter it goes into, if it is not written as a placeholder."""

    column: str
    initial_value: Any = None
    param: str | None = None


@dataclass(frozen=True, slots=True)
class Parent:
    """Rows are asked for once per row of another resource, whose `field` fills in `param`."""

    resource: str
    field: str
    param: str


@dataclass(frozen=True, slots=True)
class Resource:
    """One table."""

    name: str
    path: str
    method: str = "GET"
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    data_selector: str | None = None
    paginator: Paginator = Paginator("auto", {})
    primary_key: tuple[str, ...] = ()
    incremental: Incremental | None = None
    parent: Parent | None = None
    include_from_parent: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)


def parse(config: Mapping[str, Any]) -> dict[str, Resource]:
    """Resources by name, parents before their children.

    Raises:
        InvalidInputError: `attr` is the path of what is wrong, such as `resources[0].endpoint.path`.
    """
    client = config["client"]
    defaults = _mapping(config.get("resource_defaults") or {}, "resource_defaults")
    _known(defaults, "resource_defaults", ("primary_key", "endpoint", "write_disposition"))
    listed = config["resources"]
    if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
        raise _wrong("resources", "must be a list with at least one resource")
    found: dict[str, Resource] = {}
    for i, entry in enumerate(listed):
        one = _resource(entry, f"resources[{i}]", client, defaults)
        if one.name in found:
            raise _wrong(f"resources[{i}].name", f"is `{one.name}` a second time")
        found[one.name] = one
    return _ordered(found)


def _ordered(found: dict[str, Resource]) -> dict[str, Resource]:
    order: dict[str, Resource] = {}

    def add(one: Resource, path: tuple[str, ...]) -> None:
        if one.name in path:
            raise _wrong("resources", f"go in a circle: {quoted([*path, one.name])}")
        if one.parent:
            above = found.get(one.parent.resource)
            if above is None:
                near = nearest(one.parent.resource, list(found))
                hint = f" Did you mean `{near}`?" if near else ""
                raise InvalidInputError(
                    "resources",
                    f"Resource `{one.name}` is resolved by `{one.parent.resource}`, which is not a resource.{hint}",
                )
            add(above, (*path, one.name))
        order[one.name] = one

    for one in found.values():
        add(one, ())
    return order


def _resource(
    entry: Any, at: str, client: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Resource:
    entry = {"name": entry} if isinstance(entry, str) else _mapping(entry, at)
    _known(
        entry,
        at,
        ("name", "endpoint", "primary_key", "write_disposition", "include_from_parent", "columns"),
    )
    name = entry.get("name")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise _wrong(f"{at}.name", "must be a name of letters, digits and underscores")
    own = entry.get("endpoint", name)
    own = {"path": own} if isinstance(own, str) else _mapping(own, f"{at}.endpoint")
    base = _mapping(defaults.get("endpoint") or {}, "resource_defaults.endpoint")
    endpoint = {
        **base,
        **own,
        "params": {**(base.get("params") or {}), **(own.get("params") or {})},
    }
    where = f"{at}.endpoint"
    _known(
        endpoint,
        where,
        ("path", "method", "params", "json", "paginator", "data_selector", "incremental"),
    )
    path = endpoint.get("path", name)
    if not isinstance(path, str) or "://" in path:
        raise _wrong(f"{where}.path", "must be a path below `client.base_url`")
    method = str(endpoint.get("method", "GET")).upper()
    if method not in ("GET", "POST"):
        raise _wrong(f"{where}.method", "must be GET or POST")
    params, incremental, parent = _params(endpoint["params"], f"{where}.params")
    if (said := endpoint.get("incremental")) is not None:
        incremental = _incremental(said, f"{where}.incremental", None)
    path, params, inline = _inline_parent(path, params)
    texts = [path, *(v for v in params.values() if isinstance(v, str)), str(endpoint.get("json"))]
    _check_placeholders(texts, where, incremental, parent or inline)
    return Resource(
        name,
        path,
        method,
        params,
        endpoint.get("json"),
        _text(endpoint.get("data_selector"), f"{where}.data_selector"),
        _paginator(endpoint.get("paginator", client.get("paginator")), f"{where}.paginator"),
        _names(entry.get("primary_key", defaults.get("primary_key")), f"{at}.primary_key"),
        incremental,
        parent or inline,
        _names(entry.get("include_from_parent"), f"{at}.include_from_parent"),
        _types(entry.get("columns") or {}, f"{at}.columns"),
    )


def _params(given: Any, at: str) -> tuple[dict[str, Any], Incremental | None, Parent | None]:
    """Plain parameters, and those that stand for the cursor or a parent's field."""
    plain: dict[str, Any] = {}
    incremental: Incremental | None = None
    parent: Parent | None = None
    for name, value in _mapping(given, at).items():
        kind = value.get("type") if isinstance(value, Mapping) else None
        if kind == "incremental":
            incremental = _incremental(
                {key: inner for key, inner in value.items() if key != "type"}, f"{at}.{name}", name
            )
        elif kind == "resolve":
            _known(value, f"{at}.{name}", ("type", "resource", "field"))
            parent = Parent(str(value.get("resource")), str(value.get("field")), name)
        elif isinstance(value, Mapping):
            raise _wrong(
                f"{at}.{name}", "must be a value, or have `type` `incremental` or `resolve`"
            )
        else:
            plain[name] = value
    return plain, incremental, parent


def _inline_parent(path: str, params: dict[str, Any]) -> tuple[str, dict[str, Any], Parent | None]:
    """`posts/{resources.posts.id}/comments` says the parent in the path."""
    match = re.search(r"\{resources\.(\w+)\.(\w+)\}", " ".join([path, *map(str, params.values())]))
    if match is None:
        return path, params, None
    here, place = match[0], f"{{{match[1]}_{match[2]}}}"
    changed = {n: v.replace(here, place) if isinstance(v, str) else v for n, v in params.items()}
    return path.replace(here, place), changed, Parent(match[1], match[2], f"{match[1]}_{match[2]}")


def _check_placeholders(
    texts: Sequence[str], at: str, incremental: Incremental | None, parent: Parent | None
) -> None:
    for word in _PLACEHOLDER.findall(" ".join(texts)):
        if word.startswith("incremental."):
            if incremental is None:
                raise _wrong(at, f"writes `{{{word}}}` but has no `incremental`")
        elif parent is None or word != parent.param:
            raise _wrong(at, f"writes `{{{word}}}`, which no parameter of type `resolve` fills in")


def _incremental(given: Any, at: str, param: str | None) -> Incremental:
    said = _mapping(given, at)
    _known(said, at, ("cursor_path", "initial_value", "start_param"))
    path = str(said.get("cursor_path") or "").removeprefix("$.")
    if not re.fullmatch(r"[^\s.\[\]*$]+", path):
        raise _wrong(f"{at}.cursor_path", "must be the name of a field of the row")
    return Incremental(path, said.get("initial_value"), said.get("start_param") or param)


def _paginator(given: Any, at: str) -> Paginator:
    if given is None:
        return Paginator("auto", {})
    said = {"type": given} if isinstance(given, str) else dict(_mapping(given, at))
    kind = said.pop("type", "auto")
    if kind not in PAGINATORS:
        near = nearest(str(kind), list(PAGINATORS))
        hint = f" Did you mean `{near}`?" if near else ""
        raise InvalidInputError(
            f"{at}.type", f"`{at}.type` is `{kind}`; it can be {quoted(list(PAGINATORS))}.{hint}"
        )
    _known(said, at, tuple(PAGINATORS[kind]))
    for name in _WHOLE & said.keys():
        if said[name] is not None and not _is_count(said[name]):
            raise _wrong(f"{at}.{name}", "must be a whole number")
    options = {**PAGINATORS[kind], **said}
    if options.get("limit") == 0:
        raise _wrong(f"{at}.limit", "must be at least 1")
    return Paginator(kind, options)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _types(given: Any, at: str) -> dict[str, str]:
    """Lake types by column, in dlt's words or the lake's."""
    found = {}
    for name, said in _mapping(given, at).items():
        kind = said.get("data_type") if isinstance(said, Mapping) else said
        text = str(kind).strip()
        if isinstance(said, Mapping) and text == "decimal" and "precision" in said:
            text = f"DECIMAL({int(said['precision'])},{int(said.get('scale', 0))})"
        text = _DATA_TYPES.get(text.lower(), text.upper())
        plain = text in _DATA_TYPES.values() or text == "TIMESTAMP"
        match = re.fullmatch(r"DECIMAL\((\d{1,2}), *(\d{1,2})\)", text)
        if not plain and not (
            match and 1 <= int(match[1]) <= 38 and int(match[2]) <= int(match[1])
        ):
            raise _wrong(f"{at}.{name}", f"is `{kind}`; it can be {quoted(list(_DATA_TYPES))}")
        found[str(name)] = text.replace(" ", "") if match else text
    return found


def _names(given: Any, at: str) -> tuple[str, ...]:
    names = [given] if isinstance(given, str) else list(given or [])
    if not all(isinstance(name, str) and name for name in names):
        raise _wrong(at, "must be a name or a list of names")
    return tuple(names)


def _text(given: Any, at: str) -> str | None:
    if given is not None and not isinstance(given, str):
        raise _wrong(at, "must be a text")
    return given


def _mapping(given: Any, at: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise _wrong(at, "must be a JSON object")
    return given


def _known(given: Mapping[str, Any], at: str, names: Sequence[str]) -> None:
    for name in given:
        if name in names:
            continue
        if name in _CODE:
            raise _wrong(f"{at}.{name}", "would need code, which a declared source has not")
        near = nearest(str(name), list(names))
        hint = f" Did you mean `{near}`?" if near else f" It may have {quoted(list(names))}."
        raise InvalidInputError(f"{at}.{name}", f"`{at}` has no `{name}`.{hint}")


def _wrong(at: str, problem: str) -> InvalidInputError:
    return InvalidInputError(at, f"`{at}` {problem}.")


known, mapping, paginator, wrong = _known, _mapping, _paginator, _wrong
