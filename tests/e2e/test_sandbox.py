"""A query reads its project's tables and nothing else, whichever way it is asked."""

import pytest

from pwh_assets.hogql.errors import HogQLError
from pwh_assets.services.hogql.query import run_query
from tests.e2e.homes import Warehouse, people

SECRET = "planted-value-nobody-may-read"

FILES = [
    "SELECT * FROM '/etc/passwd'",
    'SELECT * FROM "/etc/passwd"',
    "SELECT * FROM `/etc/passwd`",
    "SELECT * FROM `secret.parquet`",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_csv_auto('/etc/passwd')",
    "SELECT * FROM read_parquet('{home}/lake/2/data/**')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM parquet_scan('{home}/x.parquet')",
    "SELECT * FROM parquet_metadata('{home}/x.parquet')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM sqlite_scan('{home}/store.sqlite', 'sources')",
    "SELECT * FROM sqlite_query('{home}/store.sqlite', 'select 1')",
    "SELECT * FROM sqlite_attach('{home}/store.sqlite')",
    "SELECT * FROM postgres_scan('host=127.0.0.1', 'public', 'users')",
    "SELECT read_text('/etc/passwd')",
    "SELECT readfile('/etc/passwd'), loadFile('/etc/passwd')",
    "SELECT file('/etc/passwd')",
]
OTHERS = [
    "SELECT * FROM lake.product.events",
    "SELECT * FROM lake._pwh.sync_state",
    'SELECT * FROM "lake"."product"."events"',
    "SELECT * FROM `lake.product.events`",
    "SELECT * FROM __ducklake_metadata_lake.ducklake_snapshot",
    "SELECT * FROM ducklake_snapshots('lake')",
    "SELECT * FROM ducklake_table_info('lake')",
    "SELECT * FROM pwh_2.product__events",
    "SELECT * FROM pwh_1._mirror",
    "SELECT * FROM product__events",
    "SELECT * FROM product.events",
    "SELECT * FROM other_project_table",
]
SETTINGS = [
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_tables()",
    "SELECT * FROM pragma_database_list",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM pg_catalog.pg_tables",
    "SELECT current_setting('secret_directory')",
    "SELECT getenv('PWH_SECRET_KEYS')",
    "SELECT getSetting('readonly'), hostName(), currentUser()",
    "SELECT current_database(), current_schema()",
    "SELECT * FROM system.settings",
    "SELECT * FROM system.processes",
    "SELECT * FROM system.users",
    "SELECT * FROM df",
    "SELECT sql_auto_complete('SEL')",
    "SELECT query_table('events')",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table(['events'])",
]
STATEMENTS = [
    "ATTACH '{home}/store.sqlite' AS s",
    "COPY events TO '{home}/out.csv'",
    "COPY (SELECT 1) TO '/tmp/out.csv'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET memory_limit = '100GB'",
    "SET enable_external_access = true",
    "RESET ALL",
    "PRAGMA database_list",
    "CALL dbgen(sf = 1)",
    "CREATE TABLE x AS SELECT 1",
    "CREATE SECRET (TYPE s3)",
    "CREATE MACRO m() AS 1",
    "INSERT INTO app_users VALUES (1)",
    "UPDATE app_users SET id = 1",
    "DELETE FROM app_users",
    "DROP TABLE app_users",
    "TRUNCATE TABLE app_users",
    "EXPLAIN SELECT 1",
    "DESCRIBE app_users",
    "SHOW TABLES",
    "SELECT 1; DROP TABLE app_users",
    "SELECT 1; SELECT * FROM '/etc/passwd'",
    "SELECT 1 -- ; \n; DROP TABLE app_users",
    "SELECT 1 /* */ ; /* */ ATTACH 'x'",
    "SELECT 1 INTO OUTFILE '/tmp/x'",
    "SELECT 1 FORMAT JSON",
    "SELECT 1 SETTINGS readonly = 0",
    "WITH x AS (DELETE FROM app_users RETURNING *) SELECT * FROM x",
    "FROM app_users",
    "SYSTEM SHUTDOWN",
]
CLICKHOUSE = [
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM url('http://127.0.0.1/', 'LineAsString')",
    "SELECT * FROM s3('http://127.0.0.1/x')",
    "SELECT * FROM executable('id', 'TSV', 'x String')",
    "SELECT * FROM remote('127.0.0.1', system.one)",
    "SELECT * FROM mysql('127.0.0.1:3306', 'd', 't', 'u', 'p')",
    "SELECT * FROM postgresql('127.0.0.1:5432', 'd', 't', 'u', 'p')",
    "SELECT * FROM sqlite('{home}/store.sqlite', 'sources')",
    "SELECT * FROM merge('.*', '.*')",
    "SELECT * FROM cluster('default', system.one)",
    "SELECT * FROM input('x String')",
    "SELECT * FROM dictionary('x')",
    "SELECT dictGet('d', 'a', 1)",
    "SELECT joinGet('t', 'a', 1)",
    "SELECT * FROM system.tables",
    "SELECT addressToSymbol(1), demangle('x'), sleep(3), sleepEachRow(1)",
    "SELECT throwIf(1), evalMLMethod(1), catboostEvaluate('x', 1)",
    "SELECT initializeAggregation('sum', 1), runningAccumulate(1)",
]
HIDDEN = [
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT * FROM (SELECT * FROM read_csv('/etc/passwd')) AS t",
    "SELECT 1 WHERE 1 IN (SELECT size FROM read_blob('/etc/passwd'))",
    "WITH x AS (SELECT * FROM glob('/*')) SELECT * FROM x",
    "SELECT 1 UNION ALL SELECT * FROM read_text('/etc/passwd')",
    "SELECT arrayMap(x -> getenv(x), ['PATH'])",
    "SELECT count() FROM app_users JOIN read_text('/etc/passwd') AS f ON 1 = 1",
    "SELECT '\\'; SELECT * FROM read_text(\\'/etc/passwd\\'); --' FROM nowhere",
    'SELECT "x""; DROP TABLE app_users; --" FROM app_users',
    "SELECT `a``; ATTACH 'x'` FROM app_users",
    'SELECT * FROM app_users AS "u"" FROM read_text(\'/etc/passwd\') --" WHERE u.x = 1',
    'SELECT id AS "a"", (SELECT content FROM read_text(\'/etc/passwd\')) AS ""b" FROM nowhere',
]
ATTEMPTS = [*FILES, *OTHERS, *SETTINGS, *STATEMENTS, *CLICKHOUSE, *HIDDEN]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    import os

    os.environ["PWH_PLANTED"] = SECRET
    found = Warehouse(tmp_path_factory.mktemp("sandbox"))
    found.write("users", people())
    yield found
    found.close()
    del os.environ["PWH_PLANTED"]


