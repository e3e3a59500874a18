"""The home folder as a place for the files of an extraction: what is wrong when it cannot take them."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pwh_assets.errors import PwhError


class HomeStorageError(PwhError):
    """The home folder cannot take the files of an extraction."""

    code = "home_storage"
    retryable = True

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The rows could not be written to `PWH_HOME`: {reason}. Free space or mend the folder's rights, "
            "then sync again; the table is as it was."
        )


@contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Around what writes into this folder of the home. Raises HomeStorageError where the home is to blame."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EFBIG)
        ours = error.errno in (errno.EACCES, errno.EPERM) and str(folder.parent) in str(
            error.filename
        )
        if full or ours:
            raise HomeStorageError(os.strerror(error.errno or 0)) from None
        raise
