"""Every source there is: the modules and packages in `sources/` that export `SOURCE`, found by file name."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

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


def discover() -> Mapping[str, SourceType]:
    """Sources by type name, in alphabetical order. A source's file loads when it is first asked for, its driver when it is
    used: who syncs from one loads none of the others.
    """
    import pwh_assets.sources as package

    return _Sources(sorted(module.name for module in pkgutil.iter_modules(package.__path__)))


class _Sources(Mapping[str, SourceType]):
    def __init__(self, files: Sequence[str]) -> None:
        self._files = files

    def __getitem__(self, name: str) -> SourceType:
        source = _loaded(name) if name in self._files else None
        if source is None:
            raise KeyError(name)
        return source

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._files if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@cache
def _loaded(name: str) -> SourceType | None:
    """What a file in `sources/` exports as `SOURCE`; None when it is no source's file."""
    source: SourceType | None = getattr(
        importlib.import_module(f"pwh_assets.sources.{name}"), "SOURCE", None
    )
    if source is not None and source.name != name:
        raise ValueError(
            f"sources/{name} exports a source called `{source.name}`. "
            "A source's name is its file's name: rename one of them."
        )
    return source


def find(sources: Mapping[str, SourceType], name: str) -> SourceType:
    """The source of this type, in any case and by its label too.

    Raises:
        UnknownSourceTypeError: nothing is called so.
    """
    wanted = name.strip().lower()
    if wanted in sources:
        return sources[wanted]
    for source in sources.values():
        if wanted in (source.name.lower(), source.label.lower()):
            return source
    raise UnknownSourceTypeError(name, tuple(sources))
