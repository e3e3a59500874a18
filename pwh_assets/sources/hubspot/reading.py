"""HubSpot's tables: objects in lists and searches, their properties in types, owners and pipelines."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import Column, DiscoveredTable, SyncMode
from pwh_assets.errors import SourceError
from pwh_assets.sources.base import ReadRequest
from pwh_assets.sources.errors import CursorTypeError, TableMissingError
from pwh_assets.sources.http import RowBuilder, ahead, in_order
from pwh_assets.sources.http.moments import Moments, moment_of, since_of
from pwh_assets.sources.hubspot.api import CAP, PAGE, URL_LENGTH, ForbiddenError, HubSpotApi, Object

if TYPE_CHECKING:
    import pyarrow as pa

CURSOR = "updated_at"
OVERLAP_S = 300
"""A change may be found by a search only minutes after it was made."""
OWN = {
    "id": "VARCHAR",
    "created_at": "TIMESTAMP WITH TIME ZONE",
    "updated_at": "TIMESTAMP WITH TIME ZONE",
    "archived": "BOOLEAN",
    "associations": "JSON",
}
_TYPES = {
    "bool": "BOOLEAN",
    "number": "DECIMAL(38,12)",
    "date": "DATE",
    "datetime": "TIMESTAMP WITH TIME ZONE",
    "json": "JSON",
}
ASSOCIATED = ("contacts", "companies", "deals", "tickets")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object. `modified` is the property a search goes by."""

    name: str
    path: str
    description: str
    modified: str = "hs_lastmodifieddate"


KINDS = (
    Kind("contacts", "contacts", "People.", "lastmodifieddate"),
    Kind("companies", "companies", "Organizations."),
    Kind("deals", "deals", "Sales under way and done."),
    Kind("tickets", "tickets", "Requests of customers."),
    Kind("products", "products", "What is sold."),
    Kind("line_items", "line_items", "Products in deals."),
    Kind("quotes", "quotes", "Offers."),
    Kind("calls", "calls", "Calls with contacts."),
    Kind("emails", "emails", "E-mails with contacts."),
    Kind("meetings", "meetings", "Meetings with contacts."),
    Kind("notes", "notes", "Notes about contacts."),
    Kind("tasks", "tasks", "Things to be done."),
)
LISTS: Mapping[str, Mapping[str, str]] = {
    "owners": {
        "id": "VARCHAR",
        "email": "VARCHAR",
        "firstName": "VARCHAR",
        "lastName": "VARCHAR",
        "type": "VARCHAR",
        "userId": "BIGINT",
        "createdAt": "TIMESTAMP WITH TIME ZONE",
        "updatedAt": "TIMESTAMP WITH TIME ZONE",
        "archived": "BOOLEAN",
        "teams": "JSON",
    },
    "pipelines": {
        "id": "VARCHAR",
        "object_type": "VARCHAR",
        "label": "VARCHAR",
        "displayOrder": "BIGINT",
        "createdAt": "TIMESTAMP WITH TIME ZONE",
        "updatedAt": "TIMESTAMP WITH TIME ZONE",
        "archived": "BOOLEAN",
    },
    "pipeline_stages": {
        "id": "VARCHAR",
        "pipeline_id": "VARCHAR",
        "object_type": "VARCHAR",
        "label": "VARCHAR",
        "displayOrder": "BIGINT",
        "createdAt": "TIMESTAMP WITH TIME ZONE",
        "updatedAt": "TIMESTAMP WITH TIME ZONE",
        "archived": "BOOLEAN",
        "metadata": "JSON",
    },
}
"""Small tables that are read whole, with their types."""
_LIST_KEYS = {
    "pipelines": ("object_type", "id"),
    "pipeline_stages": ("object_type", "pipeline_id", "id"),
}
_PIPED = ("deals", "tickets")


