"""The pages keep up with the program: every source, command, variable and service has its place in docs/."""

import re
from pathlib import Path

from pwh_assets import __version__
from pwh_assets.settings import OBJECT_STORAGE_VARIABLES, VARIABLES
from pwh_assets.sources.registry import discover

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def test_every_source_has_a_page_and_every_page_a_source() -> None:
    pages = {page.stem for page in (DOCS / "sources").glob("*.md")} - {"index"}
    assert pages == set(discover())


def test_every_variable_is_explained() -> None:
    page = (DOCS / "configuration.md").read_text()
    for name, _, _ in VARIABLES + OBJECT_STORAGE_VARIABLES:
        assert f"`{name}`" in page, name


def test_every_link_inside_the_docs_leads_somewhere() -> None:
    for page in [*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", _prose(page.read_text())):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name} -> {target}"
        for target, heading in re.findall(r"\]\(([^)#:]*)#([^)]*)\)", _prose(page.read_text())):
            there = (page.parent / target if target else page).read_text()
            headings = re.findall(r"^#+ (.*)$", there, re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}
            assert heading in slugs, f"{page.name} -> {target}#{heading}"


def test_the_changelog_knows_this_version() -> None:
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_nothing_names_a_machine() -> None:
    home = re.compile(r"(^|[^A-Za-z0-9_.])/(home|Users)/[a-z]")
    for path in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]:
        assert not home.search(path.read_text()), path


def _prose(page: str) -> str:
    """A page without its code: brackets mean something else there."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"(?s)^```.*?^```", "", page, flags=re.MULTILINE))
