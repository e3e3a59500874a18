"""Values inside nested mappings by their dotted path: `ssh_tunnel.auth.password`."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any


def value_at(values: Mapping[str, Any], path: str) -> Any:
    """The value at a path; None where there is none.

    >>> value_at({"a": {"b": 1}}, "a.b"), value_at({"a": 1}, "a.b")
    (1, None)
    """
    found: Any = values
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def divided(
    values: Mapping[str, Any], paths: Iterable[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values without those at the paths, and those by path. Nothing given is changed.

    >>> divided({"a": {"b": 1, "c": 2}, "d": 3}, ["a.b", "x"])
    ({'a': {'c': 2}, 'd': 3}, {'a.b': 1})
    """
    rest = _copied(values)
    taken: dict[str, Any] = {}
    for path in paths:
        *parents, name = path.split(".")
        place: Any = rest
        for part in parents:
            place = place.get(part) if isinstance(place, dict) else None
        if isinstance(place, dict) and name in place:
            taken[path] = place.pop(name)
    return rest, taken


def joined(values: Mapping[str, Any], taken: Mapping[str, Any]) -> dict[str, Any]:
    """The values with those by path put back. A path whose mapping is gone is left out.

    >>> joined({"a": {"c": 2}}, {"a.b": 1, "d": 3, "gone.b": 4})
    {'a': {'c': 2, 'b': 1}, 'd': 3}
    """
    found = _copied(values)
    for path, value in taken.items():
        *parents, name = path.split(".")
        place: Any = found
        for part in parents:
            place = place.get(part) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[name] = value
    return found


def overlaid(
    values: Mapping[str, Any], changes: Mapping[str, Any], whole: Collection[str] = ()
) -> dict[str, Any]:
    """The values with the changes in their place; mappings on both sides are overlaid in turn, but those at `whole`.

    >>> overlaid({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 9}, "d": {"e": 1}})
    {'a': {'b': 9, 'c': 2}, 'd': {'e': 1}}
    >>> overlaid({"x": {"a": {"b": 1, "c": 2}}}, {"x": {"a": {"b": 9}}}, ["x.a"])
    {'x': {'a': {'b': 9}}}
    """
    found = dict(values)
    for name, value in changes.items():
        before = found.get(name)
        if name not in whole and isinstance(before, Mapping) and isinstance(value, Mapping):
            inside = [path.partition(".")[2] for path in whole if path.startswith(f"{name}.")]
            value = overlaid(before, value, inside)
        found[name] = value
    return found


def _copied(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _copied(value) if isinstance(value, Mapping) else value
        for name, value in values.items()
    }
