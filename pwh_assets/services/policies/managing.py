"""Keeping policies: read from what a person wrote, checked against the project, tried as somebody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pwh_assets.core.access import Caller, Role, role_in_project
from pwh_assets.core.policy import FACT, AccessPolicy, ColumnMask, Redaction
from pwh_assets.errors import InvalidInputError, NotFoundError, quoted
from pwh_assets.services.hogql.catalog import build_catalog
from pwh_assets.services.platform import Platform
from pwh_assets.services.policies.reading import catalog_for, policy_of

FIELDS = ("name", "table", "to", "except", "deny", "mask", "rows")
_MOST_ROWS_TEXT = 10_000


def read_policy(given: object) -> AccessPolicy:
    """A policy from its fields: `name`, `table`, `to`, `except`, `deny`, `mask` and `rows`.

    Raises:
        InvalidInputError: a field is missing, unknown or wrong.
    """
    if not isinstance(given, Mapping):
        raise InvalidInputError("policy", f"A policy is an object with {quoted(FIELDS)}.")
    unknown = [str(key) for key in given if key not in FIELDS]
    if unknown:
        raise InvalidInputError(
            unknown[0], f"`{unknown[0]}` is no field of a policy; there are {quoted(FIELDS)}."
        )
    name, table = (_text(given, field) for field in ("name", "table"))
    to, deny = _texts(given, "to"), _texts(given, "deny")
    if not to:
        roles = quoted([role.value for role in Role])
        raise InvalidInputError(
            "to", f"`to` is missing: it lists {roles}, `user:<name>`, or `*` for everybody."
        )
    exempt = _texts(given, "except")
    for field, words in (("to", to), ("except", exempt)):
        for word in words:
            if word != "*" and word.lower() not in set(Role) and not word.startswith("user:"):
                raise InvalidInputError(
                    field, f"`{word}` is no role, no `user:<name>` and not `*`."
                )
    rows = given.get("rows")
    if rows is not None and (not isinstance(rows, str) or not rows.strip()):
        raise InvalidInputError("rows", "`rows` is a HogQL condition, such as `region = 'eu'`.")
    if rows and len(rows) > _MOST_ROWS_TEXT:
        raise InvalidInputError("rows", f"`rows` has more than {_MOST_ROWS_TEXT:,} characters.")
    masks = _masks(given.get("mask"))
    if not (deny or masks or rows):
        raise InvalidInputError(
            "policy", "The policy does nothing: it needs `deny`, `mask` or `rows`."
        )
    for column in (*deny, *(mask.column for mask in masks)):
        if column.count(".") > 1 or column.startswith(".") or column.endswith("."):
            raise InvalidInputError(
                "deny",
                f"`{column}` is neither a column nor one key of a JSON column, `column.key`.",
            )
    return AccessPolicy("", name, table, to, exempt, deny, masks, rows)


def save_policy(platform: Platform, project_id: int, policy: AccessPolicy, by: str) -> AccessPolicy:
    """Keep a policy, in the place of the one of its name. It holds from the next query on.

    Raises:
        InvalidInputError: there is no such table.
        HogQLError: its condition is wrong.
    """
    catalog = build_catalog(platform, project_id)
    table = catalog.by_name.get(policy.table.lower())
    if table is None:
        raise InvalidInputError("table", f"There is no table or view `{policy.table}`.")
    if policy.rows:
        _try_rows(platform, project_id, table.name, policy.rows)
    return platform.store.save_policy(project_id, replace(policy, table=table.name), by)


def find_policy(platform: Platform, project_id: int, wanted: str) -> AccessPolicy:
    """By name or id. Raises NotFoundError."""
    for policy in platform.store.policies(project_id):
        if wanted in (policy.name, policy.id):
            return policy
    raise NotFoundError("policy", wanted)


def remove_policy(platform: Platform, project_id: int, wanted: str) -> AccessPolicy:
    """Raises NotFoundError."""
    policy = find_policy(platform, project_id, wanted)
    platform.store.remove_policy(project_id, policy.id)
    return policy


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody sees of a table."""

    table: str
    hidden: bool
    denied: tuple[str, ...]
    masked: tuple[tuple[str, str], ...]
    rows: tuple[str, ...]
    missing: tuple[str, ...]
    """Facts that conditions ask for and that are not known of them: no row is shown."""


