"""Tables for queries written elsewhere: columns and types guessed from how the texts use them, filled with seeded rows."""

import json
import random
import re
import uuid
from collections import defaultdict
from datetime import datetime, timedelta

import pyarrow as pa
from sqlglot import exp

from pwh_assets.hogql.catalog import Catalog, ColumnDef, TableDef
from pwh_assets.hogql.parser import parse
from pwh_assets.hogql.product import product_tables
from pwh_assets.hogql.stored import type_of

NOW = datetime(2026, 6, 14, 10, 30)
EVENTS = 3000
PERSONS = 40

TIMES = re.compile(
    r"(_at|_time|timestamp|_seen|^created|^updated|_date|^day$|^date$|_ts|^since|last_calculation|last_used|_called)$"
)
FLAGS = re.compile(
    r"^(is_|has_|deleted|enabled|active|archived|pinned|paused|$)|_enabled$|_deleted$|boolean_value"
)
NUMBERS = re.compile(
    r"(count|amount|total|_ms|milliseconds|duration|nano|value|version|percentage|rows|size|minutes|number|score"
    r"|price|width|height|_days|threshold|failures|quantity|index|^x$|^y$|factor|latency|tokens|cost|occ|bytes|usage|code)"
)
DOCUMENTS = re.compile(
    r"^(properties|metadata|columns|attributes|filters|detail|payload|config|resource_attributes|.*_json|query)$"
)
STRINGS = re.compile(
    r"(currency|_id|name|status|state|kind|type|key|url|email|title|source|body|text|country)$"
)


def guess(name, uses):
    """DuckDB type of a made-up column."""
    if "document" in uses or DOCUMENTS.search(name):
        return "JSON"
    if name == "embedding":
        return "DOUBLE[]"
    if "array" in uses:
        return "VARCHAR[]"
    if TIMES.search(name):
        return "TIMESTAMP"
    if "text" in uses:
        return "VARCHAR"
    if FLAGS.search(name) and name:
        return "BOOLEAN"
    if "flag" in uses:
        return "BOOLEAN"
    if "time" in uses:
        return "TIMESTAMP"
    if "number" in uses or (NUMBERS.search(name) and not STRINGS.search(name)):
        return (
            "DOUBLE"
            if re.search(r"amount|price|cost|value|score|ratio|factor|^x$|^y$|percentage", name)
            else "BIGINT"
        )
    return "VARCHAR"


class Made:
    """Collects what texts say about tables nobody knows."""

    def __init__(self, known):
        self.known = {name.lower() for name in known}
        self.columns = defaultdict(lambda: defaultdict(set))
        self.words = defaultdict(set)
        self.properties = defaultdict(set)

    def read(self, text):
        tree = parse(text).tree
        if tree is None:
            return
        ctes = {
            cte.args["alias"].name.lower()
            for cte in tree.find_all(exp.CTE)
            if cte.args.get("alias")
        }
        for select in tree.find_all(exp.Select):
            self._select(select, ctes)
        for dot in tree.find_all(exp.Dot):
            if isinstance(dot.expression, exp.Identifier) and dot.this.name == "properties":
                self.properties[dot.expression.name]
                self._compared(dot, self.properties[dot.expression.name])

    def _select(self, select, ctes):
        sources, others = {}, 0
        first = select.args.get("from_")
        tables = [first.this] if first else []
        tables += [join.this for join in select.args.get("joins") or []]
        for table in tables:
            if not isinstance(table, exp.Table) or not isinstance(table.this, exp.Identifier):
                others += 1
                continue
            name = table.this.name
            if (
                name.lower() in ctes
                or name.lower() in self.known
                or name.lower().removeprefix("posthog.") in self.known
            ):
                others += 1
                continue
            self.columns[name]
            alias = table.args["alias"].name if table.args.get("alias") else name
            sources[alias] = name
            sources.setdefault(name.split(".")[-1], name)
        if not sources:
            return
        aliases = {a.args["alias"].name for a in select.find_all(exp.Alias)}
        lone = (
            next(iter(set(sources.values())))
            if len(set(sources.values())) == 1 and not others
            else None
        )
        for column in select.find_all(exp.Column):
            if self._inner(column, select):
                continue
            name, parent = column.this.name, column.parent
            if isinstance(parent, exp.Dot) and parent.this is column and name in sources:
                if isinstance(parent.expression, exp.Identifier):
                    self._use(sources[name], parent.expression.name, parent)
            elif lone is not None and not (name in aliases and not self._defines(column)):
                self._use(lone, name, column)

    def _inner(self, column, select):
        node = column.parent
        while node is not None and node is not select:
            if isinstance(node, (exp.Select, exp.Lambda)):
                return True
            node = node.parent
        return False

    def _defines(self, column):
        node = column.parent
        while node is not None and not isinstance(node, exp.Select):
            if isinstance(node, exp.Alias):
                return True
            node = node.parent
        return False

    def _use(self, table, name, node):
        uses = self.columns[table][name]
        parent = node.parent
        if isinstance(parent, exp.Dot) and parent.this is node:
            uses.add("document")
        if isinstance(parent, exp.Anonymous):
            function = str(parent.this).lower()
            if function in ("sum", "avg", "sumif", "avgif", "quantile", "median"):
                uses.add("number")
            if function.startswith("jsonextract") and parent.expressions[0] is node:
                uses.add("document")
            if function in ("has", "hasany", "arrayjoin", "arraymap"):
                uses.add("array")
        if isinstance(parent, exp.Where | exp.Not | exp.And | exp.Or):
            uses.add("flag")
        self._compared(node, self.words[(table, name)], uses)

    def _compared(self, node, words, uses=None):
        parent = node.parent
        if isinstance(parent, exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE | exp.In):
            others = [
                e
                for e in [parent.this, *(parent.expressions or []), parent.args.get("expression")]
                if e is not node
            ]
            for other in others:
                if isinstance(other, exp.Literal):
                    words.add(other.this)
                    if uses is not None:
                        uses.add("text" if other.is_string else "number")
                elif isinstance(other, exp.Sub | exp.Add) and uses is not None:
                    uses.add("time")
        if isinstance(parent, exp.Like | exp.ILike) and isinstance(parent.expression, exp.Literal):
            words.add(parent.expression.this.replace("%", ""))
            if uses is not None:
                uses.add("text")

    def definitions(self):
        tables = []
        for name, columns in sorted(self.columns.items()):
            kinds = {column: guess(column, uses) for column, uses in sorted(columns.items())}
            kinds.setdefault("id", "VARCHAR")
            path = ("made", re.sub(r"\W", "_", name.lower()))
            defs = tuple(
                ColumnDef(column, type_of(kind), stored=kind) for column, kind in kinds.items()
            )
            tables.append(TableDef(name, defs, physical=path))
        return tables


