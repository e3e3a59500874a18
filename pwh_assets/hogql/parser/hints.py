"""How a token is called in an error, and what a user may have meant."""

from difflib import get_close_matches
from typing import Final

from pwh_assets.hogql.parser.tokens import KEYWORDS, UNITS, Tokens, words

_SLIPS: Final = words(
    "SELECT FROM WHERE PREWHERE GROUP ORDER HAVING LIMIT OFFSET UNION JOIN LEFT RIGHT INNER CROSS "
    "DISTINCT BETWEEN INTERVAL QUALIFY WINDOW PARTITION USING EXCEPT INTERSECT SAMPLE"
)

_STATEMENTS: Final = words(
    "INSERT UPDATE DELETE DROP CREATE ALTER TRUNCATE ATTACH DETACH COPY EXPORT IMPORT INSTALL LOAD PRAGMA SET "
    "USE GRANT REVOKE OPTIMIZE RENAME KILL SYSTEM EXPLAIN DESCRIBE DESC SHOW CALL BEGIN COMMIT ROLLBACK "
    "VACUUM ANALYZE MERGE REPLACE EXECUTE PREPARE CHECKPOINT RESET DECLARE LET RETURN"
)


def describe(tokens: Tokens, index: int) -> str:
    """A token as an error shows it."""
    kind = tokens.kinds[index]
    if kind == "end":
        return "the end of the text"
    source = tokens.source(index)
    if kind == "string":
        return source if len(source) <= 30 else source[:26] + "...'"
    if kind in KEYWORDS:
        source = source.upper() if source.upper() == kind or kind in UNITS else source
    return f"`{source if len(source) <= 40 else source[:37] + '...'}`"


def is_statement(tokens: Tokens) -> bool:
    """Whether the text begins like a statement that is no query."""
    return tokens.source(0).upper() in _STATEMENTS


def suggest(tokens: Tokens, index: int, missing_comma: bool) -> str | None:
    """The way out of the usual slips around the token at `index`."""
    kind, source = tokens.kinds[index], tokens.source(index)
    for near in (index, index - 1):
        if near >= 0 and tokens.kinds[near] == "name":
            word = typo_of(tokens.source(near))
            if word:
                return f"Did you mean `{word}` instead of `{tokens.source(near)}`?"
    if source == "=" and index > 0 and tokens.source(index - 1) in ("=", "=="):
        return "Equality is written `=` or `==`"
    if missing_comma and kind in ("name", "quoted", "string", "number", "(", "CASE"):
        return f"A comma may be missing before {describe(tokens, index)}"
    return None


def typo_of(word: str) -> str | None:
    """The keyword a name nearly spells.

    >>> typo_of("whre"), typo_of("customer")
    ('WHERE', None)
    """
    if not 3 <= len(word) <= 10 or word.upper() in KEYWORDS:
        return None
    near = get_close_matches(word.upper(), _SLIPS, 1, 0.8)
    return near[0] if near else None
