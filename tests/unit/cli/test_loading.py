import gc
import subprocess
import sys

from pwh_assets.cli import loading, main

LOOKS = """
import gc
from pwh_assets.cli import entry, main
entry.run = lambda argv: print(gc.isenabled()) or 0
main()
"""


def test_garbage_is_looked_for_again_once_all_is_loaded():
    try:
        loading.begin()
        assert not gc.isenabled()
        loading.loaded()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.enable()
        gc.unfreeze()


def test_a_process_that_runs_a_command_itself_keeps_its_own_garbage(capsys):
    assert main(["--version"]) == 0
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_nobody_looks_for_garbage_while_a_process_of_its_own_loads_its_command():
    done = subprocess.run([sys.executable, "-c", LOOKS], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