def catalog_of(texts, version="made"):
    """A catalog with the product's tables and whatever else the texts name."""
    known = {s for t in product_tables() for s in (t.name, *t.spellings)}
    made = Made(known)
    for text in texts:
        made.read(text)
    return Catalog((*product_tables(), *made.definitions()), version), made


def fill(lake, catalog, made, seed=7):
    """The same rows every time, written to the lake."""
    chance = random.Random(seed)
    persons = [uuid.UUID(int=chance.getrandbits(128), version=4) for _ in range(PERSONS)]
    rows = {"events": _events(chance, persons, made), **_people(chance, persons)}
    with lake.write() as connection:
        connection.execute("BEGIN")
        for name, table in rows.items():
            _insert(connection, f"lake.product.{name}", table)
        connection.execute('CREATE SCHEMA IF NOT EXISTS lake."made"')
        for table in catalog.tables:
            if table.physical[:1] != ("made",):
                continue
            columns = ", ".join(f'"{c.name}" {c.stored}' for c in table.columns)
            place = f'lake.made."{table.physical[1]}"'
            connection.execute(f"CREATE TABLE {place} ({columns})")
            _insert(connection, place, _made_rows(chance, table, made))
        connection.execute("COMMIT")


def _insert(connection, place, rows):
    held = pa.Table.from_pylist([{k: _arrow(v) for k, v in row.items()} for row in rows])
    connection.register("held", held)
    names = ", ".join(f'"{name}"' for name in held.column_names)
    connection.execute(f"INSERT INTO {place} ({names}) SELECT {names} FROM held")
    connection.unregister("held")


def _arrow(value):
    return str(value) if isinstance(value, uuid.UUID) else value


NAMES = [
    "$pageview",
    "$autocapture",
    "$pageleave",
    "$identify",
    "signup",
    "user signed up",
    "paid_bill",
    "$exception",
    "survey sent",
    "$feature_flag_called",
    "$ai_generation",
    "$ai_trace",
    "$screen",
    "activation_event",
    "purchase",
]


def _moment(chance):
    kind = chance.random()
    if kind < 0.75:
        at = NOW - timedelta(seconds=chance.random() * 40 * 86400)
    elif kind < 0.9:
        at = datetime(2025, 12, 3) + timedelta(seconds=chance.random() * 8 * 86400)
    else:
        at = NOW - timedelta(seconds=chance.random() * 3 * 3600)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _property(chance, name, words):
    if chance.random() < 0.25:
        return None
    low = name.lower()
    if words and chance.random() < 0.7:
        return chance.choice(sorted(words))
    if re.search(
        r"width|height|count|tokens|price|amount|latency|duration|score|index|num|value|cost|revenue",
        low,
    ):
        return chance.choice([chance.randrange(0, 2000), round(chance.random() * 100, 2)])
    if low.startswith(("is_", "$is_", "has_")):
        return chance.random() < 0.5
    if "url" in low:
        return f"https://example.com/{chance.choice(['pricing', 'docs', 'blog?utm=1', ''])}"
    if "pathname" in low or "path" in low:
        return chance.choice(["/", "/pricing", "/docs/a", "/blog"])
    if "email" in low:
        return f"p{chance.randrange(PERSONS)}@example.com"
    if "flags" in low or (low.endswith("s") and "exception" in low):
        return [chance.choice("abc") for _ in range(chance.randrange(4))]
    if low == "$os_version":
        return f"{chance.choice([17, 18, 26])}.{chance.randrange(5)}"
    return chance.choice(["a", "b", "Chrome", "Safari", "Mac OS X", "", "it's", "é ü", 'say "hi"'])


