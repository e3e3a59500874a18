"""Request bodies as SDKs of all ages send them, read into a list of events and the key they came with."""

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote_plus

import orjson

from pwh_assets.services.capture.errors import BodyError, BodyTooLargeError

LARGEST_BYTES = 20 * 1024 * 1024
"""Of one request, packed and unpacked, as at PostHog."""
_KEYS = ("api_key", "token", "$token")
_GZIP = b"\x1f\x8b"
_ZLIB_STARTS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_BOMB_STEP = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sending:
    """One request's events, as they came."""

    events: list[Any]
    key: str | None
    sent_at: Any = None
    """The sender's clock when it sent: text, or milliseconds since 1970."""


def read_sending(
    body: bytes,
    query: Mapping[str, str] | None = None,
    encoding: str = "",
    bearer: str = "",
) -> Sending:
    """The events of a body: one, a list, or a `batch`; JSON, gzip or base64, bare or as a form's `data`.

    `encoding` is `Content-Encoding`, `bearer` the key of the `Authorization` header.

    Raises:
        BodyError: it is none of these.
        BodyTooLargeError: it is too large, also once unpacked.
    """
    query = query or {}
    document = _document(body, query, encoding)
    sent_at = query.get("_")
    if isinstance(document, list):
        return Sending(document, _first(_key_of(document), query, bearer), sent_at)
    if not isinstance(document, dict):
        raise BodyError("The body is neither a JSON object nor a list of them.")
    sent_at = document.get("sent_at", sent_at)
    if "batch" in document:
        events = document["batch"]
        if not isinstance(events, list):
            raise BodyError("`batch` is not a list of events.")
        key = _text_of(document) or _key_of(events)
        return Sending(events, _first(key, query, bearer), sent_at)
    if isinstance(document.get("data"), list):  # an envelope that posthog-js once sent
        events = document["data"]
        return Sending(events, _first(_key_of([document, *events]), query, bearer), sent_at)
    return Sending([document], _first(_key_of([document]), query, bearer), sent_at)


def _document(body: bytes, query: Mapping[str, str], encoding: str) -> Any:
    data = _unpacked(body, encoding)
    compression = query.get("compression", "")
    if not data.strip() and "data" in query:
        data = query["data"].encode("utf-8", "replace")
    head = data.lstrip()[:1]
    if head not in (b"{", b"[") and b"data=" in data[:4096]:
        form = _form(data)
        data, compression = form["data"], form.get("compression", b"").decode() or compression
    if compression in ("lz64", "lz-string"):
        raise BodyError("Bodies packed with LZString cannot be read. Send JSON, gzip or base64.")
    data = _unpacked(data, "")
    if data.lstrip()[:1] not in (b"{", b"["):
        data = _unpacked(_from_base64(data), "")
    return _from_json(data)


def _form(data: bytes) -> dict[str, bytes]:
    try:
        fields = parse_qs(data.decode("utf-8", "replace"), max_num_fields=50)
    except ValueError:
        raise BodyError("The form has too many fields.") from None
    if "data" not in fields:
        raise BodyError("The form has no field `data`.")
    return {name: values[0].encode("utf-8", "replace") for name, values in fields.items()}


def _unpacked(data: bytes, encoding: str) -> bytes:
    """Without its gzip or zlib, which is known by its first bytes: SDKs also send it unnamed."""
    if data[:2] == _GZIP:
        bits = 31
    elif data[:2] in _ZLIB_STARTS and encoding == "deflate":
        bits = 15
    elif encoding in ("", "identity", "gzip", "deflate", "x-gzip"):
        return data
    else:
        raise BodyError(
            f"`Content-Encoding: {encoding[:40]}` cannot be read. Send gzip or nothing."
        )
    unpacker = zlib.decompressobj(bits)
    blocks, size = [], 0
    try:
        block = unpacker.decompress(data, _BOMB_STEP)
        while block:
            size += len(block)
            if size > LARGEST_BYTES:
                raise BodyTooLargeError(LARGEST_BYTES)
            blocks.append(block)
            block = unpacker.decompress(unpacker.unconsumed_tail, _BOMB_STEP)
    except zlib.error:
        raise BodyError("The body begins as gzip and cannot be unpacked.") from None
    if not unpacker.eof:
        raise BodyError("The body is gzip that ends in the middle.")
    return b"".join(blocks)


def _from_base64(data: bytes) -> bytes:
    text = data.strip().replace(b" ", b"+")  # a form's `+` that was not escaped
    if b"%" in text:
        text = unquote_plus(text.decode("ascii", "replace")).replace(" ", "+").encode()
    text = text.translate(bytes.maketrans(b"-_", b"+/"))
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise BodyError("The body is not JSON, gzip or base64.") from None


def _from_json(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        problem = str(error)
    # JavaScript cuts emoji in half, Python writes NaN: both are common and neither is JSON.
    try:
        value = json.loads(data.decode("utf-8", "replace"), parse_constant=lambda _: None)
        whole = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass")
        return orjson.loads(whole.decode("utf-16", "replace"))
    except (ValueError, RecursionError):
        raise BodyError(f"The body is not JSON: {problem}.") from None


def _key_of(events: list[Any]) -> str | None:
    for event in events[:1]:
        if isinstance(event, dict):
            properties = event.get("properties")
            found = _text_of(event) or (
                _text_of(properties) if isinstance(properties, dict) else None
            )
            if found:
                return found
    return None


def _text_of(values: Mapping[str, Any]) -> str | None:
    for name in _KEYS:
        value = values.get(name)
        if isinstance(value, str) and value:
            return value.strip()
    return None


def _first(key: str | None, query: Mapping[str, str], bearer: str) -> str | None:
    return key or _text_of(query) or bearer or None
