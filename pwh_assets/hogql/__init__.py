"""HogQL: text in, plan out. Opens nothing.

Belongs here: parser, resolver, types, the function registry, rewrites, lowering to each engine's SQL.
Keep out: connections, files, the store, the lake, Dagster, HTTP.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pwh_assets.hogql.compiler import compile  # noqa: A004
    from pwh_assets.hogql.parser import parse

__all__ = ["compile", "parse"]


def __getattr__(name: str) -> Any:
    """`compile` and `parse` load their parts on first use, so that naming a type costs nothing."""
    if name == "compile":
        from pwh_assets.hogql.compiler import compile as found

        return found
    if name == "parse":
        from pwh_assets.hogql.parser import parse as found_parse

        return found_parse
    raise AttributeError(name)
