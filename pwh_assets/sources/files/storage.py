"""Where files lie: a folder of this machine or a prefix in S3-compatible storage, listed and opened by DuckDB."""

import glob
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from pwh_assets.errors import (
    InvalidInputError,
    PwhError,
    SourceAccessError,
    SourceUnavailableError,
)
from pwh_assets.sources.errors import UnreadableDataError

if TYPE_CHECKING:
    import duckdb

_WILD = re.compile(r"[*?\[]")
_LINE = re.compile(r"CSV Error on Line: (\d+)")
_CSV_FILE = re.compile(r"^\s*file = (.+)$", re.MULTILINE)
_JSON_PLACE = re.compile(
    r"in file \"(.+?)\"(?:, at byte \d+)?,? in (?:line|record/value) (\d+): ?(.*)"
)
_COLUMNS = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")


@dataclass(frozen=True, slots=True, order=True)
class StoredFile:
    """One file; ordered by when it was modified, then by name, as they are read."""

    modified_at: datetime
    """UTC, without zone."""
    name: str
    """Path below the root."""
    path: str
    size_bytes: int

    @property
    def mark(self) -> str:
        """The watermark that says everything up to this file was read."""
        return f"{self.modified_at.isoformat(timespec='microseconds')} {self.name}"


@dataclass(frozen=True, slots=True)
class Location:
    """The address of a source. `root` is the part before the first wildcard, without a slash at its end."""

    url: str

    @property
    def is_local(self) -> bool:
        return not self.url.startswith("s3://")

    @property
    def is_pattern(self) -> bool:
        return bool(_WILD.search(self.url))

    @property
    def root(self) -> str:
        found = _WILD.search(self.url)
        if not found:
            return self.url.rstrip("/")
        return self.url[: found.start()].rpartition("/")[0]

    @property
    def title(self) -> str:
        """The last word of the root: the table's name when the address is a pattern."""
        return PurePosixPath(self.root).name or "files"


def local_paths(config: Mapping[str, Any]) -> list[str]:
    """Folders of this machine a config wants to read; for the service that decides whether it may."""
    location = Location(str(config.get("url") or ""))
    return [location.root] if location.is_local else []


def normalized(url: str) -> str:
    """The address as it is kept: `file://` becomes a plain path.

    Raises:
        InvalidInputError: it is neither an absolute path nor an s3:// address.
    """
    if url.startswith("file://"):
        url = url.removeprefix("file://").removeprefix("localhost")
    if url.startswith("s3://"):
        if not urlsplit(_WILD.sub("x", url)).netloc or _WILD.match(url[5:6]):
            raise InvalidInputError("url", f"`{url}` names no bucket. Write `s3://bucket/prefix`.")
        return url
    if not url.startswith("/"):
        raise InvalidInputError(
            "url", f"`{url}` is not an address. Write `s3://bucket/prefix` or an absolute path."
        )
    return url


@contextmanager
def opened(config: Mapping[str, Any]) -> Iterator["duckdb.DuckDBPyConnection"]:
    """A DuckDB that reaches this storage and nothing else. Errors are ours, also inside.

    Raises:
        SourceAccessError, SourceUnavailableError, UnreadableDataError.
    """
    import duckdb

    from pwh_assets.duckdb_extensions import connect

    location = Location(config["url"])
    connection = connect() if location.is_local else connect("httpfs")
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET python_enable_replacements = false")
        if not location.is_local:
            _use_key(connection, config)
            connection.execute("SET disabled_filesystems = 'LocalFileSystem'")
        yield connection
    except (duckdb.Error, OSError) as error:
        raise_ours(config, error)
    finally:
        connection.close()


