"""A DuckDB that reaches one storage with the source's own keys, and nothing else."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pwh_assets.sources.files.location import Location
from pwh_assets.sources.files.problems import raise_ours
from pwh_assets.sources.files.words import literal, quoted_name

if TYPE_CHECKING:
    import duckdb

RETRIES = 4
TIMEOUT_S = 60


@contextmanager
def opened(config: Mapping[str, Any], *more: str) -> Iterator["duckdb.DuckDBPyConnection"]:
    """A connection with the extensions the storage needs and `more`. Errors are ours, also inside.

    Raises:
        SourceAccessError, SourceUnavailableError, UnreadableDataError.
    """
    import duckdb

    from pwh_assets.duckdb_extensions import connect

    location = Location.of(config)
    connection = connect(*extensions_of(location), *more)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET python_enable_replacements = false")
        if not location.is_local:
            for statement in secrets_of(location, config):
                connection.execute(statement)
            connection.execute("SET disabled_filesystems = 'LocalFileSystem'")
        yield connection
    except (duckdb.Error, OSError) as error:
        raise_ours(config, error)
    finally:
        connection.close()


def extensions_of(location: Location) -> tuple[str, ...]:
    if location.is_local:
        return ()
    return ("azure",) if location.is_azure else ("httpfs",)


def secrets_of(
    location: Location, config: Mapping[str, Any], name: str = "storage", scope: str = ""
) -> list[str]:
    """What makes the keys known, for all addresses or those below `scope`; nothing for this machine's folders.

    Always a secret of our own, so that the operator's cloud variables are never used for a user's source.
    """
    if location.is_local:
        return []
    scoped = {"SCOPE": scope} if scope else {}
    if location.is_azure:
        words = {**scoped, "CONNECTION_STRING": _connection_string(config)}
        return [
            "SET azure_transport_option_type = 'curl'",  # finds this machine's certificate authorities
            f"CREATE TEMPORARY SECRET {quoted_name(name)} (TYPE azure, {_words(words)})",
        ]
    endpoint = str(config.get("endpoint") or "")
    scheme, separator, host = endpoint.rpartition("://")
    words = {
        **scoped,
        "KEY_ID": config.get("key_id") or "",
        "SECRET": config.get("secret") or "",
        "REGION": config.get("region") or "us-east-1",
    }
    if endpoint:
        words |= {"ENDPOINT": host.rstrip("/"), "URL_STYLE": "path"}
    use_ssl = "false" if separator and scheme == "http" else "true"
    return [
        f"SET http_retries = {RETRIES}",
        f"SET http_timeout = {TIMEOUT_S}",
        f"CREATE TEMPORARY SECRET {quoted_name(name)} "
        f"(TYPE s3, PROVIDER config, {_words(words)}, USE_SSL {use_ssl})",
    ]


def _connection_string(config: Mapping[str, Any]) -> str:
    name, endpoint = str(config["account_name"]), str(config.get("endpoint") or "")
    endpoint = endpoint.rstrip("/") or f"https://{name}.blob.core.windows.net"
    words = {"BlobEndpoint": endpoint, "AccountName": name}
    if config.get("sas_token"):
        words["SharedAccessSignature"] = str(config["sas_token"]).lstrip("?")
    else:
        words["AccountKey"] = str(config.get("account_key") or "")
    return ";".join(f"{word}={value}" for word, value in words.items())


def _words(words: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {literal(value)}" for name, value in words.items())