def discovered(config: Mapping[str, Any]) -> list[DiscoveredTable]:
    """Tables the token has the scopes for."""
    api = HubSpotApi(config, attempts=3)
    found = []
    for kind in (*KINDS, *_custom(api)):
        try:
            types = types_of(api.properties(kind.path))
        except SourceError as error:
            if error.retryable:
                raise
            continue
        columns = _columns({**OWN, **types})
        modes = (SyncMode.FULL, SyncMode.INCREMENTAL, SyncMode.APPEND)
        found.append(
            DiscoveredTable(
                kind.name, columns, ("id",), (CURSOR,), description=kind.description, modes=modes
            )
        )
    for name, listed in LISTS.items():
        key = _LIST_KEYS.get(name, ("id",))
        found.append(DiscoveredTable(name, _columns(listed), key, modes=(SyncMode.FULL,)))
    return found


def newest(config: Mapping[str, Any], requests: Sequence[ReadRequest]) -> dict[str, str | None]:
    api = HubSpotApi(config, attempts=2)
    kinds = {kind.name: kind for kind in KINDS}
    found: dict[str, str | None] = {}
    for request in requests:
        if (kind := kinds.get(request.table)) is None:
            continue
        try:
            one = api.newest(kind.path, kind.modified)
        except SourceError:
            continue
        found[request.table] = f"{one.get('id')} {one.get('updatedAt')}" if one else "empty"
    return found


class Reader:
    """Reads one table once. `watermark` is right after the last table was taken."""

    def __init__(self, config: Mapping[str, Any], request: ReadRequest) -> None:
        self._config, self._request = config, request
        self._api = HubSpotApi(config)
        self._kind = None if request.table in LISTS else self._found(request.table)
        if request.mode is not SyncMode.FULL and (self._kind is None or request.cursor != CURSOR):
            raise CursorTypeError(
                request.table, request.cursor or "", "not what HubSpot searches by", f"`{CURSOR}`"
            )
        self._types: dict[str, str] = {}
        types: dict[str, str]
        if self._kind is None:
            types = dict(LISTS[request.table])
        else:
            self._types = types_of(self._api.properties(self._kind.path))
            types = {**OWN, **self._types}
        self.columns = _columns(types)
        builder = RowBuilder(f"HubSpot's {request.table}", types, is_strict=False)
        self._moments = Moments(request, builder, CURSOR if self._kind else None)

    @property
    def watermark(self) -> str | None:
        return self._moments.watermark

    def batches(self) -> Iterator["pa.Table"]:
        """Arrow tables of at most a few thousand rows."""
        try:
            yield from self._moments.tables(ahead(self._pages()))
        finally:
            self._api.stop()

    def _found(self, name: str) -> Kind:
        kinds = {kind.name: kind for kind in KINDS}
        kind = kinds.get(name) or {one.name: one for one in _custom(self._api)}.get(name)
        if kind is None:
            raise TableMissingError(name, "HubSpot")
        return kind

    def _pages(self) -> Iterator[list[Object]]:
        if self._kind is None:
            yield from _LISTED[self._request.table](self._api)
            return
        since = since_of(self._request, OVERLAP_S)
        found = self._listed(self._kind) if since is None else self._searched(self._kind, since)
        yield from in_order(self._rows, found, 3)

    def _listed(self, kind: Kind) -> Iterator[list[Object]]:
        """The whole list. Properties its address has no room for are fetched for each page."""
        names, size = [], 0
        for name in self._types:
            size += len(name) + 3
            if size <= URL_LENGTH:
                names.append(name)
        rest = list(self._types)[len(names) :]
        for page in self._api.pages(
            f"/crm/v3/objects/{kind.path}", {"properties": ",".join(names)}
        ):
            if rest and page:
                more = self._api.more_properties(kind.path, [one["id"] for one in page], rest)
                for one in page:
                    one["properties"] = {**(one.get("properties") or {}), **more.get(one["id"], {})}
            yield page

    def _searched(self, kind: Kind, since: datetime) -> Iterator[list[Object]]:
        """Everything changed at or after a moment, in windows, since one search ends at 10,000."""
        lower, seen = int(since.timestamp() * 1000), set[str]()
        names = list(self._types)
        while True:
            filters = [{"propertyName": kind.modified, "operator": "GTE", "value": str(lower)}]
            count, last = 0, lower
            for page in self._api.search(kind.path, filters, kind.modified, names):
                count += len(page)
                yield [one for one in page if str(one["id"]) not in seen]
                seen.update(str(one["id"]) for one in page)
                if page:
                    last = _modified(page[-1], kind) or last
            if count + PAGE <= CAP:
                return
            if last > lower:
                lower = last
                continue
            yield from self._at_one_moment(kind, lower, seen)
            lower += 1

    def _at_one_moment(self, kind: Kind, at: int, seen: set[str]) -> Iterator[list[Object]]:
        """More than a search gives changed in the very same millisecond: by id, then."""
        above = "0"
        while True:
            filters = [
                {"propertyName": kind.modified, "operator": "EQ", "value": str(at)},
                {"propertyName": "hs_object_id", "operator": "GT", "value": above},
            ]
            count = 0
            for page in self._api.search(kind.path, filters, "hs_object_id", list(self._types)):
                count += len(page)
                yield [one for one in page if str(one["id"]) not in seen]
                seen.update(str(one["id"]) for one in page)
                above = str(page[-1]["id"]) if page else above
            if count + PAGE <= CAP:
                return

    def _rows(self, page: list[Object]) -> list[Object]:
        associations: dict[str, dict[str, list[str]]] = {}
        if (
            page
            and self._kind
            and self._config["associations"]
            and self._request.wants("associations")
        ):
            ids = [str(one["id"]) for one in page]
            for other in ASSOCIATED:
                if other == self._kind.name:
                    continue
                try:
                    found = self._api.associated(self._kind.path, other, ids)
                except ForbiddenError:
                    continue
                for key, others in found.items():
                    associations.setdefault(key, {})[other] = others
        return [self._row(one, associations.get(str(one["id"]))) for one in page]

    def _row(self, one: Object, associations: Any) -> Object:
        properties = one.get("properties") or {}
        values = {
            name: _value(value, self._types.get(name, "")) for name, value in properties.items()
        }
        return {
            **values,
            "id": str(one["id"]),
            "created_at": one.get("createdAt"),
            "updated_at": one.get("updatedAt"),
            "archived": one.get("archived"),
            "associations": associations,
        }