def _use_key(connection: "duckdb.DuckDBPyConnection", config: Mapping[str, Any]) -> None:
    """Always a secret of our own, so that the operator's AWS variables are never used for a user's source."""
    endpoint = str(config.get("endpoint") or "")
    scheme, separator, host = endpoint.rpartition("://")
    words = {
        "KEY_ID": config.get("key_id") or "",
        "SECRET": config.get("secret") or "",
        "REGION": config.get("region") or "us-east-1",
    }
    if endpoint:
        words |= {"ENDPOINT": host.rstrip("/"), "URL_STYLE": "path"}
    use_ssl = "false" if separator and scheme == "http" else "true"
    text = ", ".join(f"{name} {literal(value)}" for name, value in words.items())
    connection.execute("SET http_retries = 4")
    connection.execute("SET http_timeout = 60")
    connection.execute(
        f"CREATE TEMPORARY SECRET storage (TYPE s3, PROVIDER config, {text}, USE_SSL {use_ssl})"
    )


def files(config: Mapping[str, Any]) -> list[StoredFile]:
    """Every file below the address, oldest first; hidden ones and empty ones are left out.

    Raises:
        InvalidInputError: the folder does not exist.
        SourceAccessError, SourceUnavailableError.
    """
    location = Location(config["url"])
    found = _local_files(location) if location.is_local else _s3_files(config, location)
    return sorted(file for file in found if file.size_bytes and not _is_hidden(file.name))


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "_")) for part in name.split("/"))


def _local_files(location: Location) -> Iterator[StoredFile]:
    root = Path(location.root or "/")
    if not location.is_pattern and root.is_file():
        paths: list[str] = [str(root)]
        root = root.parent
    elif not root.is_dir():
        raise InvalidInputError(
            "url", f"There is no folder `{root}` on this machine. Check the spelling."
        )
    elif location.is_pattern:
        paths = glob.glob(location.url, recursive=True)
    else:
        paths = [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names]
    for path in paths:
        try:
            info = os.stat(path)
        except OSError:
            continue
        if os.path.isfile(path):
            moment = datetime.fromtimestamp(info.st_mtime_ns // 1000 / 1e6, UTC)
            name = os.path.relpath(path, root)
            yield StoredFile(moment.replace(tzinfo=None), name, path, info.st_size)


def _s3_files(config: Mapping[str, Any], location: Location) -> Iterator[StoredFile]:
    pattern = location.url if location.is_pattern else f"{location.root}/**"
    query = "SELECT filename, size, last_modified FROM read_blob(?)"
    with opened(config) as connection:
        rows = connection.execute(query, [pattern]).fetchall()
        if not rows and not location.is_pattern:
            rows = connection.execute(query, [f"{location.root}*"]).fetchall()
            rows = [row for row in rows if row[0] == location.root]
    prefix = f"{location.root}/"
    for path, size, modified in rows:
        name = path.removeprefix(prefix) if path.startswith(prefix) else path.rpartition("/")[2]
        moment = modified.astimezone(UTC).replace(tzinfo=None)
        yield StoredFile(moment, name, path, size)


def raise_ours(config: Mapping[str, Any], error: BaseException) -> NoReturn:
    """DuckDB's error in our words, with the file and the line where there are any, and without content."""
    if isinstance(error, PwhError):
        raise error
    text = str(error)
    location = Location(config["url"])
    where = f"`{location.url}`"
    if "HTTP 403" in text or "HTTP 401" in text or "Permission denied" in text:
        raise SourceAccessError(
            f"{where} may not be read with these credentials. Check key and secret, "
            "and that they allow listing and reading."
        ) from None
    if "NoSuchBucket" in text or "HTTP 404" in text:
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
        return UnreadableDataError(
            f"`{name}`, line {line_number}", f"{reason or 'it is not JSON'}.", _MEND
        )
    first = text.split("\n")[0].partition("Error: ")[2] or text.split("\n")[0]
    return UnreadableDataError(f"`{location.url}`", f"{first[:250].rstrip('.')}.", _MEND)


_MEND = "Mend or remove the file, then sync again."


def _below(location: Location, path: str) -> str:
    return path.removeprefix(f"{location.root}/")


def literal(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def quoted_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
