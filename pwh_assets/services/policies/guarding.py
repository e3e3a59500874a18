"""What a bound reader may not have built: rows computed with everybody's eyes would show what a policy hides."""

from pwh_assets.core.access import Caller
from pwh_assets.errors import PwhError, quoted
from pwh_assets.services.platform import Platform


class PolicyBoundError(PwhError):
    """Somebody under a policy asked for something that is computed without it."""

    code = "policy_bound"
    status = 403
    exit_status = 2

    def __init__(self, what: str, tables: tuple[str, ...] = ()) -> None:
        self.tables = tables
        about = f" for {quoted(tables)}" if tables else ""
        super().__init__(
            f"{what} is computed without policies, and one{about} binds you. Ask an admin to do it."
        )


def check_unbound(platform: Platform, project_id: int, caller: Caller, what: str) -> None:
    """Raises PolicyBoundError when any policy of the project binds the caller."""
    bound = [
        each.table for each in platform.store.policies(project_id) if each.binds(caller, project_id)
    ]
    if bound:
        raise PolicyBoundError(what, tuple(sorted(set(bound))))


def check_text(
    platform: Platform, project_id: int, caller: Caller, sql: str, view: str | None, builds: bool
) -> None:
    """Before a bound reader saves a text, or has it built.

    The text has to be good in their own eyes. One that touches a table they see a part of may be a plain view, which
    everybody reads under their own policies, but nothing may be built of it.

    Raises:
        HogQLError: the text is wrong for this reader.
        PolicyBoundError.
    """
    from pwh_assets.services.hogql.query import compile_query
    from pwh_assets.services.lineage.graph import project_graph

    if not any(p.binds(caller, project_id) for p in platform.store.policies(project_id)):
        return
    plan = compile_query(platform, project_id, sql, export=True, reader=caller)
    if not plan.policy:
        return
    if view is not None and not builds:
        graph = project_graph(platform, project_id)
        node = graph.find(view)
        below = graph.reach(node.name, graph.outputs) if node is not None else ()
        kept = {v.name for v in platform.store.views(project_id) if v.is_materialized}
        builds = bool(kept & {*below, view})
    if builds:
        raise PolicyBoundError("A materialized view", plan.tables)
