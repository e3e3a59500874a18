"""HubSpot on loopback: objects with properties, searches that end at 10,000, batch reads, associations."""

import re
from datetime import UTC, datetime
from typing import Any

from tests.servers.api import ApiServer, Call, Refusal

TOKEN = "pat-planted-token"
MODIFIED = {"contacts": "lastmodifieddate"}


class HubSpotServer(ApiServer):
    """`objects` are `{id: (properties, updated)}` by kind; `cap` is where a search ends."""

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, dict[str, tuple[dict[str, Any], datetime]]] = {}
        self.properties: dict[str, dict[str, str]] = {}
        self.links: dict[tuple[str, str], dict[str, list[str]]] = {}
        self.owners: list[dict[str, Any]] = []
        self.pipelines: dict[str, list[dict[str, Any]]] = {}
        self.forbidden: set[str] = set()
        self.cap = 10_000

    def put(self, kind: str, key: str, updated: datetime, **properties: Any) -> None:
        self.objects.setdefault(kind, {})[key] = (properties, updated)

    def answer(self, call: Call) -> Any:
        if call.headers.get("Authorization") != f"Bearer {TOKEN}":
            given = call.headers.get("Authorization", "")
            raise Refusal(401, {"category": "INVALID_AUTHENTICATION", "message": f"No: {given}"})
        words = call.path.strip("/").split("/")
        if words[:2] == ["crm", "v4"]:
            return self._associated(words[3], words[4], call)
        noun = words[2]
        if noun == "owners":
            return {"results": self.owners}
        if noun == "schemas":
            return {"results": []}
        kind = words[3]
        if kind in self.forbidden:
            raise Refusal(403, {"category": "MISSING_SCOPES", "message": "A scope is missing."})
        if noun == "properties":
            known = {"hs_object_id": "number", "name": "string", **self.properties.get(kind, {})}
            return {"results": [{"name": name, "type": kind} for name, kind in known.items()]}
        if noun == "pipelines":
            return {"results": self.pipelines.get(kind, [])}
        if words[4:] == ["search"]:
            return self._search(kind, call.body)
        if words[4:] == ["batch", "read"]:
            rows = self.objects.get(kind, {})
            ids = [one["id"] for one in call.body["inputs"]]
            return {
                "results": [self._shown(kind, k, call.body["properties"]) for k in ids if k in rows]
            }
        return self._list(kind, call)

    def _shown(self, kind: str, key: str, names: list[str]) -> dict[str, Any]:
        properties, updated = self.objects[kind][key]
        known = {
            **properties,
            "hs_object_id": key,
            MODIFIED.get(kind, "hs_lastmodifieddate"): iso(updated),
        }
        return {
            "id": key,
            "properties": {name: known.get(name) for name in names},
            "createdAt": iso(updated),
            "updatedAt": iso(updated),
            "archived": False,
        }

    def _list(self, kind: str, call: Call) -> Any:
        if len(call.query.get("properties", "")) > 8_000:
            raise Refusal(414, {"message": "URI Too Long"})
        keys = list(self.objects.get(kind, {}))
        at, limit = int(call.query.get("after", 0)), int(call.query.get("limit", 10))
        names = [name for name in call.query.get("properties", "").split(",") if name]
        found = {"results": [self._shown(kind, key, names) for key in keys[at : at + limit]]}
        return _paged(found, at + limit, len(keys))

    def _search(self, kind: str, body: dict[str, Any]) -> Any:
        def known(key: str, name: str) -> Any:
            if name == "hs_object_id":
                return int(key)
            if name.endswith("lastmodifieddate"):
                return int(self.objects[kind][key][1].timestamp() * 1000)
            return self.objects[kind][key][0].get(name)

        keys = list(self.objects.get(kind, {}))
        for group in body["filterGroups"]:
            for one in group["filters"]:
                value = int(one["value"])
                good = {"GTE": int.__ge__, "GT": int.__gt__, "EQ": int.__eq__}[one["operator"]]
                keys = [key for key in keys if good(known(key, one["propertyName"]), value)]
        for sort in body["sorts"]:
            name, down = sort["propertyName"], sort["direction"] == "DESCENDING"
            keys.sort(key=lambda key: known(key, name), reverse=down)
        at, limit = int(body.get("after") or 0), body["limit"]
        if at + limit > self.cap:
            raise Refusal(400, {"message": "The total number of results cannot exceed 10000"})
        found = [self._shown(kind, key, body["properties"]) for key in keys[at : at + limit]]
        return _paged({"total": len(keys), "results": found}, at + limit, len(keys))

    def _associated(self, kind: str, other: str, call: Call) -> Any:
        links = self.links.get((kind, other), {})
        ids = [one["id"] for one in call.body["inputs"]]
        return {
            "results": [
                {"from": {"id": key}, "to": [{"toObjectId": int(one)} for one in links[key]]}
                for key in ids
                if key in links
            ]
        }


def iso(at: datetime) -> str:
    return re.sub(r"\+00:00$", "Z", at.astimezone(UTC).isoformat(timespec="milliseconds"))


def _paged(found: dict[str, Any], after: int, total: int) -> dict[str, Any]:
    return {**found, "paging": {"next": {"after": str(after)}}} if after < total else found
