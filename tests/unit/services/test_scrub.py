"""No credential is left in a text that is shown."""

from collections.abc import Mapping
from typing import Any

import pytest

from pwh_assets.engines.words import without_places
from pwh_assets.errors import SourceAccessError, SourceError
from pwh_assets.services.scrub import HIDDEN, scrub, scrubbed, secret_values
from pwh_assets.sources.base import Field


class Kind:
    name = "kind"
    label = "Kind"
    fields = (
        Field("host", "Host"),
        Field("password", "Password", secret=True),
        Field("auth", "Auth", kind="json", secret=True),
    )


KIND: Any = Kind()
CONFIG: Mapping[str, Any] = {
    "host": "db",
    "password": "p@ss w/rd'\"",
    "auth": {"key": "line one of it\nline two of it"},
}


@pytest.mark.parametrize(
    "text",
    [
        "auth failed for p@ss w/rd'\" today",
        "postgresql://u:p%40ss%20w%2Frd%27%22@db",
        "p%40ss+w%2Frd%27%22",
        "{'password': 'p@ss w/rd\\'\"'}",
        "bad key: line two of it",
    ],
)
def test_a_secret_is_hidden_in_every_form(text: str) -> None:
    clean = scrub(text, secret_values(KIND, CONFIG))
    assert HIDDEN in clean
    for trace in ("p@ss", "p%40ss", "line two"):
        assert trace not in clean


@pytest.mark.parametrize(
    "text",
    [
        "could not reach https://me:planted@host/x",
        "password=planted host=x",
        "{'api_key': 'planted'}",
        'token: "planted"',
        "SECRET = planted;",
    ],
)
def test_what_looks_like_a_credential_is_hidden_without_knowing_it(text: str) -> None:
    assert "planted" not in scrub(text)


def test_plain_words_stay() -> None:
    for text in (
        "password authentication failed for user",
        "no token",
        "http://host:80/path@x",
        "db",
    ):
        assert scrub(text) == text


def refuse() -> None:
    with scrubbed(KIND, CONFIG):
        try:
            raise OSError(CONFIG["password"])
        except OSError as error:
            raise SourceAccessError(f"refused: {CONFIG['password']}") from error


def fail() -> None:
    with scrubbed(KIND, CONFIG):
        raise ValueError(f"boom {CONFIG['password']}\nmore")


def test_our_errors_keep_their_class_and_lose_the_secret() -> None:
    with pytest.raises(SourceAccessError) as raised:
        refuse()
    assert str(raised.value) == "refused: ***"
    assert raised.value.__cause__ is None


def test_other_errors_become_a_source_error() -> None:
    with pytest.raises(
        SourceError, match=r"Kind could not be read: boom \*\*\* \(ValueError\)"
    ) as raised:
        fail()
    assert raised.value.__suppress_context__


def test_a_long_word_costs_no_more_than_many_short_ones() -> None:
    """Looked through once per letter, these would take an hour."""
    word = "a" * 1_000_000
    assert scrub(f"{word} redis://u:hunter2@h") == f"{word} redis://u:{HIDDEN}@h"
    assert without_places(f"{word} https://host/x") == f"{word} …."
