"""What sources and their tables look like over HTTP."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Scalar = str | int | float | bool
JsonObject = dict[str, Any]


class Column(BaseModel):
    name: str = Field(description="Name in the lake.")
    type: str = Field(description="The lake's type, in DuckDB's spelling.")
    nullable: bool = Field(True, description="Whether the source allows NULL.")


class RowFilter(BaseModel):
    column: str = Field(description="Column of the source's table.")
    operator: Literal[">", ">=", "<", "<=", "=", "!=", "IN", "NOT IN"] = Field(
        description="Rows for which the comparison holds are kept; NULL fulfils none."
    )
    value: Scalar | list[Scalar] = Field(description="A list for `IN` and `NOT IN`.")


class Mask(BaseModel):
    column: str = Field(description="Column whose values are masked before anything is written.")
    mask: Literal["drop", "hash", "truncate", "null"] = Field(
        description="`drop` does not read it; `hash` keeps equality; `truncate` keeps the first characters; `null` "
        "keeps the column without values."
    )
    keep: int | None = Field(None, description="Of `truncate`: how many characters stay.")


class TableSettings(BaseModel):
    """How a table syncs; what is left out stays as it is."""

    model_config = ConfigDict(extra="allow")

    should_sync: bool | None = Field(None, description="Whether it syncs by its schedule.")
    sync_type: str | None = Field(
        None,
        description="`full` (or `full_refresh`), `incremental`, `append`, `cdc`, `xmin`, `webhook` or `in_place`.",
    )
    incremental_field: str | None = Field(None, description="The cursor column.")
    incremental_field_type: str | None = Field(
        None, description="`timestamp`, `date`, `integer` or `numeric`; checked against the column."
    )
    sync_frequency: str | None = Field(None, description="`5min` … `30day`, or `never`.")
    sync_time_of_day: str | None = Field(None, description="`HH:MM`, in UTC.")
    primary_key_columns: list[str] | None = Field(None, description="Columns that name a row.")
    enabled_columns: list[str] | None = Field(None, description="Columns to read; null for all.")
    row_filters: list[RowFilter] | None = Field(None, description="Conditions on rows to keep.")
    masks: list[Mask] | None = Field(None, description="Columns that are masked at ingestion.")
    incremental_field_lookback_seconds: int | None = Field(
        None, description="How far before the watermark each sync begins to read."
    )
    full_refresh_interval_days: int | None = Field(
        None, description="Read everything anew after so many days."
    )
    detect_deletes: bool | None = Field(None, description="Compare keys after each sync.")
    cdc_table_mode: str | None = Field(None, description="`consolidated`, `cdc_only` or `both`.")
    description: str | None = Field(None, description="Shown beside the table.")

    def changes(self) -> JsonObject:
        """What the request says, in the words the services read."""
        return self.model_dump(exclude_unset=True)


class TableEntry(TableSettings):
    """One entry of `schemas`."""

    name: str = Field(description="The table's name at the source.")


class BulkEntry(TableSettings):
    id: str | None = Field(None, description="Id of the table; or its `name`.")
    name: str | None = Field(None, description="Name at the source, where no `id` is given.")


class BulkUpdate(BaseModel):
    schemas: list[BulkEntry] = Field(description="Each is changed by itself.", max_length=5000)


class Failure(BaseModel):
    id: str = Field(description="The entry's id or name.")
    code: str
    detail: str
    attr: str | None = None


class Updated(BaseModel):
    id: str
    name: str


class BulkResult(BaseModel):
    updated: list[Updated]
    failed: list[Failure]


class Schema(BaseModel):
    """A synced table; PostHog calls it a schema."""

    id: str
    name: str = Field(description="Name at the source.")
    table: str = Field(description="Its flat name in HogQL.")
    should_sync: bool
    sync_type: str
    incremental_field: str | None
    incremental_field_type: str | None
    incremental_field_lookback_seconds: int
    primary_key: list[str]
    primary_key_columns: list[str]
    sync_frequency: str
    sync_time_of_day: str | None
    enabled_columns: list[str] | None
    row_filters: list[JsonObject]
    masks: list[JsonObject]
    full_refresh_interval_days: int | None
    detect_deletes: bool
    cdc_table_mode: str
    status: str = Field(description="`NeverRun`, `Running`, `Completed`, `Failed`, `Paused` …")
    resync_reason: str | None = Field(description="Why the next sync makes the table anew.")
    last_synced_at: str | None
    latest_error: str | None
    row_count: int | None
    watermark: str | None = Field(description="Up to where rows are in the lake.")
    is_missing: bool = Field(description="The source does not have it any more.")
    description: str
    incremental_fields: list[str] | None = Field(None, description="Columns a sync could go by.")
    columns: list[Column] | None = None
    available_columns: list[Column] | None = Field(None, description="Columns at the source.")


class Source(BaseModel):
    """A connected source, without credentials."""

    id: str
    source_type: str
    prefix: str
    description: str
    slug: str = Field(description="Schema of its tables in the lake, and their group in Dagster.")
    status: str
    latest_error: str | None
    created_at: str | None
    last_run_at: str | None
    auto_sync_new_schemas: bool
    auto_sync_schema_patterns: list[str]
    job_inputs: JsonObject = Field(description="The form's fields; secrets are `***`.")
    schemas: list[Schema]
    revenue_analytics_config: JsonObject | None = Field(
        None, description="Of Stripe sources: `enabled`, `include_invoiceless_charges`."
    )


class SourceCreate(BaseModel):
    """A source to connect. Fields of the form may stand in `payload` or beside it."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "source_type": "Postgres",
                    "prefix": "analytics_",
                    "payload": {
                        "host": "db.example.com",
                        "port": 5432,
                        "database": "analytics",
                        "user": "readonly",
                        "password": "…",
                        "schema": "public",
                        "schemas": [
                            {
                                "name": "users",
                                "should_sync": True,
                                "sync_type": "incremental",
                                "incremental_field": "updated_at",
                                "incremental_field_type": "timestamp",
                            }
                        ],
                    },
                }
            ]
        },
    )

    source_type: str = Field(description="`Postgres`, `Stripe`, … See `wizard/`.", max_length=100)
    prefix: str | None = Field(None, description="Put before its tables' names.")
    description: str | None = Field(None, description="For people.")
    payload: JsonObject = Field(
        default_factory=dict,
        description="The form's fields, and `schemas`: which tables sync, and how; all of them when left out.",
    )
    auto_sync_new_schemas: bool | None = Field(
        None, description="Tables that appear later sync by themselves."
    )
    auto_sync_schema_patterns: list[str] | None = Field(
        None, description="Which of them: globs such as `order_*`."
    )

    def body(self) -> JsonObject:
        return {
            name: value
            for name, value in self.model_dump(exclude_unset=True).items()
            if value is not None
        }


