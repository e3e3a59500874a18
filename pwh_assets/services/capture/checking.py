"""One event as it came becomes what is kept of it: checked, dated by our clock, its person's part set apart."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from pwh_assets.services.capture.errors import EventRefusedError

LONGEST_NAME = 200
"""Characters of an event's name or a distinct id that are kept, as at PostHog."""
LARGEST_EVENT_BYTES = 1024 * 1024
FUTURE_S = 23 * 3600
"""How far ahead of our clock an event may be; one further ahead happened when it arrived."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MERGES = {
    "$identify": "$anon_distinct_id",
    "$create_alias": "alias",
    "$merge_dangerously": "alias",
}
_PERSON_FIELDS = ("$set", "$set_once", "$unset")
UPGRADED = "$force_upgrade"
"""The property that marks events with `person_mode` `force_upgrade`. It is ours to set, when they are loaded."""
_OUTER_IDS = ("distinct_id", "$distinct_id")


@dataclass(frozen=True, slots=True)
class Arrival:
    """When and from where a request came. `skew_us` is what its sender's clock is behind ours."""

    at_us: int
    skew_us: int = 0
    ip: str = ""

    @classmethod
    def of(cls, sent_at: Any, ip: str = "", at_us: int | None = None) -> "Arrival":
        at_us = time.time_ns() // 1000 if at_us is None else at_us
        sent_us = point_in_time(sent_at)
        return cls(at_us, at_us - sent_us if sent_us is not None else 0, ip)


def kept(raw: object, arrival: Arrival, key: str | None = None) -> tuple[bytes, bytes]:
    """The event's head (see `Event.read`) and its properties, each a line of JSON.

    Raises:
        EventRefusedError: it cannot be kept; the reason is for programs.
    """
    if not isinstance(raw, dict):
        raise EventRefusedError("not_an_object", "The event is not a JSON object.")
    properties = raw.get("properties")
    if properties is None:
        properties = {}
    if not isinstance(properties, dict):
        raise EventRefusedError("invalid_properties", "`properties` is not a JSON object.")
    own_key = raw.get("api_key") or raw.get("token") or properties.pop("token", None)
    if own_key is not None and key is not None and own_key != key:
        raise EventRefusedError("other_key", "The event carries another key than the request.")
    properties.pop("api_key", None)
    properties.pop(UPGRADED, None)
    for field in _PERSON_FIELDS:
        if field in raw:
            inner, outer = properties.get(field), raw[field]
            if isinstance(inner, dict) and isinstance(outer, dict):
                outer = {**inner, **outer}
            properties[field] = outer
    name = raw.get("event")
    if name is None and "$set" in properties:
        name = "$set"  # what /engage/ sends
    if not isinstance(name, str) or not name.strip():
        raise EventRefusedError("missing_event_name", "`event` is missing or no text.")
    distinct_id = _distinct_id(raw, properties)
    if arrival.ip and "$ip" not in properties:
        properties["$ip"] = arrival.ip
    elif "$ip" in properties and properties["$ip"] is None:
        del properties["$ip"]
    chain = properties.pop("$elements_chain", None)
    head = [
        _uuid(raw, arrival),
        _clean(name)[:LONGEST_NAME],
        distinct_id,
        _timestamp(raw, properties, arrival),
        _text(properties.get("$session_id")),
        _text(properties.get("$window_id")),
        _clean(chain) if isinstance(chain, str) else "",
        _groups(properties.get("$groups")),
        properties.get("$process_person_profile") not in (False, "false"),
        _person_part(name, properties),
    ]
    try:
        lines = orjson.dumps(head), orjson.dumps(properties)
    except (orjson.JSONEncodeError, RecursionError):
        raise EventRefusedError("too_deep", "`properties` are nested too deeply.") from None
    if len(lines[0]) + len(lines[1]) > LARGEST_EVENT_BYTES:
        raise EventRefusedError("too_large", "The event is larger than 1 MiB.")
    return lines


