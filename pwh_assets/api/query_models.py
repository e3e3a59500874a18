"""What is asked at `query/`, and what comes back."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

JsonObject = dict[str, Any]
TEXT_MOST = 2_000_000
"""Characters of a text; the language itself takes fewer and says so in its own words."""


class HogQLFilters(BaseModel):
    """Values a text can ask for."""

    model_config = ConfigDict(extra="allow")

    dateRange: JsonObject | None = Field(  # noqa: N815  PostHog's spelling
        None,
        description="`date_from` and `date_to`: 2024-01-31, a time, `-7d`, `-24h`, `mStart`, or `all`.",
        examples=[{"date_from": "-7d"}],
    )
    properties: list[JsonObject] | None = Field(
        None,
        description="Property filters, of which all hold: `key`, `value`, `operator`, and `type`, which is `event`, "
        "`person`, `session`, `group`, `cohort`, `element` or `hogql`.",
        examples=[[{"key": "plan", "value": ["pro"], "operator": "exact", "type": "event"}]],
    )
    filterTestAccounts: bool | None = Field(  # noqa: N815  PostHog's spelling
        None, description="Add the project's setting `test_account_filters`."
    )


class HogQLQuery(BaseModel):
    """Run a text and answer with its rows."""

    model_config = ConfigDict(extra="allow")

    kind: Literal["HogQLQuery"] = Field(description="Always `HogQLQuery`.")
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
    filters: HogQLFilters | None = Field(
        None,
        description="What `{filters}`, `{filters(column AS name)}` and `{filters.…}` stand for.",
    )
    engine: Literal["duckdb", "clickhouse"] | None = Field(None, description="Where to run it.")
    limit: int | None = Field(None, ge=1, le=50_000, description="LIMIT of a text that has none.")


class HogQLMetadata(BaseModel):
    """Look at a text without running it: mistakes with their places, warnings, tables, columns."""

    model_config = ConfigDict(extra="allow")

    kind: Literal["HogQLMetadata"] = Field(description="Always `HogQLMetadata`.")
    query: str = Field(max_length=TEXT_MOST, description="The text to look at.")
    language: str = Field("hogQL", description="Always `hogQL`; other words are read as it.")
    variables: JsonObject = Field(default_factory=dict, description="Values of `{variables.name}`.")
    filters: HogQLFilters | None = Field(None, description="What `{filters}` stands for.")
    engine: Literal["duckdb", "clickhouse"] | None = Field(None, description="For which engine.")
    debug: bool = Field(False, description="Show the engine's SQL and what it reads.")


class HogQLAutocomplete(BaseModel):
    """What may stand at a place of a text, which need not parse."""

    model_config = ConfigDict(extra="allow")

    kind: Literal["HogQLAutocomplete"] = Field(description="Always `HogQLAutocomplete`.")
    query: str = Field(max_length=TEXT_MOST, description="The text as far as it is written.")
    language: str = Field("hogQL", description="Always `hogQL`; other words are read as it.")
    endPosition: int | None = Field(  # noqa: N815  PostHog's spelling
        None, ge=0, description="Offset of the cursor in characters; the end when left out."
    )
    startPosition: int | None = Field(None, ge=0, description="Where the word began; not needed.")  # noqa: N815
    variables: JsonObject = Field(default_factory=dict, description="Values of `{variables.name}`.")


class DatabaseSchemaQuery(BaseModel):
    """Every table with its fields and joins."""

    model_config = ConfigDict(extra="allow")

    kind: Literal["DatabaseSchemaQuery"] = Field(description="Always `DatabaseSchemaQuery`.")


Query = Annotated[
    HogQLQuery | HogQLMetadata | HogQLAutocomplete | DatabaseSchemaQuery,
    Field(discriminator="kind"),
]
Format = Literal["json", "jsonl", "csv", "arrow", "parquet"]
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
    """A query, and how to answer it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "query": {
                        "kind": "HogQLQuery",
                        "query": "SELECT event, count() AS n FROM events GROUP BY event",
                    },
                    "refresh": "blocking",
                }
            ]
        }
    )

    query: Query = Field(description="What is asked: its `kind` says which of them.")
    refresh: RefreshWord | bool | None = Field(
        None, description="When to compute: `blocking` unless said. `true` is `force_blocking`."
    )
    async_: bool | None = Field(
        None,
        alias="async",
        description="`true` without `refresh` is `async`, with `true` there it is `force_async`.",
    )
    format: Format | None = Field(
        None,
        description="As in the address: `json` (unless said), or the rows as a file. If both say it, they agree.",
    )
    client_query_id: str | None = Field(
        None,
        max_length=100,
        pattern=r"^[A-Za-z0-9_.:-]+$",
        description="Your own id, to poll or cancel by.",
    )
    variables_override: JsonObject | None = Field(None, description="Other values of variables.")
    filters_override: HogQLFilters | None = Field(
        None, description="Instead of the query's own `filters`."
    )
    name: str | None = Field(None, max_length=400, description="For the audit log.")