def sight_of(platform: Platform, project_id: int, caller: Caller) -> list[Sight]:
    """Every table somebody sees less of than there is."""
    rules = policy_of(build_catalog(platform, project_id).policies, project_id, caller)
    catalog_for(platform, project_id, caller)  # what cannot be applied is heard of here
    return [
        Sight(
            table,
            one.is_hidden,
            tuple(sorted(one.denied)),
            tuple((mask.column, mask.kind.value) for mask in one.masks),
            one.rows,
            tuple(name for name, value in one.facts.items() if value is None),
        )
        for table, one in sorted(rules.items())
    ]


def somebody(
    platform: Platform,
    project_id: int,
    name: str,
    role: Role | None = None,
    attributes: Mapping[str, str] | None = None,
) -> Caller:
    """A caller to try policies as: a person of the home, or anybody with a role.

    Raises:
        NotFoundError: nobody is called so, and no role was said.
    """
    user = platform.store.find_user(name)
    if user is None:
        if role is None:
            raise NotFoundError(
                "person", name, "Say `--role` to try somebody who is not there yet."
            )
        return Caller(name, {project_id: role}, attributes=dict(attributes or {}))
    known = {**user.attributes, **({"email": user.email} if user.email else {}), "name": user.name}
    given = role or _role_of(platform, project_id, user.id)
    return Caller(
        user.name,
        {project_id: given},
        user_id=user.id,
        attributes={**known, **(attributes or {})},
    )


def as_dict(policy: AccessPolicy) -> dict[str, Any]:
    """As it is written, with its id."""
    return {
        "id": policy.id,
        "name": policy.name,
        "table": policy.table,
        "to": list(policy.to),
        "except": list(policy.exempt),
        "deny": list(policy.deny),
        "mask": {
            mask.column: f"partial:{mask.keep}"
            if mask.kind is Redaction.PARTIAL
            else mask.kind.value
            for mask in policy.masks
        },
        "rows": policy.rows,
    }


def _role_of(platform: Platform, project_id: int, user_id: str) -> Role:
    store = platform.store
    whole = store.organization_roles(user_id).get(store.organization_of(project_id))
    single = store.project_roles(user_id).get(project_id)
    return role_in_project(whole, single) or Role.VIEWER


def _try_rows(platform: Platform, project_id: int, table: str, rows: str) -> None:
    from pwh_assets.hogql.editor.suggestion import quoted_name
    from pwh_assets.services.hogql.query import compile_query

    for name in FACT.findall(rows):
        if name not in ("id", "name", "email", "role") and not name.startswith("attributes."):
            raise InvalidInputError(
                "rows",
                f"`{{user.{name}}}` is not known of a reader. There are `user.name`, `user.email`, `user.role`, "
                "`user.id` and `user.attributes.<name>`.",
            )
    text = FACT.sub("'…'", rows)
    compile_query(
        platform, project_id, f"SELECT 1 FROM {quoted_name(table)} WHERE {text}", export=True
    )


def _text(given: Mapping[str, Any], field: str) -> str:
    value = given.get(field)
    if not isinstance(value, str) or not value.strip() or len(value) > 200:
        raise InvalidInputError(field, f"`{field}` is a text of 1 to 200 characters.")
    return value.strip()


def _texts(given: Mapping[str, Any], field: str) -> tuple[str, ...]:
    value = given.get(field) or []
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, Sequence) or not all(isinstance(one, str) and one for one in value):
        raise InvalidInputError(field, f"`{field}` is a list of names.")
    return tuple(dict.fromkeys(value))


def _masks(given: object) -> tuple[ColumnMask, ...]:
    if given is None:
        return ()
    if not isinstance(given, Mapping):
        raise InvalidInputError(
            "mask", "`mask` is an object: column to `hash`, `partial` or `null`."
        )
    found = []
    for column, word in given.items():
        kind, _, keep = str(word).partition(":")
        if kind not in set(Redaction) or (keep and not (kind == "partial" and keep.isdigit())):
            raise InvalidInputError(
                "mask", f"`{word}` is no mask: use `hash`, `null`, `partial` or `partial:3`."
            )
        letters = int(keep) if keep else 3
        if letters > 100:
            raise InvalidInputError("mask", f"`{word}` keeps more than 100 characters.")
        found.append(ColumnMask(str(column), Redaction(kind), letters))
    return tuple(found)
