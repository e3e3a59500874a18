"""An engine's message as a user may see it: one line, no paths, no SQL of ours."""

import re

_PATH = re.compile(r"(?:[a-z]{1,16}://|/)[^\s'\"`,;:)]*/[^\s'\"`,;)]*")
_KINDS = re.compile(r"^(?:[A-Z][A-Za-z]+ )?[A-Z][A-Za-z]+ Error: ")


def without_places(message: str, home: str = "") -> str:
    r"""The first sentence of an error, without file names and without the compiled SQL that follows it.

    >>> without_places("IO Error: cannot open file /home/x/lake/a.parquet: gone\nLINE 1: SELECT …")
    'cannot open file …: gone.'
    """
    line = message.strip().split("\n", 1)[0].strip()
    line = _KINDS.sub("", line)
    if home:
        line = line.replace(home, "…")
    line = _PATH.sub("…", line)
    return line if line.endswith((".", "!", "?")) else f"{line}."
