"""Zendesk's tables: how each is read, and the types of its well-known fields. Other fields arrive as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

_WORDS = {
    "text": "VARCHAR",
    "int": "BIGINT",
    "bool": "BOOLEAN",
    "time": "TIMESTAMP WITH TIME ZONE",
    "json": "JSON",
    "double": "DOUBLE",
}
_EVERYWHERE = "int: id; text: url; time: created_at updated_at"


class Way(StrEnum):
    """How a table is read."""

    CURSOR = "cursor"
    """Incremental export by cursor: each version once, in the order of change."""
    TIME = "time"
    """Incremental export by time, up to 1,000 rows a page."""
    LIST = "list"
    """The whole list, page by page."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `noun` is where its rows are in an answer."""

    name: str
    path: str
    way: Way
    description: str
    types: Mapping[str, str]
    noun: str
    cursor: str = "updated_at"
    incremental: tuple[str, ...] = ()


def _types(text: str) -> dict[str, str]:
    found = {}
    for part in text.split("; "):
        kind, _, names = part.partition(": ")
        found.update(dict.fromkeys(names.split(), _WORDS[kind]))
    return found


def _exported(name: str, description: str, types: str, way: Way) -> Table:
    path = f"incremental/{name}/cursor.json" if way is Way.CURSOR else f"incremental/{name}.json"
    return Table(name, path, way, description, _types(f"{_EVERYWHERE}; {types}"), name)


def _listed(name: str, description: str, types: str, path: str = "", noun: str = "") -> Table:
    found = _types(f"{_EVERYWHERE}; {types}")
    return Table(name, f"{path or name}.json", Way.LIST, description, found, noun or name)


TABLES: tuple[Table, ...] = (
    _exported(
        "tickets",
        "Requests of customers, deleted ones too (`status` is `deleted`).",
        "text: subject raw_subject description status type priority recipient external_id from_messaging_channel; "
        "int: requester_id submitter_id assignee_id organization_id group_id brand_id forum_topic_id problem_id "
        "ticket_form_id custom_status_id generated_timestamp; time: due_at; "
        "bool: has_incidents is_public allow_channelback allow_attachments; "
        "json: tags custom_fields fields via satisfaction_rating sharing_agreement_ids collaborator_ids "
        "follower_ids email_cc_ids followup_ids",
        Way.CURSOR,
    ),
    _exported(
        "users",
        "Customers and agents.",
        "text: name email phone role alias details notes time_zone iana_time_zone locale signature external_id "
        "ticket_restriction; int: locale_id organization_id default_group_id custom_role_id role_type; "
        "time: last_login_at; bool: active verified shared shared_agent suspended moderator only_private_comments "
        "restricted_agent chat_only report_csv two_factor_auth_enabled; json: tags user_fields photo",
        Way.CURSOR,
    ),
    _exported(
        "organizations",
        "Companies of customers.",
        "text: name details notes external_id; int: group_id; time: deleted_at; "
        "bool: shared_tickets shared_comments; json: domain_names tags organization_fields",
        Way.TIME,
    ),
    Table(
        "ticket_events",
        "incremental/ticket_events.json",
        Way.TIME,
        "What happened to tickets, one row per update.",
        _types(
            "int: id ticket_id updater_id timestamp; time: created_at; text: via event_type; "
            "json: child_events system metadata"
        ),
        "ticket_events",
        cursor="created_at",
    ),
    Table(
        "ticket_metric_events",
        "incremental/ticket_metric_events.json",
        Way.TIME,
        "When service levels began, were met or breached.",
        _types(
            "int: id ticket_id instance_id; text: metric type; time: time; json: sla status group_sla"
        ),
        "ticket_metric_events",
        cursor="time",
    ),
    _listed(
        "ticket_metrics",
        "How long tickets took.",
        "int: ticket_id group_stations assignee_stations reopens replies; "
        "time: assignee_updated_at requester_updated_at status_updated_at initially_assigned_at assigned_at "
        "solved_at latest_comment_added_at; json: reply_time_in_minutes first_resolution_time_in_minutes "
        "full_resolution_time_in_minutes agent_wait_time_in_minutes requester_wait_time_in_minutes "
        "on_hold_time_in_minutes",
    ),
    _listed(
        "satisfaction_ratings",
        "What customers thought of answers.",
        "int: assignee_id group_id requester_id ticket_id reason_id; text: score comment reason",
    ),
    _listed(
        "groups", "Groups of agents.", "text: name description; bool: default deleted is_public"
    ),
    _listed("group_memberships", "Who is in which group.", "int: user_id group_id; bool: default"),
    _listed(
        "organization_memberships",
        "Who belongs to which organization.",
        "int: user_id organization_id; text: organization_name; bool: default view_tickets",
    ),
    _listed(
        "brands",
        "Brands customers see.",
        "text: name subdomain brand_url host_mapping help_center_state signature_template; "
        "bool: active default has_help_center is_deleted; json: logo ticket_form_ids",
    ),
    _listed(
        "ticket_fields",
        "Fields of tickets, own ones too.",
        "text: type title raw_title description raw_description title_in_portal tag agent_description "
        "regexp_for_validation; int: position sub_type_id; "
        "bool: active required visible_in_portal editable_in_portal required_in_portal removable "
        "collapsed_for_agents; json: custom_field_options system_field_options",
    ),
    _listed(
        "ticket_forms",
        "Forms tickets are made with.",
        "text: name raw_name display_name raw_display_name; int: position; "
        "bool: active default end_user_visible in_all_brands; "
        "json: ticket_field_ids restricted_brand_ids agent_conditions end_user_conditions",
    ),
    _listed(
        "macros",
        "Prepared answers.",
        "text: title description; int: position; bool: active; json: actions restriction",
    ),
    _listed(
        "triggers",
        "What happens by itself when tickets change.",
        "text: title description category_id; int: position; bool: active; json: actions conditions",
    ),
    _listed(
        "automations",
        "What happens by itself as time passes.",
        "text: title; int: position; bool: active; json: actions conditions",
    ),
    _listed(
        "views",
        "Lists agents look at.",
        "text: title description; int: position; bool: active default; json: conditions execution restriction",
    ),
    _listed(
        "sla_policies",
        "Promised service levels.",
        "text: title description; int: position; json: filter policy_metrics metric_settings",
        path="slas/policies",
    ),
    Table(
        "tags",
        "tags.json",
        Way.LIST,
        "Tags and how often they are used.",
        _types("text: name; int: count"),
        "tags",
    ),
)
BY_NAME: Mapping[str, Table] = {table.name: table for table in TABLES}
