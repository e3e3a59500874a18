"""What saved queries, joins and tables look like over HTTP."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

JsonObject = dict[str, Any]


class HogQL(BaseModel):
    """PostHog's way to hand over a text."""

    model_config = ConfigDict(extra="allow")

    kind: str = Field("HogQLQuery", description="Always `HogQLQuery`.")
    query: str = Field(description="The text.", max_length=262_144)


class Text(BaseModel):
    """A body with a text in either spelling."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"query": "SELECT event, count() AS n FROM events GROUP BY event"}]
        }
    )

    query: str | HogQL = Field(
        description="The HogQL, or `{kind: HogQLQuery, query}`.",
        examples=["SELECT event, count() AS n FROM events GROUP BY event"],
    )

    @property
    def sql(self) -> str:
        return self.query.query if isinstance(self.query, HogQL) else self.query


class ViewColumn(BaseModel):
    """A column of a view."""

    name: str
    type: str = Field(description="The lake's type.")


class View(BaseModel):
    """A saved query."""

    id: str
    name: str
    query: JsonObject = Field(description="`{kind: HogQLQuery, query}`.")
    version: int
    latest_history_id: int = Field(
        description="The version; send it back as `edited_history_id` to edit only what you have seen."
    )
    description: str
    owner: str
    folder: str = Field(description="Folder it is shown in.")
    origin: str = Field(description="`user`, `managed`, `dbt` or `virtual`.")
    managed_by: str | None = Field(
        description="What keeps it up to date, of a managed or dbt view."
    )
    is_materialized: bool = Field(description="Its rows are kept as a table.")
    refresh: str | None = Field(description="`schedule`, `inputs` or `manual`.")
    sync_frequency: str | None = Field(description="How often it is built.")
    sync_time_of_day: str | None = Field(description="`HH:MM`, UTC.")
    freshness_target: str | None = Field(description="How old its rows may get, as promised.")
    incremental: JsonObject | None = Field(
        description="`key`, `unique_key`, `lookback_seconds`, where it is built in parts."
    )
    engine: str | None = Field(
        description="The engine that shall build it; null for the warehouse's."
    )
    last_build: JsonObject | None = Field(
        description="`engine`, `mode`, `reason` and `buckets` of the build its rows come from."
    )
    columns: list[ViewColumn] = Field(description="What it gives.")
    inputs: list[str] = Field(description="Tables and views it reads.")
    status: str
    last_run_at: str | None = Field(description="When its rows were last built.")
    last_attempt_at: str | None = Field(description="When a build was last tried.")
    latest_error: str | None
    failures_in_a_row: int = Field(description="Builds that failed since the last good one.")
    suspended_at: str | None = Field(description="When it was given up after too many of them.")
    stale_since: str | None = Field(
        description="Since when its rows are not those of its text and inputs."
    )
    stale_reason: str | None = Field(description="Why.")
    built_version: int | None = Field(description="The version its table shows.")
    row_count: int | None
    created_at: str | None
    updated_at: str | None
    sync_frequency_bounds: JsonObject | None = Field(
        None, description="Of one view: which cadences are allowed, and what limits them."
    )


class ViewSave(Text):
    """A view to save; one of the same name gets a new version."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "per_event",
                    "query": "SELECT event, count() AS n FROM events GROUP BY event",
                }
            ]
        }
    )

    name: str = Field(description="Letters, digits, `_`, with dots between parts.", max_length=128)
    description: str | None = Field(None, max_length=10_000)
    owner: str | None = Field(None, max_length=400)
    folder: str | None = Field(
        None, max_length=200, description="Folder it is shown in, by name or id; made if new."
    )
    edited_history_id: int | None = Field(
        None, ge=0, description="The version the edit began from; another one is refused."
    )
    note: str | None = Field(None, max_length=2_000, description="What changed, and why.")
    force: bool = Field(False, description="Save also what breaks views that read it.")


