"""Random queries a user could mean: typed, so that most of them run, and ordered where a LIMIT needs it."""

from random import Random

NUMBERS = ["number_a", "number_b", "length(word)", "rate", "toInt(text_number)", "doc.n"]
TEXTS = ["word", "text_number", "doc.name", "doc.`a b`", "kind"]
TIMES = ["at", "toStartOfDay(at)", "at - INTERVAL 3 HOUR", "now() - INTERVAL 2 DAY"]
DAYS = ["day", "toDate(at)", "today() - 3"]
FLAGS = ["flag", "number_a > number_b", "word = 'a'", "doc.deep.x IS NULL"]
LITERALS = {
    "number": ["0", "1", "2", "7", "-3", "2.5", "NULL"],
    "text": ["''", "'a'", "'b'", "'1'", "'it''s'", "'é'", "NULL"],
    "time": ["'2026-06-01'", "'2026-06-10 12:00:00'", "now()"],
    "day": ["'2026-06-01'", "today()"],
    "flag": ["true", "false", "NULL"],
}
COLUMNS = {"number": NUMBERS, "text": TEXTS, "time": TIMES, "day": DAYS, "flag": FLAGS}
KINDS = list(COLUMNS)
AGGREGATES = {
    "number": [
        "count()",
        "sum({n})",
        "max({n})",
        "min({n})",
        "uniq({t})",
        "countIf({f})",
        "sumIf({n}, {f})",
        "count({t})",
        "avg({n})",
    ],
    "text": ["min({t})", "max({t})", "any({t})"],
    "time": ["min({m})", "max({m})"],
    "day": ["max({d})"],
    "flag": ["count() > 3", "max({n}) > 5", "min({t}) = 'a'"],
}


