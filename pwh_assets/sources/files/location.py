"""Addresses of files: which storage they name, and the part of them that is a folder."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from pwh_assets.errors import InvalidInputError, quoted

_WILD = re.compile(r"[*?\[]")
_SPOKEN = re.compile(r"^(s3a|r2|gs|gcs)://")
"""Schemes of storage that speaks S3's protocol."""
_AZURE = re.compile(r"^(azure|abfss)://")


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

    @property
    def is_hidden(self) -> bool:
        return any(part.startswith((".", "_")) for part in self.name.split("/"))


@dataclass(frozen=True, slots=True)
class Location:
    """An address as DuckDB is given it. `root` is the part before the first wildcard, without a slash at its end."""

    url: str

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Location":
        """The address of a source; storage that speaks S3's protocol is asked in it.

        >>> Location.of({"url": "gs://bucket/x"}).url, Location.of({"url": "azure://box/x"}).url
        ('s3://bucket/x', 'az://box/x')
        """
        url = str(config.get("url") or "")
        return cls(_AZURE.sub("az://", _SPOKEN.sub("s3://", url)))

    @property
    def is_local(self) -> bool:
        return "://" not in self.url

    @property
    def is_azure(self) -> bool:
        return self.url.startswith("az://")

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
    location = Location.of(config)
    return [location.root] if location.is_local else []


def normalized(url: str, schemes: tuple[str, ...]) -> str:
    """The address as it is kept. `schemes` are those the storage goes by; `file` allows this machine's folders.

    Raises:
        InvalidInputError: it is of no such kind.
    """
    is_local = "file" in schemes
    wanted = [f"{scheme}://bucket/prefix" for scheme in schemes if scheme != "file"]
    if is_local and url.startswith("file://"):
        url = url.removeprefix("file://").removeprefix("localhost")
    scheme, separator, rest = url.partition("://")
    if separator and scheme in schemes:
        if not urlsplit(_WILD.sub("x", url)).netloc or _WILD.match(rest[:1]):
            raise InvalidInputError("url", f"`{url}` names no bucket. Write `{wanted[0]}`.")
        return url
    if not (is_local and url.startswith("/")):
        local = " or an absolute path" if is_local else ""
        raise InvalidInputError("url", f"`{url}` is not an address. Write {quoted(wanted)}{local}.")
    return url
