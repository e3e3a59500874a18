"""What is asked at `query/`, and what comes back."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

JsonObject = dict[str, Any]
TEXT_MOST = 2_000_000
"""Characters of a text; the language itself takes fewer and says so in its own words."""


class HogQLFilters(BaseModel):
    model_config = ConfigDict(extra="allow")

    dateRange: JsonObject | None = Field(  # noqa: N815  PostHog's spelling
        None, description="`date_from` and `date_to`, for `{filters.dateRange.from}` and `.to`."
    )


class HogQLQuery(BaseModel):
    """Run a text and answer with its rows."""

    model_config = ConfigDict(extra="allow")

    kind: Literal["HogQLQuery"]
    query: str = Field(
        description="One SELECT or set operation.",
        max_length=TEXT_MOST,
        examples=["SELECT event, count() FROM events GROUP BY event ORDER BY 2 DESC"],
    )
    variables: JsonObject = Field(
        default_factory=dict,
        description="Values of `{variables.name}`: by name, or PostHog's `{id: {code_name, value}}`.",
    )
    values: JsonObject = Field(default_factory=dict, description="Values of other placeholders.")
    filters: HogQLFilters | None = None
    engine: Literal["duckdb", "clickhouse"] | None = Field(None, description="Where to run it.")
    limit: int | None = Field(None, ge=1, le=50_000, description="LIMIT of a text that has none.")


class HogQLMetadata(BaseModel):
    """Look at a text without running it: mistakes with their places, warnings, tables, columns."""

    model_config = ConfigDict(extra="allow")

    kind: Literal["HogQLMetadata"]
    query: str = Field(max_length=TEXT_MOST)
    language: str = "hogQL"
    variables: JsonObject = Field(default_factory=dict)
    engine: Literal["duckdb", "clickhouse"] | None = None
    debug: bool = Field(False, description="Show the engine's SQL and what it reads.")


class HogQLAutocomplete(BaseModel):
    """What may stand at a place of a text, which need not parse."""

    model_config = ConfigDict(extra="allow")

    kind: Literal["HogQLAutocomplete"]
    query: str = Field(max_length=TEXT_MOST)
    language: str = "hogQL"
    endPosition: int | None = Field(  # noqa: N815  PostHog's spelling
        None, ge=0, description="Offset of the cursor in characters; the end when left out."
    )
    startPosition: int | None = Field(None, ge=0)  # noqa: N815
    variables: JsonObject = Field(default_factory=dict)


class DatabaseSchemaQuery(BaseModel):
    """Every table with its fields and joins."""

    model_config = ConfigDict(extra="allow")

    kind: Literal["DatabaseSchemaQuery"]


Query = Annotated[
    HogQLQuery | HogQLMetadata | HogQLAutocomplete | DatabaseSchemaQuery,
    Field(discriminator="kind"),
]
RefreshWord = Literal[
    "blocking",
    "async",
    "lazy_async",
    "async_except_on_cache_miss",
    "force_blocking",
    "force_async",
    "force_cache",
]


class QueryRequest(BaseModel):
    query: Query
    refresh: RefreshWord | bool | None = Field(
        None, description="When to compute: `blocking` unless said. `true` is `force_blocking`."
    )
    client_query_id: str | None = Field(
        None,
        max_length=100,
        pattern=r"^[A-Za-z0-9_.:-]+$",
        description="Your own id, to poll or cancel by.",
    )
    variables_override: JsonObject | None = Field(None, description="Other values of variables.")
    filters_override: HogQLFilters | None = None
    name: str | None = Field(None, max_length=400, description="For the audit log.")


class QueryStatus(BaseModel):
    id: str
    team_id: int
    query_async: bool = True
    complete: bool
    error: bool
    error_message: str | None
    error_code: str | None
    start_time: str | None
    end_time: str | None
    results: JsonObject | None = Field(description="The whole answer, once complete.")


class QueryStatusAnswer(BaseModel):
    query_status: QueryStatus


class HogQLAnswer(BaseModel):
    """Rows with what they are."""

    results: list[list[Any]]
    columns: list[str]
    types: list[list[str]] = Field(description="Name and type of each column.")
    query: str
    hogql: str
    clickhouse: str | None = Field(description="The SQL that ran, on ClickHouse.")
    sql: str = Field(description="The SQL that ran.")
    engine: str
    tables: list[str] = Field(description="Tables and views the text reads.")
    limit: int | None
    offset: int
    hasMore: bool  # noqa: N815  PostHog's spelling
    timings: list[JsonObject]
    error: str | None = None
    warnings: list[JsonObject] = Field(default_factory=list)
    is_cached: bool
    cache_key: str | None
    last_refresh: str
    cache_target_age: str | None
    next_allowed_client_refresh: str
    query_status: JsonObject | None = None
    id: str