def point_in_time(value: Any) -> int | None:
    """Microseconds since 1970 of a text or a number of (milli)seconds; None when it is neither."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            try:
                return point_in_time(float(value))
            except ValueError:
                pass
            try:
                moment = parsedate_to_datetime(value)
            except (ValueError, TypeError, IndexError, OverflowError):
                return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // _MICROSECOND
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not 0 < value < 1e14:  # also NaN
            return None
        return int(value * 1000 if value > 1e11 else value * 1_000_000)
    return None


def _timestamp(raw: Mapping[str, Any], properties: dict[str, Any], arrival: Arrival) -> int:
    """By our clock: the sender's error is what its `sent_at` differs from our time by."""
    stated = point_in_time(raw.get("timestamp", properties.get("timestamp")))
    if stated is not None:
        found = stated if properties.get("$ignore_sent_at") else stated + arrival.skew_us
    else:
        offset = raw.get("offset")
        found = arrival.at_us
        if isinstance(offset, (int, float)) and 0 <= offset < 1e12:
            found -= int(offset * 1000)
    if found > arrival.at_us + FUTURE_S * 1_000_000:
        return arrival.at_us
    return max(found, -62_135_596_800_000_000)  # the year 1


def _uuid(raw: Mapping[str, Any], arrival: Arrival) -> str:
    given = raw.get("uuid")
    if given is None or given == "":
        value = uuid.uuid4().int
        stamp = (arrival.at_us // 1000) << 80 | 7 << 76 | 2 << 62
        return str(uuid.UUID(int=stamp | (value & (0xFFF << 64)) | (value & ((1 << 62) - 1))))
    try:
        return str(uuid.UUID(given))
    except (ValueError, AttributeError, TypeError):
        raise EventRefusedError("invalid_uuid", "`uuid` is not a UUID.") from None


def _distinct_id(raw: Mapping[str, Any], properties: Mapping[str, Any]) -> str:
    for values in (raw, properties):
        for name in _OUTER_IDS:
            found = id_text(values.get(name))
            if found:
                return found
    raise EventRefusedError("missing_distinct_id", "`distinct_id` is missing or empty.")


def id_text(value: Any) -> str:
    """A distinct id as text, however it came; empty when there is none."""
    if value is None:
        return ""
    if not isinstance(value, str):
        try:
            value = orjson.dumps(value).decode()
        except (orjson.JSONEncodeError, RecursionError):
            return ""
    return _clean(value)[:LONGEST_NAME] if value.strip() else ""


def _clean(text: str) -> str:
    return text.replace("\0", "\ufffd") if "\0" in text else text


def _text(value: Any) -> str | None:
    return _clean(value)[:LONGEST_NAME] if isinstance(value, str) and value else None


def _groups(value: Any) -> dict[str, str] | None:
    """Type and key of the groups the event belongs to."""
    if not isinstance(value, dict):
        return None
    found = {_clean(kind)[:LONGEST_NAME]: id_text(key) for kind, key in value.items() if kind}
    return {kind: key for kind, key in found.items() if key} or None


def _person_part(name: str, properties: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the event says about who is who and what is known of them; mostly nothing."""
    part: dict[str, Any] = {}
    for field in ("$set", "$set_once"):
        value = properties.get(field)
        if isinstance(value, dict) and value:
            part[field] = value
    unset = properties.get("$unset")
    if isinstance(unset, (list, dict)) and unset:
        part["$unset"] = [one for one in unset if isinstance(one, str)]
    if name in _MERGES:
        other = id_text(properties.get(_MERGES[name]))
        part["merge"] = [name, other]
    if name == "$groupidentify":
        kind, key = properties.get("$group_type"), id_text(properties.get("$group_key"))
        if isinstance(kind, str) and kind and key:
            told = properties.get("$group_set")
            part["group"] = [
                _clean(kind)[:LONGEST_NAME],
                key,
                told if isinstance(told, dict) else {},
            ]
    return part or None
