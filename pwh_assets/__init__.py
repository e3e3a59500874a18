"""PWH, the product warehouse: sources, product events and saved queries as one graph of Dagster assets.

Belongs here: the two names programs import, `build_defs` and `__version__`.
Keep out: anything that does I/O on import.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pwh_assets.definitions import build_defs

__version__ = "0.1.0"
__all__ = ["__version__", "build_defs"]


def __getattr__(name: str) -> Any:
    """Load `build_defs` on first use, so that the command line never imports Dagster for nothing."""
    if name == "build_defs":
        from pwh_assets.definitions import build_defs

        return build_defs
    raise AttributeError(f"module `pwh_assets` has no attribute `{name}`")
