"""Actions as HogQL: the steps of an action become a condition over a row of `events`."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from pwh_assets.core.language import ActionStep, Matching
from pwh_assets.hogql.written import written_name

_SPECIAL = re.compile(r"([\\.^$|?*+()\[\]{}])")
_PART = re.compile(
    r"""(?P<tag>^[a-zA-Z][\w-]*|^\*)
    | \#(?P<id>[\w-]+) | \.(?P<class>[\w-]+)
    | :nth-child\((?P<nth>\d+)\)
    | \[(?P<attr>[\w:-]+)=(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\]]*))\]""",
    re.VERBOSE,
)
_COMPARISONS: Final = {
    "gt": ">",
    "lt": "<",
    "gte": ">=",
    "lte": "<=",
    "min": ">=",
    "max": "<=",
}
_DATES: Final = {"is_date_before": "<", "is_date_after": ">", "is_date_exact": "="}


def action_condition(steps: Sequence[ActionStep]) -> str:
    """HogQL that is true for events matching any step.

    >>> action_condition([ActionStep(event="$pageview", url="/pay"), ActionStep(event="paid")])
    "((event = '$pageview' AND properties.$current_url LIKE '%/pay%') OR (event = 'paid'))"

    Raises:
        ValueError: a step cannot be written; the sentence says why.
    """
    if not steps:
        raise ValueError("it has no steps")
    return f"({' OR '.join(f'({step_condition(step)})' for step in steps)})"


def step_condition(step: ActionStep) -> str:
    """HogQL that is true for events matching one step. Raises ValueError."""
    found: list[str] = []
    if step.event:
        found.append(f"event = {_text(step.event)}")
    if step.url:
        found.append(_matching("properties.$current_url", step.url, step.url_matching, "LIKE"))
    if step.tag_name:
        found.append(_tag(step.tag_name))
    if step.selector:
        found.append(f"match(elements_chain, {_text(selector_pattern(step.selector))})")
    if step.href:
        found.append(_matching("elements_chain_href", step.href, step.href_matching))
    if step.text:
        one = _matching("__text", step.text, step.text_matching)
        found.append(f"arrayExists(__text -> {one}, elements_chain_texts)")
    found += [property_condition(one) for one in step.properties]
    if not found:
        raise ValueError("a step asks for nothing, so every event would match")
    return " AND ".join(found)


def _matching(field: str, value: str, matching: Matching, like: str = "ILIKE") -> str:
    if matching is Matching.EXACT:
        return f"{field} = {_text(value)}"
    if matching is Matching.REGEX:
        return _regex(field, value)
    return f"{field} {like} {_text(_contained(value))}"


def _regex(field: str, pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"`{pattern}` is no regular expression: {error}") from None
    return f"match({field}, {_text(pattern)})"


def _tag(name: str) -> str:
    pattern = f"(^|;){_escaped(name)}([.:;]|$)"
    return f"match(elements_chain, {_text(pattern)})"


# Selectors


def selector_pattern(selector: str) -> str:
    r"""A CSS selector as a pattern over `elements_chain`, in which the innermost element comes first.

    >>> selector_pattern("div > a.btn")
    '(^|;)a(?:\\.[^;.:]+)*\\.btn(?:\\.[^;.:]+)*(?::[^;]*)?;div(?:\\.[^;.:]+)*(?::[^;]*)?(;|$)'

    Raises:
        ValueError: it uses more than tags, classes, ids, attributes, `:nth-child(n)`, spaces and `>`.
    """
    words = selector.replace(">", " > ").split()
    if not words or words[0] == ">" or words[-1] == ">":
        raise ValueError(f"`{selector}` is no selector")
    pattern = "(^|;)"
    is_first, is_direct = True, False
    for word in reversed(words):
        if word == ">":
            is_direct = True
            continue
        if not is_first:
            pattern += ";" if is_direct else ";(?:[^;]*;)*"
        pattern += _element(word, selector)
        is_first, is_direct = False, False
    return f"{pattern}(;|$)"


def _element(word: str, selector: str) -> str:
    tag, classes, attributes, place = "[^;.:]*", [], {}, 0
    while place < len(word):
        found = _PART.match(word[place:]) if place == 0 else _PART.search(word, place)
        if found is None or (place and found.start() != place):
            raise ValueError(
                f"`{selector}` uses more than tags, classes, ids, attributes, :nth-child(n), spaces and >"
            )
        place += found.end() - (found.start() if place else 0)
        if found["tag"] and found["tag"] != "*":
            tag = _escaped(found["tag"])
        elif found["id"]:
            attributes["attr_id"] = found["id"]
        elif found["class"]:
            classes.append(_escaped(found["class"]))
        elif found["nth"]:
            attributes["nth-child"] = found["nth"]
        elif found["attr"]:
            value = found["double"] or found["single"] or found["bare"] or ""
            name = found["attr"]
            own = {"id": "attr_id", "href": "href", "text": "text"}
            attributes[own.get(name, f"attr__{name}")] = value
    more = r"(?:\.[^;.:]+)*"
    pattern = tag + "".join(rf"{more}\.{one}" for one in sorted(classes)) + more
    if not attributes:
        return pattern + "(?::[^;]*)?"
    wanted = "".join(
        f'[^;]*{_escaped(name)}="{_escaped(value)}"' for name, value in sorted(attributes.items())
    )
    return f"{pattern}:{wanted}[^;]*"


# Properties


def event_field(kind: str, key: str, given: Mapping[str, Any]) -> str:
    """What a filter of a kind is about, over a row of events. Raises ValueError."""
    name = written_name(key) if key else ""
    match kind:
        case "event":
            return f"properties.{name}"
        case "person":
            return f"person.properties.{name}"
        case "session":
            return f"session.{name}"
        case "cohort":
            return "person_id"
        case "group":
            return f"group_{int(given.get('group_type_index') or 0)}.properties.{name}"
    raise ValueError(
        f"`{kind}` is no type of property; there are event, person, session, group, "
        "element, cohort and hogql"
    )


def property_condition(
    given: Mapping[str, Any],
    field_of: Callable[[str, str, Mapping[str, Any]], str] = event_field,
) -> str:
    """One of PostHog's property filters as HogQL; `field_of` says what a kind and key are called. Raises ValueError."""
    key = given.get("key")
    kind = given.get("type") or "event"
    value, operator = given.get("value"), given.get("operator") or "exact"
    if kind == "cohort":
        word = "NOT IN" if operator in ("not_in", "is_not") else "IN"
        return f"{field_of(kind, '', given)} {word} COHORT {_literal(value)}"
    if not isinstance(key, str) or not key:
        raise ValueError("a property needs a `key`")
    if kind in ("hogql", "sql"):
        return f"({key})"
    if kind == "element":
        return _element_property(key, value, operator)
    return compared(field_of(str(kind), key, given), str(operator), value)


