"""An API as people write them, for the `rest` source: every way of paging and of proving who one is."""

import base64
import json
from typing import Any

from tests.servers.api import ApiServer, Call, Refusal

TOKEN, USER, PASSWORD, KEY, CLIENT = (
    "tok-planted-1",
    "api",
    "pw-planted-2",
    "key-planted-3",
    "client",
)


class DeclaredApi(ApiServer):
    """`items` are rows with `id`, `name` and `updated_at`; `/notes/<id>` has those of one item."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[dict[str, Any]] = []
        self.notes: dict[str, list[dict[str, Any]]] = {}
        self.is_open = False
        self.tokens = 0
        self.elsewhere = ""
        """Where `/away` redirects and `/stray` links to."""

    def answer(self, call: Call) -> Any:
        if call.path == "/token":
            right = "Basic " + base64.b64encode(f"{CLIENT}:{PASSWORD}".encode()).decode()
            if call.headers.get("Authorization") != right:
                raise Refusal(401, {"error": "invalid_client"})
            self.tokens += 1
            return {"access_token": f"minted-{self.tokens}", "expires_in": 3600}
        self._authorize(call)
        words = call.path.strip("/").split("/")
        if words[0] == "notes":
            return self.notes.get(words[1], [])
        if words[0] == "away":
            raise Refusal(302, "", {"Location": self.elsewhere})
        if words[0] == "stray":
            return {"results": self.items, "next": self.elsewhere}
        if words[0] == "moved":
            raise Refusal(301, "", {"Location": "/whole"})
        rows = self._since(call)
        found = getattr(self, f"_{words[0]}", None)
        if found is None:
            raise Refusal(404, {"error": {"message": "There is no such list."}})
        return found(call, rows)

    def _authorize(self, call: Call) -> None:
        given = call.headers.get("Authorization", "")
        basic = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        good = given in (f"Bearer {TOKEN}", basic, f"Bearer minted-{max(self.tokens, 1)}")
        keys = (call.headers.get("X-Key"), call.query.get("key"))
        if not (self.is_open or good or KEY in keys):
            raise Refusal(401, {"message": f"Who is {given}?"})

    def _since(self, call: Call) -> list[dict[str, Any]]:
        given = call.query.get("since") or (call.body or {}).get("since", "")
        return [one for one in self.items if one["updated_at"] >= given] if given else self.items

    def _whole(self, call: Call, rows: list[dict[str, Any]]) -> Any:
        return rows

    def _deep(self, call: Call, rows: list[dict[str, Any]]) -> Any:
        return {"meta": {"count": len(rows)}, "data": {"list": [{"item": one} for one in rows]}}

    def _numbered(self, call: Call, rows: list[dict[str, Any]]) -> Any:
        page = int(call.query.get("page", 1))
        size = 100
        pages = max(1, -(-len(rows) // size))
        return {"items": rows[(page - 1) * size : page * size], "pages": pages}

    def _offset(self, call: Call, rows: list[dict[str, Any]]) -> Any:
        at, limit = int(call.query.get("offset", 0)), int(call.query.get("limit", 10))
        return {"rows": rows[at : at + limit], "total": len(rows)}

    def _unknown(self, call: Call, rows: list[dict[str, Any]]) -> Any:
        at, limit = int(call.query.get("offset", 0)), int(call.query.get("limit", 10))
        return {"rows": rows[at : at + limit]}

    def _linked(self, call: Call, rows: list[dict[str, Any]]) -> Any:
        at = int(call.query.get("at", 0))
        more = f"{self.base_url}/linked?at={at + 50}" if at + 50 < len(rows) else None
        return {"results": rows[at : at + 50], "links": {"next": more}}

    def _headed(self, call: Call, rows: list[dict[str, Any]]) -> Any:
        at = int(call.query.get("at", 0))
        link = {"Link": f'</headed?at={at + 50}>; rel="next"'} if at + 50 < len(rows) else {}
        return Refusal(200, rows[at : at + 50], link)

    def _cursor(self, call: Call, rows: list[dict[str, Any]]) -> Any:
        at = int(call.query.get("after", 0))
        following = str(at + 50) if at + 50 < len(rows) else None
        return {"data": rows[at : at + 50], "paging": {"after": following}}

    def _stuck(self, call: Call, rows: list[dict[str, Any]]) -> Any:
        return {"data": rows[:1], "paging": {"after": "1"}}

    def _exact(self, call: Call, rows: list[dict[str, Any]]) -> Any:
        text = json.dumps(rows[0])[:-1]
        return (
            f'[{text}, "big": 12345678901234567890123, "cents": 0.10000000000000000001, '
            '"half": 0.5, "nested": {"n": 9007199254740993.25}}]'
        )
