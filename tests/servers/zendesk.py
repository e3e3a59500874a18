"""Zendesk on loopback: incremental exports by cursor and by time, lists with cursors and with page numbers."""

import base64
import time
from typing import Any

from tests.servers.api import ApiServer, Call, Refusal

EMAIL, TOKEN, OAUTH = "agent@example.com", "zd-planted-token", "zd-planted-oauth"
EXPORTS = {"tickets", "users", "organizations", "ticket_events", "ticket_metric_events"}


class ZendeskServer(ApiServer):
    """`rows` are objects by table; `at` is when each was changed, in Unix seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.at: dict[tuple[str, Any], int] = {}
        self.missing: set[str] = set()
        self.page = 1_000
        self.is_agent = True

    def put(self, table: str, at: int, **row: Any) -> None:
        """Make or change a row; the changed one comes last in an export."""
        rows = self.rows.setdefault(table, [])
        rows[:] = [one for one in rows if one["id"] != row["id"]] + [row]
        self.at[table, row["id"]] = at

    def answer(self, call: Call) -> Any:
        self._authorize(call)
        words = call.path.removeprefix("/api/v2/").removesuffix(".json").split("/")
        if words == ["users", "me"]:
            return {"user": {"id": 1 if self.is_agent else None, "role": "admin"}}
        if words[0] == "incremental":
            return self._export(words[1], words[2:] == ["cursor"], call)
        if words[1:] == ["count"]:
            return {"count": {"value": len(self.rows.get(words[0], []))}}
        noun = "sla_policies" if words == ["slas", "policies"] else words[0]
        if noun in self.missing:
            raise Refusal(403, {"error": "Forbidden", "description": "Not in this plan."})
        if noun == "macros":
            return self._numbered(noun, call)
        return self._list(noun, call)

    def _authorize(self, call: Call) -> None:
        pair = base64.b64encode(f"{EMAIL}/token:{TOKEN}".encode()).decode()
        given = call.headers.get("Authorization")
        if given not in (f"Basic {pair}", f"Bearer {OAUTH}"):
            raise Refusal(401, {"error": f"Couldn't authenticate you: {given}"})

    def _export(self, table: str, is_cursor: bool, call: Call) -> Any:
        rows = sorted(self.rows.get(table, []), key=lambda row: self.at[table, row["id"]])
        times = [self.at[table, row["id"]] for row in rows]
        if is_cursor and "cursor" in call.query:
            at, seen = map(int, base64.b64decode(call.query["cursor"]).decode().split("."))
            start = next((i for i, t in enumerate(times) if t > at), len(rows))
            assert seen <= at
        else:
            if "start_time" not in call.query:
                raise Refusal(400, {"error": "StartTimeMissing"})
            if int(call.query["start_time"]) > time.time() - 60:
                raise Refusal(400, {"error": "StartTimeTooRecent"})
            since = int(call.query["start_time"])
            start = next((i for i, t in enumerate(times) if t >= since), len(rows))
        stop = start + self.page
        while stop < len(rows) and times[stop] == times[stop - 1]:
            stop += 1
        page, is_end = rows[start:stop], stop >= len(rows)
        last = times[min(stop, len(rows)) - 1] if page else 0
        if is_cursor:
            before = call.query.get("cursor")
            after = base64.b64encode(f"{last}.0".encode()).decode() if page else before
            return {table: page, "after_cursor": after, "end_of_stream": is_end}
        return {
            table: page,
            "count": len(page),
            "end_time": last or int(call.query["start_time"]),
            "end_of_stream": is_end,
        }

    def _list(self, noun: str, call: Call) -> Any:
        rows, size = self.rows.get(noun, []), int(call.query.get("page[size]", 100))
        at = int(call.query.get("page[after]", 0))
        more = at + size < len(rows)
        link = f"{self.base_url}{call.path}?page[size]={size}&page[after]={at + size}"
        return {
            noun: rows[at : at + size],
            "meta": {"has_more": more},
            "links": {"next": link if more else None},
        }

    def _numbered(self, noun: str, call: Call) -> Any:
        rows, page = self.rows.get(noun, []), int(call.query.get("page", 1))
        more = page * 100 < len(rows)
        link = f"{self.base_url}{call.path}?page={page + 1}" if more else None
        return {noun: rows[(page - 1) * 100 : page * 100], "count": len(rows), "next_page": link}
