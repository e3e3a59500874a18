"""What calls over texts ask of their arguments, whatever the dialect prints."""

from collections.abc import Callable

from pwh_assets.hogql.functions.base import Arg, Call
from pwh_assets.hogql.functions.strings import format_parts
from pwh_assets.hogql.functions.texts import to_text


def written(call: Call, quote: Callable[[str], str]) -> list[str]:
    """The pieces of `format`, as the dialect's texts."""
    return [
        quote(part) if isinstance(part, str) else to_text(call, part) for part in format_parts(call)
    ]


def filling(call: Call) -> str:
    """What `leftPad` and `rightPad` fill with: the third argument, else a space.

    Raises:
        ValueError: it is computed.
    """
    fill = call.args[2].literal if len(call.args) > 2 else " "
    if not isinstance(fill, str):
        raise ValueError("its filling has to be a text written out there.")
    return fill or " "


def whole_pattern(pattern: Arg) -> None:
    """
    Raises:
        ValueError: the pattern of LIKE ends in the middle of an escape.
    """
    text = pattern.literal
    if isinstance(text, str) and (len(text) - len(text.rstrip("\\"))) % 2:
        raise ValueError("its pattern ends in a backslash that escapes nothing.")
