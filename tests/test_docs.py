"""Docs name what is there: every relative link leads somewhere, every path of code exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("deploy/**/*.md"), *ROOT.glob("docs/**/*.md")])
KINDS = ("tutorial", "how-to", "reference", "explanation")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_CODE_PATH = re.compile(
    r"`((?:domain|projections|adapters|migrations|tests|bench|deploy|docs)(?:/[\w.-]+)+/?)`"
)
_MODULE = re.compile(r"`python -m ((?:tests|bench)(?:\.\w+)*)")


def _named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = _HEADING.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in kept}


def _links(page: Path) -> Iterator[tuple[str, str]]:
    for target in _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        if "://" not in target and not target.startswith("mailto:"):
            path, _, anchor = target.partition("#")
            yield path, anchor


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_relative_links_lead_to_a_file_and_a_heading(page: Path) -> None:
    lost = []
    for path, anchor in _links(page):
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            lost.append(f"{path}#{anchor}" if anchor else path)
    assert lost == []


@pytest.mark.parametrize("page", [p for p in PAGES if p.name != "CHANGELOG.md"], ids=_named)
def test_paths_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    modules = {f"{name.replace('.', '/')}" for name in _MODULE.findall(text)}
    lost = [path for path in _CODE_PATH.findall(text) if not (ROOT / path).exists()]
    lost += [m for m in modules if not ((ROOT / m).is_dir() or (ROOT / f"{m}.py").is_file())]
    assert sorted(set(lost)) == []


def test_the_index_lists_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    listed = {(index.parent / path).resolve() for path, _ in _links(index)}
    pages = {page for page in PAGES if "docs" in page.relative_to(ROOT).parts[:1]} - {index}
    assert sorted(_named(page) for page in pages - listed) == []


def test_the_architecture_names_every_room_and_module_of_composition() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = [
        path.parent.name
        for package in ("domain", "projections", "adapters")
        for path in (ROOT / package).glob("*/__init__.py")
    ]
    wiring = [path.stem for path in (ROOT / "adapters" / "composition").glob("[!_]*.py")]
    assert [name for name in sorted([*rooms, *wiring]) if f"`{name}`" not in text] == []
