"""dbt on the lake with an operator's project: the tables it may read are put before it, the lake is locked while it writes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pwh_assets.core.view import SavedQuery
from pwh_assets.services.dbt_project import reading
from pwh_assets.services.dbt_project.description import SCHEMA, DbtProject
from pwh_assets.services.dbt_project.workspace import SOURCE, folder_of
from pwh_assets.services.models import Publication
from pwh_assets.services.models.runner import DBT, detach, quietly
from pwh_assets.services.platform import Platform
from pwh_assets.services.views.text import model_text

if TYPE_CHECKING:
    from pwh_assets.services.models.session import Session


class Run:
    """An open lake with dbt ready to work on it; see `opened`."""

    def __init__(self, platform: Platform, project_id: int, project: DbtProject) -> None:
        self._platform, self._project_id, self._project = platform, project_id, project
        self.session: Session

    def dbt(self, command: Sequence[str]) -> Any:
        """What dbt answers to a command that selects something."""
        folder = folder_of(self._platform.settings, self._project_id)
        manifest = reading.manifest_of(self._platform.settings, self._project_id, self._project)
        quiet = ["--no-populate-cache", "--no-write-json"]
        result = reading.dbt(folder, [*command, *quiet], manifest)
        if self.session.error:
            raise self.session.error
        return result


@contextmanager
def opened(
    platform: Platform,
    project_id: int,
    project: DbtProject,
    inputs: Sequence[str],
    publication: Publication | None = None,
) -> Iterator[Run]:
    """Be ready to run models and tests that read these tables (HogQL names).

    Raises:
        HogQLError: a view among them no longer compiles.
    """
    from pwh_assets.services.models.session import Session

    statements = tuple(_statements(platform, project_id, inputs))
    run = Run(platform, project_id, project)
    with DBT, quietly():
        try:
            with Session(platform.lakes.of(project_id), publication) as session:
                session.setup = statements
                run.session = session
                yield run
        finally:
            detach()


def _statements(platform: Platform, project_id: int, inputs: Sequence[str]) -> Iterator[str]:
    """The tables as HogQL shows them, as views of dbt's own empty database: nothing of them is copied."""
    yield f"CREATE SCHEMA IF NOT EXISTS memory.{SOURCE}"
    for name in dict.fromkeys(inputs):
        if not name.startswith(f"{SCHEMA}."):
            sql = _readable(platform, project_id, name)
            yield f"CREATE OR REPLACE VIEW memory.{SOURCE}.{_quoted(name)} AS {sql}"


def _readable(platform: Platform, project_id: int, name: str) -> str:
    parts = ".".join(f"`{part}`" for part in name.split("."))
    text = model_text(platform, SavedQuery(name, project_id, name, f"SELECT * FROM {parts}"))
    sql = text.sql
    for token, path in text.tokens.items():
        sql = sql.replace(token, ".".join(("lake", *map(_quoted, path[-2:]))))
    return sql


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
