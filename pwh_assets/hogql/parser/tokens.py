"""HogQL's words and the token stream the parser reads."""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

from pwh_assets.hogql.errors import Problem


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


MAX_CHARACTERS: Final = 524_288
"""A longer text is refused before it is read."""
MAX_TOKENS: Final = 120_000
MAX_NESTING: Final = 128
"""Brackets, subqueries and other constructs inside each other."""
MAX_BRANCHES: Final = 2_500
"""SELECTs joined by UNION, INTERSECT or EXCEPT."""
MAX_CHAIN: Final = 2_500
"""Operators in one left-leaning chain (`a + b + c ...`)."""
MAX_PATH: Final = 128
"""Accesses after one another (`a.b.c`, `a[1][2]`)."""

UNITS: Final = words("SECOND MINUTE HOUR DAY WEEK MONTH QUARTER YEAR")

# Words that are never a name unless they stand in quotes.
RESERVED: Final = words(
    "CATCH EXCEPT FINALLY FN FUN INTERSECT LET MATERIALIZED THROW TRY WHILE WITHIN"
)

# Words that are values on their own and a name only as the head of a chain or call (`nan.x`, `true(1)`).
CONSTANTS: Final = words("NULL INF NAN TRUE FALSE")

# Words that begin a clause, continue one or join operands: a name only where nothing else can follow.
CLAUSES: Final = words("""SELECT FROM WHERE PREWHERE GROUP HAVING QUALIFY WINDOW ORDER LIMIT OFFSET SETTINGS UNION WITH
    JOIN ON USING LEFT RIGHT FULL INNER CROSS OUTER ANTI SEMI ASOF NATURAL POSITIONAL ARRAY SAMPLE FINAL
    PIVOT UNPIVOT AND OR IS IN LIKE ILIKE BETWEEN AS THEN WHEN ELSE END BY ASC DESC NULLS OVER
    FILTER IGNORE FOR DISTINCT ALL COLLATE""")

# Words with a meaning in the places that ask for them, names everywhere else.
SOFT: Final = words("""ANY BOTH CASE CAST COHORT COLUMNS CUBE CURRENT DATE ESCAPE EXCLUDE EXTRACT FILL FIRST FOLLOWING
    GLOBAL GROUPING ID IF INCLUDE INTERPOLATE INTERVAL KEY LAMBDA LAST LEADING LOCAL NAME NOT PARTITION
    PERCENT POSITION PRECEDING RANGE RECURSIVE REPLACE RETURN ROLLUP ROW ROWS SETS STEP SUBSTRING TIES
    TIME TIMESTAMP TO TOP TOTALS TRAILING TRIM TRUNCATE TRY_CAST UNBOUNDED VALUES ZONE
    ASCENDING DESCENDING""")

KEYWORDS: Final = RESERVED | CONSTANTS | CLAUSES | SOFT | UNITS

_KIND_OF = {"INFINITY": "INF", "YYYY": "YEAR"} | {word: word for word in KEYWORDS}

WORDS: Final[dict[str, str]] = {}
"""The usual spellings, so that most words are found without changing case."""
for _word, _kind in _KIND_OF.items():
    for _spelling in (_word, _word.lower(), _word.capitalize()):
        WORDS[_spelling] = _kind


def kind_of(word: str) -> str:
    """The kind of a bare word: a keyword in capitals, or `name`."""
    return WORDS.get(word) or _KIND_OF.get(word.upper(), "name")


NAMES: Final = frozenset({"name", "quoted"}) | (KEYWORDS - RESERVED - CONSTANTS)
"""Kinds that can stand where the grammar wants an identifier."""

COLUMN_NAMES: Final = NAMES | {"TRUE", "FALSE"}

IMPLICIT_ALIASES: Final = words(
    "name quoted ASCENDING COHORT DATE DESCENDING FINAL ID RETURN TOP TOTALS ASC"
) | {"GLOBAL", "PERCENT", "ESCAPE", "POSITION"}
"""Kinds that name a column without AS."""

TABLE_ALIASES: Final = frozenset({"name", "quoted", "DATE", "FIRST", "ID", "KEY"}) | {
    "PERCENT",
    "ESCAPE",
    "POSITION",
}
"""Kinds that name a table without AS."""

# What may follow a clause word for it to be a name: anything that goes on from an operand.
GOES_ON: Final = words(""", ) ] } . ( [ :: end ; = == != <> < <= > >= + - * / % || ? ?? ?. : -> := ~ =~ ~* =~* !~ !~* <=>
    AS FROM IS IN NOT LIKE ILIKE BETWEEN AND OR ASC DESC THEN WHEN ELSE END IGNORE GLOBAL WHERE f-text""")

OPENERS: Final = {"(": ")", "[": "]", "{": "}"}
CLOSERS: Final = {")": "(", "]": "[", "}": "{"}


@dataclass(slots=True)
class Tokens:
    """A text cut into tokens, as parallel lists; the last token has kind `end`.

    A kind is a keyword in capitals, punctuation as written, or one of `name`, `quoted`, `string`, `number`,
    `hash` (`#1`), `f'` and `f-text` and `f-end` (template strings), `tag<` and its like (HogQLX), `bad`.
    """

    text: str
    kinds: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    match: dict[int, int] = field(default_factory=dict)
    """Token index of an opening bracket -> index of its closing one (of `end` where it never closes)."""
    problems: list[Problem] = field(default_factory=list)
    has_arrow: bool = False
    is_unbalanced: bool = False
    is_too_large: bool = False

    def __len__(self) -> int:
        return len(self.kinds)

    def source(self, index: int) -> str:
        """The text of one token."""
        return self.text[self.starts[index] : self.ends[index]]

    def at(self, offset: int) -> int:
        """Index of the token a character offset lies in or right after."""
        return max(0, min(len(self.kinds) - 1, bisect_left(self.ends, offset)))