@pytest.mark.parametrize("engine", ["duckdb", "clickhouse"])
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_an_attempt_to_leave_is_refused_before_an_engine_sees_it(warehouse, attempt, engine):
    df = [1, 2, 3]  # a Python variable a replacement scan could find
    assert df
    with pytest.raises(HogQLError) as refused:
        run_query(
            warehouse.platform,
            1,
            attempt.replace("{home}", str(warehouse.settings.home)),
            engine=engine,
        )
    assert refused.value.problems


def test_odd_names_and_texts_stay_names_and_texts(warehouse):
    text = 'it\'s \\ "quoted" `too` -- /* ; */ $$ \n \t é'
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    for engine in ("duckdb", "clickhouse"):
        result = run_query(
            warehouse.platform, 1, f"SELECT '{quoted}' AS `x\"; DROP TABLE t; --`", engine=engine
        )
        assert result.rows == [(text,)]


def test_what_an_engine_says_names_no_file(warehouse):
    from pwh_assets.engines.words import without_places

    home = str(warehouse.settings.home)
    said = without_places(f'IO Error: Cannot open file "{home}/lake/1/data/a.parquet": gone', home)
    assert home not in said
    assert "/lake/" not in said


def test_a_view_over_what_is_not_allowed_is_refused_too(warehouse):
    from pwh_assets.hogql.catalog import Catalog, TableDef
    from pwh_assets.hogql.compiler import compile as compile_hogql

    view = TableDef("sly", (), view_sql="SELECT * FROM read_text('/etc/passwd')", kind="view")
    with pytest.raises(HogQLError, match="read_text"):
        compile_hogql("SELECT * FROM sly", Catalog((view,)))


def test_the_locked_session_itself_cannot_reach_out(warehouse):
    import duckdb

    from pwh_assets.engines.base import Limits

    connection = warehouse.lake.sandbox(Limits())
    try:
        for statement in (
            "SELECT * FROM read_text('/etc/passwd')",
            "COPY (SELECT 1) TO '/tmp/pwh-sandbox.csv'",
            "SET enable_external_access = true",
            "SET memory_limit = '1TB'",
            "INSTALL spatial",
            "CREATE TABLE lake.product.x (a INT)",
            "DELETE FROM lake.product.events",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(statement)
    finally:
        connection.close()