class ViewUpdate(BaseModel):
    """What changes; what is left out stays."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"description": "Events a day", "note": "For the page on growth"}]
        }
    )

    query: str | HogQL | None = Field(None, description="A new version of the text.")
    name: str | None = Field(None, max_length=128, description="Another name.")
    description: str | None = Field(None, max_length=10_000)
    owner: str | None = Field(None, max_length=400)
    folder: str | None = Field(
        None, max_length=200, description="Folder, by name or id; empty takes it out of any."
    )
    is_materialized: bool | None = Field(
        None, description="Keep it as a table, or make it plain again."
    )
    sync_frequency: str | None = Field(None, description="`15min` … `30day`; `never` for by hand.")
    sync_time_of_day: str | None = Field(None, description="`HH:MM`, UTC.")
    freshness_target: str | None = Field(None, description="How old its rows may get; `none`.")
    edited_history_id: int | None = Field(
        None, ge=0, description="The version the edit began from; another one is refused."
    )
    note: str | None = Field(None, max_length=2_000)
    force: bool = False

    @property
    def sql(self) -> str | None:
        return self.query.query if isinstance(self.query, HogQL) else self.query


class Incremental(BaseModel):
    """How a view is built in parts."""

    key: str = Field(description="Column the view is built in parts by.")
    unique_key: list[str] = Field(default_factory=list, description="Columns that name a row.")
    lookback_seconds: int = Field(0, ge=0, description="How much is computed again each time.")


class Materialize(BaseModel):
    """How the view is kept as a table."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"sync_frequency": "24hour", "refresh": "schedule", "run": False}]
        }
    )

    sync_frequency: str | None = Field(
        None,
        description="`15min` … `30day`, not more often than what it reads; about a day when left out.",
    )
    sync_time_of_day: str | None = Field(None, description="`HH:MM`, UTC.")
    refresh: Literal["schedule", "inputs", "manual"] = Field(
        "schedule", description="By its frequency, after its inputs change, or by hand."
    )
    lower_inputs: bool = Field(
        False, description="With `sync_frequency`: what it reads runs as often."
    )
    incremental: Incremental | None = Field(None, description="Build it in parts.")
    engine: Literal["duckdb", "clickhouse", "default"] | None = Field(
        None, description="What builds it from now on; `default` is the warehouse's."
    )
    run: bool = Field(True, description="Begin the first build at once.")

    @field_validator("sync_frequency")
    @classmethod
    def _blank(cls, value: str | None) -> str | None:
        return value or None


class Run(BaseModel):
    """How to build it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"full_refresh": True}]})

    full_refresh: bool = Field(False, description="Compute every part anew.")
    engine: Literal["duckdb", "clickhouse"] | None = Field(
        None, description="What computes it this time; refused where it cannot."
    )


class Built(BaseModel):
    """What was begun."""

    run_id: str | None = Field(description="Dagster's run.")
    view: View = Field(description="As it is now.")


class Resumed(BaseModel):
    """What resuming came to."""

    resumed: bool = Field(description="It was suspended, and is not any more.")


class ResumeSchedules(BaseModel):
    """Views to resume."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"view_ids": []}]})

    view_ids: list[str] = Field(description="Ids of saved queries.", max_length=5000)


class ResumedSchedules(BaseModel):
    """What resuming came to."""

    view_ids: list[str] = Field(description="Those that were suspended, and are not any more.")


class Diff(BaseModel):
    """How two texts differ."""

    diff: str = Field(description="A unified diff; empty when they are equal.")


class Depth(BaseModel):
    """How far to go."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"level": 1}]})

    level: int | None = Field(None, ge=1, le=1000, description="At most so many steps away.")


class Relatives(BaseModel):
    """Ids of tables and views."""

    ancestors: list[str] | None = Field(
        None, description="Ids of what it is made of; null when descendants were asked for."
    )
    descendants: list[str] | None = Field(
        None, description="Ids of what is made of it; null when ancestors were asked for."
    )


class Dependencies(BaseModel):
    """How many it reads, and read it."""

    upstream_count: int = Field(description="Tables and views it reads itself.")
    downstream_count: int = Field(description="Views that read it themselves.")


class RunNote(BaseModel):
    """One build."""

    id: str
    status: str
    timestamp: str | None = Field(description="When it began.")
    finished_at: str | None
    rows: int
    error: str | None = Field(description="Why it failed.")
    engine: str | None = Field(description="What computed it.")
    mode: str | None = Field(description="`full` or `incremental`.")
    reason: str | None = Field(description="Why by this engine and in this mode.")


class IncrementalCheck(Text):
    """A text to look at."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "query": "SELECT toStartOfDay(timestamp) AS day, count() AS n FROM events GROUP BY day"
                }
            ]
        }
    )

    incremental_key: str | None = Field(
        None, description="Column to build in parts by; the best is chosen when left out."
    )
    unique_key: list[str] = Field(default_factory=list, description="Columns that name a row.")
    lookback_seconds: int = Field(0, description="How much would be computed again each time.")


