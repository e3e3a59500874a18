"""One table in your own object storage, read where it lies, under the name you give it."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pwh_assets.core.in_place import PlacedTable
from pwh_assets.core.names import SELF_MANAGED
from pwh_assets.core.source import Column, DiscoveredTable, SyncMode
from pwh_assets.errors import InvalidInputError, quoted
from pwh_assets.sources.base import Field, Reading, ReadRequest
from pwh_assets.sources.files import FORMAT, KEYS, Files

if TYPE_CHECKING:
    from pwh_assets.sources.files.tables import FileTable

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
GOOGLE = "https://storage.googleapis.com"
_PAGES: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(
            r"https://(?P<bucket>[^/]+?)\.s3(?:[.-](?P<region>[a-z0-9-]+))?\.amazonaws\.com/"
        ),
        "s3://{bucket}/",
        "",
    ),
    (
        re.compile(r"https://s3(?:[.-](?P<region>[a-z0-9-]+))?\.amazonaws\.com/(?P<bucket>[^/]+)/"),
        "s3://{bucket}/",
        "",
    ),
    (re.compile(r"https://storage\.googleapis\.com/(?P<bucket>[^/]+)/"), "gs://{bucket}/", GOOGLE),
    (
        re.compile(r"https://(?P<host>[0-9a-z.]+\.r2\.cloudflarestorage\.com)/(?P<bucket>[^/]+)/"),
        "r2://{bucket}/",
        "https://{host}",
    ),
    (
        re.compile(r"https://(?P<account>[a-z0-9]+)\.blob\.core\.windows\.net/(?P<bucket>[^/]+)/"),
        "az://{bucket}/",
        "",
    ),
)
"""How the vendors' consoles write addresses: what they begin with, what that is here, and the endpoint."""


class SelfManaged(Files):
    """See docs/sources/self_managed.md; formats and types are those of docs/sources/files.md."""

    name = SELF_MANAGED
    label = "Self-managed table"
    schemes = ("s3", "s3a", "gs", "gcs", "r2", "az", "azure", "file")
    fields = (
        Field("name", "Name", help="What queries call it: letters, digits and underscores."),
        Field("url", "Address", help="s3://bucket/orders/*.parquet, or gs://, r2://, az://."),
        FORMAT,
        *KEYS,
        Field("region", "Region", required=False, default="us-east-1"),
        Field("endpoint", "Endpoint", required=False, help="For S3-compatible storage elsewhere."),
    )

    def validate(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = super().validate(with_storage_address(config))
        if not NAME.fullmatch(values["name"]):
            raise InvalidInputError(
                "name",
                f"`{values['name'][:60]}` cannot be a table's name. Use letters, digits and underscores, beginning "
                "with a letter, at most 63.",
            )
        values["name"] = values["name"].lower()
        scheme = values["url"].partition("://")[0]
        if scheme in ("gs", "gcs") and not values["endpoint"]:
            values["endpoint"] = GOOGLE
        if scheme == "r2" and not values["endpoint"]:
            raise InvalidInputError(
                "endpoint", "R2 needs `endpoint`: https://ACCOUNT.r2.cloudflarestorage.com."
            )
        if scheme in ("az", "azure") and not values["key_id"]:
            raise InvalidInputError("key_id", "Azure needs the account's name and its key.")
        return values

    def test_connection(self, config: Mapping[str, Any]) -> None:
        super().test_connection(_spoken(config))

    def tables(self, config: Mapping[str, Any]) -> list[DiscoveredTable]:
        """The one table, read in place and in no other way."""
        return [
            DiscoveredTable(name=each.name, columns=each.columns, modes=(SyncMode.IN_PLACE,))
            for each in super().tables(_spoken(config))
        ]

    def read(self, config: Mapping[str, Any], request: ReadRequest) -> Reading:
        return super().read(_spoken(config), request)

    def look(self, config: Mapping[str, Any], name: str) -> tuple[Column, ...]:
        return super().look(_spoken(config), name)

    def place(
        self,
        config: Mapping[str, Any],
        name: str,
        columns: Sequence[Column],
        path: tuple[str, ...],
    ) -> PlacedTable:
        return super().place(_spoken(config), name, columns, path)

    def probe(
        self, config: Mapping[str, Any], requests: Sequence[ReadRequest]
    ) -> dict[str, str | None]:
        return super().probe(_spoken(config), requests)

    def _groups(self, config: Mapping[str, Any]) -> "list[FileTable]":
        """Whatever lies there, as one table of the name it was given."""
        from pwh_assets.sources.files.tables import DELTA, FileTable

        found = super()._groups(config)
        kinds = sorted({each.format for each in found})
        if len(kinds) > 1 or (kinds == [DELTA] and len(found) > 1):
            raise InvalidInputError(
                "url",
                f"There is more than one table at `{config['url']}`: {quoted([t.name for t in found])}, of format "
                f"{quoted(kinds)}. Make the address narrower, or say which `format`.",
            )
        if not found:
            return []
        files = tuple(sorted(file for each in found for file in each.files))
        return [FileTable(str(config["name"]), kinds[0], files)]


def with_storage_address(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with a vendor's web address written as storage.

    >>> with_storage_address({"url": "https://box.s3.eu-west-1.amazonaws.com/a/*.csv"})
    {'url': 's3://box/a/*.csv', 'region': 'eu-west-1'}
    >>> with_storage_address({"url": "s3://box/a"})
    {'url': 's3://box/a'}
    """
    url = str(config.get("url") or "")
    for pattern, address, endpoint in _PAGES:
        if found := pattern.match(url):
            words = {name: value for name, value in found.groupdict().items() if value}
            known = {"url": address.format(**words) + url[found.end() :]}
            if endpoint:
                known["endpoint"] = endpoint.format(**words)
            if "region" in words:
                known["region"] = words["region"]
            return {**config, **known}
    return dict(config)


def _spoken(config: Mapping[str, Any]) -> dict[str, Any]:
    """The keys under the names Azure has for them too."""
    account = {"account_name": config.get("key_id"), "account_key": config.get("secret")}
    return {**config, **account}


SOURCE = SelfManaged()
