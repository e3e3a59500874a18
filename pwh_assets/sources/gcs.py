"""Google Cloud Storage as a source of files, by its S3-compatible API and HMAC keys."""

from pwh_assets.sources.base import Field
from pwh_assets.sources.files import FORMAT, KEYS, Files


class GCS(Files):
    """See docs/sources/gcs.md; tables and types are those of docs/sources/files.md."""

    name = "gcs"
    label = "Google Cloud Storage"
    schemes = ("gs", "gcs")
    fields = (
        Field("url", "Address", help="gs://bucket/prefix; * and ** make it a pattern."),
        FORMAT,
        *KEYS,
        Field("region", "Region", required=False, default="auto"),
        Field("endpoint", "Endpoint", required=False, default="https://storage.googleapis.com"),
    )


SOURCE = GCS()
