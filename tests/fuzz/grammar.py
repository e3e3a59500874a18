"""Random HogQL: texts a user could mean, and what becomes of them when hands slip."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from pwh_assets.hogql.parser import tokenize


def _words(text: str) -> list[str]:
    return text.split()


_NAMES: Final = _words(
    "event timestamp properties person a b c user_id t e day key first date id name"
)
_PATHS: Final = _words(
    "properties.$browser person.properties.email e.properties.`$os` properties['plan'] t.a.b.c tup.1 a.b.2.c"
)
_TABLES: Final = _words("events persons sessions stripe.customers system.logs t u")
_CALLS: Final = _words(
    "count sum toDate concat if uniq length arrayMap any left replace min date coalesce"
)
_STRINGS: Final = ["''", "'a'", "'it''s'", r"'x\n\\d'", "'%like_%'", "'2024-01-02'"]
_NUMBERS: Final = ["0", "1", "42", "1.5", ".5", "1e3", "0x1F", "-1", "7."]
_COMPARE: Final = [
    *_words("= == != <> < <= > >= =~ !~ ~* !~* LIKE ILIKE"),
    "NOT LIKE",
    "NOT ILIKE",
    "IN",
    "NOT IN",
]
_TYPES: Final = [
    "Int64",
    "String",
    "Nullable(Float64)",
    "Array(String)",
    "Decimal(10, 2)",
    "timestamp with time zone",
]
_UNITS: Final = _words("SECOND MINUTE HOUR DAY WEEK MONTH QUARTER YEAR")

_JOINS: Final = [
    *("JOIN", "LEFT JOIN", "INNER JOIN", "RIGHT OUTER JOIN", "FULL JOIN"),
    *("ASOF JOIN", "LEFT ANY JOIN", "SEMI LEFT JOIN", "ANTI JOIN"),
]


class Grammar:
    """Makes queries of bounded size; `budget` is about how many constructs a query has."""

    def __init__(self, seed: int, budget: int = 40) -> None:
        self.random = Random(seed)
        self.budget = budget

    def pick(self, options: Sequence[str]) -> str:
        return self.random.choice(options)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def some(self, make: Callable[[], str], most: int = 3) -> str:
        return ", ".join(make() for _ in range(self.random.randint(1, most)))

    # Queries

    def query(self, depth: int = 0) -> str:
        self.budget -= 1
        if depth < 3 and self.budget > 0 and self.chance(0.12):
            operator = self.pick(["UNION ALL", "UNION DISTINCT", "UNION", "INTERSECT", "EXCEPT"])
            left, right = self.select(depth + 1, False), self.select(depth + 1, False)
            is_bracketed = self.chance(0.4)
            if is_bracketed:
                right = f"({self.query(depth + 1)})"
            tail = self.tail(not is_bracketed) if self.chance(0.3) else ""
            return f"{left} {operator} {right}{tail}"
        return self.select(depth, True)

    def select(self, depth: int, has_tail: bool) -> str:
        words = []
        if depth < 2 and self.chance(0.15):
            entries = [self.entry(depth) for _ in range(self.random.randint(1, 2))]
            words.append("WITH " + ", ".join(entries))
        words.append("SELECT" + (" DISTINCT" if self.chance(0.1) else ""))
        words.append(self.some(lambda: self.column(depth)))
        if self.chance(0.9):
            words.append("FROM " + self.table(depth))
            for _ in range(self.random.choice([0, 0, 0, 1, 2])):
                words.append(self.join(depth))
            if self.chance(0.06):
                words.append(
                    f"{self.pick(['', 'LEFT ', 'INNER '])}ARRAY JOIN [1, 2] AS {self.pick(_NAMES)}"
                )
        if self.chance(0.5):
            words.append(f"WHERE {self.expression(depth)}")
        if self.chance(0.3):
            words.append(f"GROUP BY {self.groups(depth)}")
        if self.chance(0.1):
            words.append(f"HAVING {self.expression(depth)}")
        if self.chance(0.05):
            words.append(f"QUALIFY {self.expression(depth)}")
        if self.chance(0.05):
            words.append(f"WINDOW w AS ({self.window(depth)})")
        return " ".join(words) + (self.tail() if has_tail else "")

    def entry(self, depth: int) -> str:
        if self.chance(0.3):
            return f"{self.operand(depth + 2)} AS {self.pick(_NAMES)}"
        return f"{self.pick(_NAMES)} AS ({self.query(depth + 1)})"

    def column(self, depth: int) -> str:
        roll = self.random.random()
        if roll < 0.08:
            return self.pick(["*", "t.*", "* EXCLUDE (a, b)", "COLUMNS('a.*')"])
        text = self.expression(depth)
        if roll < 0.4:
            return f"{text} AS {self.pick([*_NAMES, '`x y`', chr(34) + 'q' + chr(34)])}"
        if roll < 0.45:
            return f"x1: {text}"
        return f"({text}) z9" if roll < 0.5 else text

    def table(self, depth: int) -> str:
        roll = self.random.random()
        if depth < 3 and self.budget > 0 and roll < 0.15:
            text = f"({self.query(depth + 1)})"
        elif roll < 0.2:
            text = "numbers(10)"
        elif roll < 0.23:
            text = "(VALUES (1, 'a'), (2, 'b'))"
        else:
            text = self.pick(_TABLES)
        if self.chance(0.4):
            text += f" {self.pick(['', 'AS '])}{self.pick(['e', 'x', 'q1'])}"
        if self.chance(0.04):
            text += " FINAL"
        if self.chance(0.04):
            text += self.pick([" SAMPLE 0.1", " SAMPLE 1/10 OFFSET 1/2", " SAMPLE 5 %"])
        return text

    def join(self, depth: int) -> str:
        if self.chance(0.15):
            return f"{self.pick(['CROSS JOIN', ','])} {self.table(depth + 1)}"
        kind = self.pick(_JOINS)
        condition = f"ON {self.expression(depth + 1)}" if self.chance(0.8) else "USING (a, b)"
        return f"{kind} {self.table(depth + 1)} {condition}"

    def groups(self, depth: int) -> str:
        roll = self.random.random()
        if roll < 0.1:
            return "ALL"
        if roll < 0.2:
            return f"{self.pick(['CUBE', 'ROLLUP'])}(a, b)"
        if roll < 0.25:
            return "GROUPING SETS ((a), (a, b), ())"
        return self.some(lambda: self.operand(depth + 1), 2) + (
            " WITH TOTALS" if self.chance(0.1) else ""
        )

    def order(self, depth: int = 3) -> str:
        def one() -> str:
            order = self.pick(["", "", " DESC", " ASC", " DESC NULLS LAST", " NULLS FIRST"])
            return self.operand(depth) + order

        return f"ORDER BY {self.some(one, 2)}"

    def tail(self, has_limit_by: bool = True) -> str:
        """ORDER BY and LIMIT. LIMIT BY belongs to a SELECT, so none stands after brackets."""
        words = [self.order()] if self.chance(0.3) else []
        if has_limit_by and self.chance(0.05):
            words.append("LIMIT 2 BY a")
        if self.chance(0.3):
            words.append(
                self.pick(
                    [
                        "LIMIT 10",
                        "LIMIT 10 OFFSET 5",
                        "LIMIT 3 WITH TIES",
                        "LIMIT 5, 10",
                        "LIMIT 5 %",
                        "OFFSET 3",
                    ]
                )
            )
        return "".join(" " + word for word in words)

    def window(self, depth: int) -> str:
        words = []
        if self.chance(0.5):
            words.append(f"PARTITION BY {self.operand(depth + 2)}")
        if self.chance(0.7):
            words.append(self.order(depth + 2))
            if self.chance(0.4):
                bound = "BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
                words.append(
                    self.pick(
                        [
                            f"ROWS {bound}",
                            "ROWS 2 PRECEDING",
                            "RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING",
                        ]
                    )
                )
        return " ".join(words)

    # Expressions

    def expression(self, depth: int = 0) -> str:
        self.budget -= 1
        if depth > 4 or self.budget < 0:
            return self.operand(depth)
        roll = self.random.random()
        if roll < 0.28:
            return f"{self.operand(depth)} {self.pick(_COMPARE)} {self.operand(depth)}"
        if roll < 0.42:
            word = self.pick([" AND ", " OR "])
            return word.join(self.expression(depth + 1) for _ in range(self.random.randint(2, 3)))
        if roll < 0.52:
            return (
                f"{self.operand(depth)} {self.pick([*'+-*/%', '||'])} {self.expression(depth + 1)}"
            )
        if roll < 0.57:
            return f"NOT {self.expression(depth + 1)}"
        if roll < 0.62:
            return f"{self.operand(depth)} IS {self.pick(['', 'NOT '])}NULL"
        if roll < 0.66:
            words = self.pick(["BETWEEN", "NOT BETWEEN"])
            return f"{self.operand(depth)} {words} {self.operand(depth)} AND {self.operand(depth)}"
        if roll < 0.69:
            return f"{self.operand(depth)} ?? {self.operand(depth)}"
        if roll < 0.72:
            return f"{self.operand(depth)} ? {self.operand(depth)} : {self.operand(depth)}"
        if roll < 0.74:
            return f"{self.operand(depth)} IS {self.pick(['', 'NOT '])}DISTINCT FROM {self.operand(depth)}"
        if roll < 0.76:
            return f"{self.operand(depth)} {self.pick(['', 'NOT '])}IN COHORT {self.pick(['5', chr(39) + 'x' + chr(39)])}"
        return self.operand(depth)

    def operand(self, depth: int = 0) -> str:
        self.budget -= 1
        roll = self.random.random()
        if depth > 4 or self.budget < 0 or roll < 0.35:
            return self.pick(
                [
                    self.pick(_NAMES),
                    self.pick(_PATHS),
                    self.pick(_STRINGS),
                    self.pick(_NUMBERS),
                    "NULL",
                ]
            )
        if roll < 0.4:
            return self.pick(
                [
                    "true",
                    "false",
                    "now()",
                    "INTERVAL 7 DAY",
                    "INTERVAL '1 hour'",
                    "{filters}",
                    "{a.b}",
                    "#1",
                ]
            )
        inner = depth + 1
        if roll < 0.6:
            return self.call(inner)
        if roll < 0.68:
            return f"({self.expression(inner)})"
        if roll < 0.72:
            return f"({self.some(lambda: self.expression(inner))}, 1)"
        if roll < 0.76:
            return f"[{self.some(lambda: self.expression(inner))}]"
        if roll < 0.79:
            return f"{{'k': {self.expression(inner)}}}"
        if roll < 0.83:
            default = f" ELSE {self.operand(inner)}" if self.chance(0.6) else ""
            operand = f" {self.pick(_NAMES)}" if self.chance(0.3) else ""
            branches = "".join(
                f" WHEN {self.expression(inner)} THEN {self.operand(inner)}"
                for _ in range(self.random.randint(1, 2))
            )
            return f"CASE{operand}{branches}{default} END"
        if roll < 0.86:
            return f"CAST({self.expression(inner)} AS {self.pick(_TYPES)})"
        if roll < 0.88:
            return f"{self.pick(_NAMES)}::{self.pick(['int', 'date', 'timestamp', 'text'])}"
        if roll < 0.9:
            return f"f'a {{{self.expression(inner)}}} b'"
        if roll < 0.92 and depth < 3:
            return f"({self.query(inner + 1)})"
        if roll < 0.94:
            return f"{self.pick(_NAMES)}[{self.expression(inner)}]"
        if roll < 0.95:
            return f"{self.pick(_NAMES)}[1:{self.pick(['', '3'])}]"
        if roll < 0.97:
            return f"-{self.pick(_NAMES)}"
        return f"INTERVAL {self.operand(inner)} {self.pick(_UNITS)}"

    def call(self, depth: int) -> str:
        name = self.pick(_CALLS)
        roll = self.random.random()
        if roll < 0.1:
            return f"{name}()"
        if roll < 0.2:
            return f"arrayMap({self.pick(['x', '(x, y)', 'x, y'])} -> {self.expression(depth)}, {self.operand(depth)})"
        if roll < 0.26:
            return f"quantile(0.5)({self.expression(depth)})"
        if roll < 0.32:
            return f"{name}(DISTINCT {self.operand(depth)})"
        if roll < 0.36:
            return f"{name}({self.operand(depth)} ORDER BY a DESC)"
        if roll < 0.4:
            return f"sum({self.operand(depth)}) FILTER (WHERE {self.expression(depth)})"
        if roll < 0.46:
            return (
                f"{name}({self.operand(depth)}) OVER {self.pick(['w', f'({self.window(depth)})'])}"
            )
        return f"{name}({self.some(lambda: self.expression(depth))})"


_SPLINTERS: Final = [
    *(
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        "'",
        '"',
        "`",
        ";",
        "--",
        "/*",
        "*/",
        "#",
        "f'",
        "<a",
        "/>",
        "->",
        "::",
        "?",
        "?.",
    ),
    *(
        "SELECT",
        "FROM",
        "WHERE",
        "GROUP BY",
        "ORDER BY",
        "UNION ALL",
        "WITH",
        "AS",
        "AND",
        "NOT",
        "IN",
        "IS",
        "CASE",
    ),
    *(
        "END",
        "JOIN",
        "ON",
        "LIMIT",
        "BETWEEN",
        "INTERVAL",
        "DISTINCT",
        "OVER",
        "\x00",
        "é",
        "\\",
        "\n",
        "1",
        "x",
        "0x",
        "1e",
    ),
]


def mutated(text: str, random: Random) -> str:
    """The text after one to six slips: words lost, doubled, swapped or put in, characters cut."""
    for _ in range(random.choice([1, 1, 2, 3, 6])):
        roll = random.random()
        if roll < 0.4:
            at = random.randrange(len(text) + 1)
            to = min(len(text), at + random.choice([0, 0, 1, 2, 8]))
            text = text[:at] + random.choice(["", " ", random.choice(_SPLINTERS)]) + text[to:]
            continue
        tokens = tokenize(text)
        words = [tokens.source(index) for index in range(len(tokens) - 1)]
        if not words:
            return random.choice(_SPLINTERS)
        at, other = random.randrange(len(words)), random.randrange(len(words))
        if roll < 0.55:
            del words[at]
        elif roll < 0.7:
            words.insert(at, words[other])
        elif roll < 0.85:
            words[at], words[other] = words[other], words[at]
        else:
            words.insert(at, random.choice(_SPLINTERS))
        text = " ".join(words)
    return text


def reworded(text: str, random: Random) -> str:
    """The text with one to three names, numbers or strings replaced by others of its own kind in it."""
    for _ in range(random.choice([1, 1, 2, 3])):
        tokens = tokenize(text)
        by_kind: dict[str, list[int]] = {}
        for index, kind in enumerate(tokens.kinds[:-1]):
            if kind in ("name", "number", "string"):
                by_kind.setdefault(kind, []).append(index)
        several = [places for places in by_kind.values() if len(places) > 1]
        if not several:
            return text
        places = random.choice(several)
        at, other = random.choice(places), random.choice(places)
        text = text[: tokens.starts[at]] + tokens.source(other) + text[tokens.ends[at] :]
    return text
