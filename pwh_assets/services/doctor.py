"""Is this installation able to work: packages, home, store, keys, lake, engines, one finding each."""

import os
import platform as machine
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sized
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from pwh_assets.core.names import nearest
from pwh_assets.errors import PwhError
from pwh_assets.services.scrub import scrub
from pwh_assets.settings import (
    OBJECT_STORAGE_VARIABLES,
    VARIABLES,
    Settings,
    unknown_variables,
)

LEAST_FREE_GB = 1.0
PACKAGE = "pwh-assets"
DBT_PROJECT = "PWH_PROJECT"
"""What dbt is told when somebody runs it by hand on the generated project."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `way_out` is empty when it is well."""

    name: str
    is_ok: bool
    detail: str
    way_out: str = ""


def doctor(settings: Settings) -> list[Finding]:
    """Look at everything, also after something is found wrong; never raises."""
    looks: list[tuple[str, Callable[[Settings], Iterator[Finding]]]] = [
        ("Python", _python),
        ("Packages", _packages),
        ("Settings", _settings),
        ("Public address", _public),
        ("Home", _home),
        ("Keys", _keys),
        ("Store", _store),
        ("DuckDB extensions", _extensions),
        ("Lake", _lake),
        ("ClickHouse", _clickhouse),
    ]
    found = []
    for name, look in looks:
        try:
            found += [replace(each, way_out="") if each.is_ok else each for each in look(settings)]
        except PwhError as error:
            found.append(Finding(name, False, scrub(error.sentence)))
        except Exception as error:
            words = scrub(str(error)).strip().splitlines()
            found.append(
                Finding(
                    name, False, f"{type(error).__name__}: {words[0] if words else 'no reason'}"
                )
            )
    return found


def _python(settings: Settings) -> Iterator[Finding]:
    version = machine.python_version()
    yield Finding(
        "Python",
        sys.version_info >= (3, 11),
        f"{version} on {machine.system()} {machine.machine()}, {os.cpu_count()} cores",
        "Install Python 3.11 or later and run `make setup` again.",
    )


def _packages(settings: Settings) -> Iterator[Finding]:
    from packaging.requirements import Requirement

    wrong, count = [], 0
    for text in metadata.requires(PACKAGE) or []:
        need = Requirement(text)
        if need.marker is not None and not need.marker.evaluate({"extra": ""}):
            continue
        count += 1
        try:
            have = metadata.version(need.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{need.name} is missing")
            continue
        if not need.specifier.contains(have, prereleases=True):
            wrong.append(f"{need.name} is {have}, not {need.specifier}")
    detail = "; ".join(wrong) if wrong else f"{count} packages as pinned"
    yield Finding("Packages", not wrong, detail, "Run `make setup` again.")


def _settings(settings: Settings) -> Iterator[Finding]:
    """A misspelt variable has no effect and nobody says so. Others' `PWH_` variables that resemble none are theirs."""
    known = [name.removeprefix("PWH_") for name, _, _ in VARIABLES + OBJECT_STORAGE_VARIABLES]
    near = {name: nearest(name.removeprefix("PWH_"), known) for name in unknown_variables()}
    wrong = [
        f"`{name}` (`PWH_{real}`?)" for name, real in near.items() if real and name != DBT_PROJECT
    ]
    yield Finding(
        "Settings",
        not wrong,
        f"no setting is called {', '.join(wrong)}" if wrong else "every variable is known",
        "Correct the name or unset it; `docs/configuration.md` lists them all.",
    )


def _public(settings: Settings) -> Iterator[Finding]:
    said = settings.public_url
    here = "not set: links have the address each request came to"
    yield Finding("Public address", True, f"`{said}`" if said else here)


def _home(settings: Settings) -> Iterator[Finding]:
    home = settings.home
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        why = error.strerror or type(error).__name__
        way_out = "Give this user the right to write there, or set `PWH_HOME` to another folder."
        yield Finding("Home", False, f"`{home}` cannot be written to: {why}", way_out)
        return
    free_gb = shutil.disk_usage(home).free / 1e9
    yield Finding(
        "Home",
        free_gb >= LEAST_FREE_GB,
        f"`{home}` is writable, {free_gb:.1f} GB free",
        f"Free some space on the disk of `{home}` or move `PWH_HOME`.",
    )


def _keys(settings: Settings) -> Iterator[Finding]:
    from pwh_assets.store import SecretBox

    box = SecretBox.from_settings(settings)
    where = "the key file" if box.is_file_managed else "`PWH_SECRET_KEYS`"
    yield Finding("Keys", True, f"{len(box.key_ids)} in {where}, newest `{box.key_ids[0]}`")


def _store(settings: Settings) -> Iterator[Finding]:
    from pwh_assets.store import SecretBox, Store

    store = Store.open(settings.store_url, SecretBox.from_settings(settings))
    try:
        problems = store.problems()
        detail = (
            " ".join(problems)
            if problems
            else f"`{store.place}`, {_count(store.project_ids(), 'project')}, {_count(store.sources(), 'source')}"
        )
        yield Finding("Store", not problems, detail, "See `pwh verify`.")
    finally:
        store.close()


def _count(found: Sized, noun: str) -> str:
    return f"{len(found)} {noun}{'' if len(found) == 1 else 's'}"


def _extensions(settings: Settings) -> Iterator[Finding]:
    import duckdb

    from pwh_assets import duckdb_extensions

    names = ("ducklake", "sqlite_scanner", "postgres_scanner", "httpfs")
    duckdb_extensions.connect(*names).close()
    yield Finding(
        "DuckDB extensions", True, f"{', '.join(names)} load (DuckDB {duckdb.__version__})"
    )


def _lake(settings: Settings) -> Iterator[Finding]:
    from pwh_assets.lake import Lakes

    lakes = Lakes(settings)
    try:
        lake = lakes.of(1)
        tables = lake.tables()
        with lake.read() as connection:
            connection.execute("SELECT 1").fetchone()
        place = settings.lake_data_url or str(Path(settings.home) / "lake")
        yield Finding(
            "Lake", True, f"{len(tables)} tables in `{place}`, snapshot {lake.snapshot_id()}"
        )
    finally:
        lakes.close()


def _clickhouse(settings: Settings) -> Iterator[Finding]:
    from importlib.util import find_spec

    from pwh_assets.engines.base import Limits
    from pwh_assets.engines.clickhouse import ENGINE
    from pwh_assets.lake import Lakes

    if not settings.clickhouse_url and find_spec("chdb") is None:
        yield Finding(
            "ClickHouse",
            settings.warehouse != "clickhouse",
            "not installed; queries run on DuckDB",
            "Install the extra with `pip install 'pwh-assets[clickhouse]'` or set `PWH_CLICKHOUSE_URL`.",
        )
        return
    limits = Limits(timeout_s=20)
    session = ENGINE(settings, Lakes(settings)).open(1, limits)
    try:
        answer = session.run("SELECT version()", {}, limits)
        version = next(iter(answer.rows()))[0]
        answer.close()
    finally:
        session.close()
    if settings.warehouse == "clickhouse" and find_spec("dbt.adapters.clickhouse") is None:
        yield Finding(
            "ClickHouse",
            False,
            f"version {version}, but dbt-clickhouse is not installed, so no view can be built",
            "Install the extra with `pip install 'pwh-assets[clickhouse]'`, or set `PWH_WAREHOUSE=duckdb`.",
        )
        return
    where = "the server answers" if settings.clickhouse_url else "in-process"
    yield Finding("ClickHouse", True, f"version {version}, {where}")
