"""Values out of JSON, once a dialect has said how it reaches one and says it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pwh_assets.hogql.functions.base import Arg, Call, Handler, Rendering
from pwh_assets.hogql.functions.sqltext import filled
from pwh_assets.hogql.types import STRING

Key = str | int
SIMPLE = ("ExtractString", "ExtractInt", "ExtractUInt", "ExtractFloat", "ExtractBool", "Has")
"""What `simpleJSON…` has of `JSON…`."""


def keys_of(args: Sequence[Arg]) -> list[Key]:
    """Keys and places that are written out.

    Raises:
        ValueError: one is computed.
    """
    keys: list[Key] = []
    for arg in args:
        if not isinstance(arg.literal, str | int) or isinstance(arg.literal, bool):
            raise ValueError("its keys have to be written out there.")
        keys.append(arg.literal)
    return keys


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads by templates: `{v}` is the value inside the JSON, `{t}` what it says, `{s}` its text as ClickHouse prints it."""

    at: Callable[[Arg, Sequence[Key]], str]
    said: str
    """Of `{v}`: its characters, without the quotes of a string."""
    text: Callable[[str], str]
    is_number: str
    """Of `{v}`: whether it is a number or a string, which may be one."""

    def read(self, template: str, default: str) -> Handler:
        """The default where there is no such value, NULL where the JSON is."""

        def handler(call: Call, /) -> str:
            value = self._value(call)
            said = self.said.replace("{v}", value)
            return _or_default(call, filled(template, v=value, t=said, s=self.text(value)), default)

        return handler

    def number(self, convert: Callable[[Arg], str], default: str = "0") -> Handler:
        """A number by what the value says."""

        def handler(call: Call, /) -> str:
            value = self._value(call)
            said = Arg(self.said.replace("{v}", value), STRING, call.args[0].node)
            sql = f"CASE WHEN {self.is_number.replace('{v}', value)} THEN {convert(said)} END"
            return _or_default(call, sql, default)

        return handler

    def _value(self, call: Call) -> str:
        head, *keys = call.args
        return self.at(head, keys_of(keys))


def _or_default(call: Call, sql: str, default: str) -> str:
    return f"(CASE WHEN {call.args[0].sql} IS NOT NULL THEN coalesce({sql}, {default}) END)"


def with_simple(rows: dict[str, Rendering]) -> dict[str, Rendering]:
    """The rows, and those of `simpleJSON…` that do the same."""
    return rows | {f"simpleJSON{name}": rows[f"JSON{name}"] for name in SIMPLE}
