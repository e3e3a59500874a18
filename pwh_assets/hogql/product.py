"""The product's own tables as a query sees them: events, persons, distinct ids, sessions, groups and cohorts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pwh_assets.core.language import PersonMode
from pwh_assets.hogql.catalog import ColumnDef, FieldAlias, LazyJoin, TableDef, VirtualTable
from pwh_assets.hogql.types import (
    BOOLEAN,
    DATE,
    DATETIME,
    FLOAT,
    INTEGER,
    JSON,
    STRING,
    UUID,
    Type,
    array,
)

GROUP_TYPES = 5


_PERSON_IDS: Mapping[PersonMode, str | None] = {
    PersonMode.NO_OVERRIDE: None,
    PersonMode.DISABLED: "pdi.person_id",
    PersonMode.OVERRIDE: "coalesce(pdi.person_id, person_id)",
    PersonMode.OVERRIDE_JOINED: "coalesce(pdi.person_id, person_id)",
}
"""Whom an event belongs to: as it was when the event came, or as the distinct id says now."""


def events(
    extra_joins: Sequence[LazyJoin] = (), mode: PersonMode = PersonMode.NO_OVERRIDE
) -> TableDef:
    groups = [
        ColumnDef(f"$group_{i}", STRING, f"Key of the event's group of type {i}.")
        for i in range(GROUP_TYPES)
    ]
    return TableDef(
        name="events",
        physical=("product", "events"),
        kind="product",
        description="What happened: one row per event, as the PostHog SDKs send it.",
        columns=(
            ColumnDef("uuid", UUID, "The event's own id."),
            ColumnDef("event", STRING, "Name, such as `$pageview`."),
            ColumnDef("properties", JSON, "Everything the SDK and the product sent along."),
            ColumnDef("timestamp", DATETIME, "When it happened."),
            ColumnDef("distinct_id", STRING, "Id the SDK knew the person by."),
            ColumnDef("person_id", UUID, "The person it belongs to.", expression=_PERSON_IDS[mode]),
            ColumnDef("elements_chain", STRING, "The clicked element and those around it."),
            ColumnDef("created_at", DATETIME, "When it arrived."),
            ColumnDef("$session_id", STRING, "Session it belongs to."),
            ColumnDef("$window_id", STRING, "Browser window it happened in."),
            *groups,
            _computed(
                "elements_chain_href", STRING, """extract(elements_chain, '(?::|")href="(.*?)"')"""
            ),
            _computed(
                "elements_chain_texts",
                array(STRING),
                """arrayDistinct(extractAll(elements_chain, '(?::|")text="(.*?)"'))""",
            ),
            _computed(
                "elements_chain_ids",
                array(STRING),
                """arrayDistinct(extractAll(elements_chain, '(?::|")attr_id="(.*?)"'))""",
            ),
            _computed(
                "elements_chain_elements",
                array(STRING),
                "arrayDistinct(extractAll(elements_chain, '(?:^|;)(a|button|form|input|select|textarea|label)(?:[.]|$|:)'))",
            ),
            _computed("issue_id", STRING, "properties.$exception_issue_id"),
            _computed(
                "person_mode",
                STRING,
                "multiIf(toString(properties.$force_upgrade) = 'true', 'force_upgrade', "
                "person_id IS NULL OR toString(properties.$process_person_profile) = 'false', 'propertyless', 'full')",
            ),
        ),
        joins=(
            LazyJoin(
                "pdi",
                "person_distinct_ids",
                "this.distinct_id = that.distinct_id",
                "The distinct id's row.",
            ),
            LazyJoin("person", "persons", "this.person_id = that.id", "The person."),
            LazyJoin("session", "sessions", "this.$session_id = that.session_id", "The session."),
            *(
                LazyJoin(
                    f"group_{i}",
                    "groups",
                    f"this.$group_{i} = that.key AND that.index = {i}",
                    f"The group of type {i}.",
                )
                for i in range(GROUP_TYPES)
            ),
            *extra_joins,
        ),
        virtual=(
            VirtualTable(
                "poe",
                {
                    "id": "person_id",
                    "properties": "person.properties",
                    "created_at": "person.created_at",
                },
            ),
            *(
                VirtualTable(
                    f"goe_{i}", {"key": f"$group_{i}", "properties": f"group_{i}.properties"}
                )
                for i in range(GROUP_TYPES)
            ),
        ),
    )


def persons(extra_joins: Sequence[LazyJoin] = ()) -> TableDef:
    return TableDef(
        name="persons",
        physical=("product", "persons"),
        spellings=("raw_persons",),
        kind="product",
        description="Everybody an event came from, with their properties as they are now.",
        columns=(
            ColumnDef("id", UUID, "The person's id."),
            ColumnDef("properties", JSON, "What is known about the person."),
            ColumnDef("created_at", DATETIME, "When the person was first seen."),
            ColumnDef("is_identified", BOOLEAN, "Whether an identify call named the person."),
        ),
        joins=(
            LazyJoin(
                "pdi",
                "person_distinct_ids",
                "this.id = that.person_id",
                "One of the person's distinct ids each row.",
            ),
            *extra_joins,
        ),
    )


def person_distinct_ids() -> TableDef:
    return TableDef(
        name="person_distinct_ids",
        physical=("product", "person_distinct_ids"),
        spellings=("raw_person_distinct_ids",),
        kind="product",
        description="Which person a distinct id belongs to.",
        columns=(
            ColumnDef("distinct_id", STRING, "Id an SDK used."),
            ColumnDef("person_id", UUID, "The person."),
            ColumnDef("version", INTEGER, "Counts merges.", hidden=True),
        ),
        joins=(LazyJoin("person", "persons", "this.person_id = that.id", "The person."),),
    )


def groups() -> TableDef:
    return TableDef(
        name="groups",
        physical=("product", "groups"),
        spellings=("raw_groups",),
        kind="product",
        description="Companies, projects and the like that events belong to.",
        columns=(
            ColumnDef("index", INTEGER, "Which type of group, from 0."),
            ColumnDef("key", STRING, "The group's key."),
            ColumnDef("properties", JSON, "What is known about the group."),
            ColumnDef("created_at", DATETIME, "When it was first seen."),
            ColumnDef("updated_at", DATETIME, "When it last changed."),
        ),
    )


def cohort_people() -> TableDef:
    return TableDef(
        name="cohort_people",
        physical=("product", "cohort_people"),
        spellings=("static_cohort_people", "raw_cohort_people"),
        kind="product",
        description="Who is in which cohort.",
        columns=(
            ColumnDef("person_id", UUID, "The person."),
            ColumnDef("cohort_id", INTEGER, "The cohort's number."),
        ),
        joins=(LazyJoin("person", "persons", "this.person_id = that.id", "The person."),),
    )


def exchange_rates() -> tuple[TableDef, TableDef]:
    """The rates somebody loaded, and the index of them that `convertCurrency` reads."""
    return (
        TableDef(
            name="exchange_rates",
            physical=("product", "exchange_rates"),
            kind="product",
            description="How much of a currency one US dollar bought, by day.",
            columns=(
                ColumnDef("currency", STRING, "Three letters, such as `EUR`."),
                ColumnDef("date", DATE, "The day it holds from."),
                ColumnDef("rate", FLOAT, "Units for one US dollar."),
            ),
        ),
        TableDef(
            name="exchange_rate_index",
            physical=("product", "exchange_rate_index"),
            kind="product",
            columns=(
                ColumnDef("currencies", array(STRING)),
                ColumnDef("first_day", DATE),
                ColumnDef("block", INTEGER),
                ColumnDef("rates", array(FLOAT)),
            ),
            is_hidden=True,
        ),
    )


_FIRST = "argMinIf(properties.{0}, timestamp, event IN ('$pageview', '$screen') AND properties.{0} IS NOT NULL)"
_LAST = "argMaxIf(properties.{0}, timestamp, event IN ('$pageview', '$screen') AND properties.{0} IS NOT NULL)"
_ENTRY = "argMinIf(properties.{0}, timestamp, properties.{0} IS NOT NULL)"

_SESSION: tuple[tuple[str, str, Type, str], ...] = (
    ("session_id", "$session_id", STRING, "The session's id."),
    ("id", "$session_id", STRING, "The same."),
    ("distinct_id", "argMin(distinct_id, timestamp)", STRING, "Distinct id of its first event."),
    ("person_id", "argMax(person_id, timestamp)", UUID, "Person of its last event."),
    ("$start_timestamp", "min(timestamp)", DATETIME, "When it began."),
    ("$end_timestamp", "max(timestamp)", DATETIME, "When its last event happened."),
    (
        "$session_duration",
        "dateDiff('second', min(timestamp), max(timestamp))",
        INTEGER,
        "Seconds from first to last event.",
    ),
    ("duration", "dateDiff('second', min(timestamp), max(timestamp))", INTEGER, "The same."),
    ("$entry_current_url", _FIRST.format("$current_url"), STRING, "First URL."),
    ("$entry_pathname", _FIRST.format("$pathname"), STRING, "First path."),
    ("$entry_hostname", _FIRST.format("$host"), STRING, "First host."),
    ("$end_current_url", _LAST.format("$current_url"), STRING, "Last URL."),
    ("$end_pathname", _LAST.format("$pathname"), STRING, "Last path."),
    ("$end_hostname", _LAST.format("$host"), STRING, "Last host."),
    ("$exit_current_url", _LAST.format("$current_url"), STRING, "Last URL."),
    ("$exit_pathname", _LAST.format("$pathname"), STRING, "Last path."),
    ("$entry_referring_domain", _ENTRY.format("$referring_domain"), STRING, "Domain it came from."),
    ("$entry_referrer", _ENTRY.format("$referrer"), STRING, "URL it came from."),
    ("$entry_utm_source", _ENTRY.format("utm_source"), STRING, ""),
    ("$entry_utm_medium", _ENTRY.format("utm_medium"), STRING, ""),
    ("$entry_utm_campaign", _ENTRY.format("utm_campaign"), STRING, ""),
    ("$entry_utm_term", _ENTRY.format("utm_term"), STRING, ""),
    ("$entry_utm_content", _ENTRY.format("utm_content"), STRING, ""),
    ("$entry_gclid", _ENTRY.format("gclid"), STRING, ""),
    ("$entry_gad_source", _ENTRY.format("gad_source"), STRING, ""),
    ("$entry_fbclid", _ENTRY.format("fbclid"), STRING, ""),
    *(
        (f"$entry_{name}", _ENTRY.format(name), STRING, "")
        for name in [
            "gclsrc",
            "dclid",
            "gbraid",
            "wbraid",
            "msclkid",
            "twclid",
            "li_fat_id",
            "mc_cid",
            "igshid",
            "ttclid",
            "rdt_cid",
            "epik",
            "qclid",
            "sccid",
            "irclid",
            "_kx",
        ]
    ),
    (
        "$last_external_click_url",
        "argMaxIf(properties.$external_click_url, timestamp, properties.$external_click_url IS NOT NULL)",
        STRING,
        "Last link clicked that leads elsewhere.",
    ),
    (
        "$vitals_lcp",
        "argMinIf(toFloat(properties.$web_vitals_LCP_value), timestamp, event = '$web_vitals')",
        FLOAT,
        "Largest contentful paint of its first page, in ms.",
    ),
    ("$event_count_map", "count()", INTEGER, "Events in all."),
    ("$event_count", "count()", INTEGER, "Events in all."),
    ("$pageview_count", "countIf(event = '$pageview')", INTEGER, "Page views."),
    ("$screen_count", "countIf(event = '$screen')", INTEGER, "Screens."),
    (
        "$autocapture_count",
        "countIf(event = '$autocapture')",
        INTEGER,
        "Captured clicks and the like.",
    ),
    (
        "$num_uniq_urls",
        "uniqIf(properties.$current_url, event = '$pageview')",
        INTEGER,
        "Different URLs.",
    ),
    (
        "$urls",
        "groupUniqArrayIf(properties.$current_url, event = '$pageview')",
        array(STRING),
        "The URLs.",
    ),
    (
        "$page_screen_autocapture_count_up_to",
        "countIf(event IN ('$pageview', '$screen', '$autocapture'))",
        INTEGER,
        "",
    ),
    (
        "$is_bounce",
        "countIf(event IN ('$pageview', '$screen')) <= 1 AND countIf(event = '$autocapture') = 0 "
        "AND dateDiff('second', min(timestamp), max(timestamp)) < 10",
        BOOLEAN,
        "One page or screen, no click, under ten seconds.",
    ),
    (
        "$channel_type",
        "multiIf("
        f"{_ENTRY.format('gclid')} IS NOT NULL OR lower({_ENTRY.format('utm_medium')}) IN ('cpc', 'cpm', 'cpv', 'cpa', 'ppc', 'retargeting'),"
        f" multiIf({_ENTRY.format('$referring_domain')} ILIKE '%google%' OR {_ENTRY.format('gclid')} IS NOT NULL, 'Paid Search', 'Paid Unknown'),"
        f" lower({_ENTRY.format('utm_medium')}) = 'email' OR lower({_ENTRY.format('utm_source')}) = 'email', 'Email',"
        f" lower({_ENTRY.format('utm_medium')}) = 'affiliate', 'Affiliate',"
        f" match({_ENTRY.format('$referring_domain')}, '(?i)(google|bing|duckduckgo|yahoo|baidu|yandex|ecosia)[.]'), 'Organic Search',"
        f" match({_ENTRY.format('$referring_domain')}, '(?i)(facebook|instagram|twitter|linkedin|reddit|tiktok|pinterest|^t[.]co$|^x[.]com$)'), 'Organic Social',"
        f" match({_ENTRY.format('$referring_domain')}, '(?i)(youtube|vimeo|twitch)'), 'Organic Video',"
        f" coalesce({_ENTRY.format('$referring_domain')}, '$direct') IN ('$direct', ''), 'Direct',"
        " 'Referral')",
        STRING,
        "Where it came from, by referrer and campaign.",
    ),
)


def sessions() -> TableDef:
    """Sessions are made of events when they are asked for; unused columns cost nothing."""
    items = ", ".join(f"{expression} AS `{name}`" for name, expression, _, _ in _SESSION)
    return TableDef(
        name="sessions",
        view_sql=f"SELECT {items} FROM events WHERE $session_id IS NOT NULL AND $session_id != '' GROUP BY $session_id",
        spellings=("raw_sessions",),
        kind="product",
        description="Visits: the events that share a `$session_id`.",
        columns=tuple(ColumnDef(name, type_, doc) for name, _, type_, doc in _SESSION),
        joins=(LazyJoin("person", "persons", "this.person_id = that.id", "The person."),),
    )


def product_tables(
    person_joins: Sequence[LazyJoin] = (),
    event_joins: Sequence[LazyJoin] = (),
    property_types: Mapping[str, Mapping[str, Type]] | None = None,
    person_mode: PersonMode = PersonMode.NO_OVERRIDE,
) -> tuple[TableDef, ...]:
    """All product tables; joins that users or sources add to persons and events go in here.

    `property_types`: for `events`, `persons` and `groups`, what is known of their properties.
    """
    tables = (
        events(event_joins, person_mode),
        persons(person_joins),
        person_distinct_ids(),
        sessions(),
        groups(),
        cohort_people(),
    )
    known = property_types or {}
    return tuple(
        replace(table, property_types=known[table.name]) if table.name in known else table
        for table in tables
    )


def _computed(name: str, type_: Type, expression: str) -> ColumnDef:
    return ColumnDef(name, type_, expression=expression, hidden=True)


__all__ = ["FLOAT", "FieldAlias", "exchange_rates", "product_tables"]
