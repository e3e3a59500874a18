"""From `package.module:name` to dlt resources, for packages the operator allows and no others."""

import importlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pwh_assets.errors import InvalidInputError, PwhError, SourceError, quoted

if TYPE_CHECKING:
    from dlt.extract import DltResource

KEY = "_custom_sources"
"""The name the operator's list of packages has in a config. Without it nothing is allowed."""


class CustomSourceError(SourceError):
    """The function did not do what a source does; the sentence has its own words."""

    code = "custom_source"


def split(function: str) -> tuple[str, str]:
    """Module and name. Raises InvalidInputError.

    >>> split("acme.shop:orders")
    ('acme.shop', 'orders')
    """
    match = re.fullmatch(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z]\w*)", function)
    if match is None:
        raise InvalidInputError(
            "function",
            f"`{function}` must look like `package.module:name`, such as `acme.shop:orders`.",
        )
    return match[1], match[2]


def is_allowed(module: str, allowed: tuple[str, ...]) -> bool:
    """Whether a module is one of the packages or inside one.

    >>> is_allowed("acme.shop", ("acme",)), is_allowed("acme_evil", ("acme",)), is_allowed("os", ())
    (True, False, False)
    """
    return any(module == one or module.startswith(f"{one}.") for one in allowed)


def resources(config: Mapping[str, Any]) -> "dict[str, DltResource]":
    """What the function gives, made anew: resources by name.

    Raises:
        InvalidInputError: it may not be used, is not there, or does not take the arguments.
        CustomSourceError: it fails, or gives something else than a dlt source or resource.
    """
    from dlt.extract import DltResource, DltSource

    module, name = split(config["function"])
    _check(module, tuple(config.get(KEY) or ()))
    call = _found(module, name)
    arguments = {**(config.get("arguments") or {}), **(config.get("secret_arguments") or {})}
    try:
        made = call if isinstance(call, DltSource) else call(**arguments)
    except PwhError:
        raise
    except TypeError as error:
        raise InvalidInputError(
            "arguments",
            f"`{config['function']}` cannot be called so: {error}. Check the arguments.",
        ) from None
    except Exception as error:
        raise CustomSourceError(
            f"`{config['function']}` failed: {type(error).__name__}: {error}"
        ) from None
    given = made if isinstance(made, list | tuple) else [made]
    found: dict[str, DltResource] = {}
    for one in given:
        if isinstance(one, DltSource):
            found.update(one.selected_resources)
        elif isinstance(one, DltResource):
            found[one.name] = one
        else:
            raise CustomSourceError(
                f"`{config['function']}` gives a `{type(one).__name__}`. Decorate it with `@dlt.source` or "
                "`@dlt.resource`."
            )
    if not found:
        raise CustomSourceError(f"`{config['function']}` gives no resource.")
    return found


def _check(module: str, allowed: tuple[str, ...]) -> None:
    if is_allowed(module, allowed):
        return
    if not allowed:
        raise InvalidInputError(
            "function",
            "Custom sources are switched off. The operator allows packages with `PWH_CUSTOM_SOURCES`.",
        )
    raise InvalidInputError(
        "function",
        f"`{module}` is not in a package the operator allows: {quoted(list(allowed))} "
        "(`PWH_CUSTOM_SOURCES`).",
    )


def _found(module: str, name: str) -> Any:
    try:
        loaded = importlib.import_module(module)
    except Exception as error:
        raise InvalidInputError(
            "function", f"`{module}` cannot be imported: {type(error).__name__}: {error}."
        ) from None
    found = getattr(loaded, name, None)
    if found is None or not callable(found):
        raise InvalidInputError("function", f"`{module}` has no function `{name}`.")
    return found
