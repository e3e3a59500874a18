"""What is sent and answered. Made by `scripts/client.py` from the OpenAPI document; do not edit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionOut:
    """An action."""

    id: int
    """Its id."""
    name: str
    """Its name."""
    description: str
    """For people."""
    steps: "Sequence[EventStep]"
    """An event that meets any of them matches."""
    hogql: str
    """The condition it stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionOutPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[ActionOut]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionSave:
    """An action to make; one of the same name gets these steps."""

    name: str
    """What `matchesAction` finds it by."""
    steps: "Sequence[EventStep]"
    """At least one."""
    description: str | None = None
    """For people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activities:
    """Runs, newest first."""

    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[Activity]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One sync or build."""

    id: str
    """Its id."""
    type: str
    """Type of the source, or `Materialized view`."""
    name: str
    """The table's name at the source, or the view's."""
    table: str
    """Its name in HogQL."""
    status: str
    """How it stands."""
    rows: int
    """How many rows."""
    created_at: str | None
    """When it was made: ISO 8601, UTC."""
    finished_at: str | None
    """When it ended; null while it runs."""
    latest_error: str | None
    """Why the last attempt failed; null when it did not."""
    workflow_run_id: str | None
    """Dagster's run."""
    origin: str
    """`external_data` of a sync, `data_warehouse` of a build."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeStep:
    """One step on the way from a source to the rows that are oldest."""

    name: str
    """Table or view."""
    cadence: str | None
    """How often it runs."""
    takes_s: float
    """Seconds one run takes."""
    adds_s: float
    """Seconds it adds to the age."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """One hour or day."""

    at: str
    """When the hour or day begins, in UTC."""
    total: int
    """Runs that began then."""
    successful: int
    """Those that ended well."""
    failed: int
    """Those that failed."""
    external_data_jobs: "Counts"
    """Syncs alone."""
    modeling_jobs: "Counts"
    """Builds of views alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What was begun."""

    run_id: str | None
    """Dagster's run."""
    view: "View"
    """As it is now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkEntry:
    """What changes of one table."""

    should_sync: bool | None = None
    """Whether it syncs by its schedule."""
    sync_type: str | None = None
    """`full` (or `full_refresh`), `incremental`, `append`, `cdc`, `xmin`, `webhook` or `in_place`."""
    incremental_field: str | None = None
    """The cursor column."""
    incremental_field_type: str | None = None
    """`timestamp`, `date`, `integer` or `numeric`; checked against the column."""
    sync_frequency: str | None = None
    """`5min` … `30day`, or `never`."""
    sync_time_of_day: str | None = None
    """`HH:MM`, in UTC."""
    primary_key_columns: Sequence[str] | None = None
    """Columns that name a row."""
    enabled_columns: Sequence[str] | None = None
    """Columns to read; null for all."""
    row_filters: "Sequence[RowFilter] | None" = None
    """Conditions on rows to keep."""
    masks: "Sequence[Mask] | None" = None
    """Columns that are masked at ingestion."""
    incremental_field_lookback_seconds: int | None = None
    """How far before the watermark each sync begins to read."""
    full_refresh_interval_days: int | None = None
    """Read everything anew after so many days."""
    detect_deletes: bool | None = None
    """Compare keys after each sync."""
    cdc_table_mode: str | None = None
    """`consolidated`, `cdc_only` or `both`."""
    description: str | None = None
    """Shown beside the table."""
    id: str | None = None
    """Id of the table; or its `name`."""
    name: str | None = None
    """Name at the source, where no `id` is given."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other fields, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkResult:
    """What became of each entry."""

    updated: "Sequence[Updated]"
    """Tables that were changed."""
    failed: "Sequence[Failure]"
    """Entries that were not, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkUpdate:
    """Tables to change."""

    schemas: "Sequence[BulkEntry]"
    """Each is changed by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """What became of the runs."""

    asked: int
    """Runs that were told to end."""
    ended: int
    """Those that have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Whether the log is what was written."""

    is_whole: bool
    """Nothing was changed, removed, moved or added."""
    entries: int
    """Entries that were checked."""
    first_seq: int
    """The first that is here; older ones are in sealed exports."""
    seq: int
    """Number of the last entry."""
    hash: str
    """Hash of the last entry. Keep it elsewhere to prove more later."""
    problem: str | None = None
    """The first place where it breaks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A cadence that is another one now."""

    name: str
    """Table or view."""
    before: str
    """Cadence until now."""
    after: str
    """Cadence from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Somebody who is told. Secrets and whole addresses are never shown."""

    id: str
    """Its id."""
    name: str
    """Its name."""
    kind: str
    """`webhook`, `slack` or `email`."""
    filters: "Filters"
    """Which issues it is told of."""
    created_at: str | None
    """When it was made: ISO 8601, UTC."""
    failing_since: str | None
    """Null while alerts arrive."""
    failures: int
    """Failed attempts in a row."""
    latest_error: str | None
    """Why the last attempt failed; null when it did not."""
    address: str | None = None
    """Where a webhook goes, by its host alone."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other fields, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelAdded:
    """A channel that was added."""

    id: str
    """Its id."""
    name: str
    """Its name."""
    kind: str
    """`webhook`, `slack` or `email`."""
    filters: "Filters"
    """Which issues it is told of."""
    created_at: str | None
    """When it was made: ISO 8601, UTC."""
    failing_since: str | None
    """Null while alerts arrive."""
    failures: int
    """Failed attempts in a row."""
    latest_error: str | None
    """Why the last attempt failed; null when it did not."""
    secret: str | None
    """What deliveries of a webhook are signed with, where we made it up: shown this once."""
    address: str | None = None
    """Where a webhook goes, by its host alone."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other fields, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSave:
    """A channel to add: of a webhook `url` and `secret`, of Slack `url`, of e-mail the other fields."""

    name: str
    """What the CLI finds it by."""
    kind: str
    """How it is told."""
    filters: Mapping[str, Any] | None = None
    """`min_severity`, `kinds`, `sources`, `names`; errors when left out."""
    url: str | None = None
    """Where it goes."""
    secret: str | None = None
    """`whsec_…` to sign with; made up when left out."""
    host: str | None = None
    """The mail server."""
    port: int | None = None
    """Its port."""
    security: str | None = None
    """`starttls`, `tls` or `none`."""
    username: str | None = None
    """Of the mail server."""
    password: str | None = None
    """Of the mail server."""
    to: Sequence[str] | str | None = None
    """Who is written to."""
    ca_certificate: str | None = None
    """PEM of the mail server's authority."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other fields, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """Every channel."""

    count: int
    """How many there are."""
    results: "Sequence[Channel]"
    """By name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What somebody declared about a table or view."""

    id: str
    """Its id."""
    table: str
    """Table or view it is about."""
    name: str
    """Its name among the table's checks."""
    kind: str
    """One of `checks/kinds/`."""
    options: Mapping[str, Any]
    """What the kind needs to know."""
    severity: str
    """`error`: rows that fail it are not published. `warn`: nothing waits for it."""
    where: str
    """HogQL condition; only rows that meet it are checked."""
    description: str
    """For people."""
    every: str | None
    """How often it also runs by itself."""
    at: str | None
    """Time of day of that, `HH:MM`, UTC."""
    latest: "CheckAnswer | None"
    """Null until it was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckAnswer:
    """What a check found last."""

    state: str
    """`passed`, `failed` or `broken`: it cannot be computed."""
    message: str
    """What was found, as a sentence."""
    details: Mapping[str, Any]
    """Numbers, and rows that fail it in `examples`."""
    at: str | None
    """When."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckKind:
    """A kind of check."""

    name: str
    """Its name."""
    description: str
    """What holds when it passes."""
    takes_filter: bool
    """Whether `where` can be given."""
    options: "Sequence[CheckOption]"
    """What it needs to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckKinds:
    """Every kind of check."""

    count: int
    """How many there are."""
    results: "Sequence[CheckKind]"
    """Every kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOption:
    """Something a kind needs to know."""

    name: str
    """Its name."""
    description: str
    """What it is for."""
    is_required: bool
    """Whether it has to be given."""
    default: Any
    """What it is otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[Check]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRunOut:
    """One answer of one check."""

    name: str
    """The check's."""
    kind: str
    """The check's."""
    state: str
    """`passed`, `failed` or `broken`."""
    severity: str
    """`error` or `warn`, as it was then."""
    message: str
    """What was found, as a sentence."""
    failing_rows: int | None
    """Rows that fail it, where it counts rows."""
    trigger: str
    """`manual`, `sync`, `build` or `schedule`."""
    details: Mapping[str, Any]
    """Numbers, and rows that fail it in `examples`."""
    run_id: str | None
    """Dagster's run."""
    duration_s: float
    """Seconds it took."""
    at: str | None
    """When."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRuns:
    """Answers of a check."""

    count: int
    """How many are in `results`."""
    results: "Sequence[CheckRunOut]"
    """Newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSave:
    """A check to declare."""

    table: str
    """A synced table, a view or a product table."""
    kind: str
    """One of `checks/kinds/`."""
    options: Mapping[str, Any] | None = None
    """What the kind needs to know."""
    name: str | None = None
    """Kind and columns, where it is left out."""
    severity: str | None = None
    """`error` or `warn`."""
    where: str | None = None
    """Check only rows that meet this."""
    description: str | None = None
    """For people."""
    every: str | None = None
    """Also by itself: `1hour` to `7day`."""
    at: str | None = None
    """Time of day for `every`, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortOut:
    """A cohort."""

    id: int
    """Its id."""
    name: str
    """Its name."""
    description: str
    """For people."""
    is_static: bool
    """Its members were given, not asked for."""
    query: str | None
    """The HogQL that gives its members."""
    count: int | None
    """Persons in it; null before the first calculation."""
    last_calculation: str | None
    """When its members were last asked for."""
    latest_error: str | None
    """Why the last attempt failed; null when it did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortOutPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[CohortOut]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortSave:
    """A cohort to make; one of the same name gets this query."""

    name: str
    """What `IN COHORT` finds it by."""
    query: str | None = None
    """HogQL that gives `person_id`; none makes a static cohort."""
    description: str | None = None
    """For people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table."""

    name: str
    """Name in the lake."""
    type: str
    """The lake's type, in DuckDB's spelling."""
    nullable: bool | None = None
    """Whether the source allows NULL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completions:
    """What `HogQLAutocomplete` answers."""

    suggestions: Sequence[Mapping[str, Any]]
    """Best first."""
    incomplete_list: bool
    """There are more than are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How runs ended."""

    successful: int
    """Those that ended well."""
    failed: int
    """Those that failed."""
    cancelled: int
    """Those that somebody stopped."""
    running: int
    """Those that run now."""
    total: int
    """All of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dag:
    """A project's tables and views, and who reads whom. There is never a circle."""

    nodes: "Sequence[DagNode]"
    """Each after all it reads."""
    edges: "Sequence[DagEdge]"
    """By what reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DagEdge:
    """Who reads whom."""

    source: str
    """Id of what is read."""
    target: str
    """Id of what reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DagNode:
    """A table or view."""

    id: str
    """Its id."""
    name: str
    """Its name in HogQL."""
    type: str
    """`product_table`, `synced_table`, `view`, `materialized_view` or `dbt_model`."""
    source_type: str | None
    """Of a synced table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSchema:
    """What `DatabaseSchemaQuery` answers."""

    tables: Mapping[str, Mapping[str, Any]]
    """By name, each with its `fields`."""
    joins: Sequence[Mapping[str, Any]]
    """Joins under a field's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSchemaQuery:
    """Every table with its fields and joins."""

    kind: str
    """Always `DatabaseSchemaQuery`."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other fields, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """An entry of a document, in its words; see the page on metrics."""

    name: str
    """Its name."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other fields, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """How far a deletion request is."""

    id: str
    """Its id."""
    status: str
    """`pending`, `running`, `completed` or `failed`."""
    report: Mapping[str, Any]
    """Rows removed by table, and what was done beside."""
    requested_by: str
    """Name of whoever asked."""
    created_at: str
    """When it was made: ISO 8601, UTC."""
    ended_at: str | None
    """When it was completed, or failed for good."""
    latest_error: str | None
    """Why the last attempt failed; null when it did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionAsk:
    """Whom to forget."""

    person: str
    """A distinct id, an e-mail address or a person's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[Deletion]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """Alerts on their way."""

    count: int
    """How many are in `results`."""
    results: "Sequence[DeliveryOut]"
    """Newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOut:
    """One alert on its way to one channel."""

    id: str
    """Its id."""
    channel_id: str
    """Id of the channel."""
    channel: str
    """The channel's name."""
    event: str
    """`broke`, `healed` or `test`."""
    alert: Mapping[str, Any]
    """What is told."""
    status: str
    """`pending`, `delivered`, `dead` or `dropped`."""
    attempts: int
    """How often it was tried."""
    created_at: str | None
    """When it was made: ISO 8601, UTC."""
    next_at: str | None
    """When it is tried next."""
    delivered_at: str | None
    """When it arrived."""
    latest_error: str | None
    """Why the last attempt failed; null when it did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """How many it reads, and read it."""

    upstream_count: int
    """Tables and views it reads itself."""
    downstream_count: int
    """Views that read it themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """How far to go."""

    level: int | None = None
    """At most so many steps away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationOut:
    """A place rows are written to."""

    id: str
    """Its id."""
    type: str
    """`ducklake` or `clickhouse`."""
    name: str
    """Its name."""
    enabled: bool | None = None
    """Always true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destinations:
    """Where rows of a source or table go."""

    results: "Sequence[DestinationOut]"
    """Every one; the operator chose them."""
    destination_ids: Sequence[str]
    """Their ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationsUpdate:
    """Where rows shall go."""

    destination_ids: Sequence[str]
    """All those there are; anything else is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """How two texts differ."""

    diff: str
    """A unified diff; empty when they are equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentApplied:
    """What applying did, or would do. Metrics go by `metric:<name>`."""

    added: Sequence[str]
    """Those that are new."""
    changed: Sequence[str]
    """Those with another definition."""
    unchanged: Sequence[str]
    """Those that were so already."""
    removed: Sequence[str]
    """Those that are gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentApply:
    """A document of virtual tables and metrics, ours or MetricFlow's."""

    document: str
    """YAML or JSON."""
    prune: bool | None = None
    """Remove those that are not in it."""
    dry_run: bool | None = None
    """Say what would change, and change nothing."""
    force: bool | None = None
    """Also where something that reads them breaks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentOut:
    """All of it as a document."""

    document: str
    """YAML that changes nothing when it is applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftOut:
    """A text somebody works on; nobody else sees it."""

    id: str
    """Its id."""
    name: str
    """Its name."""
    query: Mapping[str, Any]
    """`{kind: HogQLQuery, query}`."""
    saved_query_id: str | None
    """The view it will change."""
    edited_history_id: int | None
    """The view's version the work began from; send it along when saving."""
    created_at: str | None
    """When it was made: ISO 8601, UTC."""
    updated_at: str | None
    """When it was last changed: ISO 8601, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftOutPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[DraftOut]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftSave:
    """A text to keep."""

    query: "str | HogQL"
    """The HogQL, or `{kind: HogQLQuery, query}`."""
    name: str | None = None
    """The view's, or `Untitled`, when left out."""
    saved_query_id: str | None = None
    """Id of the view it will change."""
    edited_history_id: int | None = None
    """The version it began from; its latest when left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftUpdate:
    """What changes; what is left out stays."""

    query: "str | HogQL | None" = None
    """The HogQL; it may be unfinished."""
    name: str | None = None
    """Its name."""
    saved_query_id: str | None = None
    """Id of the view it will change."""
    edited_history_id: int | None = None
    """The version it began from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligible:
    """Whether a text can be built in parts."""

    eligible: bool
    """Whether it can be built in parts."""
    key_candidates: Sequence[str]
    """Best first."""
    key_candidate_types: Mapping[str, str]
    """Type of each of them."""
    unique_key_candidates: Sequence[Sequence[str]]
    """Sets of columns that may name a row."""
    blockers: Sequence[str]
    """What stands in the way, in sentences."""
    warnings: Sequence[str]
    """What is worth knowing, in sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event. Fields without a value are null."""

    seq: int
    """Place in the project's chain, from 1 without gaps."""
    hash: str
    """SHA-256 over the entry and the hash before it."""
    at: str
    """When it was written, UTC."""
    action: str
    """The scope that was used, `query`, `refused`, or `cli:` and a command."""
    phase: str
    """`start`, `finish`, or `whole` for what began and ended at once."""
    outcome: str
    """`begun`, `done`, `failed` or `refused`."""
    operation: str
    """Shared by a start and its finish."""
    is_unfinished: bool
    """A start whose finish is not there: it runs, or died."""
    tables: Sequence[str]
    """Tables and views the text names."""
    actor: str | None = None
    """Name of a person, label of a key, or a local user."""
    user_id: str | None = None
    """Of the person; null for a project's own key."""
    key_id: str | None = None
    """Never the key."""
    address: str | None = None
    """Where the request came from."""
    user_agent: str | None = None
    """What the client calls itself."""
    request_id: str | None = None
    """`X-Request-Id` of the request."""
    method: str | None = None
    """Of the HTTP request."""
    path: str | None = None
    """Without the query string."""
    status: int | None = None
    """HTTP status of the answer."""
    code: str | None = None
    """Of the error."""
    ms: float | None = None
    """How long it took."""
    rows: int | None = None
    """In the answer."""
    bytes: int | None = None
    """In the answer."""
    is_cached: bool | None = None
    """Of a query: whether the cache answered."""
    query: str | None = None
    """The text that was asked."""
    item: str | None = None
    """What it was done to; of a refusal, what was missing."""
    repeats: int | None = None
    """Refusals before this one that were only counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[Entry]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStep:
    """One way an event may match; all that is given has to hold."""

    event: str | None = None
    """Name of the event."""
    url: str | None = None
    """What its URL holds."""
    url_matching: str | None = None
    """`contains`, `exact` or `regex`."""
    text: str | None = None
    """What the element says."""
    text_matching: str | None = None
    """`exact`, `contains` or `regex`."""
    href: str | None = None
    """Where the element links to."""
    href_matching: str | None = None
    """`exact`, `contains` or `regex`."""
    tag_name: str | None = None
    """The element's tag."""
    selector: str | None = None
    """CSS the element meets."""
    properties: Sequence[Mapping[str, Any]] | None = None
    """`{key, value, operator, type}`, as PostHog writes filters."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other fields, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An entry that was not changed."""

    id: str
    """The entry's id or name."""
    code: str
    """For programs; it never changes."""
    detail: str
    """What is wrong and the way out."""
    attr: str | None = None
    """The field that is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which issues it is told of; an empty field leaves everything through."""

    min_severity: str | None = None
    """The least severity."""
    kinds: Sequence[str] | None = None
    """Kinds of issues."""
    sources: Sequence[str] | None = None
    """Slugs of sources."""
    names: Sequence[str] | None = None
    """Patterns of tables and views, such as `stripe_*`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A column that looks like personal data."""

    id: str
    """Its id."""
    table: str
    """Its name in HogQL."""
    column: str
    """Or `column.key` inside JSON."""
    kind: str
    """`email`, `phone`, `card`, `iban`, `ip`, or `name`."""
    mask: str
    """The mask that is proposed."""
    looked_at: int
    """Values that were looked at."""
    matched: int
    """Those that were of the kind."""
    status: str
    """`proposed`, `accepted` or `rejected`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[Finding]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedPart:
    """One place that was mended."""

    was: str
    """What stood there."""
    now: str
    """What stands there now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedText:
    """A mended text."""

    query: str
    """The text with the fixes in it."""
    fixes: "Sequence[FixedPart]"
    """What was put in the place of what, in order."""
    errors: Sequence[str]
    """Mistakes that are left; no fix is known for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderOut:
    """A place saved queries are shown in."""

    id: str
    """Its id."""
    name: str
    """Its name."""
    created_at: str | None
    """When it was made: ISO 8601, UTC."""
    created_by: str
    """Who made it."""
    view_count: int
    """Saved queries in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderOutPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[FolderOut]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderRename:
    """Another name of a folder."""

    name: str
    """Its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSave:
    """A folder's name."""

    name: str
    """Its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTable:
    """A table a source has, before it is connected."""

    table: str
    """Name at the source."""
    label: str
    """The same, for people."""
    should_sync: bool
    """Whether it would sync when nothing is said."""
    sync_type: str | None
    """The best way to sync it."""
    rows: int | None
    """How many, as the source estimates."""
    incremental_fields: Sequence[Mapping[str, Any]]
    """`field`, `label`, `type`."""
    incremental_field: str | None
    """The best column to sync by."""
    incremental_available: bool
    """Whether it can sync with `incremental`."""
    append_available: bool
    """Whether it can sync with `append`."""
    cdc_available: bool
    """Whether it can sync with `cdc`."""
    xmin_available: bool
    """Whether it can sync with `xmin`."""
    supports_webhooks: bool
    """Whether the vendor can push its changes."""
    available_columns: "Sequence[Column]"
    """Its columns."""
    detected_primary_keys: Sequence[str]
    """Columns that name a row, as the source says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """All about the freshness of one table or view."""

    name: str
    """In HogQL."""
    kind: str
    """`product`, `table`, `view` or `materialized`."""
    runs: str | None
    """What makes it run, such as `clock` or `follows`."""
    sync_frequency: str | None
    """Its own setting."""
    effective_frequency: str | None
    """How often it has to run, for a promise above it."""
    because: str | None
    """Whose promise makes it run more often."""
    freshness_target: str | None
    """How old its rows may get."""
    is_kept: bool | None
    """Whether that can hold; null without a promise."""
    worst_age_s: float | None
    """Seconds: how old its rows get at worst; null where something never runs."""
    id: str
    """Its id."""
    effective_time_of_day: str | None
    """`HH:MM`, UTC."""
    worst_path: "Sequence[AgeStep]"
    """Where the worst age comes from."""
    never_run: Sequence[str]
    """What it reads that never runs by itself."""
    sync_frequency_bounds: Mapping[str, Any]
    """Cadences it may have: `options` with `allowed` and `blocker`, `floor`, `ceiling`."""
    freshness_target_bounds: Mapping[str, Any]
    """Promises it may make, likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshnessChanged:
    """As it is now."""

    name: str
    """In HogQL."""
    kind: str
    """`product`, `table`, `view` or `materialized`."""
    runs: str | None
    """What makes it run, such as `clock` or `follows`."""
    sync_frequency: str | None
    """Its own setting."""
    effective_frequency: str | None
    """How often it has to run, for a promise above it."""
    because: str | None
    """Whose promise makes it run more often."""
    freshness_target: str | None
    """How old its rows may get."""
    is_kept: bool | None
    """Whether that can hold; null without a promise."""
    worst_age_s: float | None
    """Seconds: how old its rows get at worst; null where something never runs."""
    id: str
    """Its id."""
    effective_time_of_day: str | None
    """`HH:MM`, UTC."""
    worst_path: "Sequence[AgeStep]"
    """Where the worst age comes from."""
    never_run: Sequence[str]
    """What it reads that never runs by itself."""
    sync_frequency_bounds: Mapping[str, Any]
    """Cadences it may have: `options` with `allowed` and `blocker`, `floor`, `ceiling`."""
    freshness_target_bounds: Mapping[str, Any]
    """Promises it may make, likewise."""
    changed: "Sequence[Change]"
    """What runs at another cadence from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshnessUpdate:
    """What changes; what is left out stays."""

    sync_frequency: str | None = None
    """Its own cadence, `15min` … `30day`."""
    lower_inputs: bool | None = None
    """With `sync_frequency`: what it reads runs as often."""
    freshness_target: str | None = None
    """Of a view: how old its rows may get; `none` takes it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthEventOut:
    """Something that opened, changed or healed."""

    id: int
    """Its id."""
    incident_id: str
    """What belongs together."""
    event: str
    """`opened`, `changed`, `reopened` or `healed`."""
    at: str | None
    """When it happened."""
    noted_at: str | None
    """When it was noticed."""
    name: str
    """The table, view, source or channel."""
    type: str
    """Which of them."""
    kind: str
    """Kind of the issue."""
    error: str
    """The cause in words."""
    source: str | None
    """The source's slug, where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthHistory:
    """What opened, changed and healed."""

    count: int
    """How many are in `results`."""
    results: "Sequence[HealthEventOut]"
    """Newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HogQL:
    """PostHog's way to hand over a text."""

    query: str
    """The text."""
    kind: str | None = None
    """Always `HogQLQuery`."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other fields, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HogQLAnswer:
    """Rows with what they are."""

    results: Sequence[Sequence[Any]]
    """This page's part of the list."""
    columns: Sequence[str]
    """Names of the columns, in order."""
    types: Sequence[Sequence[str]]
    """Name and type of each column."""
    query: str
    """The text that was asked."""
    hogql: str
    """The same."""
    clickhouse: str | None
    """The SQL that ran, on ClickHouse."""
    sql: str
    """The SQL that ran."""
    engine: str
    """What ran it: `duckdb` or `clickhouse`."""
    tables: Sequence[str]
    """Tables and views the text reads."""
    limit: int | None
    """The LIMIT that holds; null where there is none."""
    offset: int
    """Always 0: write OFFSET in the text."""
    has_more: bool = field(metadata={"wire": "hasMore"})
    """As many rows as the limit lets through: there may be others."""
    timings: Sequence[Mapping[str, Any]]
    """How long the engine took, in seconds, as `{k, t}`."""
    is_cached: bool
    """Nothing was computed: nothing it depends on has changed."""
    cache_key: str | None
    """Names text, policy and state of the tables read."""
    last_refresh: str
    """When the rows were computed."""
    cache_target_age: str | None
    """Of a text that asks for the time: until when the answer is kept."""
    next_allowed_client_refresh: str
    """From when it may be computed anew: at once."""
    id: str
    """The id it was asked under."""
    error: str | None = None
    """Always null: errors have their own shape."""
    warnings: Sequence[Mapping[str, Any]] | None = None
    """`{message}`: filters that have no place in the text. `HogQLMetadata` tells the others."""
    query_status: Mapping[str, Any] | None = None
    """Always null in an answer that is complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HogQLAutocomplete:
    """What may stand at a place of a text, which need not parse."""

    kind: str
    """Always `HogQLAutocomplete`."""
    query: str
    """The text as far as it is written."""
    language: str | None = None
    """Always `hogQL`; other words are read as it."""
    end_position: int | None = field(metadata={"wire": "endPosition"}, default=None)
    """Offset of the cursor in characters; the end when left out."""
    start_position: int | None = field(metadata={"wire": "startPosition"}, default=None)
    """Where the word began; not needed."""
    variables: Mapping[str, Any] | None = None
    """Values of `{variables.name}`."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other fields, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HogQLFilters:
    """Values a text can ask for."""

    date_range: Mapping[str, Any] | None = field(metadata={"wire": "dateRange"}, default=None)
    """`date_from` and `date_to`: 2024-01-31, a time, `-7d`, `-24h`, `mStart`, or `all`."""
    properties: Sequence[Mapping[str, Any]] | None = None
    """Property filters, of which all hold: `key`, `value`, `operator`, and `type`, which is `event`, `person`,
    `session`, `group`, `cohort`, `element` or `hogql`.
    """
    filter_test_accounts: bool | None = field(metadata={"wire": "filterTestAccounts"}, default=None)
    """Add the project's setting `test_account_filters`."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other fields, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HogQLMetadata:
    """Look at a text without running it: mistakes with their places, warnings, tables, columns."""

    kind: str
    """Always `HogQLMetadata`."""
    query: str
    """The text to look at."""
    language: str | None = None
    """Always `hogQL`; other words are read as it."""
    variables: Mapping[str, Any] | None = None
    """Values of `{variables.name}`."""
    filters: "HogQLFilters | None" = None
    """What `{filters}` stands for."""
    engine: str | None = None
    """For which engine."""
    debug: bool | None = None
    """Show the engine's SQL and what it reads."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other fields, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HogQLQuery:
    """Run a text and answer with its rows."""

    kind: str
    """Always `HogQLQuery`."""
    query: str
    """One SELECT or set operation."""
    variables: Mapping[str, Any] | None = None
    """Values of `{variables.name}`: by name, or PostHog's `{id: {code_name, value}}`."""
    values: Mapping[str, Any] | None = None
    """Values of other placeholders."""
    filters: "HogQLFilters | None" = None
    """What `{filters}`, `{filters(column AS name)}` and `{filters.…}` stand for."""
    engine: str | None = None
    """Where to run it."""
    limit: int | None = None
    """LIMIT of a text that has none."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other fields, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incremental:
    """How a view is built in parts."""

    key: str
    """Column the view is built in parts by."""
    unique_key: Sequence[str] | None = None
    """Columns that name a row."""
    lookback_seconds: int | None = None
    """How much is computed again each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncrementalCheck:
    """A text to look at."""

    query: "str | HogQL"
    """The HogQL, or `{kind: HogQLQuery, query}`."""
    incremental_key: str | None = None
    """Column to build in parts by; the best is chosen when left out."""
    unique_key: Sequence[str] | None = None
    """Columns that name a row."""
    lookback_seconds: int | None = None
    """How much would be computed again each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncrementalFields:
    """By which columns a table could sync."""

    incremental_fields: Sequence[Mapping[str, Any]]
    """`field`, `label`, `type` of each column it could sync by."""
    incremental_available: bool
    """Whether it can sync with `incremental`."""
    append_available: bool
    """Whether it can sync with `append`."""
    cdc_available: bool
    """Whether it can sync with `cdc`."""
    xmin_available: bool
    """Whether it can sync with `xmin`."""
    available_columns: "Sequence[Column]"
    """Its columns."""
    detected_primary_keys: Sequence[str]
    """Columns that name a row, as the source says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteMade:
    """An invitation, with what is shown once."""

    id: str
    """Its id."""
    email: str
    """Whom it is for."""
    role: str
    """What a person may do in a project; each may do what the ones after it may."""
    project: int | None
    """The one project they get it in."""
    invited_by: str
    """Who made it."""
    created_at: str
    """When it was made: ISO 8601, UTC."""
    expires_at: str
    """Until when it can be used."""
    token: str
    """Shown this once; it works once."""
    mail: str
    """Text to send them; PWH sends nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteNew:
    """Whom to invite."""

    email: str
    """Their address."""
    role: str | None = None
    """What a person may do in a project; each may do what the ones after it may."""
    project: int | None = None
    """The one project they get it in."""
    expires_in: int | None = None
    """Seconds the invitation lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteOut:
    """An open invitation."""

    id: str
    """Its id."""
    email: str
    """Whom it is for."""
    role: str
    """What a person may do in a project; each may do what the ones after it may."""
    project: int | None
    """The one project they get it in."""
    invited_by: str
    """Who made it."""
    created_at: str
    """When it was made: ISO 8601, UTC."""
    expires_at: str
    """Until when it can be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteOutPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[InviteOut]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issues:
    """What is wrong now."""

    count: int
    """How many there are."""
    results: Sequence[Mapping[str, Any]]
    """Newest first: id, name, type, status, error, failed_at, url, and the root cause, what it blocks and the way
    out.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOut:
    """One attempt at a sync or a build."""

    id: str
    """Its id."""
    type: str
    """`sync` or `view`."""
    name: str
    """The table's name in HogQL."""
    schema: str
    """The table's name at the source."""
    status: str
    """How it stands."""
    rows_synced: int
    """Rows it moved."""
    bytes: int
    """Bytes it moved."""
    created_at: str | None
    """When it was made: ISO 8601, UTC."""
    finished_at: str | None
    """When it ended; null while it runs."""
    latest_error: str | None
    """Why the last attempt failed; null when it did not."""
    error_code: str | None
    """Why it failed, for programs."""
    attempt: int
    """1 for the first try."""
    retry_at: str | None
    """When it is tried again."""
    workflow_run_id: str | None
    """Dagster's run."""
    progress: Mapping[str, Any] | None
    """While it runs: phase, rows, share, rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStats:
    """How runs ended, in all and over time."""

    days: int
    """1, 7 or 30, as asked."""
    since: str
    """When the first hour or day begins."""
    total: int
    """Runs that began since."""
    successful: int
    """Those that ended well."""
    failed: int
    """Those that failed."""
    external_data_jobs: "Counts"
    """Syncs alone."""
    modeling_jobs: "Counts"
    """Builds of views alone."""
    breakdown: "Sequence[Bucket]"
    """Per hour of one day, else per day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """`source_table_name.field_name` is the row of the other table whose key is the same."""

    id: str
    """Its id."""
    source_table_name: str
    """The table that gets the field."""
    source_table_key: str
    """HogQL over the source table."""
    joining_table_name: str
    """The table the field leads to."""
    joining_table_key: str
    """HogQL over the joining table."""
    field_name: str
    """What the field is called."""
    configuration: Mapping[str, Any]
    """Kept for PostHog's clients."""
    is_automatic: bool
    """PWH made it by itself."""
    created_at: str | None
    """When it was made: ISO 8601, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[Join]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinProbe:
    """What became of a try."""

    is_valid: bool
    """Whether it can be used."""
    msg: str | None
    """What is wrong, or that no rows met."""
    hogql: str
    """The text that was tried."""
    results: Sequence[Sequence[Any]]
    """Pairs of keys that met."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinSave:
    """A join to make."""

    source_table_name: str
    """The table that gets the field."""
    source_table_key: str
    """HogQL over the source table."""
    joining_table_name: str
    """The table the field leads to."""
    joining_table_key: str
    """HogQL over the joining table."""
    field_name: str
    """What the field is called."""
    configuration: Mapping[str, Any] | None = None
    """Kept for PostHog's clients."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinUpdate:
    """What changes; what is left out stays."""

    source_table_name: str | None = None
    """The table that gets the field."""
    source_table_key: str | None = None
    """HogQL over the source table."""
    joining_table_name: str | None = None
    """The table the field leads to."""
    joining_table_key: str | None = None
    """HogQL over the joining table."""
    field_name: str | None = None
    """What the field is called."""
    configuration: Mapping[str, Any] | None = None
    """Kept for PostHog's clients."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMade:
    """A key at the one moment it can be read."""

    id: str
    """Its id."""
    label: str
    """What it is for."""
    mask_value: str
    """Kind and last four characters."""
    scopes: Sequence[str]
    """What it may do."""
    scoped_teams: Sequence[int] | None
    """Projects it is for; null: all of its person's."""
    created_at: str
    """When it was made: ISO 8601, UTC."""
    expires_at: str | None
    """When it ends; null: never."""
    last_used_at: str | None
    """To the minute."""
    value: str
    """The key. Shown this once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOut:
    """What is known of a key; never the key."""

    id: str
    """Its id."""
    label: str
    """What it is for."""
    mask_value: str
    """Kind and last four characters."""
    scopes: Sequence[str]
    """What it may do."""
    scoped_teams: Sequence[int] | None
    """Projects it is for; null: all of its person's."""
    created_at: str
    """When it was made: ISO 8601, UTC."""
    expires_at: str | None
    """When it ends; null: never."""
    last_used_at: str | None
    """To the minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOutPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[KeyOut]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Keys of the storage."""

    access_key: str | None = None
    """Of Azure: the account's name."""
    access_secret: str | None = None
    """Of Azure: the account's key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What learning came to."""

    seen: int
    """Properties that were met."""
    changed: int
    """Those that are known otherwise now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One attempt, and how much it is worth a look."""

    id: str
    """Its id."""
    type: str
    """`sync` or `view`."""
    name: str
    """The table's name in HogQL."""
    schema: str
    """The table's name at the source."""
    status: str
    """How it stands."""
    rows_synced: int
    """Rows it moved."""
    bytes: int
    """Bytes it moved."""
    created_at: str | None
    """When it was made: ISO 8601, UTC."""
    finished_at: str | None
    """When it ended; null while it runs."""
    latest_error: str | None
    """Why the last attempt failed; null when it did not."""
    error_code: str | None
    """Why it failed, for programs."""
    attempt: int
    """1 for the first try."""
    retry_at: str | None
    """When it is tried again."""
    workflow_run_id: str | None
    """Dagster's run."""
    progress: Mapping[str, Any] | None
    """While it runs: phase, rows, share, rate."""
    level: str
    """`info`, `warning` (it was stopped) or `error`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedView:
    """One view of the set."""

    noun: str
    """Which of them, such as `revenue_item`."""
    name: str
    """Its name in HogQL."""
    description: str
    """What it shows."""
    exists: bool
    """Whether it is there."""
    status: str | None
    """How its last build went; null where it is not there."""
    version: int | None
    """Number of its text's version."""
    last_run_at: str | None
    """When it was last built."""
    latest_error: str | None
    """Why its last build failed."""
    row_count: int | None
    """Rows of its last build."""
    missing: Sequence[str]
    """Tables and columns without which it cannot be made."""
    without: Mapping[str, str]
    """Table that is not synced, and what the view lacks therefore."""
    is_taken: bool
    """A view of your own has its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """A column that is masked."""

    column: str
    """Column whose values are masked before anything is written."""
    mask: str
    """`drop` does not read it; `hash` keeps equality; `truncate` keeps the first characters; `null` keeps the
    column without values.
    """
    keep: int | None = None
    """Of `truncate`: how many characters stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Materialize:
    """How the view is kept as a table."""

    sync_frequency: str | None = None
    """`15min` … `30day`, not more often than what it reads; about a day when left out."""
    sync_time_of_day: str | None = None
    """`HH:MM`, UTC."""
    refresh: str | None = None
    """By its frequency, after its inputs change, or by hand."""
    lower_inputs: bool | None = None
    """With `sync_frequency`: what it reads runs as often."""
    incremental: "Incremental | None" = None
    """Build it in parts."""
    engine: str | None = None
    """What builds it from now on; `default` is the warehouse's."""
    run: bool | None = None
    """Begin the first build at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """Who asks, and what they see."""

    uuid: str
    """Id of the person."""
    first_name: str
    """Their name, which they log in with."""
    email: str | None
    """Their address."""
    has_password: bool
    """Whether they can log in with one."""
    scopes: Sequence[str]
    """What the key they ask with may do; a login has `*`."""
    attributes: Mapping[str, str]
    """Facts that row policies may use."""
    organization: "OrganizationOut | None"
    """The first of their organisations."""
    organizations: "Sequence[OrganizationOut]"
    """All they have a role in."""
    team: "ProjectOut | None"
    """The first of their projects."""
    projects: "Sequence[ProjectOut]"
    """All they see, with this key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeChange:
    """Another password."""

    password: str
    """10 to 1000 characters."""
    current_password: str | None = None
    """The one so far, where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberChange:
    """A role, facts, or both."""

    role: str | None = None
    """The role they get."""
    project: int | None = None
    """The one project the role is for; without it, the whole organisation."""
    attributes: Mapping[str, str] | None = None
    """Facts that row policies may use, instead of all there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberOut:
    """A person in an organisation."""

    id: str
    """Id of the person."""
    name: str
    """Its name."""
    email: str | None
    """Their address."""
    role: str | None
    """In all of the organisation; null when only in projects."""
    projects: Mapping[str, str]
    """Roles of their own in single projects."""
    attributes: Mapping[str, str]
    """Facts that row policies may use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberOutPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[MemberOut]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """Persons to add."""

    persons: Sequence[str]
    """Their ids, or distinct ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MembersAdded:
    """What became of the ids."""

    cohort: "CohortOut"
    """As it is now."""
    unknown: Sequence[str]
    """Ids nobody has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataAnswer:
    """What `HogQLMetadata` answers."""

    is_valid: bool = field(metadata={"wire": "isValid"})
    """It can be run."""
    is_valid_view: bool = field(metadata={"wire": "isValidView"})
    """It can be saved as a view."""
    query: str
    """The text that was looked at."""
    errors: Sequence[Mapping[str, Any]]
    """Mistakes with places and fixes."""
    warnings: Sequence[Mapping[str, Any]]
    """What is worth knowing, with places."""
    notices: Sequence[Mapping[str, Any]]
    """Types of what is named, with places."""
    table_names: Sequence[str]
    """Tables and views the text names."""
    columns: Sequence[Mapping[str, Any]]
    """`name` and `type` of what it gives."""
    formatted: str | None
    """The text laid out, where it parses."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other fields, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricAnswer:
    """`time` where it has periods, the dimensions, `value`; sorted by them."""

    columns: Sequence[str]
    """Their names."""
    types: Sequence[str]
    """Their types in HogQL."""
    results: Sequence[Sequence[Any]]
    """At most 50,000 rows."""
    hogql: str
    """The text that was asked."""
    is_cached: bool
    """Whether it was computed before, of the same rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricAsk:
    """How a metric is asked."""

    by: Sequence[str] | None = None
    """Dimensions."""
    grain: str | None = None
    """`minute` to `year`, or `none`; its own when left out."""
    from_: str | None = field(metadata={"wire": "from"}, default=None)
    """The first day or moment, ISO 8601, UTC."""
    to: str | None = None
    """The last day, or the moment it ends before."""
    where: Sequence[str] | None = None
    """HogQL conditions on rows that count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricOut:
    """A number with one definition."""

    id: str
    """Its id."""
    name: str
    """In small letters and underscores, as queries spell it."""
    kind: str
    """`simple`, `ratio`, `derived` or `cumulative`."""
    description: str
    """For people."""
    owner: str
    """Who answers for it."""
    definition: Mapping[str, Any]
    """As a document declares it."""
    dimensions: Sequence[str]
    """What it can be grouped by."""
    version: int
    """Number of the version, from 1."""
    created_at: str | None
    """When it was made: ISO 8601, UTC."""
    updated_at: str | None
    """When it was last changed: ISO 8601, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricOutPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[MetricOut]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricVersionOut:
    """A definition it had."""

    version: int
    """Number of the version, from 1."""
    definition: Mapping[str, Any]
    """As a document declares it."""
    author: str
    """Who wrote it."""
    created_at: str | None
    """When it was made: ISO 8601, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPath:
    """One way to a table or view."""

    id: str
    """Id of the table or view it leads to."""
    path: Sequence[str]
    """Names from a table on; the last is its own."""
    saved_query: str | None
    """Id of the view; null for a table."""
    table: str | None
    """Id of the table; null for a view."""
    is_cut: bool
    """There are more than the hundred ways to it that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPathPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[ModelPath]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelingJob:
    """One attempt at building a view."""

    id: str
    """Its id."""
    saved_query_id: str
    """Id of the view."""
    name: str
    """The view's name at that time."""
    status: str
    """`Running`, `Completed`, `Failed`, `Cancelled`, `Skipped` or a limit's."""
    rows_materialized: int
    """Rows it wrote."""
    bytes: int
    """Bytes it wrote."""
    error: str | None
    """Why it failed."""
    error_code: str | None
    """The same, for programs."""
    created_at: str | None
    """When it was made: ISO 8601, UTC."""
    finished_at: str | None
    """When it ended; null while it runs."""
    workflow_run_id: str | None
    """Dagster's run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelingJobPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[ModelingJob]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A name."""

    name: str
    """1 to 200 characters that print."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteUpdate:
    """Other words."""

    description: str
    """Shown wherever the table or column is described."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationOut:
    """An organisation the caller is in."""

    id: str
    """Its id."""
    name: str
    """Its name."""
    membership_role: str | None
    """The caller's role in all of it."""
    created_at: str
    """When it was made: ISO 8601, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationOutPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[OrganizationOut]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """How the project stands."""

    sources: int
    """Connected ones."""
    tables: int
    """Tables of sources, also those that do not sync."""
    tables_syncing: int
    """Those that sync by their schedules."""
    tables_by_status: Mapping[str, int]
    """Status to how many."""
    views: int
    """Saved queries."""
    materialized_views: int
    """Those that are kept as tables."""
    views_by_status: Mapping[str, int]
    """Status to how many of those."""
    suspended_views: int
    """Given up after too many failures."""
    rows_this_month: int
    """Rows that were synced, since the month began."""
    row_limit: int | None
    """Rows that may be synced in a month."""
    days: int
    """How far `runs` looks back."""
    runs: Mapping[str, int]
    """`total`, `successful`, `failed`."""
    running: "Sequence[Activity]"
    """What runs now; at most five."""
    issues: int
    """How much is wrong."""
    newest_issues: Sequence[Mapping[str, Any]]
    """As `data_health_issues/`; five."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How one table or view runs."""

    name: str
    """In HogQL."""
    kind: str
    """`product`, `table`, `view` or `materialized`."""
    runs: str | None
    """What makes it run, such as `clock` or `follows`."""
    sync_frequency: str | None
    """Its own setting."""
    effective_frequency: str | None
    """How often it has to run, for a promise above it."""
    because: str | None
    """Whose promise makes it run more often."""
    freshness_target: str | None
    """How old its rows may get."""
    is_kept: bool | None
    """Whether that can hold; null without a promise."""
    worst_age_s: float | None
    """Seconds: how old its rows get at worst; null where something never runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paces:
    """Everything that runs, or promises something."""

    count: int
    """How many."""
    results: "Sequence[Pace]"
    """By name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonKeyFields:
    """Whose row it is."""

    table: str
    """A synced table, by its HogQL name or id."""
    column: str
    """Its column."""
    holds: str | None = None
    """What the column holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonKeyFieldsPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[PersonKeyFields]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalKeyNew:
    """A key of one's own."""

    label: str
    """What it is for."""
    scopes: Sequence[str] | None = None
    """`*`, or `<object>:read` and `<object>:write`."""
    scoped_teams: Sequence[int] | None = None
    """Only these projects."""
    expires_at: str | None = None
    """When it ends; without it, never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy as it is kept."""

    name: str
    """Another one of this name is replaced."""
    table: str
    """A table or view."""
    to: Sequence[str]
    """Roles, `user:<name>`, or `*` for everybody."""
    id: str
    """Its id."""
    except_: Sequence[str] | None = field(metadata={"wire": "except"}, default=None)
    """Whom it does not bind."""
    deny: Sequence[str] | None = None
    """Columns, or keys of JSON columns (`properties.email`); `*` is the table."""
    mask: Mapping[str, str] | None = None
    """Column to `hash`, `null`, `partial` or `partial:3`."""
    rows: str | None = None
    """HogQL condition; may use `{user.email}` and `{user.attributes.<name>}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFields:
    """A rule for one table. All that bind a reader hold together."""

    name: str
    """Another one of this name is replaced."""
    table: str
    """A table or view."""
    to: Sequence[str]
    """Roles, `user:<name>`, or `*` for everybody."""
    except_: Sequence[str] | None = field(metadata={"wire": "except"}, default=None)
    """Whom it does not bind."""
    deny: Sequence[str] | None = None
    """Columns, or keys of JSON columns (`properties.email`); `*` is the table."""
    mask: Mapping[str, str] | None = None
    """Column to `hash`, `null`, `partial` or `partial:3`."""
    rows: str | None = None
    """HogQL condition; may use `{user.email}` and `{user.attributes.<name>}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[Policy]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A connection to look through, as in a create body."""

    source_type: str
    """`Postgres`, `Stripe`, …"""
    payload: Mapping[str, Any] | None = None
    """The form's fields."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other fields, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectNew:
    """A project to make."""

    name: str
    """1 to 200 characters that print."""
    organization: str | None = None
    """Id of its organisation; needed by who administers several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectOut:
    """A project the caller sees."""

    id: int
    """Its number, as in paths."""
    name: str
    """Its name."""
    organization: str
    """Id of its organisation."""
    role: str | None
    """The caller's role in it."""
    created_at: str
    """When it was made: ISO 8601, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectOutPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[ProjectOut]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """What a property holds."""

    kind: str
    """Whose it is: `event`, `person` or `group`."""
    name: str
    """Its name."""
    type: str
    """`String`, `Numeric`, `Boolean` or `DateTime`."""
    is_set: bool
    """Somebody said so; learning leaves it alone."""
    seen_at: str | None
    """When learning last met it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[Property]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertySave:
    """What a property holds from now on."""

    kind: str
    """Whose property it is."""
    name: str
    """Its name."""
    type: str
    """What it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyValue:
    """One value."""

    name: str
    """The value, as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRequest:
    """A query, and how to answer it."""

    query: "HogQLQuery | HogQLMetadata | HogQLAutocomplete | DatabaseSchemaQuery"
    """What is asked: its `kind` says which of them."""
    refresh: str | bool | None = None
    """When to compute: `blocking` unless said. `true` is `force_blocking`."""
    async_: bool | None = field(metadata={"wire": "async"}, default=None)
    """`true` without `refresh` is `async`, with `true` there it is `force_async`."""
    format_: str | None = field(metadata={"wire": "format"}, default=None)
    """As in the address: `json` (unless said), or the rows as a file. If both say it, they agree."""
    client_query_id: str | None = None
    """Your own id, to poll or cancel by."""
    variables_override: Mapping[str, Any] | None = None
    """Other values of variables."""
    filters_override: "HogQLFilters | None" = None
    """Instead of the query's own `filters`."""
    name: str | None = None
    """For the audit log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryStatus:
    """How a query is getting on."""

    id: str
    """Its id."""
    team_id: int
    """Number of the project."""
    complete: bool
    """It has ended, well or not."""
    error: bool
    """It failed."""
    error_message: str | None
    """Why."""
    error_code: str | None
    """Why, for programs."""
    start_time: str | None
    """When it was asked."""
    end_time: str | None
    """When it ended."""
    results: Mapping[str, Any] | None
    """The whole answer, once complete."""
    query_async: bool | None = None
    """Always true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryStatusAnswer:
    """Where to look."""

    query_status: "QueryStatus"
    """How it is getting on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How often one key may ask."""

    kind: str
    """`query`: below `query/`; `write`: what else is no GET; `capture`: events, by address; `other`: all else."""
    count: int | None
    """Requests in a period; null for any number."""
    period: str | None
    """`second`, `minute` or `hour`; null without a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Every limit. All of them hold; the operator sets them."""

    count: int
    """How many there are."""
    results: "Sequence[Rate]"
    """By kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readmitted:
    """Whether somebody had been forgotten by that name."""

    readmitted: bool
    """False when nobody of that name was forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """How many tables are other ones."""

    added: int
    """Tables that are new."""
    deleted: int
    """Tables that are gone."""
    auto_enabled: int
    """New ones that sync at once."""
    returned: int
    """Missing before, there again."""
    changed: int
    """With other columns or keys."""
    total_tables_seen: int
    """Tables the source has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relatives:
    """Ids of tables and views."""

    ancestors: Sequence[str] | None = None
    """Ids of what it is made of; null when descendants were asked for."""
    descendants: Sequence[str] | None = None
    """Ids of what is made of it; null when ancestors were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What went with the source."""

    tables: int
    """How many went."""
    views: Sequence[str]
    """Saved queries that read one of them and cannot run now."""
    left_behind: str | None
    """Why something we set up at the source may still be there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """Which text to give it again."""

    version: int
    """Number of the version, from 1."""
    force: bool | None = None
    """Although others read it, and break."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeSchedules:
    """Views to resume."""

    view_ids: Sequence[str]
    """Ids of saved queries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """What resuming came to."""

    resumed: bool
    """It was suspended, and is not any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumedSchedules:
    """What resuming came to."""

    view_ids: Sequence[str]
    """Those that were suspended, and are not any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """How many are sent."""

    count: int
    """Deliveries that are sent at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenueAnalytics:
    """Revenue analytics of one source."""

    source_id: str
    """Id of the source."""
    source: str
    """The source's slug."""
    enabled: bool
    """Whether its views are there."""
    include_invoiceless_charges: bool
    """Charges without invoice are counted."""
    currency: str
    """What everything is converted to."""
    views: "Sequence[ManagedView]"
    """Every view of the set."""
    without_rate: Mapping[str, int]
    """Currency, and how many items could not be converted."""
    hints: Sequence[str]
    """What to do so that more of it is there, in sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenueUpdate:
    """What changes; what is left out stays."""

    enabled: bool | None = None
    """Whether its views are there."""
    include_invoiceless_charges: bool | None = None
    """Count charges that belong to no invoice."""
    currency: str | None = None
    """Three letters, such as EUR: what everything is converted to."""
    force: bool | None = None
    """Turn it off although views of people read its views."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """How long the old capture keys go on."""

    grace_seconds: int | None = None
    """Seconds; 0 ends them at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFilter:
    """A condition on rows to keep."""

    column: str
    """Column of the source's table."""
    operator: str
    """Rows for which the comparison holds are kept; NULL fulfils none."""
    value: str | int | float | bool | Sequence[str | int | float | bool]
    """A list for `IN` and `NOT IN`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsStats:
    """Rows that were synced in this calendar month (UTC)."""

    billing_available: bool
    """Always false: nobody bills here."""
    billing_interval: str
    """`month`."""
    billing_period_start: str
    """When the month began."""
    billing_period_end: str
    """When it ends."""
    total_rows: int
    """Rows synced in this month."""
    tracked_billing_rows: int
    """The same, in PostHog's spelling."""
    pending_billing_rows: int
    """Read by syncs that are running."""
    materialized_rows_in_billing_period: int
    """Written by materialized views."""
    breakdown_of_rows_by_source: Mapping[str, int]
    """Source's id to rows."""
    breakdown_of_bytes_by_source: Mapping[str, int]
    """Source's id to bytes."""
    row_limit: int | None
    """Rows that may be synced in a month."""
    rows_left: int | None
    """Rows that may still be synced; null without limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How to build it."""

    full_refresh: bool | None = None
    """Compute every part anew."""
    engine: str | None = None
    """What computes it this time; refused where it cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNote:
    """One build."""

    id: str
    """Its id."""
    status: str
    """How it stands."""
    timestamp: str | None
    """When it began."""
    finished_at: str | None
    """When it ended; null while it runs."""
    rows: int
    """How many rows."""
    error: str | None
    """Why it failed."""
    engine: str | None
    """What computed it."""
    mode: str | None
    """`full` or `incremental`."""
    reason: str | None
    """Why by this engine and in this mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """A synced table; PostHog calls it a schema."""

    id: str
    """Its id."""
    name: str
    """Name at the source."""
    table: str
    """Its flat name in HogQL."""
    should_sync: bool
    """Whether it syncs by its schedule."""
    sync_type: str
    """`full`, `incremental`, `append`, `cdc`, `xmin`, `webhook` or `in_place`."""
    incremental_field: str | None
    """The cursor column."""
    incremental_field_type: str | None
    """`timestamp`, `date`, `integer` or `numeric`."""
    incremental_field_lookback_seconds: int
    """How far before the watermark each sync begins to read."""
    primary_key: Sequence[str]
    """Columns that name a row."""
    primary_key_columns: Sequence[str]
    """The same, in PostHog's spelling."""
    sync_frequency: str
    """`5min` … `30day`, or `never`."""
    sync_time_of_day: str | None
    """`HH:MM`, in UTC."""
    enabled_columns: Sequence[str] | None
    """Columns that are read; null for all."""
    row_filters: Sequence[Mapping[str, Any]]
    """Conditions on rows to keep."""
    masks: Sequence[Mapping[str, Any]]
    """Columns that are masked at ingestion."""
    full_refresh_interval_days: int | None
    """Everything is read anew after so many days."""
    detect_deletes: bool
    """Keys are compared after each sync."""
    cdc_table_mode: str
    """`consolidated`, `cdc_only` or `both`."""
    status: str
    """`NeverRun`, `Running`, `Completed`, `Failed`, `Paused` …"""
    resync_reason: str | None
    """Why the next sync makes the table anew."""
    last_synced_at: str | None
    """When its last sync ended well."""
    latest_error: str | None
    """Why the last attempt failed; null when it did not."""
    row_count: int | None
    """Rows it has now; null when that is not known."""
    watermark: str | None
    """Up to where rows are in the lake."""
    is_missing: bool
    """The source does not have it any more."""
    description: str
    """For people."""
    incremental_fields: Sequence[str] | None = None
    """Columns a sync could go by."""
    columns: "Sequence[Column] | None" = None
    """Columns in the lake; of one table only."""
    available_columns: "Sequence[Column] | None" = None
    """Columns at the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[Schema]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretKeyNew:
    """A key for a server."""

    label: str
    """What it is for."""
    scopes: Sequence[str]
    """`<object>:read` and `<object>:write`; not `*`."""
    expires_at: str | None = None
    """When it ends; without it, never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting."""

    name: str
    """Its name."""
    value: str
    """What it is set to."""
    default: str
    """What it is where nobody set it."""
    values: Sequence[str]
    """What it can be."""
    description: str
    """What it changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting."""

    count: int
    """How many there are."""
    results: "Sequence[Setting]"
    """Every setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsUpdate:
    """What changes."""

    settings: Mapping[str, str]
    """By name; `default` sets one back. All of them change, or none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A connected source, without credentials."""

    id: str
    """Its id."""
    source_type: str
    """`Postgres`, `Stripe`, … See `wizard/`."""
    prefix: str
    """Put before its tables' names."""
    description: str
    """For people."""
    slug: str
    """Schema of its tables in the lake, and their group in Dagster."""
    status: str
    """`Completed`, `Running`, `Error`, … of its tables together."""
    latest_error: str | None
    """Why the last attempt failed; null when it did not."""
    created_at: str | None
    """When it was made: ISO 8601, UTC."""
    last_run_at: str | None
    """When one of its tables was last synced."""
    auto_sync_new_schemas: bool
    """Tables that appear later sync by themselves."""
    auto_sync_schema_patterns: Sequence[str]
    """Which of them: globs such as `order_*`."""
    job_inputs: Mapping[str, Any]
    """The form's fields; secrets are `***`."""
    schemas: "Sequence[Schema]"
    """Its tables."""
    revenue_analytics_config: Mapping[str, Any] | None = None
    """Of Stripe sources: `enabled`, `include_invoiceless_charges`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCreate:
    """A source to connect. Fields of the form may stand in `payload` or beside it."""

    source_type: str
    """`Postgres`, `Stripe`, … See `wizard/`."""
    prefix: str | None = None
    """Put before its tables' names."""
    description: str | None = None
    """For people."""
    payload: Mapping[str, Any] | None = None
    """The form's fields, and `schemas`: which tables sync, and how; all of them when left out."""
    auto_sync_new_schemas: bool | None = None
    """Tables that appear later sync by themselves."""
    auto_sync_schema_patterns: Sequence[str] | None = None
    """Which of them: globs such as `order_*`."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other fields, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[Source]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceUpdate:
    """What changes; what is left out stays."""

    description: str | None = None
    """For people."""
    payload: Mapping[str, Any] | None = None
    """Fields to change; a changed host needs its secrets again."""
    job_inputs: Mapping[str, Any] | None = None
    """The same, in PostHog's spelling."""
    auto_sync_new_schemas: bool | None = None
    """Tables that appear later sync by themselves."""
    auto_sync_schema_patterns: Sequence[str] | None = None
    """Which of them: globs such as `order_*`."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other fields, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Dagster was told to begin."""

    run_ids: Sequence[str]
    """Dagster's runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Of one column, as the lake's catalog keeps them."""

    table: str
    """Id of the table."""
    column_name: str
    """The column's name."""
    column_type: str
    """Type in HogQL."""
    row_count: int
    """Rows in its files, deleted ones included."""
    null_count: int | None
    """NULLs among them; null where they are not counted."""
    null_fraction: float | None
    """`null_count` over `row_count`."""
    min_value: str | None
    """Nothing is less; rows that were deleted may have been. At most 200 characters."""
    max_value: str | None
    """Nothing is greater."""
    size_bytes: int | None
    """Bytes of the column in the lake's files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[Statistics]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamCheck:
    """Whether tables of the source can be synced with `cdc`."""

    valid: bool
    """Nothing is missing."""
    count: int
    """How much is missing."""
    results: "Sequence[StreamFinding]"
    """What is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamDropped:
    """What was let go of."""

    source: str
    """The source's slug."""
    tables: Sequence[str]
    """Tables that were in the stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFinding:
    """Something that keeps a source from being streamed."""

    table: str | None
    """The table at the source; null for all of it."""
    problem: str
    """What is missing, as a sentence."""
    statements: Sequence[str]
    """SQL that mends it, to run at the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """From which lag on the stream is an issue."""

    cdc_lag_warning_threshold_mb: int
    """MiB of its log the source keeps for us, from which on it is an issue."""
    cdc_lag_critical_threshold_mb: int | None
    """The same, from which on the issue says that it presses; null for none."""
    cdc_auto_drop_slot: bool | None = None
    """Always false: changes are never dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettingsUpdate:
    """What changes; what is left out stays."""

    cdc_lag_warning_threshold_mb: int | None = None
    """MiB from which on it is an issue."""
    cdc_lag_critical_threshold_mb: int | None = None
    """MiB from which on it presses."""
    cdc_auto_drop_slot: bool | None = None
    """True is refused: PWH never throws away changes by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStatus:
    """How the stream stands. What else the kind of database tells, such as `slot` and `lag_bytes`, is there too."""

    source: str
    """The source's slug."""
    position: str | None
    """Up to where changes are in the lake."""
    tables: "Sequence[StreamedTable]"
    """Tables in mode `cdc`."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other fields, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTables:
    """Which tables follow the stream."""

    schemas: Sequence[str] | None = None
    """Ids, or names at the source; empty: all that sync and have a primary key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedTable:
    """One table in mode `cdc`."""

    table: str
    """Its name in HogQL."""
    is_in_stream: bool
    """False until its next sync."""
    table_mode: str
    """`consolidated`, `cdc_only` or `both`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TabStateOut:
    """The open tabs of one person's editor."""

    id: str
    """Its id."""
    state: Mapping[str, Any]
    """As the editor wrote it."""
    updated_at: str | None
    """When it was last changed: ISO 8601, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TabStateOutPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[TabStateOut]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TabStateSave:
    """What to remember of the tabs; up to 1 MiB of JSON."""

    state: Mapping[str, Any]
    """Whatever the editor needs to open them again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDeclaration:
    """A virtual table, as a document has it."""

    name: str
    """Its name."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other fields, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableNote:
    """Of a table."""

    id: str
    """Its id."""
    column_name: str
    """Empty: about the table or view as a whole."""
    description: str
    """Shown wherever the table or column is described."""
    author: str
    """Who wrote it."""
    created_at: str | None
    """When it was made: ISO 8601, UTC."""
    updated_at: str | None
    """When it was last changed: ISO 8601, UTC."""
    table: str
    """Id of the table, as in `warehouse_tables/`."""
    description_source: str | None = None
    """Always `user_edited`."""
    ai_model: str | None = None
    """Always null: no model writes here."""
    is_user_edited: bool | None = None
    """Always true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableNotePage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[TableNote]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableNoteSave:
    """Something to say of a table."""

    description: str
    """Shown wherever the table or column is described."""
    table: str
    """Id of the table, as in `warehouse_tables/`."""
    column_name: str | None = None
    """Empty: about the table as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOut:
    """A table as HogQL sees it."""

    id: str
    """Its id."""
    name: str
    """Its name."""
    hogql_name: str
    """What a text reads it by."""
    columns: Sequence[Mapping[str, Any]]
    """`key`, `name`, `type` and `schema_valid` of each."""
    row_count: int | None = None
    """Rows it has now; null when that is not known."""
    format_: str | None = field(metadata={"wire": "format"}, default=None)
    """Of a self-managed table: as it was given."""
    url_pattern: str | None = None
    """Of a self-managed table: where it lies."""
    credential: Mapping[str, Any] | None = None
    """Of a self-managed table: its `access_key`; the secret is never shown."""
    options: Mapping[str, Any] | None = None
    """Of a self-managed table: `region`, `endpoint`."""
    external_data_source: Mapping[str, Any] | None = None
    """Of a synced table: `id`, `source_type` and `prefix` of its source."""
    external_schema: Mapping[str, Any] | None = None
    """Of a synced table: `id`, `name`, `should_sync`, `status`, `last_synced_at`."""
    created_at: str | None = None
    """When it was made: ISO 8601, UTC."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other fields, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOutPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[TableOut]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSave:
    """Files somewhere, as one table."""

    name: str
    """What queries call it."""
    url_pattern: str
    """`s3://bucket/orders/*.csv`, `gs://`, `r2://`, `az://`, or the vendor's `https://` address."""
    format_: str | None = field(metadata={"wire": "format"}, default=None)
    """`CSV`, `CSVWithNames`, `Parquet`, `JSONEachRow`, `Delta`, or `auto`: by the files' endings."""
    credential: "Keys | None" = None
    """None for a public bucket."""
    options: Mapping[str, Any] | None = None
    """`region`, `endpoint`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSettings:
    """How a table syncs; what is left out stays as it is."""

    should_sync: bool | None = None
    """Whether it syncs by its schedule."""
    sync_type: str | None = None
    """`full` (or `full_refresh`), `incremental`, `append`, `cdc`, `xmin`, `webhook` or `in_place`."""
    incremental_field: str | None = None
    """The cursor column."""
    incremental_field_type: str | None = None
    """`timestamp`, `date`, `integer` or `numeric`; checked against the column."""
    sync_frequency: str | None = None
    """`5min` … `30day`, or `never`."""
    sync_time_of_day: str | None = None
    """`HH:MM`, in UTC."""
    primary_key_columns: Sequence[str] | None = None
    """Columns that name a row."""
    enabled_columns: Sequence[str] | None = None
    """Columns to read; null for all."""
    row_filters: "Sequence[RowFilter] | None" = None
    """Conditions on rows to keep."""
    masks: "Sequence[Mask] | None" = None
    """Columns that are masked at ingestion."""
    incremental_field_lookback_seconds: int | None = None
    """How far before the watermark each sync begins to read."""
    full_refresh_interval_days: int | None = None
    """Read everything anew after so many days."""
    detect_deletes: bool | None = None
    """Compare keys after each sync."""
    cdc_table_mode: str | None = None
    """`consolidated`, `cdc_only` or `both`."""
    description: str | None = None
    """Shown beside the table."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other fields, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableUpdate:
    """What changes; what is left out stays."""

    name: str | None = None
    """A table keeps its name."""
    format_: str | None = field(metadata={"wire": "format"}, default=None)
    """As in a new one."""
    url_pattern: str | None = None
    """As in a new one."""
    credential: "Keys | None" = None
    """A changed endpoint needs it again."""
    options: Mapping[str, Any] | None = None
    """`region`, `endpoint`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A body with a text in either spelling."""

    query: "str | HogQL"
    """The HogQL, or `{kind: HogQLQuery, query}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """A table that was changed."""

    id: str
    """Its id."""
    name: str
    """Its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageLimit:
    """Rows that may be synced in a calendar month (UTC)."""

    row_limit: int | None
    """Rows a month; null for any number."""
    total_rows: int
    """Rows synced in this month."""
    rows_left: int | None
    """Rows that may still be synced; null without limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageLimitUpdate:
    """The limit from now on."""

    row_limit: int | None
    """Rows a month; null for any number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One text a view had."""

    version: int
    """Number of the version, from 1."""
    query: str
    """The text."""
    created_at: str | None
    """When it was made: ISO 8601, UTC."""
    author: str
    """Who wrote it."""
    note: str
    """What was changed, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A saved query."""

    id: str
    """Its id."""
    name: str
    """Its name."""
    query: Mapping[str, Any]
    """`{kind: HogQLQuery, query}`."""
    version: int
    """Number of the version, from 1."""
    latest_history_id: int
    """The version; send it back as `edited_history_id` to edit only what you have seen."""
    description: str
    """For people."""
    owner: str
    """Who answers for it."""
    folder: str
    """Folder it is shown in."""
    origin: str
    """`user`, `managed`, `dbt` or `virtual`."""
    managed_by: str | None
    """What keeps it up to date, of a managed or dbt view."""
    is_materialized: bool
    """Its rows are kept as a table."""
    refresh: str | None
    """`schedule`, `inputs` or `manual`."""
    sync_frequency: str | None
    """How often it is built."""
    sync_time_of_day: str | None
    """`HH:MM`, UTC."""
    freshness_target: str | None
    """How old its rows may get, as promised."""
    incremental: Mapping[str, Any] | None
    """`key`, `unique_key`, `lookback_seconds`, where it is built in parts."""
    engine: str | None
    """The engine that shall build it; null for the warehouse's."""
    last_build: Mapping[str, Any] | None
    """`engine`, `mode`, `reason` and `buckets` of the build its rows come from."""
    columns: "Sequence[ViewColumn]"
    """What it gives."""
    inputs: Sequence[str]
    """Tables and views it reads."""
    status: str
    """How it stands."""
    last_run_at: str | None
    """When its rows were last built."""
    last_attempt_at: str | None
    """When a build was last tried."""
    latest_error: str | None
    """Why the last attempt failed; null when it did not."""
    failures_in_a_row: int
    """Builds that failed since the last good one."""
    suspended_at: str | None
    """When it was given up after too many of them."""
    stale_since: str | None
    """Since when its rows are not those of its text and inputs."""
    stale_reason: str | None
    """Why."""
    built_version: int | None
    """The version its table shows."""
    row_count: int | None
    """Rows it has now; null when that is not known."""
    created_at: str | None
    """When it was made: ISO 8601, UTC."""
    updated_at: str | None
    """When it was last changed: ISO 8601, UTC."""
    sync_frequency_bounds: Mapping[str, Any] | None = None
    """Of one view: which cadences are allowed, and what limits them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewColumn:
    """A column of a view."""

    name: str
    """Its name."""
    type: str
    """The lake's type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewNote:
    """Of a saved query."""

    id: str
    """Its id."""
    column_name: str
    """Empty: about the table or view as a whole."""
    description: str
    """Shown wherever the table or column is described."""
    author: str
    """Who wrote it."""
    created_at: str | None
    """When it was made: ISO 8601, UTC."""
    updated_at: str | None
    """When it was last changed: ISO 8601, UTC."""
    saved_query: str
    """Id of the saved query."""
    description_source: str | None = None
    """Always `user_edited`."""
    ai_model: str | None = None
    """Always null: no model writes here."""
    is_user_edited: bool | None = None
    """Always true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewNotePage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[ViewNote]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewNoteSave:
    """Something to say of a saved query."""

    description: str
    """Shown wherever the table or column is described."""
    saved_query: str
    """Id of the saved query."""
    column_name: str | None = None
    """Empty: about the view as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewPage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[View]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSave:
    """A view to save; one of the same name gets a new version."""

    query: "str | HogQL"
    """The HogQL, or `{kind: HogQLQuery, query}`."""
    name: str
    """Letters, digits, `_`, with dots between parts."""
    description: str | None = None
    """For people."""
    owner: str | None = None
    """Who answers for it."""
    folder: str | None = None
    """Folder it is shown in, by name or id; made if new."""
    edited_history_id: int | None = None
    """The version the edit began from; another one is refused."""
    note: str | None = None
    """What changed, and why."""
    force: bool | None = None
    """Save also what breaks views that read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewUpdate:
    """What changes; what is left out stays."""

    query: "str | HogQL | None" = None
    """A new version of the text."""
    name: str | None = None
    """Another name."""
    description: str | None = None
    """For people."""
    owner: str | None = None
    """Who answers for it."""
    folder: str | None = None
    """Folder, by name or id; empty takes it out of any."""
    is_materialized: bool | None = None
    """Keep it as a table, or make it plain again."""
    sync_frequency: str | None = None
    """`15min` … `30day`; `never` for by hand."""
    sync_time_of_day: str | None = None
    """`HH:MM`, UTC."""
    freshness_target: str | None = None
    """How old its rows may get; `none`."""
    edited_history_id: int | None = None
    """The version the edit began from; another one is refused."""
    note: str | None = None
    """What was changed, and why."""
    force: bool | None = None
    """Although others read it, and break."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewsetOut:
    """A managed set of views."""

    kind: str
    """`revenue_analytics`."""
    enabled: bool
    """It is on for a source."""
    sources: Mapping[str, bool]
    """Id of each source it is for, and whether it is on."""
    count: int
    """How many views there are."""
    views: "Sequence[ViewsetView]"
    """By name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewsetSwitch:
    """On or off."""

    enabled: bool
    """Whether its views are there, for every source it is for."""
    force: bool | None = None
    """Turn it off although views of people read its views."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewsetView:
    """A view of the set."""

    id: str
    """Its id."""
    name: str
    """Its name."""
    created_at: str | None
    """When it was made: ISO 8601, UTC."""
    created_by_id: str | None
    """Always null: PWH made it."""
    status: str
    """How it stands."""
    source: str
    """Slug of its source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualTable:
    """A join with a name."""

    id: str
    """Its id."""
    name: str
    """Its name."""
    query: str
    """The HogQL it stands for."""
    description: str
    """For people."""
    owner: str
    """Who answers for it."""
    every: str | None
    """How often it is kept as a table; null: computed."""
    version: int
    """Number of the version, from 1."""
    columns: Sequence[Mapping[str, Any]]
    """`name` and `type` of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualTablePage:
    """A part of a list."""

    count: int
    """How many there are in all."""
    next: str | None
    """Address of the following page."""
    previous: str | None
    """Address of the page before."""
    results: "Sequence[VirtualTable]"
    """This page's part of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookGone:
    """What was forgotten."""

    success: bool
    """Deliveries are refused from now on."""
    external_deleted: bool
    """Always false: take it out at the vendor too."""
    error: str | None = None
    """Always null."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookInfo:
    """How a source's webhook stands."""

    supports_webhooks: bool
    """Whether the vendor can push to us."""
    exists: bool
    """It has what it needs: deliveries are taken."""
    webhook_url: str | None
    """Where the vendor has to send, by this address."""
    inputs: Mapping[str, str]
    """Its fields that are set; secrets are `***`."""
    pending_inputs: Sequence[str]
    """Fields that are still to be entered."""
    schema_mapping: Mapping[str, str]
    """Tables that listen, with their ids."""
    waiting: int
    """Deliveries that no sync has read yet."""
    external_status: Mapping[str, Any] | None = None
    """Always null: the vendor is not asked."""
    missing_events: Sequence[str] | None = None
    """Always empty: the vendor is not asked."""
    auto_creation_blocked_reason: str | None = None
    """Why the endpoint at the vendor has to be made by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookInputs:
    """What the vendor gave for the webhook."""

    inputs: Mapping[str, Any] | None = None
    """Of Stripe: `webhook_secret`, the endpoint's `whsec_…`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookMade:
    """What making a webhook came to."""

    success: bool
    """It has what it needs: deliveries are taken."""
    webhook_url: str | None
    """Where the vendor has to send."""
    error: str | None
    """What is left to do, as a sentence."""
    pending_inputs: Sequence[str]
    """Fields that are still to be entered."""
