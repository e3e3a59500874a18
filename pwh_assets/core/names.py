"""The naming rules: what a table is called in HogQL, in the lake and in Dagster."""

import re
from collections.abc import Sequence

DEFAULT_PROJECT = 1
SELF_MANAGED = "self_managed"
"""The type of source that is one table, which goes by its own name alone."""
_WORD = re.compile(r"[^a-z0-9]+")


def slug(text: str) -> str:
    """Lower case with underscores, safe as an identifier everywhere.

    >>> slug("Order Items-2")
    'order_items_2'
    """
    word = _WORD.sub("_", text.strip().lower()).strip("_") or "_"
    return word if not word[0].isdigit() else f"_{word}"


def source_slug(source_type: str, prefix: str) -> str:
    """The name a source goes by in asset keys and as its schema in the lake.

    >>> source_slug("postgres", ""), source_slug("postgres", "prod_")
    ('postgres', 'postgres_prod')
    """
    return slug(f"{source_type}_{prefix}") if prefix.strip("_ ") else slug(source_type)


def table_name(source_type: str, prefix: str, table: str) -> str:
    """The flat HogQL name (the seeds' rule): `<source_type>_<table>`, or `<prefix><table>` with a prefix.

    >>> table_name("stripe", "", "invoice"), table_name("postgres", "prod_", "users")
    ('stripe_invoice', 'prod_users')
    >>> table_name("postgres", "prod", "users"), table_name("self_managed", "orders", "orders")
    ('prod_users', 'orders')
    """
    if source_type == SELF_MANAGED:
        return slug(table)
    if prefix.strip("_ "):
        return f"{slug(prefix)}_{slug(table)}"
    return f"{slug(source_type)}_{slug(table)}"


def table_spellings(source_type: str, prefix: str, table: str) -> tuple[str, ...]:
    """Every spelling a query may use for a synced table; the flat name comes first.

    >>> table_spellings("postgres", "prod_", "users")
    ('prod_users', 'postgres.prod.users', 'prod_postgres_users')
    >>> table_spellings("stripe", "", "invoice")
    ('stripe_invoice', 'stripe.invoice')
    """
    kind, name = slug(source_type), slug(table)
    flat = table_name(source_type, prefix, table)
    if source_type == SELF_MANAGED:
        return flat, f"{kind}.{name}"
    if prefix.strip("_ "):
        word = slug(prefix)
        return flat, f"{kind}.{word}.{name}", f"{word}_{kind}_{name}"
    return flat, f"{kind}.{name}"


def asset_key(project_id: int, *path: str) -> tuple[str, ...]:
    """Asset key path: the default project's keys carry no project, others' start with theirs.

    >>> asset_key(1, "stripe", "invoice"), asset_key(2, "views", "mrr")
    (('stripe', 'invoice'), ('2', 'views', 'mrr'))
    """
    return path if project_id == DEFAULT_PROJECT else (str(project_id), *path)


def nearest(name: str, candidates: Sequence[str]) -> str | None:
    """The candidate a user most likely meant, or None when nothing is close."""
    import difflib

    found = difflib.get_close_matches(
        name.lower(), [c.lower() for c in candidates], n=1, cutoff=0.6
    )
    if not found:
        return None
    return next(c for c in candidates if c.lower() == found[0])
