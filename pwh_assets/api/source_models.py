"""What sources and their tables look like over HTTP."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Scalar = str | int | float | bool
JsonObject = dict[str, Any]


class Column(BaseModel):
    """A column of a table."""

    name: str = Field(description="Name in the lake.")
    type: str = Field(description="The lake's type, in DuckDB's spelling.")
    nullable: bool = Field(True, description="Whether the source allows NULL.")


class RowFilter(BaseModel):
    """A condition on rows to keep."""

    column: str = Field(description="Column of the source's table.")
    operator: Literal[">", ">=", "<", "<=", "=", "!=", "IN", "NOT IN"] = Field(
        description="Rows for which the comparison holds are kept; NULL fulfils none."
    )
    value: Scalar | list[Scalar] = Field(description="A list for `IN` and `NOT IN`.")


class Mask(BaseModel):
    """A column that is masked."""

    column: str = Field(description="Column whose values are masked before anything is written.")
    mask: Literal["drop", "hash", "truncate", "null"] = Field(
        description="`drop` does not read it; `hash` keeps equality; `truncate` keeps the first characters; `null` "
        "keeps the column without values."
    )
    keep: int | None = Field(None, description="Of `truncate`: how many characters stay.")


class TableSettings(BaseModel):
    """How a table syncs; what is left out stays as it is."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"examples": [{"should_sync": True, "sync_frequency": "6hour"}]},
    )

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


class BulkEntry(TableSettings):
    """What changes of one table."""

    id: str | None = Field(None, description="Id of the table; or its `name`.")
    name: str | None = Field(None, description="Name at the source, where no `id` is given.")


class BulkUpdate(BaseModel):
    """Tables to change."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"schemas": [{"name": "customer", "should_sync": False}]}]}
    )

    schemas: list[BulkEntry] = Field(description="Each is changed by itself.", max_length=5000)


class Failure(BaseModel):
    """An entry that was not changed."""

    id: str = Field(description="The entry's id or name.")
    code: str = Field(description="For programs; it never changes.")
    detail: str = Field(description="What is wrong and the way out.")
    attr: str | None = Field(None, description="The field that is wrong.")


class Updated(BaseModel):
    """A table that was changed."""

    id: str
    name: str


class BulkResult(BaseModel):
    """What became of each entry."""

    updated: list[Updated] = Field(description="Tables that were changed.")
    failed: list[Failure] = Field(description="Entries that were not, and why.")


class Schema(BaseModel):
    """A synced table; PostHog calls it a schema."""

    id: str
    name: str = Field(description="Name at the source.")
    table: str = Field(description="Its flat name in HogQL.")
    should_sync: bool = Field(description="Whether it syncs by its schedule.")
    sync_type: str = Field(
        description="`full`, `incremental`, `append`, `cdc`, `xmin`, `webhook` or `in_place`."
    )
    incremental_field: str | None = Field(description="The cursor column.")
    incremental_field_type: str | None = Field(
        description="`timestamp`, `date`, `integer` or `numeric`."
    )
    incremental_field_lookback_seconds: int = Field(
        description="How far before the watermark each sync begins to read."
    )
    primary_key: list[str] = Field(description="Columns that name a row.")
    primary_key_columns: list[str] = Field(description="The same, in PostHog's spelling.")
    sync_frequency: str = Field(description="`5min` … `30day`, or `never`.")
    sync_time_of_day: str | None = Field(description="`HH:MM`, in UTC.")
    enabled_columns: list[str] | None = Field(description="Columns that are read; null for all.")
    row_filters: list[JsonObject] = Field(description="Conditions on rows to keep.")
    masks: list[JsonObject] = Field(description="Columns that are masked at ingestion.")
    full_refresh_interval_days: int | None = Field(
        description="Everything is read anew after so many days."
    )
    detect_deletes: bool = Field(description="Keys are compared after each sync.")
    cdc_table_mode: str = Field(description="`consolidated`, `cdc_only` or `both`.")
    status: str = Field(description="`NeverRun`, `Running`, `Completed`, `Failed`, `Paused` …")
    resync_reason: str | None = Field(description="Why the next sync makes the table anew.")
    last_synced_at: str | None = Field(description="When its last sync ended well.")
    latest_error: str | None
    row_count: int | None
    watermark: str | None = Field(description="Up to where rows are in the lake.")
    is_missing: bool = Field(description="The source does not have it any more.")
    description: str
    incremental_fields: list[str] | None = Field(None, description="Columns a sync could go by.")
    columns: list[Column] | None = Field(
        None, description="Columns in the lake; of one table only."
    )
    available_columns: list[Column] | None = Field(None, description="Columns at the source.")


class Source(BaseModel):
    """A connected source, without credentials."""

    id: str
    source_type: str = Field(description="`Postgres`, `Stripe`, … See `wizard/`.")
    prefix: str = Field(description="Put before its tables' names.")
    description: str
    slug: str = Field(description="Schema of its tables in the lake, and their group in Dagster.")
    status: str = Field(description="`Completed`, `Running`, `Error`, … of its tables together.")
    latest_error: str | None
    created_at: str | None
    last_run_at: str | None = Field(description="When one of its tables was last synced.")
    auto_sync_new_schemas: bool = Field(description="Tables that appear later sync by themselves.")
    auto_sync_schema_patterns: list[str] = Field(
        description="Which of them: globs such as `order_*`."
    )
    job_inputs: JsonObject = Field(description="The form's fields; secrets are `***`.")
    schemas: list[Schema] = Field(description="Its tables.")
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

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"examples": [{"description": "The shop"}]}
    )

    description: str | None = Field(None, description="For people.")
    payload: JsonObject | None = Field(
        None, description="Fields to change; a changed host needs its secrets again."
    )
    job_inputs: JsonObject | None = Field(None, description="The same, in PostHog's spelling.")
    auto_sync_new_schemas: bool | None = Field(
        None, description="Tables that appear later sync by themselves."
    )
    auto_sync_schema_patterns: list[str] | None = Field(
        None, description="Which of them: globs such as `order_*`."
    )

    def body(self) -> JsonObject:
        given = self.model_dump(exclude_unset=True)
        inputs = given.pop("job_inputs", None) or {}
        given["payload"] = {**inputs, **(given.get("payload") or {})}
        return {name: value for name, value in given.items() if value is not None}


class Refreshed(BaseModel):
    """How many tables are other ones."""

    added: int = Field(description="Tables that are new.")
    deleted: int = Field(description="Tables that are gone.")
    auto_enabled: int = Field(description="New ones that sync at once.")
    returned: int = Field(description="Missing before, there again.")
    changed: int = Field(description="With other columns or keys.")
    total_tables_seen: int = Field(description="Tables the source has.")


class Started(BaseModel):
    """Dagster was told to begin."""

    run_ids: list[str] = Field(description="Dagster's runs.")


class Removed(BaseModel):
    """What went with the source."""

    tables: int = Field(description="How many went.")
    views: list[str] = Field(description="Saved queries that read one of them and cannot run now.")
    left_behind: str | None = Field(
        description="Why something we set up at the source may still be there."
    )


class Probe(BaseModel):
    """A connection to look through, as in a create body."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "source_type": "Postgres",
                    "payload": {
                        "host": "db.example.com",
                        "port": 5432,
                        "database": "analytics",
                        "user": "readonly",
                        "password": "…",
                        "schema": "public",
                    },
                }
            ]
        },
    )

    source_type: str = Field(description="`Postgres`, `Stripe`, …", max_length=100)
    payload: JsonObject = Field(default_factory=dict, description="The form's fields.")


