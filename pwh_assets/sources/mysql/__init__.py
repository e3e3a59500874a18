"""MySQL and MariaDB: tables and views of one database, read as Arrow from the binary protocol.

Belongs here: connecting, `information_schema`, types, the wire, and what makes a cursor complete.
Keep out: when to read and where rows go.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import DiscoveredTable
from pwh_assets.errors import InvalidInputError, SourceAccessError, quoted
from pwh_assets.sources.base import Field, Reading, ReadRequest, Tally
from pwh_assets.sources.form import checked
from pwh_assets.sources.network.tunnel import FIELD as SSH_TUNNEL
from pwh_assets.sources.network.tunnel import checked_tunnel, spelled

if TYPE_CHECKING:
    from pwh_assets.sources.mysql.streaming import MySQLChanges

SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")


class MySQL:
    """One database of one server. See docs/sources/mysql.md for types and guarantees."""

    name = "mysql"
    label = "MySQL"
    masks_in_chunks = True
    fields: Sequence[Field] = (
        Field("host", "Host", help="Name or address of the server."),
        Field("port", "Port", kind="number", default=3306),
        Field("database", "Database"),
        Field("user", "User", help="A user that may read; it never writes."),
        Field("password", "Password", kind="password", required=False, secret=True),
        Field(
            "schema",
            "Schema",
            required=False,
            help="The database whose tables are offered, when it is another one.",
        ),
        Field(
            "sslmode",
            "TLS",
            kind="select",
            default="prefer",
            options=SSL_MODES,
            help="`verify-full` checks the server's certificate and name.",
        ),
        Field(
            "ssl_ca",
            "CA certificate",
            required=False,
            help="The authority that signed the server's certificate, in PEM; by default those this machine trusts.",
        ),
        SSH_TUNNEL,
    )

    @property
    def changes(self) -> "MySQLChanges":
        """Its change capture; see docs/sources/mysql.md."""
        from pwh_assets.sources.mysql.streaming import MySQLChanges

        return MySQLChanges()

    def validate(self, config: Mapping[str, Any]) -> dict[str, Any]:
        from pwh_assets.sources.mysql.connection import tls

        values = checked(self.label, self.fields, spelled(config))
        values["ssh_tunnel"] = checked_tunnel(values["ssh_tunnel"])
        if not 0 < values["port"] < 65536:
            raise InvalidInputError(
                "port", f"`port` is {values['port']}; it must be between 1 and 65535."
            )
        if values["ssl_ca"]:
            tls(values["sslmode"], values["ssl_ca"])
        return values

    def test_connection(self, config: Mapping[str, Any]) -> None:
        """Connect and look whether there is something to read."""
        self.tables(config)

    def tables(self, config: Mapping[str, Any]) -> list[DiscoveredTable]:
        from pwh_assets.sources.mysql.catalog import tables
        from pwh_assets.sources.mysql.connection import connected, schema_of

        with connected(config) as connection:
            found = [table.discovered() for table in tables(connection, schema_of(config))]
            if not found:
                _explain_emptiness(connection, config)
        return found

    def read(self, config: Mapping[str, Any], request: ReadRequest) -> Reading:
        from pwh_assets.sources.mysql.ranges import KeyRanges
        from pwh_assets.sources.mysql.reading import TableReader

        reader = TableReader.open(config, request)
        ranges = KeyRanges.of(reader)
        return Reading(
            resource=None,
            columns=reader.columns,
            watermark=lambda: reader.watermark,
            is_filtered=True,
            batches=reader.batches() if ranges is None else None,
            chunks=ranges,
        )

    def probe(
        self, config: Mapping[str, Any], requests: Sequence[ReadRequest]
    ) -> dict[str, str | None]:
        from pwh_assets.sources.mysql.probing import probe

        return probe(config, requests)

    def count_rows(self, config: Mapping[str, Any], request: ReadRequest) -> int | None:
        """Rows a read would bring now."""
        from pwh_assets.sources.mysql.counting import count_rows

        return count_rows(config, request)

    def reconcile(
        self, config: Mapping[str, Any], request: ReadRequest, bound: str | None
    ) -> Tally | None:
        from pwh_assets.sources.mysql.counting import reconcile

        return reconcile(config, request, bound)


def _explain_emptiness(connection: Any, config: Mapping[str, Any]) -> None:
    """An empty database is fine; one that is not there, or that we may not look into, is not."""
    from pwh_assets.sources.mysql.connection import fetched, place, schema_of

    schema = schema_of(config)
    names = [name for (name,) in fetched(connection, "SHOW DATABASES")]
    if schema in names or schema.lower() in (name.lower() for name in names):
        seen = "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s"
        if fetched(connection, seen, [schema])[0][0]:
            raise SourceAccessError(
                f"{place(config)} lets `{config['user']}` read none of the tables of `{schema}`. "
                f"Grant it: `GRANT SELECT ON `{schema}`.* TO '{config['user']}'@'%'`."
            )
        return
    others = [
        n for n in names if n not in ("information_schema", "performance_schema", "mysql", "sys")
    ]
    raise InvalidInputError(
        "schema",
        f"{place(config)} has no database `{schema}` that `{config['user']}` may see. It shows {quoted(others)}.",
    )


SOURCE = MySQL()
