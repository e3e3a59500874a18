"""dbt inside this process: parsed once per state of the files, run on the lake, and gone again afterwards."""

import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pwh_assets.errors import PwhError
from pwh_assets.services.models.project import Generated, model_name

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

    from pwh_assets.lake import Lake

_DBT = threading.RLock()
"""dbt keeps its flags and its connection in the process, so one run at a time."""
_manifests: dict[Path, tuple[str, "Manifest"]] = {}


class ModelError(PwhError):
    """dbt or DuckDB could not build a view; its old table is untouched."""

    code = "view_failed"
    status = 422

    def __init__(self, name: str, cause: str) -> None:
        self.name, self.cause = name, cause
        super().__init__(
            f"View `{name}` could not be built: {cause} Edit the view or mend its inputs; "
            "until then it keeps its last rows."
        )


def parse(project: Generated) -> None:
    """Read the project, unless this process has already read these very files.

    Raises:
        ModelError: dbt does not understand the project.
    """
    with _DBT:
        _manifest(project)


def run(lake: "Lake", project: Generated, view_name: str) -> None:
    """Build one model. The lake is attached only inside this call, and locked only while it is written.

    Raises:
        ModelError: the model failed, in DuckDB's words without a traceback.
        LakeBusyError: others were writing the lake all the time.
    """
    with _DBT, _quietly():
        manifest = _manifest(project)
        from pwh_assets.services.models.plugin import Session

        name = model_name(view_name)
        try:
            with Session(lake) as session:
                result = _invoke(
                    project.folder,
                    [
                        "run",
                        "--select",
                        f"fqn:pwh.{name}",
                        "--no-populate-cache",
                        "--no-write-json",
                    ],
                    manifest,
                )
                if session.error:
                    raise session.error
        finally:
            _detach()
    results = list(result.result or ()) if result.exception is None else []
    if result.success and results:
        return
    if result.exception is not None:
        raise ModelError(view_name, first_sentence(str(result.exception))) from None
    failed = next((each for each in results if each.status != "success"), None)
    words = failed.message if failed else f"dbt has no model `{name}`."
    raise ModelError(view_name, first_sentence(str(words))) from None


def _manifest(project: Generated) -> "Manifest":
    kept = _manifests.get(project.folder)
    if kept is None or kept[0] != project.digest:
        with _quietly():
            result = _invoke(project.folder, ["parse"], None)
        if result.exception is not None or not result.success:
            raise ModelError(
                project.folder.name, first_sentence(str(result.exception or "dbt could not parse."))
            )
        kept = project.digest, result.result
        _manifests[project.folder] = kept
    return kept[1]


def _invoke(folder: Path, command: list[str], manifest: "Manifest | None") -> Any:
    """What dbt answers. Nothing is printed, sent anywhere or written outside the project's folder."""
    from dbt.cli.main import dbtRunner

    return dbtRunner(manifest=manifest).invoke(
        [
            *command,
            *("--project-dir", str(folder), "--profiles-dir", str(folder)),
            *("--target-path", str(folder / "target"), "--log-path", str(folder / "logs")),
            *("--log-level", "none", "--log-level-file", "none", "--quiet", "--no-use-colors"),
            *("--no-send-anonymous-usage-stats", "--no-version-check"),
        ]
    )


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep dbt's own deprecation warnings to itself, and come back from the folder it goes to."""
    before = os.getcwd()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            if os.getcwd() != before:
                os.chdir(before)


def _detach() -> None:
    """Close dbt's DuckDB, which would otherwise hold the lake until the process ends."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager as Manager

    environment = Manager._ENV
    Manager._ENV = None
    if environment is not None:
        environment.close()


_NOISE = re.compile(
    r"^(\w+ )*(Error|Exception)( in \w+ \S+ \(.*\))?$|^compiled code at |^LINE \d+:|^\s*\^|^>|^\s*$"
)


def first_sentence(text: str) -> str:
    """What went wrong, as one sentence without dbt's frame around it."""
    lines = [line.strip() for line in text.splitlines()]
    found = [line for line in lines if not _NOISE.match(line)] or [line for line in lines if line]
    words = found[0] if found else "dbt gave no reason"
    return words if words.endswith((".", "!", "?")) else f"{words}."
