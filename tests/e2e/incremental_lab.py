"""A small lake with tables that change at random, and views over it that are built in parts, without dbt or a store."""

import random
from contextlib import ExitStack
from datetime import date

from pwh_assets.core.view import SavedQuery
from pwh_assets.hogql.catalog import Catalog, ColumnDef, TableDef
from pwh_assets.hogql.functions.macros import DUCKDB_MACROS
from pwh_assets.hogql.incremental import BOTH, CHANGED, TOUCHED, Analysis, analysis_of, eligibility
from pwh_assets.hogql.stored import type_of
from pwh_assets.lake import Lakes
from pwh_assets.services.incremental.build import IncrementalBuild
from pwh_assets.services.incremental.config import IncrementalConfig
from pwh_assets.settings import Settings

TABLES = {
    "facts": "id BIGINT, user_id BIGINT, ts TIMESTAMP, amount DOUBLE, tag VARCHAR, marks BIGINT[], extra BIGINT",
    "users": "id BIGINT, team_id BIGINT, plan VARCHAR, born DATE",
    "teams": "id BIGINT, region VARCHAR",
    "rates": "since TIMESTAMP, rate DOUBLE",
}
DAYS, USERS, TEAMS = 40, 25, 5


class Tables:
    """Tables in the schema `src` of a database `lake`, and views in `views`; `sql` changes them."""

    def __init__(self, connection, seed=0):
        self.random = random.Random(seed)
        self.connection = connection
        self.views = {}
        self.plain = {}
        self.modes = {}
        self.next_id = 1
        for macro in DUCKDB_MACROS:
            connection.execute(macro)
        self.sql("CREATE SCHEMA IF NOT EXISTS lake.src", "CREATE SCHEMA IF NOT EXISTS lake.views")
        if connection.execute(
            "SELECT 1 FROM duckdb_tables() WHERE database_name = 'lake' AND schema_name = 'src'"
        ).fetchall():
            last = connection.execute("SELECT max(id) FROM lake.src.facts").fetchone()[0]
            self.next_id = int(last or 1)
            return
        for name, columns in TABLES.items():
            self.sql(f"CREATE TABLE lake.src.{name} ({columns})")
        self.insert_facts(300)
        for table, rows in (
            ("users", [self.user(n) for n in range(USERS)]),
            ("teams", [self.team(n) for n in range(TEAMS)]),
            ("rates", [self.rate() for _ in range(20)]),
        ):
            self.insert(table, *rows)

    def sql(self, *statements):
        self.connection.execute("BEGIN")
        for statement in statements:
            self.connection.execute(statement)
        self.connection.execute("COMMIT")

    # Rows. Amounts are quarters, so that sums of floats do not depend on their order.

    def moment(self):
        day, second = self.random.randrange(DAYS), self.random.randrange(86_400)
        return f"TIMESTAMP '2026-01-01' + INTERVAL {day} DAY + INTERVAL {second} SECOND"

    def maybe(self, value, odds=0.07):
        return "NULL" if self.random.random() < odds else str(value)

    def fact(self):
        pick = self.random
        self.next_id += 1
        marks = [pick.randrange(4) for _ in range(pick.randrange(3))]
        values = (
            self.next_id if pick.random() < 0.95 else self.next_id - 1,
            self.maybe(pick.randrange(USERS + 3)),
            self.maybe(self.moment(), 0.03),
            self.maybe(pick.randrange(400) / 4),
            self.maybe(f"'{pick.choice('abc')}'"),
            self.maybe(marks),
            pick.randrange(10),
        )
        return f"({', '.join(map(str, values))})"

    def insert(self, table, *rows):
        self.sql(f"INSERT INTO lake.src.{table} VALUES {', '.join(rows)}")

    def insert_facts(self, count):
        self.insert("facts", *(self.fact() for _ in range(count)))

    def user(self, number):
        pick = self.random
        team = self.maybe(pick.randrange(TEAMS + 1))
        plan, born = (
            self.maybe(f"'{pick.choice(['pro', 'free'])}'"),
            f"DATE '2000-01-0{1 + pick.randrange(4)}'",
        )
        return f"({number}, {team}, {plan}, {born})"

    def team(self, number):
        return f"({number}, {self.maybe(repr(self.random.choice(['eu', 'us', 'asia'])))})"

    def rate(self):
        return f"({self.moment()}, {1 + self.random.randrange(8) / 4})"

    # Views

    def catalog(self):
        rows = self.connection.execute(
            "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = 'lake' AND schema_name IN ('src', 'views') ORDER BY column_index"
        ).fetchall()
        columns = {}
        for schema, table, column, kind in rows:
            columns.setdefault((schema, table), []).append(ColumnDef(column, type_of(kind)))
        tables = [TableDef(path[1], tuple(found), physical=path) for path, found in columns.items()]
        tables += [
            TableDef(name, (), view_sql=text, kind="view") for name, text in self.plain.items()
        ]
        return Catalog(tuple(tables))

    def add(self, name, key, text):
        analysis = analysis_of(text, self.catalog())
        found = eligibility(analysis, key)
        assert found.eligible, (name, found.blockers)
        self.views[name] = (key, text)

    def difference(self, name):
        """Rows that only the table has, and rows that only the whole query has."""
        analysis = analysis_of(self.views[name][1], self.catalog())
        whole = analysis.sql(path_words)
        table = f'SELECT * FROM lake.views."{name}"'
        return tuple(
            self.connection.execute(f"({one}) EXCEPT ALL ({other}) LIMIT 5").fetchall()
            for one, other in ((table, whole), (whole, table))
        )

    def rows(self, query):
        return sorted(map(repr, self.connection.execute(query).fetchall()))

    # Changes

    def change(self):
        """One random change; returns its name."""
        name = self.random.choice(CHANGES)
        getattr(self, f"do_{name}")()
        return name

    def do_insert(self):
        self.insert_facts(self.random.randrange(1, 6))

    def do_delete(self):
        low = self.random.randrange(self.next_id)
        self.sql(f"DELETE FROM lake.src.facts WHERE id BETWEEN {low} AND {low + 4}")

    def do_update(self):
        low, pick = self.random.randrange(self.next_id), self.random
        column, value = pick.choice(
            [
                ("amount", self.maybe(pick.randrange(400) / 4)),
                ("ts", self.maybe(self.moment())),
                ("user_id", self.maybe(pick.randrange(USERS))),
                ("tag", self.maybe(f"'{pick.choice('abcd')}'")),
                ("marks", "[1, 3]"),
                ("extra", "extra + 1"),
            ]
        )
        self.sql(
            f"UPDATE lake.src.facts SET {column} = {value} WHERE id BETWEEN {low} AND {low + 3}"
        )

    def do_users(self):
        pick, number = self.random, self.random.randrange(USERS + 3)
        self.sql(
            pick.choice(
                [
                    f"UPDATE lake.src.users SET plan = {self.maybe(repr(pick.choice(['pro', 'free', 'max'])))} "
                    f"WHERE id = {number}",
                    f"UPDATE lake.src.users SET team_id = {self.maybe(pick.randrange(TEAMS))} WHERE id = {number}",
                    f"DELETE FROM lake.src.users WHERE id = {number}",
                    f"INSERT INTO lake.src.users VALUES {self.user(number)}",
                ]
            )
        )

    def do_teams(self):
        pick, number = self.random, self.random.randrange(TEAMS + 1)
        self.sql(
            pick.choice(
                [
                    f"UPDATE lake.src.teams SET region = {self.maybe(repr(pick.choice(['eu', 'us'])))} "
                    f"WHERE id = {number}",
                    f"DELETE FROM lake.src.teams WHERE id = {number}",
                    f"INSERT INTO lake.src.teams VALUES {self.team(number)}",
                ]
            )
        )

    def do_together(self):
        """Rows go in the same moment as what they were joined with changes."""
        user = self.random.randrange(USERS)
        self.sql(
            f"DELETE FROM lake.src.facts WHERE user_id = {user} AND id % 2 = 0",
            f"UPDATE lake.src.users SET plan = 'max' WHERE id = {user}",
        )

    def do_rates(self):
        self.sql(
            f"INSERT INTO lake.src.rates VALUES {self.rate()}",
            f"DELETE FROM lake.src.rates WHERE since < {self.moment()} AND rate = 1.25",
        )

    def do_come_and_go(self):
        """Rows that are gone again before anybody looks."""
        self.insert_facts(2)
        self.sql(f"DELETE FROM lake.src.facts WHERE id = {self.next_id}")

    def do_resync(self):
        """A full sync: every row is written anew, one is another."""
        table = self.random.choice(["users", "teams"])
        self.sql(
            f"CREATE TEMP TABLE again AS FROM lake.src.{table}",
            f"DELETE FROM lake.src.{table}",
            f"INSERT INTO lake.src.{table} FROM again",
            "DROP TABLE again",
        )
        self.do_users()

    def do_anew(self):
        """The table is dropped and made again, with some rows less."""
        table = self.random.choice(["users", "teams", "rates"])
        column = "rate = 1.5" if table == "rates" else f"id = {self.random.randrange(4)}"
        self.sql(
            f"CREATE OR REPLACE TABLE lake.src.{table} AS FROM lake.src.{table} WHERE NOT ({column})"
        )

    def do_schema(self):
        kind = self.random.choice(["INTEGER", "BIGINT"])
        column = f"c{self.random.randrange(10_000)}"
        self.sql(f"ALTER TABLE lake.src.facts ADD COLUMN {column} {kind}")
        if self.random.random() < 0.5:
            self.sql(f"ALTER TABLE lake.src.facts DROP COLUMN {column}")
            return
        self.insert_some_with(column)
        self.sql(f"ALTER TABLE lake.src.facts DROP COLUMN {column}")

    def insert_some_with(self, column):
        self.sql(f"UPDATE lake.src.facts SET {column} = 1 WHERE id % 50 = 1")

    def do_retype(self):
        """A column that views read is dropped and comes back, full of NULL but for some."""
        self.sql(
            "ALTER TABLE lake.src.facts DROP COLUMN extra",
            "ALTER TABLE lake.src.facts ADD COLUMN extra BIGINT",
        )
        self.sql(f"UPDATE lake.src.facts SET extra = {self.random.randrange(3)} WHERE id % 7 = 2")


