"""What a server and its tables need for their changes to be streamed, and the statements that give it to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pwh_assets.errors import quoted
from pwh_assets.sources.changes import Finding, StreamSpec, StreamTable
from pwh_assets.sources.network.route import routed
from pwh_assets.sources.postgres.connection import is_pooler, parameters, place, quoted_name

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True, slots=True)
class Names:
    """What a source's slot and publication are called, and whether they are ours to drop."""

    slot: str
    publication: str
    is_slot_ours: bool
    is_publication_ours: bool


def names_of(config: Mapping[str, Any], spec: StreamSpec) -> Names:
    slot, publication = config.get("slot"), config.get("publication")
    return Names(slot or spec.name, publication or spec.name, not slot, not publication)


def qualified(config: Mapping[str, Any], table: str) -> str:
    return f"{quoted_name(config['schema'])}.{quoted_name(table)}"


def now_lsn(connection: "psycopg.Connection[Any]") -> int:
    """Up to where the server's WAL is safe, and so can be streamed."""
    row = connection.execute(
        "SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() "
        "ELSE pg_current_wal_flush_lsn() END - '0/0')::bigint"
    ).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def check(
    connection: "psycopg.Connection[Any]", config: Mapping[str, Any], spec: StreamSpec
) -> list[Finding]:
    """Everything a person has to do first, the server as a whole before its tables."""
    names = names_of(config, spec)
    found = [*_way(config), *_server(connection, config, names)]
    facts = _facts(connection, config, spec)
    for table in spec.tables:
        found += _table(config, table, facts.get(table.name))
    good = [
        table
        for table in spec.tables
        if table.name in facts and not any(finding.table == table.name for finding in found)
    ]
    return [*found, *_publication(connection, config, names, good, facts)]


def _way(config: Mapping[str, Any]) -> list[Finding]:
    """A pooler that passes no stream on: what was made at the server would keep its log for nobody."""
    import psycopg

    if not is_pooler(config):
        return []
    try:
        with routed(config) as route:
            wanted = {**parameters(config, route), "replication": "database"}
            psycopg.connect(**wanted, autocommit=True).close()
    except psycopg.OperationalError as error:
        if "replication" in str(error):
            return [
                Finding(
                    f"{place(config)} is a pooler that passes no replication on. "
                    "Give the source the server's own `host` and `port`."
                )
            ]
    return []


# -- the server ----------------------------------------------------------------------------------

_SERVER = """
SELECT current_setting('wal_level'), current_setting('server_version_num')::int, pg_is_in_recovery(),
    current_setting('max_replication_slots')::int, (SELECT count(*) FROM pg_replication_slots),
    EXISTS (SELECT 1 FROM pg_roles r WHERE (r.rolname = current_user AND (r.rolsuper OR r.rolreplication))
        OR (r.rolname IN ('rds_replication', 'cloudsqlsuperuser') AND pg_has_role(current_user, r.oid, 'MEMBER'))),
    current_user, current_database()
"""
_SLOT = """
SELECT slot_type, plugin, database FROM pg_replication_slots WHERE slot_name = %s
"""


def _server(
    connection: "psycopg.Connection[Any]", config: Mapping[str, Any], names: Names
) -> list[Finding]:
    row = connection.execute(_SERVER).fetchone()
    assert row is not None
    level, version, is_replica, slots, used, may, user, database = row
    found = []
    if level != "logical":
        found.append(
            Finding(
                f"`wal_level` of {place(config)} is `{level}`, it has to be `logical`; the server has to be started "
                "again for that (at managed services: the parameter `rds.logical_replication` or "
                "`cloudsql.logical_decoding`).",
                ("ALTER SYSTEM SET wal_level = 'logical'",),
            )
        )
    if is_replica and version < 160000:
        found.append(
            Finding(
                f"{place(config)} is a replica, and those stream changes from PostgreSQL 16 on. Use the primary."
            )
        )
    if not may:
        found.append(
            Finding(
                f"User `{user}` may not replicate.",
                (
                    f"ALTER ROLE {quoted_name(user)} REPLICATION (at Amazon RDS: GRANT rds_replication TO {quoted_name(user)})",
                ),
            )
        )
    slot = connection.execute(_SLOT, [names.slot]).fetchone()
    if slot is None and used >= slots:
        found.append(
            Finding(
                f"All {slots} replication slots of {place(config)} are in use.",
                (
                    "SELECT slot_name, active, wal_status FROM pg_replication_slots (drop one that nobody needs)",
                    f"ALTER SYSTEM SET max_replication_slots = {slots + 4} (and start the server again)",
                ),
            )
        )
    if slot is not None and tuple(slot) != ("logical", "pgoutput", database):
        found.append(
            Finding(
                f"Slot `{names.slot}` is a {slot[0]} one with plugin `{slot[1]}` of database `{slot[2]}`; "
                f"a logical one with `pgoutput` of `{database}` is needed. Name another in `slot`."
            )
        )
    return found


