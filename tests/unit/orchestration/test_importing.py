import importlib
import subprocess
import sys

from pwh_assets.orchestration.importing import without

LOADS = """
import sys
from pwh_assets.orchestration.importing import load_storage
load_storage()
print([name for name in ("rich", "pygments") if name in sys.modules])
import rich, pygments
from alembic.util import template_to_file
from structlog.dev import ConsoleRenderer
from pwh_assets.orchestration.storage import PooledSqliteStorage
ConsoleRenderer()
"""


def test_the_storage_does_without_what_colours_tracebacks():
    words = [sys.executable, "-c", LOADS]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_who_has_dagster_start_runs_does_without_it():
    code = "import sys, pwh_assets.orchestration.launch; print('dagster' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr


def test_only_what_is_not_loaded_yet_is_hidden():
    sys.modules.pop("this", None)
    found = []
    with without("json", "this"):
        import json

        try:
            importlib.import_module("this")
        except ImportError as error:
            found.append(error.name)
    assert found == ["this"]
    assert json is sys.modules["json"]
    assert "this" not in sys.modules
