"""JSON to models and back, by the models' annotations."""

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

MORE = "more"
"""The field that keeps what an answer has beside a model's fields."""


def read(kind: Any, value: Any) -> Any:
    """The value as the annotated type; what does not fit is handed over as it came."""
    if kind is Any or value is None:
        return value
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _one_of(get_args(kind), value)
    if origin is Sequence and isinstance(value, list):
        (inner,) = get_args(kind)
        return [read(inner, each) for each in value]
    if origin is Mapping and isinstance(value, dict):
        inner = get_args(kind)[1]
        return {name: read(inner, each) for name, each in value.items()}
    if is_dataclass(kind) and isinstance(kind, type) and isinstance(value, dict):
        return _model(kind, value)
    return value


def write(value: Any) -> Any:
    """JSON of a model: what is None and not required is left out."""
    if is_dataclass(value) and not isinstance(value, type):
        found: dict[str, Any] = {}
        for field in fields(value):
            inner = getattr(value, field.name)
            if field.name == MORE:
                found |= write(inner)
            elif inner is not None or _is_required(field):
                found[_wire_name(field)] = write(inner)
        return found
    if isinstance(value, Mapping):
        return {name: write(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [write(each) for each in value]
    return value


def _model(kind: type, value: dict[str, Any]) -> Any:
    hints, known, given = _hints(kind), set(), {}
    for field in fields(kind):
        wire = _wire_name(field)
        known.add(wire)
        if wire in value:
            given[field.name] = read(hints[field.name], value[wire])
        elif _is_required(field):
            given[field.name] = None
    if MORE in hints:
        given[MORE] = {name: each for name, each in value.items() if name not in known}
    return kind(**given)


def _one_of(kinds: tuple[Any, ...], value: Any) -> Any:
    """Of models, the one that has most of what came among its fields, and all it requires."""
    models = [kind for kind in kinds if is_dataclass(kind)]
    if isinstance(value, dict) and models:
        fitting = [
            kind
            for kind in models
            if all(_wire_name(f) in value for f in fields(kind) if _is_required(f))
        ]
        if fitting:
            best = max(fitting, key=lambda k: sum(_wire_name(f) in value for f in fields(k)))
            return read(best, value)
    for kind in kinds:
        origin = get_origin(kind)
        if origin is Literal or kind in (str, int, float, bool, type(None)) or is_dataclass(kind):
            continue
        return read(kind, value)
    return value


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _wire_name(field: Field[Any]) -> str:
    return str(field.metadata.get("wire", field.name))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