class Lab(Tables):
    """A real lake, held open for writing all the time."""

    def __init__(self, home, seed=0, **environment):
        self.lakes = Lakes(Settings.from_env({"PWH_HOME": str(home), **environment}))
        self.lake = self.lakes.of(1)
        self._held = ExitStack()
        super().__init__(self._held.enter_context(self.lake.write()), seed)

    def close(self):
        self._held.close()
        self.lakes.close()

    def maintain(self, keep_days=7.0):
        self._held.close()
        self.lake.maintain(keep_days)
        self.reopen()

    def reopen(self):
        """Go on with a fresh connection, as each build has one."""
        self._held.close()
        self.connection = self._held.enter_context(self.lake.write())
        for macro in DUCKDB_MACROS:
            self.connection.execute(macro)

    def build(self, name, *, full="", change_plan=None, **config):
        """Build a view as dbt's session does; returns the plan."""
        key, text = self.views[name]
        analysis = analysis_of(text, self.catalog())
        view = SavedQuery(id=f"id-{name}", project_id=1, name=name, sql=text, is_materialized=True)
        settings = IncrementalConfig(key, **config)
        plan = IncrementalBuild(view, self.lake, analysis, settings, full)
        if change_plan is not None:
            change_plan(plan)
        plan.stage(self.connection, "")
        plan.audit(self.connection)
        preview = self.rows(plan.preview) if self.random.random() < 0.2 else None
        self.connection.execute("BEGIN")
        plan.publish(self.connection, f'lake.views."{name}"')
        self.connection.execute("COMMIT")
        if preview is not None:
            assert preview == self.rows(f'SELECT * FROM lake.views."{name}"'), name
        self.modes.setdefault(name, []).append(plan.mode.value)
        return plan


