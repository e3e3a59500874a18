import base64
import gzip
import json
import zlib
from urllib.parse import quote_plus

import pytest

from pwh_assets.services.capture import LARGEST_BYTES, read_sending
from pwh_assets.services.capture.errors import BodyError, BodyTooLargeError

EVENT = {"event": "a", "distinct_id": "b", "token": "phc_1"}
TEXT = json.dumps(EVENT).encode()
PACKED = base64.b64encode(TEXT)


@pytest.mark.parametrize(
    ("body", "query", "encoding"),
    [
        (TEXT, {}, ""),
        (b"\n " + TEXT, {}, "identity"),
        (gzip.compress(TEXT), {}, "gzip"),
        (gzip.compress(TEXT), {"compression": "gzip-js"}, ""),
        (zlib.compress(TEXT), {}, "deflate"),
        (TEXT, {}, "gzip"),  # said to be packed and is not
        (b"data=" + quote_plus(PACKED).encode() + b"&compression=base64", {}, ""),
        (b"compression=base64&data=" + PACKED, {}, ""),
        (b"data=" + quote_plus(TEXT.decode()).encode(), {}, ""),
        (b"data=" + quote_plus(base64.b64encode(gzip.compress(TEXT)).decode()).encode(), {}, ""),
        (PACKED, {"compression": "base64"}, ""),
        (base64.urlsafe_b64encode(TEXT).rstrip(b"="), {}, ""),
        (b"", {"data": PACKED.decode(), "compression": "base64"}, ""),
    ],
)
def test_an_event_is_read_from_every_form_the_sdks_have_used(body, query, encoding):
    sending = read_sending(body, query, encoding)
    assert (sending.events, sending.key) == ([EVENT], "phc_1")


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ({"api_key": "k", "batch": [{"event": "a"}]}, "k"),
        ({"batch": [{"event": "a", "api_key": "k"}]}, "k"),
        ({"$token": "k", "event": "a"}, "k"),
        ([{"event": "a", "properties": {"token": "k"}}], "k"),
        ({"event": "a", "properties": {"token": "k"}}, "k"),
        ([{"event": "a"}], "of the header"),
        ([], "of the header"),
    ],
)
def test_the_key_is_found_in_body_event_properties_or_header(document, key):
    assert read_sending(json.dumps(document).encode(), bearer="of the header").key == key
    if key == "of the header":
        assert read_sending(json.dumps(document).encode(), {"token": "q"}, bearer="h").key == "q"


def test_what_is_nearly_json_is_read_half_emoji_and_nan():
    body = b'{"event": "a", "properties": {"cut": "\\ud83d", "n": NaN, "raw": "\xff"}}'
    assert read_sending(body).events[0]["properties"] == {"cut": "�", "n": None, "raw": "�"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"{",
        b'"text"',
        b"3",
        b'{"batch": 3}',
        b"data=%%%",
        b"compression=x",
        gzip.compress(TEXT)[:-9],
        gzip.compress(TEXT)[:9] + b"garbage!" * 3,
        b"[" * 100_000,
        "data=" + "\N{SNOWMAN}",
    ],
)
def test_a_body_that_is_nothing_of_this_is_refused_in_words(body):
    with pytest.raises(BodyError) as caught:
        read_sending(body.encode() if isinstance(body, str) else body)
    assert caught.value.sentence.endswith(".")


def test_a_small_body_that_unpacks_to_more_than_the_limit_is_refused():
    bomb = gzip.compress(b" " * (LARGEST_BYTES + 1))
    assert len(bomb) < 30_000
    with pytest.raises(BodyTooLargeError):
        read_sending(bomb)
