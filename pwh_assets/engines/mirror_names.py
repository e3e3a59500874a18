"""Names of what PWH keeps in ClickHouse: whose a database is can be read from it, so homes may share a server."""

import hashlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pwh_assets.lake import Lake

Path = tuple[str, ...]


def database_of(project_id: int, mark: str) -> str:
    """The database of a project's copies.

    >>> database_of(1, "0a1b2c3d4e")
    'pwh_1_0a1b2c3d4e'
    """
    return f"{former_database_of(project_id)}_{mark}"


def former_database_of(project_id: int) -> str:
    """As it was called before names said whose it is."""
    return f"pwh_{project_id}"


def lake_mark(lake_id: str, lake: "Lake", *, is_shared: bool) -> str:
    """What tells a lake from all others that may copy into the same ClickHouse: also from a copy of it, which has its
    id and lies elsewhere.
    """
    address, place = lake.address, ""
    if is_shared and address.catalog_file is not None:
        place = str(address.catalog_file)
    elif is_shared:
        url = urlsplit(address.catalog_url)
        place = f"{url.hostname}:{url.port or 5432}{url.path}#{address.catalog_schema}"
    return hashlib.sha256(f"{lake_id}\n{place}".encode()).hexdigest()[:10]


def site_of(database: str, view_id: str) -> str:
    """The database that a view is built in, beside that of the copies; see `clickhouse_site`."""
    return prefix_of(database) + view_id.replace("-", "")


def prefix_of(database: str) -> str:
    """How the databases of a project's builds begin."""
    return f"{database}__build_"


def table_of(path: Path) -> str:
    """The mirror's name of a stored table, as the ClickHouse printer writes it."""
    return "__".join(path)
