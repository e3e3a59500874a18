"""PostgreSQL: tables and views of one schema, read as Arrow at COPY speed through DuckDB's scanner.

Belongs here: connecting, the system catalogs, types, and what makes a cursor complete.
Keep out: when to read and where rows go.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import DiscoveredTable
from pwh_assets.errors import InvalidInputError, SourceAccessError
from pwh_assets.sources.base import Field, Reading, ReadRequest, Tally
from pwh_assets.sources.form import checked
from pwh_assets.sources.network.tunnel import FIELD as SSH_TUNNEL
from pwh_assets.sources.network.tunnel import checked_tunnel, spelled

if TYPE_CHECKING:
    from pwh_assets.sources.postgres.streaming import PostgresChanges

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


class Postgres:
    """One schema of one database. See docs/sources/postgres.md for types and guarantees."""

    name = "postgres"
    label = "PostgreSQL"
    masks_in_chunks = True
    has_xmin = True
    """Rows say which transaction wrote them, so tables can sync in mode `xmin`."""
    fields: Sequence[Field] = (
        Field("host", "Host", help="Name or address of the server."),
        Field("port", "Port", kind="number", default=5432),
        Field("database", "Database"),
        Field("user", "User", help="A user that may read; it never writes."),
        Field("password", "Password", kind="password", required=False, secret=True),
        Field("schema", "Schema", default="public", help="The schema whose tables are offered."),
        Field(
            "sslmode",
            "TLS",
            kind="select",
            default="prefer",
            options=SSL_MODES,
            help="`verify-full` checks the server's certificate and name.",
        ),
        Field(
            "slot",
            "Replication slot",
            required=False,
            help="For `cdc`: an existing logical slot with pgoutput. Without it one is made.",
        ),
        Field(
            "publication",
            "Publication",
            required=False,
            help="For `cdc`: an existing publication. Without it one is made.",
        ),
        SSH_TUNNEL,
    )

    @property
    def changes(self) -> "PostgresChanges":
        """Its change capture; see docs/cdc.md."""
        from pwh_assets.sources.postgres.streaming import PostgresChanges

        return PostgresChanges()

    def validate(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = checked(self.label, self.fields, spelled(config))
        values["ssh_tunnel"] = checked_tunnel(values["ssh_tunnel"])
        if not 0 < values["port"] < 65536:
            raise InvalidInputError(
                "port", f"`port` is {values['port']}; it must be between 1 and 65535."
            )
        return values

    def test_connection(self, config: Mapping[str, Any]) -> None:
        """Connect and look whether there is something to read."""
        self.tables(config)

    def tables(self, config: Mapping[str, Any]) -> list[DiscoveredTable]:
        from pwh_assets.sources.postgres.catalog import tables
        from pwh_assets.sources.postgres.connection import connected

        with connected(config) as connection:
            found = [table.discovered() for table in tables(connection, config["schema"])]
            if not found:
                _explain_emptiness(connection, config)
        return found

    def read(self, config: Mapping[str, Any], request: ReadRequest) -> Reading:
        from pwh_assets.sources.postgres.reading import TableReader

        reader = TableReader.open(config, request)
        chunks = reader.chunks
        return Reading(
            None,
            reader.columns,
            lambda: reader.watermark,
            is_filtered=True,
            rows_expected=reader.rows_expected,
            batches=None if chunks else reader.batches(),
            chunks=chunks,
        )

    def count_rows(self, config: Mapping[str, Any], request: ReadRequest) -> int | None:
        """Rows a read would bring; None when the server cannot say within a minute."""
        from pwh_assets.sources.postgres.counting import count_rows

        return count_rows(config, request)

    def reconcile(
        self, config: Mapping[str, Any], request: ReadRequest, bound: str | None
    ) -> Tally | None:
        from pwh_assets.sources.postgres.counting import reconcile

        return reconcile(config, request, bound)

    def probe(
        self, config: Mapping[str, Any], requests: Sequence[ReadRequest]
    ) -> dict[str, str | None]:
        from pwh_assets.sources.postgres.probing import probe

        return probe(config, requests)


def _explain_emptiness(connection: Any, config: Mapping[str, Any]) -> None:
    """An empty schema is fine; one that is missing, or whose tables we may not read, is not."""
    from pwh_assets.sources.postgres.connection import place

    schema, user = config["schema"], config["user"]
    row = connection.execute(
        "SELECT count(c.oid) FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid "
        "AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition "
        "WHERE n.nspname = %s GROUP BY n.oid",
        [schema],
    ).fetchone()
    if row is None:
        names = [
            name
            for (name,) in connection.execute(
                "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' "
                "AND nspname <> 'information_schema' ORDER BY nspname"
            )
        ]
        from pwh_assets.errors import quoted

        raise InvalidInputError(
            "schema",
            f"Database `{config['database']}` has no schema `{schema}`. It has {quoted(names)}.",
        )
    if row[0]:
        raise SourceAccessError(
            f"{place(config)} lets `{user}` read none of the {row[0]} tables of schema `{schema}`. "
            f"Grant it: `GRANT USAGE ON SCHEMA {schema} TO {user}; "
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {user}`."
        )


SOURCE = Postgres()