def types_of(properties: Sequence[Object]) -> dict[str, str]:
    """Lake types of properties, by name.

    >>> types_of([{"name": "email", "type": "string"}, {"name": "amount", "type": "number"}])
    {'email': 'VARCHAR', 'amount': 'DECIMAL(38,12)'}
    """
    return {
        str(one["name"]): _TYPES.get(str(one.get("type")), "VARCHAR")
        for one in properties
        if one.get("name") and one["name"] not in OWN
    }


def _value(value: Any, lake: str) -> Any:
    """HubSpot writes every value as a text; an empty one is none."""
    if value == "" and lake != "VARCHAR":
        return None
    if lake == "BOOLEAN" and isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower(), value)
    return value


def _modified(one: Object, kind: Kind) -> int | None:
    at = moment_of((one.get("properties") or {}).get(kind.modified) or one.get("updatedAt"))
    return int(at.timestamp() * 1000) if at else None


def _custom(api: HubSpotApi) -> list[Kind]:
    return [
        Kind(str(one["name"]), str(one.get("objectTypeId") or one["name"]), "A custom object.")
        for one in api.schemas()
        if one.get("name")
    ]


def _owners(api: HubSpotApi) -> Iterator[list[Object]]:
    yield from api.pages("/crm/v3/owners", {})


def _pipelines(api: HubSpotApi) -> Iterator[list[Object]]:
    for kind in _PIPED:
        for page in api.pages(f"/crm/v3/pipelines/{kind}", {}):
            yield [{**one, "object_type": kind, "stages": None} for one in page]


def _stages(api: HubSpotApi) -> Iterator[list[Object]]:
    for kind in _PIPED:
        for page in api.pages(f"/crm/v3/pipelines/{kind}", {}):
            yield [
                {**stage, "pipeline_id": one["id"], "object_type": kind}
                for one in page
                for stage in one.get("stages") or []
            ]


_LISTED = {"owners": _owners, "pipelines": _pipelines, "pipeline_stages": _stages}


def _columns(types: Mapping[str, str]) -> tuple[Column, ...]:
    return tuple(Column(name, kind, name != "id") for name, kind in types.items())
