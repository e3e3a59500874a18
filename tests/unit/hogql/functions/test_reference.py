"""The page of functions is made from the registry and up to date."""

from pathlib import Path

from pwh_assets.hogql.functions.reference import render_reference
from pwh_assets.hogql.functions.registry import REGISTRY

PAGE = Path(__file__).parents[4] / "docs" / "hogql" / "functions.md"


def test_the_page_is_what_the_registry_says() -> None:
    assert PAGE.read_text("utf-8") == render_reference(), "run `make docs`"


def test_every_name_is_on_the_page() -> None:
    page = render_reference()
    assert not [name for name in REGISTRY.names() if f"`{name}" not in page]
    assert not [refusal.name for refusal in REGISTRY.refusals if f"`{refusal.name}`" not in page]