def _events(chance, persons, made):
    names = sorted(
        set(made.properties) | {"$current_url", "$browser", "$os", "$pathname", "$referring_domain"}
    )
    wanted = sorted(
        {w for words in made.words.values() for w in words if " " not in w and len(w) < 40}
    )[:0]
    rows = []
    sessions = [f"s{i}" for i in range(120)]
    events = NAMES + wanted
    for _ in range(EVENTS):
        who = chance.randrange(PERSONS)
        session = chance.choice(sessions)
        properties = {
            name: _property(chance, name, made.properties.get(name))
            for name in chance.sample(names, min(len(names), 25))
        }
        properties = {k: v for k, v in properties.items() if v is not None or chance.random() < 0.1}
        properties["$session_id"] = session
        rows.append(
            {
                "uuid": uuid.UUID(int=chance.getrandbits(128), version=4),
                "event": chance.choice(events),
                "properties": json.dumps(properties, separators=(",", ":")),
                "timestamp": _moment(chance),
                "distinct_id": f"d{who}",
                "person_id": persons[who],
                "elements_chain": chance.choice(
                    [
                        "",
                        'button.btn:attr__href="/a"href="/a"text="Go"attr_id="x"data-attr="signup"nth-child="1";div',
                        'a:href="https://x.y/z"text="Read"',
                    ]
                ),
                "created_at": NOW,
                "$session_id": session if chance.random() < 0.95 else None,
                "$window_id": f"w{chance.randrange(9)}",
                "$group_0": f"g{chance.randrange(5)}" if chance.random() < 0.5 else None,
            }
        )
    return rows


def _people(chance, persons):
    people = [
        {
            "id": p,
            "properties": json.dumps(
                {"email": f"p{i}@example.com", "role": chance.choice(["admin", "dev"]), "age": i}
            ),
            "created_at": NOW - timedelta(days=i),
            "is_identified": i % 2 == 0,
        }
        for i, p in enumerate(persons)
        if i != 3
    ]
    ids = [{"distinct_id": f"d{i}", "person_id": p, "version": 0} for i, p in enumerate(persons)]
    groups = [
        {
            "index": 0,
            "key": f"g{i}",
            "properties": json.dumps({"name": f"Group {i}", "plan": "pro"}),
            "created_at": NOW,
            "updated_at": NOW,
        }
        for i in range(4)
    ]
    cohort = [{"person_id": p, "cohort_id": 1} for p in persons[:10]]
    return {
        "persons": people,
        "person_distinct_ids": ids,
        "groups": groups,
        "cohort_people": cohort,
    }


def _made_rows(chance, table, made):
    rows = []
    for i in range(60):
        row = {}
        for column in table.columns:
            words = made.words.get((table.name, column.name))
            row[column.name] = (
                None
                if chance.random() < 0.08 and column.name != "id"
                else _cell(chance, column, words, i)
            )
        rows.append(row)
    return rows


def _cell(chance, column, words, i):
    match column.stored:
        case "TIMESTAMP":
            return _moment(chance)
        case "BOOLEAN":
            return chance.random() < 0.5
        case "BIGINT":
            numbers = [int(w) for w in words or () if w.isdigit()]
            return (
                chance.choice(numbers)
                if numbers and chance.random() < 0.5
                else chance.randrange(0, 200)
            )
        case "DOUBLE":
            return round(chance.random() * 1000, 2)
        case "DOUBLE[]":
            return [round(chance.random(), 3) for _ in range(4)]
        case "VARCHAR[]":
            return [chance.choice("abc") for _ in range(chance.randrange(4))]
        case "JSON":
            return json.dumps(
                {
                    "email": f"p{i}@example.com",
                    "name": chance.choice(["a", "b"]),
                    "n": i,
                    "deleted": chance.choice(["true", "false"]),
                    "source_product": "error_tracking",
                }
            )
        case _:
            if words and chance.random() < 0.6:
                return chance.choice(sorted(words))
            if "email" in column.name:
                return f"p{chance.randrange(PERSONS)}@example.com"
            if column.name == "distinct_id":
                return f"d{chance.randrange(PERSONS)}"
            if column.name == "session_id":
                return f"s{chance.randrange(120)}"
            return f"{column.name[:3]}{chance.randrange(15)}"
