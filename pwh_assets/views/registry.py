"""Every managed set there is: the modules and packages in `views/` that export `VIEWS`."""

import importlib
import pkgutil
from functools import cache

from pwh_assets.views.base import ManagedSet


@cache
def discover() -> dict[str, ManagedSet]:
    """Sets by name, in alphabetical order."""
    import pwh_assets.views as package

    found: dict[str, ManagedSet] = {}
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
        views = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), "VIEWS", None)
        if views is None:
            continue
        if views.name != module.name:
            raise ValueError(
                f"views/{module.name} exports a set called `{views.name}`. A set's name is its file's name: "
                "rename one of them."
            )
        found[views.name] = views
    return found
