"""What health says of an operator's project as a whole."""

from datetime import datetime

from pwh_assets.core.health import HealthIssue, IssueKind, IssueType
from pwh_assets.services.dbt_project.adopting import state_of
from pwh_assets.services.platform import Platform


def project_issues(platform: Platform, project_id: int) -> list[HealthIssue]:
    """One issue when the folder cannot be taken over as it is now; its models go on from the last good state."""
    state = state_of(platform, project_id)
    if state is None or state.error is None:
        return []
    return [
        HealthIssue(
            id=f"dbt-{project_id}",
            name="dbt project",
            type=IssueType.PROJECT.value,
            kind=IssueKind.PROJECT,
            error=state.error,
            cause=state.error,
            way_out="Mend it in its folder; it is looked at again within a minute, or at once with `pwh dbt refresh`.",
            since=datetime.fromisoformat(state.failed_at) if state.failed_at else None,
        )
    ]
