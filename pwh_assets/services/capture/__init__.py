"""Events as the PostHog SDKs send them: read, checked, kept durably, and loaded into the lake by the second.

Belongs here: what a request may look like, the log on disk, who is who, and the loader.
Keep out: HTTP (`api.capture`), SQL over the lake (`lake.captured`).
"""

from pwh_assets.services.capture.bodies import LARGEST_BYTES, Sending, read_sending
from pwh_assets.services.capture.errors import CaptureKeyError
from pwh_assets.services.capture.forgetting import Forgotten, forget_person
from pwh_assets.services.capture.service import Accepted, Capture

__all__ = [
    "LARGEST_BYTES",
    "Accepted",
    "Capture",
    "CaptureKeyError",
    "Forgotten",
    "Sending",
    "forget_person",
    "read_sending",
]
