"""Where the servers of a home listen that only its own processes ask."""

import hashlib
import os
import tempfile
from pathlib import Path

CODE, RUNS = "code.sock", "runs.sock"
_LONGEST = 100
"""Unix socket paths end at 107 bytes on Linux and 103 elsewhere."""


def socket_of(folder: Path, name: str) -> Path:
    """A server's Unix socket: in Dagster's folder, or in a private folder of its own when that one's path is long.

    A socket cannot be shared by accident, as a port is: gRPC lets several servers listen on one port.
    """
    address = folder / name
    if len(os.fsencode(address)) <= _LONGEST:
        return address
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    private = Path(tempfile.gettempdir()) / f"pwh-{os.getuid()}-{digest}"
    private.mkdir(mode=0o700, exist_ok=True)
    if private.stat().st_uid != os.getuid() or private.stat().st_mode & 0o077:
        raise PermissionError(f"`{private}` belongs to somebody else; remove it or set TMPDIR.")
    return private / name
