"""A catalog for tests that open nothing, and short ways to compile with it."""

from datetime import datetime

from pwh_assets.hogql.catalog import Catalog, ColumnDef, LazyJoin, TableDef
from pwh_assets.hogql.compiler import compile as compile_hogql
from pwh_assets.hogql.errors import HogQLError
from pwh_assets.hogql.product import product_tables
from pwh_assets.hogql.types import DATETIME, FLOAT, INTEGER, JSON, STRING

NOW = datetime(2026, 11, 20, 12)
CUSTOMER = TableDef(
    "stripe_customer",
    (
        ColumnDef("id", STRING),
        ColumnDef("email", STRING),
        ColumnDef("name", STRING),
        ColumnDef("metadata", JSON),
    ),
    physical=("stripe", "customer"),
    spellings=("stripe.customer",),
    source="stripe",
)
INVOICE = TableDef(
    "stripe_invoice",
    (
        ColumnDef("id", STRING),
        ColumnDef("customer_email", STRING),
        ColumnDef("amount_paid", INTEGER),
        ColumnDef("created", DATETIME),
        ColumnDef("rate", FLOAT),
    ),
    physical=("stripe", "invoice"),
    spellings=("stripe.invoice",),
)
PAID = TableDef(
    "paid",
    (ColumnDef("email", STRING), ColumnDef("total", INTEGER)),
    view_sql="SELECT customer_email AS email, sum(amount_paid) AS total FROM stripe_invoice GROUP BY email",
    kind="view",
)
JOIN = LazyJoin("stripe_customer", "stripe_customer", "this.properties.email = that.email")
CATALOG = Catalog((*product_tables((JOIN,)), CUSTOMER, INVOICE, PAID), version="unit")


def plan(text, engine="duckdb", catalog=CATALOG, **options):
    return compile_hogql(text, catalog, engine, **{"now": NOW, **options})


def sql(text, engine="duckdb", **options):
    return plan(text, engine, **options).sql


def problems(text, **options):
    """Code, words and hint of each mistake."""
    try:
        plan(text, **options)
    except HogQLError as error:
        return [(p.code, text[p.start : p.end], p.hint) for p in error.problems]
    return []


def types(text):
    return [str(column.type) for column in plan(text).columns]
