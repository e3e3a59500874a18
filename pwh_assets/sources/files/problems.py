"""What DuckDB says of a storage or a file, in our words: with the file and the line, and without content."""

import re
from collections.abc import Mapping
from typing import Any, NoReturn

from pwh_assets.errors import PwhError, SourceAccessError, SourceUnavailableError
from pwh_assets.sources.errors import UnreadableDataError
from pwh_assets.sources.files.location import Location

_LINE = re.compile(r"CSV Error on Line: (\d+)")
_CSV_FILE = re.compile(r"^\s*file = (.+)$", re.MULTILINE)
_JSON_PLACE = re.compile(
    r"in file \"(.+?)\"(?:, at byte \d+)?,? in (?:line|record/value) (\d+): ?(.*)"
)
_COLUMNS = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")
_REFUSED = (
    "HTTP 403",
    "HTTP 401",
    "Permission denied",
    "AuthorizationFailure",
    "AuthenticationFailed",
)
_ABSENT = ("NoSuchBucket", "HTTP 404", "ContainerNotFound")
_MEND = "Mend or remove the file, then sync again."


def raise_ours(config: Mapping[str, Any], error: BaseException) -> NoReturn:
    """DuckDB's error in our words, with the file and the line where there are any, and without content."""
    if isinstance(error, PwhError):
        raise error
    text = str(error)
    location = Location.of(config)
    where = f"`{config['url']}`"
    if any(word in text for word in _REFUSED):
        raise SourceAccessError(
            f"{where} may not be read with these credentials. Check key and secret, "
            "and that they allow listing and reading."
        ) from None
    if any(word in text for word in _ABSENT):
        raise SourceAccessError(
            f"{where} was not found. Check bucket, prefix, region and endpoint."
        ) from None
    if "HTTP" in text or "Could not" in text or "onnection" in text or isinstance(error, OSError):
        reason = re.sub(r"https?://\S+", "the storage", text.split("\n")[0])[:200]
        raise SourceUnavailableError(
            f"{where} did not answer as it should: {reason}. Sync again later."
        ) from None
    raise _unreadable(location, text) from None


def _unreadable(location: Location, text: str) -> UnreadableDataError:
    line, file = _LINE.search(text), _CSV_FILE.search(text)
    if line:
        name = _below(location, file[1].strip()) if file else location.url
        widths = _COLUMNS.search(text)
        if widths:
            problem = f"it has {widths[2]} values where the header has {widths[1]} names."
        elif "unterminated quote" in text:
            problem = "a quote is opened and not closed."
        elif "utf-8" in text.lower():
            problem = "it is not UTF-8 text."
        else:
            problem = "it is not well-formed CSV."
        return UnreadableDataError(f"`{name}`, line {line[1]}", problem, _MEND)
    place = _JSON_PLACE.search(text)
    if place:
        name = _below(location, place[1])
        # DuckDB 1.5.5 counts one too many for text that is no JSON, and right for values of another type.
        line_number = int(place[2]) - ("Malformed JSON" in text)
        reason = place[3].split("\n")[0].partition(': "')[0].strip().rstrip(".")
        if "has duplicate key" in reason:  # it repeats the whole record
            reason = "one object has a key twice"
        return UnreadableDataError(
            f"`{name}`, line {line_number}", f"{reason or 'it is not JSON'}.", _MEND
        )
    first = text.split("\n")[0].partition("Error: ")[2] or text.split("\n")[0]
    return UnreadableDataError(f"`{location.url}`", f"{first[:250].rstrip('.')}.", _MEND)


def _below(location: Location, path: str) -> str:
    return path.removeprefix(f"{location.root}/")