class FoundTable(BaseModel):
    """A table a source has, before it is connected."""

    table: str = Field(description="Name at the source.")
    label: str = Field(description="The same, for people.")
    should_sync: bool = Field(description="Whether it would sync when nothing is said.")
    sync_type: str | None = Field(description="The best way to sync it.")
    rows: int | None = Field(description="How many, as the source estimates.")
    incremental_fields: list[JsonObject] = Field(description="`field`, `label`, `type`.")
    incremental_field: str | None = Field(description="The best column to sync by.")
    incremental_available: bool = Field(description="Whether it can sync with `incremental`.")
    append_available: bool = Field(description="Whether it can sync with `append`.")
    cdc_available: bool = Field(description="Whether it can sync with `cdc`.")
    xmin_available: bool = Field(description="Whether it can sync with `xmin`.")
    supports_webhooks: bool = Field(description="Whether the vendor can push its changes.")
    available_columns: list[Column] = Field(description="Its columns.")
    detected_primary_keys: list[str] = Field(
        description="Columns that name a row, as the source says."
    )


class JobOut(BaseModel):
    """One attempt at a sync or a build."""

    id: str
    type: str = Field(description="`sync` or `view`.")
    name: str = Field(description="The table's name in HogQL.")
    # `schema` shadows a method of pydantic's base, which is why it has another name inside.
    table: str = Field(alias="schema", description="The table's name at the source.")
    status: str
    rows_synced: int = Field(description="Rows it moved.")
    bytes: int = Field(description="Bytes it moved.")
    created_at: str | None
    finished_at: str | None
    latest_error: str | None
    error_code: str | None = Field(description="Why it failed, for programs.")
    attempt: int = Field(description="1 for the first try.")
    retry_at: str | None = Field(description="When it is tried again.")
    workflow_run_id: str | None = Field(description="Dagster's run.")
    progress: JsonObject | None = Field(description="While it runs: phase, rows, share, rate.")

    model_config = ConfigDict(populate_by_name=True)


class LogLine(JobOut):
    """One attempt, and how much it is worth a look."""

    level: str = Field(description="`info`, `warning` (it was stopped) or `error`.")


class Cancelled(BaseModel):
    """What became of the runs."""

    asked: int = Field(description="Runs that were told to end.")
    ended: int = Field(description="Those that have.")


class IncrementalFields(BaseModel):
    """By which columns a table could sync."""

    incremental_fields: list[JsonObject] = Field(
        description="`field`, `label`, `type` of each column it could sync by."
    )
    incremental_available: bool = Field(description="Whether it can sync with `incremental`.")
    append_available: bool = Field(description="Whether it can sync with `append`.")
    cdc_available: bool = Field(description="Whether it can sync with `cdc`.")
    xmin_available: bool = Field(description="Whether it can sync with `xmin`.")
    available_columns: list[Column] = Field(description="Its columns.")
    detected_primary_keys: list[str] = Field(
        description="Columns that name a row, as the source says."
    )
