"""Patterns that mean the same everywhere."""

import pytest

from pwh_assets.hogql.functions.patterns import rewritten


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a+b", "a+b"),
        (r"^\d{2,3}$", r"^[0-9]{2,3}\z"),
        (r"\w\s\D", r"[0-9A-Za-z_][\t\n\f\r ][^0-9]"),
        (r"[\d\]a-z]", r"[0-9\]a-z]"),
        ("(?i)a(?:b|c)", "a(?:b|c)"),
        ("a]b}", r"a\]b\}"),
        (r"a\.b\/c", r"a\.b/c"),
        ("[^&]", r"[^\&]"),
    ],
)
def test_a_pattern_is_rewritten_in_words_every_library_has(pattern: str, expected: str) -> None:
    assert rewritten(pattern, end=r"\z").text == expected


@pytest.mark.parametrize(
    "pattern",
    [
        "(?=a)",
        "(?P<x>a)",
        r"\bword",
        r"\pL",
        "[[:alpha:]]",
        "a++",
        "a{1000}",
        "(a",
        "a)",
        "*a",
        "[a",
        "a\0",
        "a(?i)b",
    ],
)
def test_what_libraries_disagree_on_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        rewritten(pattern, end="$")


def test_what_finds_another_text_where_the_longest_is_preferred_is_known() -> None:
    assert rewritten('text="([^"]*)"', end="$").is_plain
    for pattern in ("a|ab", "a*?", "(ab)?c"):
        assert not rewritten(pattern, end="$").is_plain
    assert rewritten("(a)(b)", end="$").groups == 2
    assert rewritten("(?i)a", end="$").ignores_case
