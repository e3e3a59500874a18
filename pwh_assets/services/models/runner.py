"""dbt inside this process: a model is read once per state of its files, run on the lake, and gone again afterwards."""

import os
import re
import shutil
import tempfile
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pwh_assets.errors import PwhError
from pwh_assets.services.models.project import Generated, model_name
from pwh_assets.services.models.publication import Publication
from pwh_assets.services.models.slices import Slice, slice_of

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

    from pwh_assets.lake import Lake
    from pwh_assets.services.models.session import Session

DBT = threading.RLock()
"""dbt keeps its flags and its connection in the process, so one run at a time."""
_MOST_KEPT = 32
_manifests: "OrderedDict[tuple[Path, str], Manifest]" = OrderedDict()
"""What dbt read, by project and digest of the slice; the least recently used goes first."""


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


def parse(project: Generated, view_name: str | None = None, database: str = "") -> None:
    """Read what one model needs, unless this process has already read these very files; without a name, the
    whole project. `database` is ClickHouse's, where the model is built there.

    Raises:
        ModelError: dbt does not understand it.
    """
    with DBT:
        if view_name is not None:
            manifest_of(project, view_name, database)
            return
        with quietly():
            _checked(
                project.folder.name,
                invoke(
                    project.folder,
                    project.folder,
                    ["parse", "--no-write-json", "--target", project.target],
                ),
            )


def run(
    lake: "Lake",
    project: Generated,
    view_name: str,
    publication: Publication | None = None,
    on_session: Callable[["Session"], object] = lambda session: None,
) -> None:
    """Build one model. The lake is attached only inside this call, and locked only while it is written.

    Args:
        publication: how its answer becomes the table; by default it replaces it as a whole.
        on_session: given the session before it begins; its `interrupt` ends a running statement from outside.

    Raises:
        ModelError: the model failed, in DuckDB's words without a traceback.
        PwhError: what a step of the publication raised.
        LakeBusyError: others were writing the lake all the time.
    """
    with DBT, quietly():
        manifest = manifest_of(project, view_name)
        from pwh_assets.services.models.session import Session

        try:
            with Session(lake, publication) as session:
                on_session(session)
                result = run_model(project, view_name, manifest)
                if session.error:
                    raise session.error
        finally:
            detach()
    check_run(view_name, result)


def run_model(project: Generated, view_name: str, manifest: "Manifest") -> Any:
    """What dbt answers to one model's run."""
    return invoke(
        project.folder,
        project.folder,
        [
            *("run", "--select", f"fqn:pwh.{model_name(view_name)}", "--target", project.target),
            *("--no-populate-cache", "--no-write-json"),
        ],
        manifest,
    )


def check_run(view_name: str, result: Any) -> None:
    """Raises ModelError when the one model was not built."""
    results = list(result.result or ()) if result.exception is None else []
    if result.success and results:
        return
    if result.exception is not None:
        raise ModelError(view_name, first_sentence(str(result.exception))) from None
    failed = next((each for each in results if each.status != "success"), None)
    words = failed.message if failed else f"dbt has no model `{model_name(view_name)}`."
    raise ModelError(view_name, first_sentence(str(words))) from None


def manifest_of(project: Generated, view_name: str, database: str = "") -> "Manifest":
    """What dbt read of one model's slice, once per state of its files. The caller holds `DBT`."""
    part = slice_of(project, model_name(view_name), database)
    key = (project.folder, part.digest)
    if key not in _manifests:
        base = _base(project, part)
        with _written(project, part.files) as folder, quietly():
            _manifests[key] = _checked(view_name, _parse_slice(folder, project.target, base))
        while len(_manifests) > _MOST_KEPT:
            _manifests.popitem(last=False)
    _manifests.move_to_end(key)
    return _manifests[key]


def _base(project: Generated, part: Slice) -> Path:
    """What dbt made of the template alone, kept on disk: every slice of every process goes on from there."""
    base = project.folder / "target" / f"template-{part.template_digest[:16]}.msgpack"
    if not base.exists():
        with _written(project, part.template) as folder, quietly():
            _checked(project.folder.name, _parse_slice(folder, project.target))
            for old in base.parent.glob("template-*.msgpack"):
                old.unlink(missing_ok=True)
            (folder / "target" / "partial_parse.msgpack").replace(base)
    return base


def _parse_slice(folder: Path, target: str, base: Path | None = None) -> Any:
    known = ["--partial-parse-file-path", str(base)] if base else []
    words = ["parse", "--no-write-json", "--partial-parse", "--target", target, *known]
    return invoke(folder, folder, words)


@contextmanager
def _written(project: Generated, files: Mapping[str, str]) -> Iterator[Path]:
    """The files in a folder of their own, beside the project's other made things."""
    target = project.folder / "target"
    target.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="slice-", dir=target))
    try:
        (folder / "models").mkdir()
        for path, text in files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _checked(name: str, result: Any) -> "Manifest":
    if result.exception is not None or not result.success:
        raise ModelError(name, first_sentence(str(result.exception or "dbt could not parse.")))
    manifest: Manifest = result.result
    return manifest


def invoke(
    folder: Path,
    profiles: Path,
    command: list[str],
    manifest: "Manifest | None" = None,
    callbacks: "list[Any] | None" = None,
) -> Any:
    """What dbt answers. Nothing is printed, sent anywhere or written outside the project's folder.

    Raises:
        BaseException: Ctrl-C, SIGTERM or Dagster's interruption, which dbt takes for a failure of the model.
    """
    from dbt.cli.main import dbtRunner

    answer = dbtRunner(manifest=manifest, callbacks=callbacks or []).invoke(
        [
            *command,
            *("--project-dir", str(folder), "--profiles-dir", str(profiles)),
            *("--target-path", str(folder / "target"), "--log-path", str(folder / "logs")),
            *("--log-level", "none", "--log-level-file", "none", "--quiet", "--no-use-colors"),
            *("--no-send-anonymous-usage-stats", "--no-version-check"),
        ]
    )
    if answer.exception is not None and not isinstance(answer.exception, Exception):
        raise answer.exception
    return answer


@contextmanager
def quietly() -> Iterator[None]:
    """Keep dbt's own deprecation warnings to itself, and come back from the folder it goes to."""
    before = os.getcwd()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            if os.getcwd() != before:
                os.chdir(before)


def detach() -> None:
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
