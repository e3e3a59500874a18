"""Writes the pages that are made from the code; `--check` says which are out of date instead."""

import sys
from collections.abc import Callable
from pathlib import Path

from pwh_assets.hogql.functions.reference import render_reference

PAGES: dict[str, Callable[[], str]] = {"docs/hogql/functions.md": render_reference}
"""Path to what writes it."""


def main() -> int:
    stale = []
    for path, render in PAGES.items():
        file, text = Path(path), render()
        if file.is_file() and file.read_text("utf-8") == text:
            continue
        stale.append(path)
        if "--check" not in sys.argv:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
    if "--check" in sys.argv and stale:
        print(f"Out of date: {', '.join(stale)}. Run `make docs`.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
