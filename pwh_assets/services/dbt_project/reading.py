"""Reading an operator's project with dbt: what is in it, and the manifest its models are run from."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pwh_assets.core.frequency import Frequency
from pwh_assets.core.source import Column
from pwh_assets.core.view import Refresh
from pwh_assets.errors import InvalidInputError, PwhError
from pwh_assets.services.dbt_project.description import (
    SCHEMA,
    DbtModel,
    DbtProject,
    DbtTest,
)
from pwh_assets.services.dbt_project.workspace import SOURCE, folder_of
from pwh_assets.services.models.runner import DBT, first_sentence, invoke, quietly
from pwh_assets.settings import Settings

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

_TABLES = ("model", "seed", "snapshot")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_manifests: "dict[Path, tuple[str, Manifest]]" = {}


class ProjectBrokenError(PwhError):
    """dbt does not understand the project; what was adopted before stays."""

    code = "dbt_project_broken"
    status = 422
    exit_status = 2

    def __init__(self, path: str, cause: str) -> None:
        self.path, self.cause = path, cause
        super().__init__(
            f"The dbt project in `{path}` cannot be read: {cause} Mend it there; until then its last good state is used."
        )


def read(folder: Path, path: str, signature: str) -> DbtProject:
    """What the copy in `folder` consists of.

    Raises:
        ProjectBrokenError: dbt does not understand it, or a name in it cannot be used; it names `path`.
    """
    return _describe(_parsed(folder, path), path, signature)


def manifest_of(settings: Settings, project_id: int, project: DbtProject) -> "Manifest":
    """What dbt runs from: every table of it in the lake's schema `dbt`. Parsed once per process and state.

    Raises:
        ProjectBrokenError: the copy in the home was damaged.
    """
    folder = folder_of(settings, project_id)
    kept = _manifests.get(folder)
    if kept is None or kept[0] != project.signature:
        kept = project.signature, _placed(_parsed(folder, str(folder)), folder)
        _manifests[folder] = kept
    _uncompiled(kept[1])
    return kept[1]


def _uncompiled(manifest: "Manifest") -> None:
    """Forget what an earlier run compiled: dbt would leave ephemeral models out of the next one."""
    nodes: Any = manifest.nodes.values()
    for node in nodes:
        if getattr(node, "compiled", False):
            node.compiled, node.compiled_code = False, None
            node.extra_ctes_injected, node.extra_ctes = False, []


def dbt(folder: Path, command: Sequence[str], manifest: "Manifest | None" = None) -> Any:
    """Run dbt on a copy, with our profile whatever its own is called."""
    return invoke(
        folder, folder, [*command, "--profile", "pwh", "--target", "lake"], manifest=manifest
    )


def _parsed(folder: Path, path: str) -> "Manifest":
    with DBT, quietly():
        result = dbt(folder, ["parse", "--no-write-json", "--partial-parse"])
    if result.exception is not None or not result.success:
        words = str(result.exception or "dbt could not parse it.").replace(f"{folder}/", "")
        raise ProjectBrokenError(path, first_sentence(words))
    manifest: Manifest = result.result
    return manifest


def _placed(manifest: "Manifest", folder: Path) -> "Manifest":
    """The same with every table where the warehouse looks for it, and every file where it is now."""
    nodes: Any = manifest.nodes.values()
    for node in nodes:
        if node.resource_type.value in _TABLES:
            node.database, node.schema, node.alias = "lake", SCHEMA, _name(node)
            if hasattr(node, "root_path"):  # of a seed
                node.root_path = str(folder)
            node.relation_name = f'"lake"."{SCHEMA}"."{node.alias}"'
        elif node.resource_type.value == "test":
            node.config.store_failures, node.config.store_failures_as = False, "ephemeral"
    return manifest


def _describe(manifest: "Manifest", path: str, signature: str) -> DbtProject:
    nodes: dict[str, Any] = dict(manifest.nodes)
    stored = {
        unique_id: node
        for unique_id, node in nodes.items()
        if node.resource_type.value in _TABLES and node.config.materialized != "ephemeral"
    }
    _check_languages(nodes, path)
    _check_names(stored, path)
    models = [_model(manifest, stored, node, path) for node in stored.values()]
    tests = [
        _test(manifest, stored, node)
        for node in nodes.values()
        if node.resource_type.value == "test"
    ]
    used = {name for each in nodes.values() for name in _tables_read(manifest, each)}
    hooks = [node for node in nodes.values() if node.resource_type.value == "operation"]
    return DbtProject(
        name=str(manifest.metadata.project_name),
        signature=signature,
        models=tuple(sorted(models, key=lambda each: each.name)),
        tests=tuple(sorted(tests, key=lambda each: each.name)),
        tables=tuple(sorted(used)),
        has_run_hooks=bool(hooks),
    )


def _check_languages(nodes: dict[str, Any], path: str) -> None:
    """A Python model would run in a process that holds the store's keys, and no build could end it or bound its memory."""
    models = [node for node in nodes.values() if getattr(node, "language", "sql") == "python"]
    for node in sorted(models, key=lambda each: str(each.original_file_path)):
        raise ProjectBrokenError(
            path,
            f"`{node.name}` ({node.original_file_path}) is a Python model, and those are not run here: their code would see "
            "what the warehouse's own process sees, credentials too. Write it in SQL, or leave it out with "
            "`+enabled: false` and load its table as a source.",
        )


