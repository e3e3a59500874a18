"""The lake's own tables: product events and people, and the state of syncs."""

PRODUCT_SCHEMA = "product"
VIEWS_SCHEMA = "views"
OWN_SCHEMA = "_pwh"
STATE_TABLE = "sync_state"

PRODUCT_TABLES: dict[str, tuple[tuple[str, str], ...]] = {
    "events": (
        ("uuid", "UUID"),
        ("event", "VARCHAR"),
        ("properties", "JSON"),
        ("timestamp", "TIMESTAMP"),
        ("distinct_id", "VARCHAR"),
        ("person_id", "UUID"),
        ("elements_chain", "VARCHAR"),
        ("created_at", "TIMESTAMP"),
        ("$session_id", "VARCHAR"),
        ("$window_id", "VARCHAR"),
        ("$group_0", "VARCHAR"),
        ("$group_1", "VARCHAR"),
        ("$group_2", "VARCHAR"),
        ("$group_3", "VARCHAR"),
        ("$group_4", "VARCHAR"),
    ),
    "persons": (
        ("id", "UUID"),
        ("properties", "JSON"),
        ("created_at", "TIMESTAMP"),
        ("is_identified", "BOOLEAN"),
    ),
    "person_distinct_ids": (
        ("distinct_id", "VARCHAR"),
        ("person_id", "UUID"),
        ("version", "BIGINT"),
    ),
    "groups": (
        ("index", "INTEGER"),
        ("key", "VARCHAR"),
        ("properties", "JSON"),
        ("created_at", "TIMESTAMP"),
        ("updated_at", "TIMESTAMP"),
    ),
    "cohort_people": (("person_id", "UUID"), ("cohort_id", "BIGINT")),
}
"""Column names and types; every TIMESTAMP is UTC without a zone."""

_STATE_COLUMNS = (
    ("table_id", "VARCHAR"),
    ("load_id", "VARCHAR"),
    ("watermark", "VARCHAR"),
    ("row_count", "BIGINT"),
    ("committed_at", "TIMESTAMP"),
    ("cursor", "VARCHAR"),
)


READY = (PRODUCT_SCHEMA, "events")
"""A table that exists when everything was made."""

INLINED_STATE_ROWS = 1000
"""Changes of the state table stay in the catalog, so a sync writes no file for one row."""


def own_statements(alias: str) -> list[str]:
    """Our bookkeeping and the lake's settings; safe to run again. Rows of data tables go to Parquet."""
    state = f'{alias}."{OWN_SCHEMA}"."{STATE_TABLE}"'
    return [
        f"CALL {alias}.set_option('data_inlining_row_limit', 0)",
        f"CALL {alias}.set_option('parquet_compression', 'zstd')",
        f"CALL {alias}.set_option('parquet_version', 2)",
        f'CREATE SCHEMA IF NOT EXISTS {alias}."{OWN_SCHEMA}"',
        f"CREATE TABLE IF NOT EXISTS {state} ({_spelled(_STATE_COLUMNS)})",
        f"CALL {alias}.set_option('data_inlining_row_limit', {INLINED_STATE_ROWS}, "
        f"schema => '{OWN_SCHEMA}', table_name => '{STATE_TABLE}')",
    ]


def product_statements(alias: str) -> list[str]:
    """The tables of product events and people, and the schema of views."""
    return [
        f'CREATE SCHEMA IF NOT EXISTS {alias}."{VIEWS_SCHEMA}"',
        f'CREATE SCHEMA IF NOT EXISTS {alias}."{PRODUCT_SCHEMA}"',
        *(
            f'CREATE TABLE IF NOT EXISTS {alias}."{PRODUCT_SCHEMA}"."{name}" ({_spelled(columns)})'
            for name, columns in PRODUCT_TABLES.items()
        ),
    ]


def _spelled(columns: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f'"{name}" {kind}' for name, kind in columns)