class SourceUpdate(BaseModel):
    """What changes; what is left out stays."""

    model_config = ConfigDict(extra="allow")

    description: str | None = Field(None, description="For people.")
    payload: JsonObject | None = Field(
        None, description="Fields to change; a changed host needs its secrets again."
    )
    job_inputs: JsonObject | None = Field(None, description="The same, in PostHog's spelling.")
    auto_sync_new_schemas: bool | None = None
    auto_sync_schema_patterns: list[str] | None = None

    def body(self) -> JsonObject:
        given = self.model_dump(exclude_unset=True)
        inputs = given.pop("job_inputs", None) or {}
        given["payload"] = {**inputs, **(given.get("payload") or {})}
        return {name: value for name, value in given.items() if value is not None}


class Refreshed(BaseModel):
    added: int = Field(description="Tables that are new.")
    deleted: int = Field(description="Tables that are gone.")
    auto_enabled: int = Field(description="New ones that sync at once.")
    returned: int = Field(description="Missing before, there again.")
    changed: int = Field(description="With other columns or keys.")
    total_tables_seen: int


class Started(BaseModel):
    """Dagster was told to begin."""

    run_ids: list[str] = Field(description="Dagster's runs.")


class Removed(BaseModel):
    tables: int = Field(description="How many went.")
    views: list[str] = Field(description="Saved queries that read one of them and cannot run now.")
    left_behind: str | None = Field(
        description="Why something we set up at the source may still be there."
    )


class Probe(BaseModel):
    """A connection to look through, as in a create body."""

    model_config = ConfigDict(extra="allow")

    source_type: str = Field(description="`Postgres`, `Stripe`, …", max_length=100)
    payload: JsonObject = Field(default_factory=dict, description="The form's fields.")


class FoundTable(BaseModel):
    """A table a source has, before it is connected."""

    table: str
    label: str
    should_sync: bool = Field(description="Whether it would sync when nothing is said.")
    sync_type: str | None = Field(description="The best way to sync it.")
    rows: int | None = Field(description="How many, as the source estimates.")
    incremental_fields: list[JsonObject] = Field(description="`field`, `label`, `type`.")
    incremental_field: str | None
    incremental_available: bool
    append_available: bool
    cdc_available: bool
    xmin_available: bool
    supports_webhooks: bool
    available_columns: list[Column]
    detected_primary_keys: list[str]


class JobOut(BaseModel):
    """One attempt at a sync or a build."""

    id: str
    type: str
    name: str
    # `schema` shadows a method of pydantic's base, which is why it has another name inside.
    table: str = Field(alias="schema", description="The table's name at the source.")
    status: str
    rows_synced: int
    bytes: int
    created_at: str | None
    finished_at: str | None
    latest_error: str | None
    error_code: str | None
    attempt: int
    retry_at: str | None
    workflow_run_id: str | None = Field(description="Dagster's run.")
    progress: JsonObject | None = Field(description="While it runs: phase, rows, share, rate.")

    model_config = ConfigDict(populate_by_name=True)


class Cancelled(BaseModel):
    asked: int = Field(description="Runs that were told to end.")
    ended: int = Field(description="Those that have.")


class IncrementalFields(BaseModel):
    incremental_fields: list[JsonObject]
    incremental_available: bool
    append_available: bool
    cdc_available: bool
    xmin_available: bool
    available_columns: list[Column]
    detected_primary_keys: list[str]
