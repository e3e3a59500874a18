"""BigQuery: tables and views of one dataset, through Google's own client, results as Arrow."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from pwh_assets.errors import (
    InvalidInputError,
    PwhError,
    SourceAccessError,
    SourceError,
    SourceUnavailableError,
)
from pwh_assets.sources.base import Field
from pwh_assets.sources.errors import driver_missing
from pwh_assets.sources.form import checked, web_address
from pwh_assets.sources.google.auth import KEY_FIELD, credentials, parsed_key
from pwh_assets.sources.http.session import checked_adapter, new_session
from pwh_assets.sources.network.egress import egress_of
from pwh_assets.sources.warehouse.base import (
    Dialect,
    Typed,
    WarehouseColumn,
    WarehouseTable,
    key_of,
)
from pwh_assets.sources.warehouse.source import Warehouse

if TYPE_CHECKING:
    import pyarrow as pa
    from google.cloud.bigquery import Client, SchemaField, Table

TIMEOUT_S = 60
CONNECTIONS = 4
PATIENCE_S = 30
"""How long a call that fails for a passing reason is tried again."""
SCOPE = "https://www.googleapis.com/auth/bigquery.readonly"

_AS_JSON = Typed("JSON", "TO_JSON_STRING({0})")
_TEXT = Typed("VARCHAR", "CAST({0} AS STRING)")
_TYPES = {
    "STRING": Typed("VARCHAR"),
    "BYTES": Typed("BLOB"),
    "INTEGER": Typed("BIGINT", cursor_kind="number"),
    "INT64": Typed("BIGINT", cursor_kind="number"),
    "FLOAT": Typed("DOUBLE"),
    "FLOAT64": Typed("DOUBLE"),
    "BOOLEAN": Typed("BOOLEAN"),
    "BOOL": Typed("BOOLEAN"),
    "DATE": Typed("DATE", cursor_kind="day"),
    "TIME": Typed("TIME"),
    "DATETIME": Typed("TIMESTAMP", cursor_kind="clock"),
    "TIMESTAMP": Typed("TIMESTAMP WITH TIME ZONE", cursor_kind="instant"),
    "JSON": _AS_JSON,
    "RECORD": _AS_JSON,
    "STRUCT": _AS_JSON,
    "GEOGRAPHY": Typed("JSON", "ST_ASGEOJSON({0})"),
}


def _quoted(name: str) -> str:
    r"""An identifier in backticks.

    >>> _quoted("a`b\\")
    '`a\\`b\\\\`'
    """
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


_DIALECT = Dialect(
    relation=lambda config, table: ".".join(
        map(_quoted, (config["project"], config["dataset"], table))
    ),
    quote=_quoted,
    literal={
        "instant": "TIMESTAMP '{0}'",
        "clock": "DATETIME '{0}'",
        "day": "DATE '{0}'",
        "number": "{0}",
    },
    settled={
        "instant": "TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL {0} SECOND)",
        "clock": "DATETIME_SUB(CURRENT_DATETIME(), INTERVAL {0} SECOND)",
    },
    text_type="STRING",
    has_backslashes=True,
)


class _Session:
    def __init__(self, config: Mapping[str, Any], client: "Client") -> None:
        self._config, self._client = config, client
        self.place = _place(config)

    def tables(self, only: str | None = None) -> list[WarehouseTable]:
        from google.api_core.exceptions import NotFound

        dataset = f"{self._config['project']}.{self._config['dataset']}"
        if only is not None:
            try:
                return [_table(self._client.get_table(f"{dataset}.{only}", **_patience()))]
            except NotFound:
                return []
        listed = self._client.list_tables(dataset, **_patience())
        found = (self._client.get_table(one.reference, **_patience()) for one in listed)
        return [_table(one) for one in found if one.schema]

    def value(self, query: str) -> str | None:
        for row in self._run(query):
            return None if row[0] is None else str(row[0])
        return None

    def batches(self, query: str, rows: int) -> Iterator["pa.Table"]:
        import pyarrow as pa

        result = self._run(query, rows)
        for batch in result.to_arrow_iterable():
            yield pa.Table.from_batches([batch])

    def _run(self, query: str, page_size: int | None = None) -> Any:
        from google.cloud.bigquery import QueryJobConfig

        limit = self._config.get("maximum_bytes_billed")
        options = QueryJobConfig(labels={"application": "pwh"})
        if limit:
            options.maximum_bytes_billed = int(limit)
        job = self._client.query(query, job_config=options, job_retry=None, **_patience())
        return job.result(page_size=page_size, job_retry=None, **_patience())


def _patience() -> dict[str, Any]:
    from google.cloud.bigquery.retry import DEFAULT_RETRY

    return {"retry": DEFAULT_RETRY.with_timeout(PATIENCE_S), "timeout": TIMEOUT_S}


def _table(table: "Table") -> WarehouseTable:
    columns = tuple(
        WarehouseColumn(one.name, typed(one), one.mode != "REQUIRED", one.description or "")
        for one in table.schema
    )
    constraints = table.table_constraints
    key = constraints.primary_key.columns if constraints and constraints.primary_key else ()
    return WarehouseTable(
        name=table.table_id,
        columns=columns,
        primary_key=key_of(key, columns),
        row_estimate=table.num_rows if table.table_type == "TABLE" else None,
        comment=table.description or "",
        changed=table.modified.isoformat()
        if table.modified and table.table_type == "TABLE"
        else None,
    )


def typed(column: "SchemaField") -> Typed:
    """How a column is read: nested and repeated ones as JSON, numbers with all their digits."""
    if column.mode == "REPEATED":
        return _AS_JSON
    if column.field_type in ("NUMERIC", "BIGNUMERIC"):
        is_big = column.field_type == "BIGNUMERIC"
        if not column.precision:
            return _TEXT if is_big else Typed("DECIMAL(38,9)", cursor_kind="number")
        precision, scale = int(column.precision), int(column.scale or 0)
        return _TEXT if precision > 38 else Typed(f"DECIMAL({precision},{scale})", "{0}", "number")
    return _TYPES.get(column.field_type, _TEXT)


@contextmanager
def connect(config: Mapping[str, Any]) -> Iterator[_Session]:
    """A session of the service account. Errors are ours, also inside."""
    with driver_missing("bigquery"):
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError
        from google.cloud import bigquery
    import requests

    options = {"api_endpoint": config["endpoint"]} if config.get("endpoint") else None
    try:
        signed_in = _credentials(config)
        client = bigquery.Client(
            project=config["project"],
            credentials=signed_in,
            client_options=options,
            location=config.get("location"),
            _http=_session(config, signed_in),
        )
        with client:
            yield _Session(config, client)
    except (GoogleAPIError, GoogleAuthError, requests.RequestException) as error:
        _raise_ours(config, error)


def _session(config: Mapping[str, Any], signed_in: Any) -> Any:
    """What the client sends its requests with: to checked addresses alone, those for a token too."""
    from google.auth.transport.requests import AuthorizedSession, Request

    egress = egress_of(config)
    session = AuthorizedSession(signed_in, auth_request=Request(new_session(1, egress)))
    session.trust_env = False
    for scheme in ("https://", "http://"):
        session.mount(scheme, checked_adapter(egress, CONNECTIONS))
    return session


def _credentials(config: Mapping[str, Any]) -> Any:
    from google.auth.credentials import AnonymousCredentials

    if not config.get("service_account"):
        return AnonymousCredentials()
    return credentials(config, SCOPE, config.get("endpoint"))


def _place(config: Mapping[str, Any]) -> str:
    return f"BigQuery dataset `{config['project']}.{config['dataset']}`"


def _raise_ours(config: Mapping[str, Any], error: Exception) -> NoReturn:
    if isinstance(error, PwhError):
        raise error
    from google.api_core import exceptions as google
    from google.auth.exceptions import RefreshError

    text = " ".join(str(getattr(error, "message", None) or error).split())[:300]
    who = _place(config)
    if isinstance(error, google.Forbidden | google.Unauthorized | RefreshError):
        raise SourceAccessError(
            f"{who} refused the service account: {text} It needs the roles BigQuery Data Viewer on the "
            "dataset and BigQuery Job User on the project."
        ) from None
    if isinstance(error, google.NotFound):
        raise SourceAccessError(
            f"{who} is not there, or the service account may not see it: {text} Check `project` and `dataset`."
        ) from None
    if "bytesBilledLimitExceeded" in text or "bytes billed" in text:
        raise SourceError(
            f"{who}: the read would scan more than `maximum_bytes_billed` allows: {text} "
            "Raise the limit, or sync by a cursor the table is partitioned by."
        ) from None
    if isinstance(error, google.BadRequest):
        raise SourceError(f"{who} could not be read: {text} Look at the table there.") from None
    raise SourceUnavailableError(
        f"{who} did not answer as it should: {text or type(error).__name__} Sync again later."
    ) from None


class BigQuery(Warehouse):
    """One dataset. See docs/sources/bigquery.md for types and guarantees."""

    name = "bigquery"
    label = "BigQuery"
    fields = (
        Field("project", "Project", help="The project that holds the dataset and is billed."),
        Field("dataset", "Dataset"),
        KEY_FIELD,
        Field("location", "Location", required=False, help="As `EU` or `us-east1`."),
        Field(
            "maximum_bytes_billed",
            "Most bytes a read may scan",
            kind="number",
            required=False,
            help="A read that would cost more is refused before it starts.",
        ),
        Field("endpoint", "API address", required=False, help="Only for a private endpoint."),
    )
    dialect = _DIALECT
    connect = staticmethod(connect)

    def validate(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = checked(self.label, self.fields, config)
        if values["endpoint"]:
            values["endpoint"] = web_address("endpoint", values["endpoint"])
        values["service_account"] = key = parsed_key(values["service_account"])
        if key is None and not values["endpoint"]:
            raise InvalidInputError(
                "service_account", "BigQuery needs `service_account`, the key file's JSON."
            )
        return values


SOURCE = BigQuery()