def _check_names(stored: dict[str, Any], path: str) -> None:
    taken: dict[str, str] = {}
    for unique_id, node in stored.items():
        name = _name(node)
        if not _NAME.fullmatch(name):
            raise ProjectBrokenError(
                path,
                f"`{name}` ({node.original_file_path}) cannot be a table's name: use letters, digits and underscores.",
            )
        if other := taken.get(name.lower()):
            raise ProjectBrokenError(
                path,
                f"`{unique_id}` and `{other}` would be one table, `{SCHEMA}.{name}`. Rename one.",
            )
        taken[name.lower()] = unique_id


def _name(node: Any) -> str:
    version = getattr(node, "version", None)
    return f"{node.name}_v{version}" if version is not None else str(node.name)


def _model(manifest: "Manifest", stored: dict[str, Any], node: Any, path: str) -> DbtModel:
    meta = node.config.meta or {}
    ours = meta.get("pwh") or {}
    refresh, every, at = _rhythm(_name(node), ours, path)
    return DbtModel(
        name=_name(node),
        unique_id=node.unique_id,
        kind=node.resource_type.value,
        materialized=node.config.materialized,
        code=(node.raw_code or "").strip(),
        selector=f"fqn:{'.'.join(node.fqn)}",
        description=node.description or "",
        owner=str(meta.get("owner") or _group_owner(manifest, node) or ""),
        columns=tuple(
            Column(each.name, (each.data_type or "").upper(), True, each.description or "")
            for each in node.columns.values()
        ),
        inputs=tuple(dict.fromkeys(_inputs(manifest, stored, node))),
        refresh=refresh,
        every=every,
        at=at,
    )


def _rhythm(name: str, ours: Any, path: str) -> tuple[Refresh | None, str | None, str | None]:
    """`meta: {pwh: {every: 1hour}}`, `{refresh: inputs}` or `{refresh: manual}`."""
    if not ours:
        return None, None, None
    try:
        if not isinstance(ours, dict) or set(ours) - {"every", "at", "refresh"}:
            raise ValueError(f"it knows `every`, `at` and `refresh`, not {ours!r}")
        if every := ours.get("every"):
            Frequency.parse(str(every), ours.get("at"), "every")
            return Refresh.SCHEDULE, str(every), ours.get("at")
        return Refresh(str(ours.get("refresh"))), None, None
    except (ValueError, InvalidInputError) as error:
        words = error.sentence if isinstance(error, InvalidInputError) else str(error)
        raise ProjectBrokenError(path, f"`meta.pwh` of model `{name}`: {words}") from None


def _group_owner(manifest: "Manifest", node: Any) -> str:
    group = getattr(node.config, "group", None)
    for each in manifest.groups.values():
        if each.name == group:
            return str(each.owner.email or each.owner.name or "")
    return ""


def _inputs(manifest: "Manifest", stored: dict[str, Any], node: Any) -> Iterator[str]:
    yield from _tables_read(manifest, node)
    for unique_id in getattr(node.depends_on, "nodes", ()):
        if unique_id in stored:
            yield f"{SCHEMA}.{_name(stored[unique_id])}"
        elif unique_id in manifest.nodes:
            yield from _inputs(manifest, stored, manifest.nodes[unique_id])


def _tables_read(manifest: "Manifest", node: Any) -> Iterator[str]:
    for unique_id in getattr(getattr(node, "depends_on", None), "nodes", ()):
        source = manifest.sources.get(unique_id)
        if source is not None and source.source_name == SOURCE:
            yield source.name


def _test(manifest: "Manifest", stored: dict[str, Any], node: Any) -> DbtTest:
    attached = getattr(node, "attached_node", None)
    about = [attached] if attached else []
    about += [each for each in node.depends_on.nodes if each not in about]
    subject = None
    for unique_id in about:
        source = manifest.sources.get(unique_id)
        if unique_id in stored:
            subject = f"{SCHEMA}.{_name(stored[unique_id])}"
        elif source is not None and source.source_name == SOURCE:
            subject = source.name
        if subject:
            break
    return DbtTest(
        name=node.name,
        unique_id=node.unique_id,
        selector=f"fqn:{'.'.join(node.fqn)}",
        subject=subject,
        severity="warn" if str(node.config.severity).lower() == "warn" else "error",
        column=getattr(node, "column_name", None),
        description=node.description or "",
        inputs=tuple(dict.fromkeys(_inputs(manifest, stored, node))),
    )