def compared(field: str, operator: str, value: Any) -> str:
    """A field beside a value by one of PostHog's operators. Raises ValueError."""
    values = list(value) if isinstance(value, list | tuple) else [value]
    if operator == "is_set":
        return f"{field} IS NOT NULL"
    if operator == "is_not_set":
        return f"{field} IS NULL"
    if not values or any(one is None for one in values):
        raise ValueError(f"operator `{operator}` needs a value")
    if operator in ("exact", "is_not", "in", "not_in"):
        is_negated = operator in ("is_not", "not_in")
        if len(values) == 1:
            return f"{field} {'!=' if is_negated else '='} {_literal(values[0])}"
        listed = ", ".join(_literal(one) for one in values)
        return f"{field} {'NOT IN' if is_negated else 'IN'} ({listed})"
    if operator in ("icontains", "not_icontains"):
        word, joined = ("NOT ILIKE", " AND ") if operator.startswith("not") else ("ILIKE", " OR ")
        found = [f"{field} {word} {_text(_contained(str(one)))}" for one in values]
        return f"({joined.join(found)})"
    if operator in ("regex", "not_regex"):
        tests = " OR ".join(_regex(f"toString({field})", str(one)) for one in values)
        return f"NOT coalesce({tests}, false)" if operator == "not_regex" else f"({tests})"
    if operator in ("between", "not_between"):
        if len(values) != 2:
            raise ValueError(f"operator `{operator}` needs two values")
        ends = (compared(field, "gte", values[0]), compared(field, "lte", values[1]))
        found_between = f"({' AND '.join(ends)})"
        return f"NOT {found_between}" if operator == "not_between" else found_between
    if operator in _COMPARISONS:
        bound = _number(values[0])
        left = f"toFloat({field})" if bound is not None else field
        return (
            f"{left} {_COMPARISONS[operator]} {bound if bound is not None else _literal(values[0])}"
        )
    if operator in _DATES:
        return f"toDateTime({field}) {_DATES[operator]} toDateTime({_text(str(values[0]))})"
    raise ValueError(f"`{operator}` is no operator of a property")


def _element_property(key: str, value: Any, operator: str) -> str:
    values = [str(one) for one in (value if isinstance(value, list | tuple) else [value])]
    if key == "selector":
        tests = [f"match(elements_chain, {_text(selector_pattern(one))})" for one in values]
    elif key == "tag_name":
        tests = [_tag(one) for one in values]
    elif key == "href":
        return compared("elements_chain_href", operator, value)
    elif key == "text":
        return f"arrayExists(__text -> {compared('__text', operator, value)}, elements_chain_texts)"
    else:
        raise ValueError(
            f"`{key}` is no property of an element; there are text, href, tag_name and selector"
        )
    found = f"({' OR '.join(tests)})"
    return f"NOT coalesce({found}, false)" if operator == "is_not" else found


# Writing


def _number(value: Any) -> str | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return repr(number) if number == number and abs(number) != float("inf") else None


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return _text(str(value))


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def _contained(value: str) -> str:
    """A LIKE pattern for what holds a text."""
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _escaped(value: str) -> str:
    """A text for inside a pattern."""
    return _SPECIAL.sub(r"\\\1", value)


def actions_by_name(found: Iterable[tuple[int, str, Sequence[ActionStep]]]) -> dict[str, str]:
    """Conditions by name and by number; an action that cannot be written is left out."""
    conditions: dict[str, str] = {}
    for number, name, steps in found:
        try:
            condition = action_condition(steps)
        except ValueError:
            continue
        conditions.setdefault(name, condition)
        conditions[str(number)] = condition
    return conditions