# -- tables --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Facts:
    kind: str
    persistence: str
    is_ours: bool
    """Our user owns it, and so may put it into a publication."""
    identities: tuple[tuple[str, str, tuple[str, ...]], ...]
    """Name, replica identity and the columns of it, of the table or of each of its partitions."""


_TABLES = """
SELECT c.relname, c.relkind::text, c.relpersistence::text, pg_has_role(c.relowner, 'USAGE'),
    coalesce(l.oid, c.oid)::regclass::text, coalesce(l.relreplident, c.relreplident)::text,
    coalesce((SELECT array_agg(a.attname::text) FROM pg_index i
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey::int2[])
        WHERE i.indrelid = coalesce(l.oid, c.oid) AND CASE coalesce(l.relreplident, c.relreplident)
            WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END), '{}')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (SELECT p.oid, p.relreplident
    FROM pg_partition_tree(CASE WHEN c.relkind = 'p' THEN c.oid END) t JOIN pg_class p ON p.oid = t.relid
    WHERE t.isleaf AND t.relid <> c.oid) l ON true
WHERE n.nspname = %s AND c.relname = ANY(%s)
"""


def _facts(
    connection: "psycopg.Connection[Any]", config: Mapping[str, Any], spec: StreamSpec
) -> dict[str, _Facts]:
    found: dict[str, _Facts] = {}
    wanted = [table.name for table in spec.tables]
    for name, kind, persistence, is_ours, leaf, identity, columns in connection.execute(
        _TABLES, [config["schema"], wanted]
    ):
        before = found[name].identities if name in found else ()
        one = (leaf, identity, tuple(columns))
        found[name] = _Facts(kind, persistence, is_ours, (*before, one))
    return found


def _table(config: Mapping[str, Any], table: StreamTable, facts: _Facts | None) -> list[Finding]:
    name = table.name
    if facts is None:
        return [Finding(f"`{name}` is not at {place(config)} any more.", table=name)]
    if facts.kind not in "rp":
        return [
            Finding(
                f"`{name}` is no table: views and foreign tables have no changes to stream.",
                table=name,
            )
        ]
    if facts.persistence != "p":
        return [
            Finding(
                f"`{name}` is unlogged or temporary: its changes are not in the WAL.",
                (f"ALTER TABLE {qualified(config, name)} SET LOGGED",),
                name,
            )
        ]
    if not table.key:
        return [
            Finding(
                f"`{name}` has no primary key to tell its rows apart. Give it one, or name its columns in `primary_key`.",
                table=name,
            )
        ]
    for leaf, identity, columns in facts.identities:
        if identity == "f" or set(table.key) <= set(columns):
            continue
        words = {"d": "the primary key", "n": "nothing", "i": "another index"}.get(
            identity, identity
        )
        return [
            Finding(
                f"Changes of `{leaf}` name rows by {words} (its replica identity), and not by {quoted(table.key)}, "
                "so updates and deletes could not be told apart.",
                (f"ALTER TABLE {leaf} REPLICA IDENTITY FULL",),
                name,
            )
        ]
    return []


# -- the publication -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Published:
    """How a table is in a publication."""

    columns: frozenset[str] | None
    """Those it is restricted to; None for all."""
    is_filtered: bool
    has_generated: bool
    """Whether stored generated columns come along."""


# `pg_publication_tables` would wait for whoever has locked one of the tables.
_PUBLISHED = """
SELECT c.relname, CASE WHEN r.wish ->> 'prattrs' IS NULL THEN NULL ELSE (SELECT array_agg(a.attname::text) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum = ANY(string_to_array(r.wish ->> 'prattrs', ' ')::int2[])) END,
    r.wish ->> 'prqual' IS NOT NULL, coalesce(to_jsonb(p) ->> 'pubgencols' = 's', false)
FROM pg_publication p JOIN pg_namespace n ON n.nspname = %s
JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p')
LEFT JOIN LATERAL (SELECT to_jsonb(r) AS wish FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = c.oid) r ON true
WHERE p.pubname = %s AND (p.puballtables OR r.wish IS NOT NULL {by_schema})
"""
_BY_SCHEMA = "OR EXISTS (SELECT 1 FROM pg_publication_namespace s WHERE s.pnpubid = p.oid AND s.pnnspid = n.oid)"


def published(
    connection: "psycopg.Connection[Any]", config: Mapping[str, Any], names: Names
) -> dict[str, Published] | None:
    """Tables of our schema in the publication; None when there is no such publication."""
    if not connection.execute(
        "SELECT 1 FROM pg_publication WHERE pubname = %s", [names.publication]
    ).fetchone():
        return None
    row = connection.execute("SELECT current_setting('server_version_num')::int").fetchone()
    query = _PUBLISHED.format(by_schema=_BY_SCHEMA if row and row[0] >= 150000 else "")
    rows = connection.execute(query.encode(), [config["schema"], names.publication])
    return {
        table: Published(
            frozenset(columns) if columns is not None else None, bool(filtered), bool(generated)
        )
        for table, columns, filtered, generated in rows
    }


