"""What every warehouse's SOURCE does, given its fields, its dialect and a way to connect."""

from collections.abc import Mapping, Sequence
from typing import Any

from pwh_assets.core.source import DiscoveredTable
from pwh_assets.sources.base import Field, Reading, ReadRequest, Tally
from pwh_assets.sources.form import checked
from pwh_assets.sources.warehouse.base import Connect, Dialect
from pwh_assets.sources.warehouse.reading import TableReader


class Warehouse:
    """A warehouse as a source. A vendor sets the four attributes and may check more in `validate`."""

    name: str
    label: str
    fields: Sequence[Field]
    dialect: Dialect
    connect: Connect

    def validate(self, config: Mapping[str, Any]) -> dict[str, Any]:
        return checked(self.label, self.fields, config)

    def test_connection(self, config: Mapping[str, Any]) -> None:
        """Connect and look whether there is something to read."""
        self.tables(config)

    def tables(self, config: Mapping[str, Any]) -> list[DiscoveredTable]:
        with self.connect(config) as session:
            return [table.discovered() for table in session.tables()]

    def read(self, config: Mapping[str, Any], request: ReadRequest) -> Reading:
        reader = self._reader(config, request)
        return Reading(
            None,
            reader.columns,
            lambda: reader.watermark,
            is_filtered=True,
            batches=reader.batches(),
        )

    def count_rows(self, config: Mapping[str, Any], request: ReadRequest) -> int | None:
        return self._reader(config, request).count()

    def reconcile(
        self, config: Mapping[str, Any], request: ReadRequest, bound: str | None
    ) -> Tally | None:
        return self._reader(config, request).tally(bound)

    def _reader(self, config: Mapping[str, Any], request: ReadRequest) -> TableReader:
        return TableReader.open(self.connect, self.dialect, config, request)

    def probe(
        self, config: Mapping[str, Any], requests: Sequence[ReadRequest]
    ) -> dict[str, str | None]:
        """When each table was changed last by the warehouse's own books; else its count and highest cursor."""
        with self.connect(config) as session:
            tables = {table.name: table for table in session.tables()}
        return {
            request.table: tables[request.table].changed or self._reader(config, request).mark()
            for request in requests
            if request.table in tables
        }
