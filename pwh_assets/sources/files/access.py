"""A DuckDB that reaches one storage with the source's own keys, and nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pwh_assets.sources.files.location import Location
from pwh_assets.sources.files.problems import raise_ours
from pwh_assets.sources.files.words import literal, quoted_name
from pwh_assets.sources.network.guard import USER, Guard, guarded

if TYPE_CHECKING:
    import duckdb

RETRIES = 4
TIMEOUT_S = 60


@contextmanager
def opened(config: Mapping[str, Any], *more: str) -> Iterator["duckdb.DuckDBPyConnection"]:
    """A connection with the extensions the storage needs and `more`. Errors are ours, also inside.

    Raises:
        SourceAccessError, SourceUnavailableError, UnreadableDataError, PrivateHostError.
    """
    location = Location.of(config)
    if location.is_local:
        yield from _opened(location, config, more, None)
        return
    with guarded(config) as guard:
        yield from _opened(location, config, more, guard)


def _opened(
    location: Location, config: Mapping[str, Any], more: Sequence[str], guard: Guard | None
) -> Iterator["duckdb.DuckDBPyConnection"]:
    import duckdb

    from pwh_assets.duckdb_extensions import connect

    connection = connect(*extensions_of(location), *more)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET python_enable_replacements = false")
        if not location.is_local:
            for statement in secrets_of(location, config, guard=guard):
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
    location: Location,
    config: Mapping[str, Any],
    name: str = "storage",
    scope: str = "",
    guard: Guard | None = None,
) -> list[str]:
    """What makes the keys known, for all addresses or those below `scope`, and the way to the storage; nothing for this
    machine's folders.

    Always a secret of our own, so that the operator's cloud variables are never used for a user's source.
    """
    if location.is_local:
        return []
    scoped = {"SCOPE": scope} if scope else {}
    if location.is_azure:
        words = {**scoped, "CONNECTION_STRING": _connection_string(config)}
        if guard is not None:
            words |= {
                "HTTP_PROXY": guard.address,
                "PROXY_USER_NAME": USER,
                "PROXY_PASSWORD": guard.password,
            }
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
    way = {}
    if guard is not None:
        way = {
            "http_proxy": guard.address,
            "http_proxy_username": USER,
            "http_proxy_password": guard.password,
        }
    return [
        f"SET http_retries = {RETRIES}",
        f"SET http_timeout = {TIMEOUT_S}",
        *(f"SET {setting} = {literal(value)}" for setting, value in way.items()),
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
