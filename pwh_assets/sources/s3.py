"""Amazon S3 as a source of files: CSV, JSON lines, Parquet and Delta below a prefix or by a pattern."""

from pwh_assets.sources.base import Field
from pwh_assets.sources.files import FORMAT, KEYS, Files


class S3(Files):
    """See docs/sources/s3.md; tables and types are those of docs/sources/files.md."""

    name = "s3"
    label = "Amazon S3"
    schemes = ("s3", "s3a")
    fields = (
        Field("url", "Address", help="s3://bucket/prefix; * and ** make it a pattern."),
        FORMAT,
        *KEYS,
        Field("region", "Region", required=False, default="us-east-1"),
        Field("endpoint", "Endpoint", required=False, help="For S3-compatible storage elsewhere."),
    )


SOURCE = S3()
