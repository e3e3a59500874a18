"""Every construct of HogQL's grammar with a text that has it: what the tests parse and docs/hogql/grammar.md shows.

`python tests/unit/hogql/parser/constructs.py` writes the page.
"""

import sys
from pathlib import Path

PAGE = Path(__file__).parents[4] / "docs" / "hogql" / "grammar.md"

CONSTRUCTS: dict[str, list[tuple[str, str]]] = {
    "Queries": [
        ("one SELECT", "SELECT event FROM events"),
        ("a trailing semicolon and a trailing comma do no harm", "SELECT event, FROM events;"),
        (
            "UNION, with or without duplicates",
            "SELECT 1 UNION ALL SELECT 2 UNION DISTINCT SELECT 3",
        ),
        (
            "INTERSECT binds tighter than UNION and EXCEPT",
            "SELECT 1 UNION ALL SELECT 2 INTERSECT SELECT 2 EXCEPT SELECT 3",
        ),
        (
            "ORDER BY and LIMIT after a set operation are for the whole",
            "SELECT 1 AS x UNION ALL SELECT 2 ORDER BY x LIMIT 1",
        ),
        ("brackets for one branch's own", "(SELECT 1 AS x ORDER BY x LIMIT 1) UNION ALL SELECT 2"),
        (
            "WITH, seen by every branch",
            "WITH a AS (SELECT 1 AS x) SELECT x FROM a UNION ALL SELECT x + 1 FROM a",
        ),
        ("WITH and a list of columns", "WITH a (x, y) AS (SELECT 1, 2) SELECT x FROM a"),
        ("WITH [NOT] MATERIALIZED", "WITH a AS NOT MATERIALIZED (SELECT 1) SELECT * FROM a"),
        (
            "recursive WITH, with USING KEY",
            "WITH RECURSIVE a (n) USING KEY (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM a WHERE n < 9) SELECT n FROM a",
        ),
        (
            "WITH a value: expression first",
            "WITH 7 AS days, toDate('2024-01-02') AS start SELECT start + days",
        ),
        ("VALUES as a table", "SELECT v.a FROM (VALUES (1, 'x'), (2, 'y')) AS v (a, b)"),
        ("placeholders for queries and tables", "SELECT * FROM {source} AS s"),
        ("HogQLX tags", "SELECT <Sparkline data={[1, 2, 3]} title='x' />"),
    ],
    "Columns": [
        ("AS, or no word at all", "SELECT event AS e, timestamp t FROM events"),
        ("the name first", "SELECT e: event FROM events"),
        ("DISTINCT", "SELECT DISTINCT event FROM events"),
        (
            "DISTINCT ON",
            "SELECT DISTINCT ON (person_id) event FROM events ORDER BY person_id, timestamp DESC",
        ),
        ("TOP n is LIMIT n", "SELECT TOP 5 WITH TIES event FROM events"),
        (
            "stars, without or with other columns",
            "SELECT * EXCLUDE (properties), e.* FROM events AS e",
        ),
        (
            "EXCEPT and REPLACE",
            "SELECT * EXCEPT (uuid) REPLACE (lower(event) AS event) FROM events",
        ),
        ("columns by regular expression", "SELECT COLUMNS('^utm_') FROM events"),
        ("columns by list", "SELECT COLUMNS(a, b), COLUMNS(t.* EXCLUDE (c)) FROM t"),
        ("columns by position", "SELECT event, count() FROM events GROUP BY #1 ORDER BY #2"),
    ],
    "Tables and joins": [
        ("names with any number of dots", "SELECT * FROM stripe.eu.customers AS c"),
        ("subqueries", "SELECT n FROM (SELECT count() AS n FROM events) AS s"),
        ("table functions", "SELECT number FROM numbers(10)"),
        (
            "joins",
            "SELECT 1 FROM a JOIN b ON a.x = b.x LEFT JOIN c ON b.y = c.y FULL OUTER JOIN d ON c.z = d.z",
        ),
        ("CROSS JOIN and commas", "SELECT 1 FROM a CROSS JOIN b, c"),
        ("USING, with or without brackets", "SELECT 1 FROM a JOIN b USING (x, y) JOIN c USING z"),
        (
            "ANY, ALL, ASOF, SEMI, ANTI",
            "SELECT 1 FROM a ANY LEFT JOIN b ON a.x = b.x ASOF JOIN c ON a.t >= c.t ANTI JOIN d ON a.x = d.x",
        ),
        ("NATURAL and POSITIONAL", "SELECT 1 FROM a NATURAL JOIN b POSITIONAL JOIN c"),
        ("GLOBAL, which changes nothing here", "SELECT 1 FROM a GLOBAL LEFT JOIN b ON a.x = b.x"),
        ("joins in brackets", "SELECT 1 FROM a LEFT JOIN (b JOIN c ON b.x = c.x) ON a.y = b.y"),
        ("ARRAY JOIN", "SELECT tag FROM t LEFT ARRAY JOIN tags AS tag"),
        ("FINAL", "SELECT * FROM persons AS p FINAL"),
        ("SAMPLE, by share, ratio or percent", "SELECT count() FROM events SAMPLE 1/10 OFFSET 1/2"),
        ("PIVOT", "SELECT * FROM t PIVOT (sum(x) FOR y IN ('a', 'b') GROUP BY z) AS p"),
        ("UNPIVOT", "SELECT * FROM t UNPIVOT INCLUDE NULLS (value FOR name IN (a, b))"),
    ],
    "Clauses": [
        (
            "PREWHERE and WHERE",
            "SELECT 1 FROM events PREWHERE event = 'a' WHERE timestamp > now() - INTERVAL 7 DAY",
        ),
        (
            "GROUP BY and HAVING",
            "SELECT event, count() AS n FROM events GROUP BY event HAVING n > 5",
        ),
        ("GROUP BY ALL", "SELECT event, count() FROM events GROUP BY ALL"),
        ("CUBE and ROLLUP", "SELECT a, b, count() FROM t GROUP BY ROLLUP(a, b)"),
        (
            "WITH CUBE, WITH ROLLUP, WITH TOTALS",
            "SELECT a, count() FROM t GROUP BY a WITH ROLLUP WITH TOTALS",
        ),
        ("GROUPING SETS", "SELECT a, b, count() FROM t GROUP BY GROUPING SETS ((a), (a, b), ())"),
        (
            "QUALIFY",
            "SELECT a FROM t QUALIFY row_number() OVER (PARTITION BY b ORDER BY c DESC) = 1",
        ),
        ("named windows", "SELECT sum(x) OVER w FROM t WINDOW w AS (PARTITION BY a ORDER BY b)"),
        (
            "ORDER BY with NULLS and COLLATE",
            "SELECT a FROM t ORDER BY a DESC NULLS LAST, b COLLATE 'de'",
        ),
        (
            "WITH FILL and INTERPOLATE",
            "SELECT a FROM t ORDER BY a WITH FILL FROM 1 TO 9 STEP 2 INTERPOLATE (b AS b + 1)",
        ),
        ("LIMIT, OFFSET, either first", "SELECT a FROM t OFFSET 5 LIMIT 10"),
        ("LIMIT a, b is LIMIT a OFFSET b", "SELECT a FROM t LIMIT 10, 5"),
        ("LIMIT by percent and WITH TIES", "SELECT a FROM t ORDER BY a LIMIT 5 % WITH TIES"),
        ("LIMIT BY", "SELECT a FROM t ORDER BY a LIMIT 2 OFFSET 1 BY b LIMIT 10"),
        ("SETTINGS are read, and refused by name", "SELECT a FROM t SETTINGS max_threads = 8"),
    ],
    "Names and paths": [
        (
            "properties of any depth",
            "SELECT properties.$browser, person.properties.plan.name FROM events",
        ),
        (
            "quotes: backquotes or double quotes",
            'SELECT properties.`$feature/flag`, "odd name" FROM events',
        ),
        ("brackets, by key or place", "SELECT properties['plan'], tags[1] FROM events"),
        ("elements of tuples", "SELECT t.1, t.-1, (a, b).2 FROM x"),
        ("slices", "SELECT xs[2:4], xs[:3], xs[2:] FROM t"),
        ("null-safe access", "SELECT a?.b, a?.[1], a?.2 FROM t"),
        (
            "words of the grammar as names",
            "SELECT group, order, first, t.from FROM t GROUP BY group",
        ),
    ],
    "Operators": [
        ("arithmetic and text", "SELECT -a + b * c / d % e, a || b FROM t"),
        (
            "comparison; = and == are the same",
            "SELECT a = b, a == b, a != b, a <> b, a <= b FROM t",
        ),
        ("logic", "SELECT a AND NOT b OR c FROM t"),
        ("LIKE and ILIKE, with ESCAPE", "SELECT a LIKE 'x%', a NOT ILIKE '%y' ESCAPE '!' FROM t"),
        ("regular expressions", "SELECT a =~ 'x', a !~ 'y', a =~* 'z', a !~* 'w' FROM t"),
        (
            "IN lists, arrays and subqueries",
            "SELECT a IN (1, 2), a NOT IN [3], a IN (SELECT b FROM u) FROM t",
        ),
        (
            "IN COHORT",
            "SELECT person_id IN COHORT 5, person_id NOT IN COHORT 'power users' FROM events",
        ),
        ("BETWEEN", "SELECT a BETWEEN 1 AND 2 AND b NOT BETWEEN 3 AND 4 FROM t"),
        (
            "IS NULL and IS DISTINCT FROM",
            "SELECT a IS NULL, a IS NOT NULL, a IS NOT DISTINCT FROM b, a <=> b FROM t",
        ),
        ("?? for the first that is not NULL", "SELECT a ?? b ?? 'none' FROM t"),
        ("a ? b : c", "SELECT a > 1 ? 'many' : a = 1 ? 'one' : 'none' FROM t"),
        ("CASE", "SELECT CASE a WHEN 1 THEN 'x' ELSE 'y' END, CASE WHEN a > 1 THEN 'z' END FROM t"),
        (
            "casts",
            "SELECT CAST(a AS Array(String)), TRY_CAST(a AS int), a::date, a::timestamp with time zone FROM t",
        ),
    ],
    "Values": [
        ("numbers", "SELECT 1, -2, 1.5, .5, 1e3, 0xFF, 0b101, inf, nan"),
        ("text; quotes doubled or escaped", r"SELECT 'it''s', 'it\'s', 'tab\there', 'back\\slash'"),
        (
            "text with expressions inside",
            "SELECT f'{count()} of {event}' FROM events GROUP BY event",
        ),
        ("NULL, true, false", "SELECT NULL, true, false"),
        (
            "dates and intervals",
            "SELECT DATE '2024-01-02', TIMESTAMP '2024-01-02 03:04:05', INTERVAL 7 DAY, INTERVAL '2 hours'",
        ),
        ("arrays and tuples", "SELECT [1, 2], ARRAY[3], (1, 'a'), (1,)"),
        ("dicts", "SELECT {'a': 1, 'b': [2, 3]}"),
        ("placeholders", "SELECT {variables.days} FROM events WHERE {filters}"),
        (
            "filters bound to columns",
            "SELECT 1 FROM t WHERE {filters(day AS timestamp, null AS key)}",
        ),
    ],
    "Calls": [
        ("arguments, and none", "SELECT count(), lower(event) FROM events"),
        ("parameters before arguments", "SELECT quantile(0.95)(x), topK(3)(y) FROM t"),
        (
            "DISTINCT and ORDER BY inside",
            "SELECT count(DISTINCT a), groupArray(b ORDER BY c DESC) FROM t",
        ),
        ("FILTER", "SELECT count() FILTER (WHERE event = 'a') FROM events"),
        ("WITHIN GROUP", "SELECT quantile(0.5) WITHIN GROUP (ORDER BY x) FROM t"),
        (
            "windows",
            "SELECT sum(x) OVER (PARTITION BY a ORDER BY b ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM t",
        ),
        (
            "frames of a range",
            "SELECT avg(x) OVER (ORDER BY t RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW) FROM t",
        ),
        ("IGNORE NULLS", "SELECT last_value(x IGNORE NULLS) OVER (ORDER BY t) FROM t"),
        (
            "lambdas",
            "SELECT arrayMap(x -> x + 1, xs), arrayMap((x, y) -> x + y, xs, ys), arrayFilter(lambda x: x > 1, xs) FROM t",
        ),
        ("named arguments", "SELECT f(a := 1, b := 2)"),
        ("a query as argument", "SELECT exists(SELECT 1 FROM events)"),
        (
            "words between arguments",
            "SELECT EXTRACT(day FROM t), SUBSTRING(s FROM 2 FOR 3), TRIM(BOTH ' ' FROM s), POSITION('a' IN s) FROM x",
        ),
    ],
    "Comments": [
        ("to the end of the line, in three spellings", "SELECT 1 -- one\n, 2 // two\n, 3 # three"),
        ("anywhere", "SELECT /* here */ 1"),
    ],
}


def page() -> str:
    """The page, from the constructs."""
    lines = [
        "# The grammar of HogQL",
        "",
        "Made from the grammar's own tests: every line here is parsed, printed and parsed again by the suite.",
        "Limits: 524,288 characters, 120,000 words and signs, brackets 128 deep, 2,500 SELECTs in one set operation.",
    ]
    for section, constructs in CONSTRUCTS.items():
        lines += ["", f"## {section}", "", "| construct | example |", "|---|---|"]
        for title, text in constructs:
            shown = text.replace("|", "\\|").replace("\n", " ⏎ ")
            ticks = "``" if "`" in shown else "`"
            lines.append(
                f"| {title} | {ticks}{' ' if ticks == '``' else ''}{shown}{' ' if ticks == '``' else ''}{ticks} |"
            )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page())
    sys.stdout.write(f"wrote {PAGE.name}\n")
