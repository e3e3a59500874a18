"""Where a project's lake is and how DuckDB attaches it; every connection does it with the same words."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pwh_assets import duckdb_extensions
from pwh_assets.settings import ObjectStorage, Settings

ALIAS = "lake"
METADATA = f"__ducklake_metadata_{ALIAS}"
BUSY_TIMEOUT_MS = 30_000
_SECRET_TYPES = {"s3": "s3", "gs": "gcs", "gcs": "gcs", "r2": "s3", "az": "azure", "azure": "azure"}


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class Address:
    """One project's lake: its catalog and its data."""

    project_id: int
    catalog_file: Path | None
    """SQLite catalog; None when the catalog is on Postgres."""
    catalog_url: str
    catalog_schema: str
    data_path: str
    """Absolute folder or object-storage prefix, ending with a slash."""
    storage: ObjectStorage

    @classmethod
    def of(cls, settings: Settings, project_id: int) -> "Address":
        folder = settings.home / "lake" / str(project_id)
        data = (
            f"{settings.lake_data_url.rstrip('/')}/{project_id}/"
            if settings.lake_data_url
            else f"{folder / 'data'}/"
        )
        on_postgres = bool(settings.lake_catalog_url)
        return cls(
            project_id=project_id,
            catalog_file=None if on_postgres else folder / "catalog.sqlite",
            catalog_url=settings.lake_catalog_url,
            catalog_schema=f"lake_{project_id}" if on_postgres else "main",
            data_path=data,
            storage=settings.object_storage,
        )

    @property
    def is_local(self) -> bool:
        """True when the data lies in a folder of this machine."""
        return "://" not in self.data_path

    @property
    def scheme(self) -> str:
        return self.data_path.partition("://")[0].lower() if not self.is_local else ""

    @property
    def extensions(self) -> tuple[str, ...]:
        catalog = "sqlite_scanner" if self.catalog_file else "postgres_scanner"
        if self.is_local:
            return catalog, "ducklake"
        return catalog, "ducklake", "azure" if self.scheme in ("az", "azure") else "httpfs"

    @property
    def uri(self) -> str:
        """What stands after ATTACH."""
        return f"ducklake:sqlite:{self.catalog_file}" if self.catalog_file else "ducklake:postgres:"

    def options(self, read_only: bool) -> dict[str, Any]:
        """Options of ATTACH."""
        options: dict[str, Any] = {"DATA_PATH": self.data_path}
        if self.is_local:
            options["OVERRIDE_DATA_PATH"] = True  # a home that was moved still finds its files
        if self.catalog_file:
            options |= {"META_JOURNAL_MODE": "WAL", "META_BUSY_TIMEOUT": BUSY_TIMEOUT_MS}
        else:
            options |= {"META_SECRET": "pwh_catalog", "META_SCHEMA": self.catalog_schema}
        if read_only:
            options["READ_ONLY"] = True
        return options

    def secret_statements(self) -> list[str]:
        """CREATE SECRET for the catalog and the data; these hold credentials: never log them."""
        statements = []
        if not self.catalog_file:
            parts = urlsplit(self.catalog_url)
            fields = {
                "HOST": parts.hostname,
                "PORT": str(parts.port or 5432),
                "DATABASE": unquote(parts.path.lstrip("/")) or None,
                "USER": unquote(parts.username) if parts.username else None,
                "PASSWORD": unquote(parts.password) if parts.password else None,
            }
            statements.append(_create_secret("pwh_catalog", "postgres", fields))
        kind = _SECRET_TYPES.get(self.scheme)
        store = self.storage
        if kind == "azure" and store.secret:
            statements.append(
                _create_secret(
                    "pwh_data", kind, {"CONNECTION_STRING": store.secret, "SCOPE": self.data_path}
                )
            )
        elif kind and store.key_id:
            fields = {
                "KEY_ID": store.key_id,
                "SECRET": store.secret,
                "REGION": store.region,
                "SCOPE": self.data_path,
            }
            if store.endpoint:
                fields |= {"ENDPOINT": store.endpoint, "URL_STYLE": "path"}
            statements.append(
                _create_secret("pwh_data", kind, fields, f", USE_SSL {str(store.use_ssl).lower()}")
            )
        return statements

    def attach_statement(self, read_only: bool) -> str:
        words = ", ".join(
            name
            if value is True
            else f"{name} {literal(str(value)) if isinstance(value, str) else value}"
            for name, value in self.options(read_only).items()
        )
        return f"ATTACH {literal(self.uri)} AS {ALIAS} ({words})"

    def statements(self, read_only: bool) -> list[str]:
        """Everything a fresh connection executes to have the lake, extensions included."""
        return [
            *duckdb_extensions.load_sql(*self.extensions),
            *self.secret_statements(),
            "SET TimeZone = 'UTC'",
            self.attach_statement(read_only),
        ]

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that may never be printed."""
        password = urlsplit(self.catalog_url).password if self.catalog_url else None
        found = (self.storage.secret, password or "", unquote(password or ""), self.catalog_url)
        return tuple({text for text in found if text})


def _create_secret(name: str, kind: str, fields: dict[str, str | None], more: str = "") -> str:
    words = ", ".join(
        f"{key} {literal(value)}" for key, value in fields.items() if value is not None
    )
    return f"CREATE OR REPLACE TEMPORARY SECRET {name} (TYPE {kind}, {words}{more})"