class Copies(Tables):
    """Tables in memory with copies of what they were, for many more rounds: what the lake and the plan do around
    the analysis is done by hand, for one view at a time.
    """

    def __init__(self, seed=0):
        import duckdb

        connection = duckdb.connect()
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET threads = 1")
        connection.execute("ATTACH ':memory:' AS lake")
        super().__init__(connection, seed)
        self.sql("CREATE SCHEMA lake.was")

    def close(self):
        self.connection.close()

    def remember(self):
        """Take copies of all tables, and of every view's whole answer."""
        for table in TABLES:
            self.connection.execute(
                f"CREATE OR REPLACE TABLE lake.was.{table} AS FROM lake.src.{table}"
            )
        for name, (_, text) in self.views.items():
            sql = analysis_of(text, self.catalog()).sql(path_words)
            self.connection.execute(f'CREATE OR REPLACE TABLE lake.views."{name}" AS {sql}')

    def build(self, name, *, touching=None):
        """Bring a view from what it was to what it should be; returns why it cannot be done in parts, or None.

        `touching` may be a wrong way to list the touched keys.
        """
        key, text = self.views[name]
        analysis = analysis_of(text, self.catalog())
        changed = set()
        for path, used in analysis.inputs.items():
            columns = ", ".join(f'"{column}"' for column in sorted(used or {"id"}))
            table = f'temp."changed_{path[-1]}"'
            self.connection.execute(
                f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {columns} FROM (SELECT {columns}, 1 AS n FROM "
                f"lake.src.{path[-1]} UNION ALL SELECT {columns}, -1 AS n FROM lake.was.{path[-1]}) "
                "GROUP BY ALL HAVING sum(n) <> 0"
            )
            if self.connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]:
                changed.add(path)

        def words(path):
            if path[0] == TOUCHED:
                return "temp.touched"
            if path[0] == CHANGED:
                return f'temp."changed_{path[-1]}"'
            if path[0] == BOTH:
                columns = ", ".join(f'"{column}"' for column in sorted(analysis.inputs[path[1:]]))
                table = f'temp."changed_{path[-1]}"'
                return f"(SELECT {columns} FROM {table} UNION ALL SELECT {columns} FROM lake.src.{path[-1]})"
            return path_words(path)

        place = analysis.place(key)
        found = (touching or Analysis.touching)(analysis, place, changed.__contains__, words)
        if found.everything:
            return dict(found.everything)
        sql = found.sql or f'SELECT "{key}" AS k FROM lake.views."{name}" LIMIT 0'
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE temp.touched AS SELECT DISTINCT k FROM ({sql})"
        )
        count, known = self.connection.execute(
            "SELECT count(*), count(k) FROM temp.touched"
        ).fetchone()
        is_touched = f'"{key}" IN (SELECT k FROM temp.touched)'
        if count != known:
            is_touched = f'({is_touched} OR "{key}" IS NULL)'
        keys = [
            k
            for (k,) in self.connection.execute("SELECT k FROM temp.touched").fetchall()
            if k is not None
        ]
        times = keys if all(isinstance(each, date) for each in keys) else None
        part = analysis.sql_of_touched(place, words, with_null=count != known, keys=times)
        self.connection.execute(f'DELETE FROM lake.views."{name}" WHERE {is_touched}')
        self.connection.execute(f'INSERT INTO lake.views."{name}" {part}')
        return None


