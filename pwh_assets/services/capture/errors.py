"""What can be wrong with a request that sends events, or with one of its events."""

from pwh_assets.errors import PwhError, UserError


class CaptureKeyError(UserError):
    """The request carries no capture key of this home."""

    code = "invalid_api_key"
    status = 401

    def __init__(self, ending: str = "") -> None:
        found = f"The key that ends in `{ending}` is" if ending else "No key came, or it is"
        super().__init__(
            f"{found} not a capture key of a project here. Send the project's `phc_…` key as `api_key`."
        )


class BodyError(UserError):
    """The request as a whole cannot be read; nothing of it was kept."""

    code = "invalid_body"
    attr = "body"


class BodyTooLargeError(UserError):
    """The body is larger than one request may be, packed or unpacked; nothing of it was kept."""

    code = "too_large"
    status = 413

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"A request may have {limit_bytes // 1024 // 1024} MiB, also when unpacked. "
            "Send fewer events at once."
        )


class EventRefusedError(UserError):
    """One event cannot be kept; those sent with it can."""

    code = "invalid_event"

    def __init__(self, reason: str, sentence: str) -> None:
        self.reason = reason
        super().__init__(sentence)


class CaptureUnavailableError(PwhError):
    """The log cannot be written now; the SDKs try again by themselves."""

    code = "capture_unavailable"
    status = 503
    retryable = True

    def __init__(self, sentence: str, retry_after_s: float = 2.0) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(sentence)
