"""A naming convention for dlt that leaves every name as the source wrote it; the lake makes names fit."""

from dlt.common.normalizers.naming.naming import NamingConvention as _NamingConvention


class NamingConvention(_NamingConvention):  # type: ignore[misc]
    """dlt finds it by this name in the module it is told."""

    PATH_SEPARATOR = "\x1f"

    def normalize_identifier(self, identifier: str) -> str:
        return identifier

    @property
    def is_case_sensitive(self) -> bool:
        return True
