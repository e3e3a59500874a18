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

    query: str | HogQL = Field(
        description="The HogQL, or `{kind: HogQLQuery, query}`.",
        examples=["SELECT event, count() AS n FROM events GROUP BY event"],
    )

    @property
    def sql(self) -> str:
        return self.query.query if isinstance(self.query, HogQL) else self.query


class ViewColumn(BaseModel):
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
    folder: str
    origin: str = Field(description="`user`, `managed`, `dbt` or `virtual`.")
    managed_by: str | None
    is_materialized: bool
    refresh: str | None = Field(description="`schedule`, `inputs` or `manual`.")
    sync_frequency: str | None
    sync_time_of_day: str | None
    freshness_target: str | None
    incremental: JsonObject | None
    last_build: JsonObject | None
    columns: list[ViewColumn]
    inputs: list[str] = Field(description="Tables and views it reads.")
    status: str
    last_run_at: str | None
    last_attempt_at: str | None
    latest_error: str | None
    failures_in_a_row: int
    suspended_at: str | None
    stale_since: str | None
    stale_reason: str | None
    built_version: int | None = Field(description="The version its table shows.")
    row_count: int | None
    created_at: str | None
    updated_at: str | None
    sync_frequency_bounds: JsonObject | None = Field(
        None, description="Of one view: which cadences are allowed, and what limits them."
    )


class ViewSave(Text):
    """A view to save; one of the same name gets a new version."""

    name: str = Field(description="Letters, digits, `_`, with dots between parts.", max_length=128)
    description: str | None = Field(None, max_length=10_000)
    owner: str | None = Field(None, max_length=400)
    edited_history_id: int | None = Field(
        None, ge=0, description="The version the edit began from; another one is refused."
    )
    note: str | None = Field(None, max_length=2_000, description="What changed, and why.")
    force: bool = Field(False, description="Save also what breaks views that read it.")


class ViewUpdate(BaseModel):
    """What changes; what is left out stays."""

    query: str | HogQL | None = Field(None, description="A new version of the text.")
    name: str | None = Field(None, max_length=128, description="Another name.")
    description: str | None = Field(None, max_length=10_000)
    owner: str | None = Field(None, max_length=400)
    is_materialized: bool | None = None
    sync_frequency: str | None = Field(None, description="`15min` … `30day`; `never` for by hand.")
    sync_time_of_day: str | None = None
    freshness_target: str | None = Field(None, description="How old its rows may get; `none`.")
    edited_history_id: int | None = Field(None, ge=0)
    note: str | None = Field(None, max_length=2_000)
    force: bool = False

    @property
    def sql(self) -> str | None:
        return self.query.query if isinstance(self.query, HogQL) else self.query


class Incremental(BaseModel):
    key: str = Field(description="Column the view is built in parts by.")
    unique_key: list[str] = Field(default_factory=list, description="Columns that name a row.")
    lookback_seconds: int = Field(0, ge=0, description="How much is computed again each time.")


class Materialize(BaseModel):
    """How the view is kept as a table."""

    sync_frequency: str | None = Field(
        None, description="`15min` … `30day`; `24hour` when left out."
    )
    sync_time_of_day: str | None = Field(None, description="`HH:MM`, UTC.")
    refresh: Literal["schedule", "inputs", "manual"] = Field(
        "schedule", description="By its frequency, after its inputs change, or by hand."
    )
    incremental: Incremental | None = Field(None, description="Build it in parts.")
    run: bool = Field(True, description="Begin the first build at once.")

    @field_validator("sync_frequency")
    @classmethod
    def _blank(cls, value: str | None) -> str | None:
        return value or None


class Run(BaseModel):
    full_refresh: bool = Field(False, description="Compute every part anew.")


class Built(BaseModel):
    run_id: str | None = Field(description="Dagster's run.")
    view: View


class Depth(BaseModel):
    level: int | None = Field(None, ge=1, le=1000, description="At most so many steps away.")


class Relatives(BaseModel):
    ancestors: list[str] | None = None
    descendants: list[str] | None = None


class Dependencies(BaseModel):
    upstream_count: int
    downstream_count: int


class RunNote(BaseModel):
    id: str
    status: str
    timestamp: str | None
    finished_at: str | None
    rows: int
    error: str | None


class IncrementalCheck(Text):
    incremental_key: str | None = None
    unique_key: list[str] = Field(default_factory=list)
    lookback_seconds: int = 0


class Eligible(BaseModel):
    eligible: bool
    key_candidates: list[str] = Field(description="Best first.")
    key_candidate_types: dict[str, str]
    unique_key_candidates: list[list[str]]
    blockers: list[str] = Field(description="What stands in the way, in sentences.")
    warnings: list[str]


class Version(BaseModel):
    version: int
    query: str
    created_at: str | None
    author: str
    note: str


class Restore(BaseModel):
    version: int = Field(ge=1)
    force: bool = False


class Join(BaseModel):
    """`source_table_name.field_name` is the row of the other table whose key is the same."""

    id: str
    source_table_name: str
    source_table_key: str = Field(description="HogQL over the source table.")
    joining_table_name: str
    joining_table_key: str
    field_name: str
    configuration: JsonObject
    is_automatic: bool
    created_at: str | None


class JoinSave(BaseModel):
    source_table_name: str = Field(max_length=512, examples=["persons"])
    source_table_key: str = Field(max_length=2_000, examples=["properties.email"])
    joining_table_name: str = Field(max_length=512, examples=["stripe_customer"])
    joining_table_key: str = Field(max_length=2_000, examples=["email"])
    field_name: str = Field(max_length=200, examples=["stripe_customer"])
    configuration: JsonObject = Field(default_factory=dict)


class JoinProbe(BaseModel):
    is_valid: bool
    msg: str | None = Field(description="What is wrong, or that no rows met.")
    hogql: str
    results: list[list[Any]] = Field(description="Pairs of keys that met.")


class TableOut(BaseModel):
    """A table as HogQL sees it."""

    model_config = ConfigDict(extra="allow")

    name: str
    hogql_name: str
    columns: list[JsonObject]
    row_count: int | None = None
