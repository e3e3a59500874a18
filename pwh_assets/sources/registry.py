"""Every source there is: the modules and packages in `sources/` that export `SOURCE`, found by file name."""

import importlib
import pkgutil
from collections.abc import Mapping

from pwh_assets.core.names import nearest
from pwh_assets.errors import InvalidInputError, quoted
from pwh_assets.sources.base import SourceType


class UnknownSourceTypeError(InvalidInputError):
    """There is no source of this type; the sentence names the nearest one."""

    code = "unknown_source_type"

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        self.name, self.known = name, known
        near = nearest(name, known)
        hint = f"Did you mean `{near}`?" if near else f"There are {quoted(known)}."
        super().__init__("source_type", f"`{name}` is not a source type. {hint}")


def discover() -> dict[str, SourceType]:
    """Sources by type name, in alphabetical order. Their drivers load when they are used."""
    import pwh_assets.sources as package

    found: dict[str, SourceType] = {}
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
        source = getattr(
            importlib.import_module(f"{package.__name__}.{module.name}"), "SOURCE", None
        )
        if source is None:
            continue
        if source.name != module.name:
            raise ValueError(
                f"sources/{module.name} exports a source called `{source.name}`. "
                "A source's name is its file's name: rename one of them."
            )
        found[source.name] = source
    return found


def find(sources: Mapping[str, SourceType], name: str) -> SourceType:
    """The source of this type, in any case and by its label too.

    Raises:
        UnknownSourceTypeError: nothing is called so.
    """
    wanted = name.strip().lower()
    for source in sources.values():
        if wanted in (source.name.lower(), source.label.lower()):
            return source
    raise UnknownSourceTypeError(name, tuple(sources))
