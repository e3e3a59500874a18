"""Where an issue can be looked at: its asset's page in Dagster, below the public address."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pwh_assets.core.health import IssueType
from pwh_assets.core.names import asset_key
from pwh_assets.services.lineage.graph import project_graph
from pwh_assets.services.platform import Platform


def with_link(platform: Platform, project_id: int, alert: Mapping[str, Any]) -> Mapping[str, Any]:
    """The alert with `link`, where `PWH_PUBLIC_URL` says how people get here."""
    public = platform.settings.public_url
    if not public:
        return alert
    issue: Mapping[str, Any] = alert["issue"]
    key: tuple[str, ...] = ()
    if issue["type"] == IssueType.SOURCE and issue.get("source"):
        key = asset_key(project_id, issue["source"])
    elif node := project_graph(platform, project_id).find(issue["id"]):
        key = node.asset_key
    path = "".join(f"/{quote(part, safe='')}" for part in key)
    return {**alert, "link": f"{public}/dagster/{f'assets{path}' if path else ''}"}