def create_publication(
    connection: "psycopg.Connection[Any]",
    config: Mapping[str, Any],
    names: Names,
    tables: Sequence[str],
) -> str:
    row = connection.execute("SELECT current_setting('server_version_num')::int").fetchone()
    version = int(row[0]) if row else 0
    words = []
    if version >= 130000:
        words.append("publish_via_partition_root = true")
    if version >= 180000:
        words.append("publish_generated_columns = stored")
    with_words = f" WITH ({', '.join(words)})" if words else ""
    listed = ", ".join(qualified(config, table) for table in tables)
    return f"CREATE PUBLICATION {quoted_name(names.publication)} FOR TABLE {listed}{with_words}"


def add_tables(config: Mapping[str, Any], names: Names, tables: Sequence[str]) -> str:
    listed = ", ".join(qualified(config, table) for table in tables)
    return f"ALTER PUBLICATION {quoted_name(names.publication)} ADD TABLE {listed}"


_GENERATED = """
SELECT c.relname, a.attname, a.attgenerated::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = %s AND c.relname = ANY(%s)
"""


def left_out(
    connection: "psycopg.Connection[Any]",
    config: Mapping[str, Any],
    names: Names,
    tables: Sequence[str],
) -> dict[str, frozenset[str]]:
    """Columns per table that the publication does not carry: generated ones, and those its own list leaves out."""
    known = published(connection, config, names) or {}
    found: dict[str, set[str]] = {table: set() for table in tables}
    for table, column, generated in connection.execute(
        _GENERATED, [config["schema"], list(tables)]
    ):
        way = known.get(table)
        if way is not None and way.columns is not None:
            is_sent = column in way.columns
        else:
            is_sent = not generated or (generated == "s" and way is not None and way.has_generated)
        if not is_sent:
            found[table].add(column)
    return {table: frozenset(columns) for table, columns in found.items()}


_PUBLICATION = """
SELECT p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate, p.puballtables,
    coalesce((to_jsonb(p) ->> 'pubviaroot')::boolean, false), pg_has_role(p.pubowner, 'USAGE')
FROM pg_publication p WHERE p.pubname = %s
"""


def _publication(
    connection: "psycopg.Connection[Any]",
    config: Mapping[str, Any],
    names: Names,
    tables: Sequence[StreamTable],
    facts: Mapping[str, _Facts],
) -> list[Finding]:
    quoted_publication = quoted_name(names.publication)
    row = connection.execute(_PUBLICATION, [names.publication]).fetchone()
    user = quoted_name(str(config["user"]))
    others = [table.name for table in tables if not facts[table.name].is_ours]
    if row is None:
        may = connection.execute(
            "SELECT has_database_privilege(current_database(), 'CREATE')"
        ).fetchone()
        if not tables or (may and may[0] and not others):
            return []
        why = (
            f"does not own {quoted(others)}"
            if others
            else "may create nothing in the database (`GRANT CREATE ON DATABASE`)"
        )
        statement = create_publication(connection, config, names, [table.name for table in tables])
        return [
            Finding(
                f"There is no publication `{names.publication}`, and user {user} cannot make it: it {why}.",
                (statement,),
            )
        ]
    is_whole, is_all, via_root, is_owner = row
    found = []
    if not is_whole:
        found.append(
            Finding(
                f"Publication `{names.publication}` leaves out some kinds of changes.",
                (
                    f"ALTER PUBLICATION {quoted_publication} SET (publish = 'insert, update, delete, truncate')",
                ),
            )
        )
    if not via_root and any(facts[table.name].kind == "p" for table in tables):
        found.append(
            Finding(
                f"Publication `{names.publication}` names partitions in the place of their tables.",
                (
                    f"ALTER PUBLICATION {quoted_publication} SET (publish_via_partition_root = true)",
                ),
            )
        )
    known = published(connection, config, names) or {}
    lacking = [table.name for table in tables if table.name not in known]
    if lacking and not is_all and (not is_owner or set(lacking) & set(others)):
        found.append(
            Finding(
                f"{quoted(lacking)} {'is' if len(lacking) == 1 else 'are'} not in publication `{names.publication}`, and user {user} may not add to it.",
                (add_tables(config, names, lacking),),
                lacking[0] if len(lacking) == 1 else None,
            )
        )
    for table in tables:
        way = known.get(table.name)
        if way is not None and way.is_filtered:
            found.append(
                Finding(
                    f"Publication `{names.publication}` has only some rows of `{table.name}`.",
                    (
                        f"ALTER PUBLICATION {quoted_publication} DROP TABLE {qualified(config, table.name)}",
                        add_tables(config, names, [table.name]),
                    ),
                    table.name,
                )
            )
        if way is not None and way.columns is not None and not set(table.key) <= way.columns:
            found.append(
                Finding(
                    f"Publication `{names.publication}` leaves out {quoted(sorted(set(table.key) - way.columns))}, the key of `{table.name}`.",
                    (
                        f"ALTER PUBLICATION {quoted_publication} DROP TABLE {qualified(config, table.name)}",
                        add_tables(config, names, [table.name]),
                    ),
                    table.name,
                )
            )
    return found