def path_words(path):
    return ".".join(f'"{word}"' for word in ("lake", *path))


CHANGES = (
    *("insert", "delete", "update", "update", "users", "users", "teams", "rates"),
    *("come_and_go", "together", "resync", "anew", "schema", "retype"),
)

VIEWS = {
    "sums": (
        "day",
        "SELECT toStartOfDay(ts) AS day, count() AS n, sum(amount) AS total, uniq(user_id) AS people, "
        "quantile(0.5)(amount) AS middle, min(amount) AS low, max(id) AS high FROM facts GROUP BY day",
    ),
    "by_two": (
        "tag",
        "SELECT tag, toStartOfMonth(ts) AS month, avg(amount) AS mean, sum(extra) AS e FROM facts "
        "WHERE amount > 10 GROUP BY tag, month HAVING count() > 3",
    ),
    "plain_rows": ("id", "SELECT id, amount * 2 AS twice, tag FROM facts WHERE user_id < 15"),
    "left_joined": (
        "day",
        "SELECT toDate(f.ts) AS day, u.plan AS plan, countIf(u.plan = 'pro') AS pros, sum(f.amount) AS s "
        "FROM facts f LEFT JOIN users u ON u.id = f.user_id GROUP BY day, plan",
    ),
    "two_left": (
        "user_id",
        "SELECT f.user_id AS user_id, count() AS n, uniq(t.region) AS regions, max(t.region) AS r FROM facts f "
        "LEFT JOIN users u ON u.id = f.user_id LEFT JOIN teams t ON t.id = u.team_id GROUP BY user_id",
    ),
    "key_of_joined": (
        "region",
        "SELECT t.region AS region, sum(f.amount) AS s, count() AS n FROM facts f JOIN users u ON u.id = f.user_id "
        "JOIN teams t ON t.id = u.team_id GROUP BY region",
    ),
    "key_of_two": (
        "k",
        "SELECT concat(u.plan, '/', f.tag) AS k, count() AS n, sum(f.amount) AS s FROM facts f "
        "JOIN users u ON u.id = f.user_id GROUP BY k",
    ),
    "key_of_both": (
        "k",
        "SELECT concat(u.plan, '/', toString(f.id)) AS k, sum(f.amount) AS s FROM facts f "
        "JOIN users u ON u.id = f.user_id GROUP BY k",
    ),
    "comma": (
        "born",
        "SELECT u.born AS born, count() AS n FROM facts f, users u WHERE f.user_id = u.id AND f.amount > 20 "
        "GROUP BY born",
    ),
    "missing": (
        "day",
        "SELECT toStartOfDay(f.ts) AS day, count() AS n FROM facts f LEFT JOIN users u ON u.id = f.user_id "
        "WHERE u.id IS NULL GROUP BY day",
    ),
    "semi": (
        "day",
        "SELECT toStartOfWeek(f.ts) AS day, sum(f.amount) AS s FROM facts f LEFT SEMI JOIN users u "
        "ON u.id = f.user_id GROUP BY day",
    ),
    "anti": (
        "tag",
        "SELECT f.tag AS tag, count() AS n FROM facts f LEFT ANTI JOIN users u ON u.id = f.user_id AND u.plan = 'pro' "
        "GROUP BY tag",
    ),
    "asof": (
        "day",
        "SELECT toStartOfDay(f.ts) AS day, sum(f.amount * r.rate) AS s FROM facts f ASOF LEFT JOIN rates r "
        "ON f.ts >= r.since GROUP BY day",
    ),
    "member": (
        "day",
        "SELECT toStartOfDay(ts) AS day, count() AS n FROM facts WHERE user_id IN "
        "(SELECT id FROM users WHERE plan = 'pro') GROUP BY day",
    ),
    "no_member": (
        "tag",
        "SELECT tag, sum(if(user_id NOT IN (SELECT id FROM users WHERE team_id IN (SELECT id FROM teams WHERE "
        "region = 'eu')), amount, 0)) AS s FROM facts GROUP BY tag",
    ),
    "of_groups": (
        "user_id",
        "SELECT f.user_id AS user_id, f.id AS id, g.total AS total FROM facts f LEFT JOIN (SELECT user_id, "
        "sum(amount) AS total FROM facts GROUP BY user_id) g ON g.user_id = f.user_id",
    ),
    "groups_elsewhere": (
        "day",
        "SELECT toStartOfDay(f.ts) AS day, max(g.total) AS total FROM facts f JOIN (SELECT user_id, count() AS "
        "total FROM facts WHERE tag = 'a' GROUP BY user_id HAVING total > 1) g ON g.user_id = f.user_id GROUP BY day",
    ),
    "forwarded": (
        "month",
        "SELECT toStartOfMonth(day) AS month, max(n) AS best, count() AS days FROM (SELECT toStartOfDay(ts) AS day, "
        "count() AS n FROM facts GROUP BY day) GROUP BY month",
    ),
    "named": (
        "team_id",
        "WITH spent AS (SELECT user_id, sum(amount) AS s FROM facts GROUP BY user_id) SELECT u.team_id AS team_id, "
        "sum(a.s) AS s, count(b.s) AS n FROM users u JOIN spent a ON a.user_id = u.id LEFT JOIN spent b ON "
        "b.user_id = u.team_id GROUP BY team_id",
    ),
    "through_view": (
        "plan",
        "SELECT plan, sum(amount) AS s, count() AS n FROM joined GROUP BY plan",
    ),
    "together": (
        "at",
        "SELECT toStartOfDay(ts) AS at, 'fact' AS what, count() AS n FROM facts GROUP BY at UNION ALL "
        "SELECT toStartOfDay(since) AS at, 'rate' AS what, count() AS n FROM rates GROUP BY at",
    ),
    "together_once": (
        "who",
        "SELECT user_id AS who, tag FROM facts UNION DISTINCT SELECT id AS who, plan AS tag FROM users",
    ),
    "without": (
        "who",
        "SELECT user_id AS who FROM facts EXCEPT SELECT id AS who FROM users WHERE plan = 'pro'",
    ),
    "both": ("who", "SELECT user_id AS who FROM facts INTERSECT SELECT id AS who FROM users"),
    "once": ("day", "SELECT DISTINCT toDate(ts) AS day, tag FROM facts"),
    "ranked": (
        "user_id",
        "SELECT user_id, id, amount, sum(amount) OVER (PARTITION BY user_id) AS total, "
        "rank() OVER (PARTITION BY user_id ORDER BY amount) AS r FROM facts",
    ),
    "qualified": (
        "day",
        "SELECT toDate(ts) AS day, user_id, sum(amount) AS s, rank() OVER (PARTITION BY toDate(ts) ORDER BY "
        "sum(amount) DESC) AS r FROM facts GROUP BY day, user_id QUALIFY r <= 2",
    ),
    "unfolded": (
        "mark",
        "SELECT arrayJoin(marks) AS mark, count() AS n, sum(amount) AS s FROM facts GROUP BY mark",
    ),
    "unfolded_too": (
        "day",
        "SELECT toDate(ts) AS day, m, count() AS n FROM facts LEFT ARRAY JOIN marks AS m GROUP BY day, m",
    ),
    "self": (
        "day",
        "SELECT toDate(a.ts) AS day, count() AS n, sum(b.amount) AS s FROM facts a JOIN facts b ON b.id = a.id + 1 "
        "GROUP BY day",
    ),
    "self_two": (
        "k",
        "SELECT concat(a.tag, b.tag) AS k, count() AS n FROM facts a JOIN facts b ON b.id = a.id + 1 AND "
        "b.user_id = a.user_id GROUP BY k",
    ),
    "ranges": (
        "born",
        "SELECT u.born AS born, count() AS n FROM users u LEFT JOIN teams t ON t.id <= u.team_id GROUP BY born",
    ),
    "coalesced": (
        "user_id",
        "SELECT f.user_id AS user_id, count(t.region) AS n FROM facts f LEFT JOIN users u ON u.id = f.user_id "
        "LEFT JOIN teams t ON t.id = coalesce(u.team_id, 2) GROUP BY user_id",
    ),
    "scalar": (
        "tag",
        "SELECT tag, count() AS n, max((SELECT max(rate) FROM rates)) AS r FROM facts GROUP BY tag",
    ),
    "exists": (
        "tag",
        "SELECT f.tag AS tag, count() AS n FROM facts f WHERE EXISTS (SELECT 1 FROM users u WHERE u.id = f.user_id) "
        "GROUP BY tag",
    ),
    "crossed": (
        "tag",
        "SELECT f.tag AS tag, count() AS n FROM facts f CROSS JOIN teams t GROUP BY tag",
    ),
}
PLAIN = {
    "joined": "SELECT f.amount AS amount, u.plan AS plan FROM facts f JOIN users u ON u.id = f.user_id WHERE f.amount > 5"
}
WHOLE = frozenset(("scalar", "exists", "crossed", "coalesced"))
"""Views for which some table's change rebuilds everything."""