class Eligible(BaseModel):
    """Whether a text can be built in parts."""

    eligible: bool = Field(description="Whether it can be built in parts.")
    key_candidates: list[str] = Field(description="Best first.")
    key_candidate_types: dict[str, str] = Field(description="Type of each of them.")
    unique_key_candidates: list[list[str]] = Field(
        description="Sets of columns that may name a row."
    )
    blockers: list[str] = Field(description="What stands in the way, in sentences.")
    warnings: list[str] = Field(description="What is worth knowing, in sentences.")


class Version(BaseModel):
    """One text a view had."""

    version: int
    query: str = Field(description="The text.")
    created_at: str | None
    author: str
    note: str


class Restore(BaseModel):
    """Which text to give it again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": 1}]})

    version: int = Field(ge=1)
    force: bool = False


class Join(BaseModel):
    """`source_table_name.field_name` is the row of the other table whose key is the same."""

    id: str
    source_table_name: str = Field(description="The table that gets the field.")
    source_table_key: str = Field(description="HogQL over the source table.")
    joining_table_name: str = Field(description="The table the field leads to.")
    joining_table_key: str = Field(description="HogQL over the joining table.")
    field_name: str = Field(description="What the field is called.")
    configuration: JsonObject = Field(description="Kept for PostHog's clients.")
    is_automatic: bool = Field(description="PWH made it by itself.")
    created_at: str | None


class JoinSave(BaseModel):
    """A join to make."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "source_table_name": "persons",
                    "source_table_key": "properties.email",
                    "joining_table_name": "events",
                    "joining_table_key": "properties.email",
                    "field_name": "by_email",
                }
            ]
        }
    )

    source_table_name: str = Field(
        max_length=512, examples=["persons"], description="The table that gets the field."
    )
    source_table_key: str = Field(
        max_length=2_000, examples=["properties.email"], description="HogQL over the source table."
    )
    joining_table_name: str = Field(
        max_length=512, examples=["stripe_customer"], description="The table the field leads to."
    )
    joining_table_key: str = Field(
        max_length=2_000, examples=["email"], description="HogQL over the joining table."
    )
    field_name: str = Field(
        max_length=200, examples=["stripe_customer"], description="What the field is called."
    )
    configuration: JsonObject = Field(
        default_factory=dict, description="Kept for PostHog's clients."
    )


class JoinUpdate(BaseModel):
    """What changes; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"configuration": {}}]})

    source_table_name: str | None = Field(
        None, max_length=512, description="The table that gets the field."
    )
    source_table_key: str | None = Field(
        None, max_length=2_000, description="HogQL over the source table."
    )
    joining_table_name: str | None = Field(
        None, max_length=512, description="The table the field leads to."
    )
    joining_table_key: str | None = Field(
        None, max_length=2_000, description="HogQL over the joining table."
    )
    field_name: str | None = Field(None, max_length=200, description="What the field is called.")
    configuration: JsonObject | None = Field(None, description="Kept for PostHog's clients.")

    def changes(self) -> JsonObject:
        """In the words of a join's own fields."""
        names = {
            "source_table_name": "source_table",
            "source_table_key": "source_key",
            "joining_table_name": "joining_table",
            "joining_table_key": "joining_key",
        }
        given = self.model_dump(exclude_none=True)
        return {names.get(name, name): value for name, value in given.items()}


class JoinProbe(BaseModel):
    """What became of a try."""

    is_valid: bool = Field(description="Whether it can be used.")
    msg: str | None = Field(description="What is wrong, or that no rows met.")
    hogql: str = Field(description="The text that was tried.")
    results: list[list[Any]] = Field(description="Pairs of keys that met.")