class QueryStatus(BaseModel):
    """How a query is getting on."""

    id: str
    team_id: int = Field(description="Number of the project.")
    query_async: bool = Field(True, description="Always true.")
    complete: bool = Field(description="It has ended, well or not.")
    error: bool = Field(description="It failed.")
    error_message: str | None = Field(description="Why.")
    error_code: str | None = Field(description="Why, for programs.")
    start_time: str | None = Field(description="When it was asked.")
    end_time: str | None = Field(description="When it ended.")
    results: JsonObject | None = Field(description="The whole answer, once complete.")


class QueryStatusAnswer(BaseModel):
    """Where to look."""

    query_status: QueryStatus = Field(description="How it is getting on.")


class HogQLAnswer(BaseModel):
    """Rows with what they are."""

    results: list[list[Any]]
    columns: list[str] = Field(description="Names of the columns, in order.")
    types: list[list[str]] = Field(description="Name and type of each column.")
    query: str = Field(description="The text that was asked.")
    hogql: str = Field(description="The same.")
    clickhouse: str | None = Field(description="The SQL that ran, on ClickHouse.")
    sql: str = Field(description="The SQL that ran.")
    engine: str = Field(description="What ran it: `duckdb` or `clickhouse`.")
    tables: list[str] = Field(description="Tables and views the text reads.")
    limit: int | None = Field(description="The LIMIT that holds; null where there is none.")
    offset: int = Field(description="Always 0: write OFFSET in the text.")
    hasMore: bool = Field(  # noqa: N815  PostHog's spelling
        description="As many rows as the limit lets through: there may be others."
    )
    timings: list[JsonObject] = Field(
        description="How long the engine took, in seconds, as `{k, t}`."
    )
    error: str | None = Field(None, description="Always null: errors have their own shape.")
    warnings: list[JsonObject] = Field(
        default_factory=list,
        description="`{message}`: filters that have no place in the text. `HogQLMetadata` tells the others.",
    )
    is_cached: bool = Field(description="Nothing was computed: nothing it depends on has changed.")
    cache_key: str | None = Field(description="Names text, policy and state of the tables read.")
    last_refresh: str = Field(description="When the rows were computed.")
    cache_target_age: str | None = Field(
        description="Of a text that asks for the time: until when the answer is kept."
    )
    next_allowed_client_refresh: str = Field(
        description="From when it may be computed anew: at once."
    )
    query_status: JsonObject | None = Field(
        None, description="Always null in an answer that is complete."
    )
    id: str = Field(description="The id it was asked under.")


class MetadataAnswer(BaseModel):
    """What `HogQLMetadata` answers."""

    model_config = ConfigDict(extra="allow")

    isValid: bool = Field(description="It can be run.")  # noqa: N815  PostHog's spelling
    isValidView: bool = Field(description="It can be saved as a view.")  # noqa: N815
    query: str = Field(description="The text that was looked at.")
    errors: list[JsonObject] = Field(description="Mistakes with places and fixes.")
    warnings: list[JsonObject] = Field(description="What is worth knowing, with places.")
    notices: list[JsonObject] = Field(description="Types of what is named, with places.")
    table_names: list[str] = Field(description="Tables and views the text names.")
    columns: list[JsonObject] = Field(description="`name` and `type` of what it gives.")
    formatted: str | None = Field(description="The text laid out, where it parses.")


class Completions(BaseModel):
    """What `HogQLAutocomplete` answers."""

    suggestions: list[JsonObject] = Field(description="Best first.")
    incomplete_list: bool = Field(description="There are more than are shown.")


class DatabaseSchema(BaseModel):
    """What `DatabaseSchemaQuery` answers."""

    tables: dict[str, JsonObject] = Field(description="By name, each with its `fields`.")
    joins: list[JsonObject] = Field(description="Joins under a field's name.")