class Queries:
    """An endless supply."""

    def __init__(self, seed):
        self.random = Random(seed)

    def pick(self, options):
        return self.random.choice(options)

    def chance(self, share):
        return self.random.random() < share

    def value(self, kind, depth=2):
        if depth <= 0 or self.chance(0.35):
            return self.pick(LITERALS[kind]) if self.chance(0.25) else self.pick(COLUMNS[kind])
        inner = depth - 1

        def v(of):
            return self.value(of, inner)

        match kind:
            case "number":
                return self.pick(
                    [
                        lambda: f"({v('number')} {self.pick('+-*')} {v('number')})",
                        lambda: f"{v('number')} / 4",
                        lambda: f"{v('number')} % 5",
                        lambda: f"if({v('flag')}, {v('number')}, {v('number')})",
                        lambda: f"coalesce({v('number')}, 0)",
                        lambda: f"abs({v('number')})",
                        lambda: f"toInt({v('text')})",
                        lambda: f"length({v('text')})",
                        lambda: f"dateDiff('day', {v('time')}, now())",
                        lambda: f"CASE WHEN {v('flag')} THEN {v('number')} END",
                        lambda: f"least({v('number')}, {v('number')})",
                        lambda: f"[{v('number')}, {v('number')}][{self.pick([1, 2, 3, -1])}]",
                        lambda: f"({v('number')}, {v('text')}).1",
                    ]
                )()
            case "text":
                return self.pick(
                    [
                        lambda: f"lower({v('text')})",
                        lambda: f"concat({v('text')}, {v('text')})",
                        lambda: f"{v('text')} || '-'",
                        lambda: f"substring({v('text')}, 1, 2)",
                        lambda: f"toString({v(self.pick(['number', 'day', 'flag']))})",
                        lambda: f"ifNull({v('text')}, 'none')",
                        lambda: f"nullIf({v('text')}, {v('text')})",
                        lambda: (
                            f"multiIf({v('flag')}, {v('text')}, {v('flag')}, {v('text')}, 'else')"
                        ),
                        lambda: f"replaceAll({v('text')}, 'a', 'bb')",
                    ]
                )()
            case "time":
                return self.pick(
                    [
                        lambda: f"toStartOfHour({v('time')})",
                        lambda: (
                            f"({v('time')} + INTERVAL {self.pick([1, 5])} {self.pick(['HOUR', 'DAY', 'MONTH'])})"
                        ),
                        lambda: f"dateTrunc('{self.pick(['hour', 'day', 'month'])}', {v('time')})",
                    ]
                )()
            case "day":
                return self.pick(
                    [
                        lambda: f"toDate({v('time')})",
                        lambda: f"toStartOfWeek({v('time')})",
                        lambda: f"({self.pick(DAYS)} + {self.pick([1, 30])})",
                    ]
                )()
        return self.flag(inner)

    def flag(self, inner):
        kind = self.pick(["number", "text", "time", "day"])
        left, right = self.value(kind, inner), self.value(kind, inner)
        return self.pick(
            [
                lambda: f"({left} {self.pick(['=', '!=', '<', '<=', '>', '>='])} {right})",
                lambda: (
                    f"({self.value('flag', inner)} {self.pick(['AND', 'OR'])} {self.value('flag', inner)})"
                ),
                lambda: f"NOT {self.value('flag', inner)}",
                lambda: f"{left} IS {self.pick(['', 'NOT '])}NULL",
                lambda: f"{left} {self.pick(['IN', 'NOT IN'])} ({right}, {self.value(kind, 0)})",
                lambda: (
                    f"{self.value('text', inner)} {self.pick(['LIKE', 'NOT LIKE', 'ILIKE', '=~'])} '{self.pick(['a%', '%b%', 'A', '.*'])}'"
                ),
                lambda: f"{left} BETWEEN {right} AND {self.value(kind, 0)}",
                lambda: (
                    f"number_a {self.pick(['IN', 'NOT IN'])} (SELECT number_b FROM other WHERE {self.value('flag', 0)})"
                ),
                lambda: (
                    f"{self.value('text', inner)} {self.pick(['=', '!=', '>'])} {self.value('number', 0)}"
                ),
            ]
        )()

    def aggregate(self, kind):
        template = self.pick(AGGREGATES[kind])
        fill = {"n": "number", "t": "text", "m": "time", "d": "day", "f": "flag"}
        return template.format(**{key: self.value(of, 1) for key, of in fill.items()})

    def query(self, depth=1):
        return self.pick(
            [self.plain, self.grouped, self.joined, self.nested, self.united, self.windowed]
        )(depth)

    def source(self):
        return self.pick(["made_up", "made_up", "other"])

    def where(self):
        return f" WHERE {self.value('flag', 2)}" if self.chance(0.6) else ""

    def plain(self, depth):
        items = [f"{self.value(self.pick(KINDS))} AS c{i}" for i in range(self.pick([1, 2, 3]))]
        distinct = "DISTINCT " if self.chance(0.2) else ""
        return f"SELECT {distinct}{', '.join(items)} FROM {self.source()}{self.where()}"

    def grouped(self, depth):
        keys = [f"{self.value(self.pick(KINDS), 1)} AS k{i}" for i in range(self.pick([1, 2]))]
        values = [f"{self.aggregate(self.pick(KINDS))} AS v{i}" for i in range(self.pick([1, 2]))]
        by = ", ".join(f"k{i}" for i in range(len(keys)))
        having = f" HAVING {self.aggregate('flag')}" if self.chance(0.3) else ""
        return f"SELECT {', '.join(keys + values)} FROM {self.source()}{self.where()} GROUP BY {by}{having}"

    def joined(self, depth):
        kind = self.pick(
            ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "LEFT SEMI JOIN", "LEFT ANTI JOIN"]
        )
        on = self.pick(
            [
                "a.number_a = b.number_b",
                "a.word = b.word",
                "a.number_a = b.number_a AND a.word = b.kind",
            ]
        )
        items = "a.word AS x, a.number_a AS y" + (
            "" if "SEMI" in kind or "ANTI" in kind else ", b.kind AS z, b.rate AS w"
        )
        return f"SELECT {items} FROM made_up a {kind} other b ON {on}"

    def nested(self, depth):
        inner = self.grouped(0) if self.chance(0.5) else self.plain(0)
        name = "k0" if " AS k0" in inner else "c0"
        return f"SELECT {name}, count() AS n FROM ({inner}) AS t GROUP BY {name}"

    def united(self, depth):
        kinds = [self.pick(KINDS) for _ in range(2)]

        def branch():
            items = ", ".join(f"{self.value(kind, 1)} AS u{i}" for i, kind in enumerate(kinds))
            return f"SELECT {items} FROM {self.source()}{self.where()}"

        return f"{branch()} {self.pick(['UNION ALL', 'UNION DISTINCT'])} {branch()}"

    def windowed(self, depth):
        call = self.pick(
            [
                "row_number()",
                "rank()",
                "sum(number_a)",
                "count()",
                "max(word)",
                "lag(number_a)",
                "avg(rate)",
            ]
        )
        by = self.pick(["", "PARTITION BY kind ", "PARTITION BY flag "])
        return f"SELECT id, {call} OVER ({by}ORDER BY number_a, id) AS w FROM made_up{self.where()}"
