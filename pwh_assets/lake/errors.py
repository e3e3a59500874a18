"""What can go wrong with the lake, in sentences."""

from pwh_assets.errors import PwhError


class LakeError(PwhError):
    """The lake refused or failed an operation; nothing of it is visible to a reader."""

    code = "lake_failed"


class LakeStorageError(LakeError):
    """The place where the lake keeps its files or its catalog cannot be reached or written."""

    code = "lake_storage"
    retryable = True


class LakeBusyError(LakeError):
    """The writers' lock was not free in time."""

    code = "lake_busy"
    status = 409
    retryable = True

    def __init__(self, project_id: int, timeout_s: float) -> None:
        self.project_id, self.timeout_s = project_id, timeout_s
        super().__init__(
            f"The lake of project `{project_id}` was being written by others for {timeout_s:g} s. "
            "Try again, or look at `pwh health` for a run that hangs."
        )


class PublishError(LakeError):
    """Rows do not fit the table they are meant for."""

    code = "publish_failed"
    status = 422


class PlacedTableError(LakeError):
    """A table that is read where it lies cannot be read."""

    code = "placed_table"
    status = 502

    def __init__(self, table: str, reason: str) -> None:
        self.table = table
        super().__init__(
            f"`{table}` is read where it lies, and that failed: {reason} Sync it, which looks at its files again, "
            "or look there."
        )
