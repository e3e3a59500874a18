"""Every kind of check there is: the modules of `kinds/` that export KIND."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from pwh_assets.core.names import nearest
from pwh_assets.errors import InvalidInputError, quoted
from pwh_assets.services.quality.base import Kind


@cache
def kinds() -> Mapping[str, Kind]:
    """By name."""
    import pwh_assets.services.quality.kinds as package

    found = {}
    for module in pkgutil.iter_modules(package.__path__):
        kind: Kind = importlib.import_module(f"{package.__name__}.{module.name}").KIND
        found[kind.name] = kind
    return found


def kind_of(name: str) -> Kind:
    """Raises InvalidInputError naming the nearest."""
    known = kinds()
    if name not in known:
        near = nearest(name, list(known))
        hint = f"Did you mean `{near}`?" if near else f"There are {quoted(sorted(known))}."
        raise InvalidInputError("kind", f"`{name}` is not a kind of check. {hint}")
    return known[name]
