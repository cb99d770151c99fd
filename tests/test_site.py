"""The documentation site is built without a warning, and a reader needs nobody else for it."""

import ast
import asyncio
import json
import re
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from axe import serious_findings
from chromium import Chromium, find_chromium
from pygments.styles import get_style_by_name
from system_programs import ProgramMissingError

ROOT = Path(__file__).parent.parent


TRUSTED_HOSTS = {
    "cookiecutter.readthedocs.io",
    "docs.djangoproject.com",
    "docs.pylonsproject.org",
    "docs.python.org",
    "flask.palletsprojects.com",
    "github.com",
    "gunicorn.org",
    "trypyramid.com",
    "ui.perfetto.dev",
    "uwsgi-docs.readthedocs.io",
    "websockets.readthedocs.io",
    "www.starlette.io",
}
"""Where the documents may lead a reader, besides their own machine. `make links` asks each page
whether it is there; whether it deserves the trust of our readers is for you to say."""

SOURCES = [*ROOT.glob("packages/*/src"), ROOT / "meta/src"]


def public_names() -> Iterator[str]:
    """Yield what the public modules of the packages list in ``__all__``."""
    for source in SOURCES:
        for file in source.rglob("*.py"):
            parts = file.relative_to(source).with_suffix("").parts
            module = ".".join(parts).removesuffix(".__init__")
            if "{{" in module or "._" in module:
                continue
            for node in ast.parse(file.read_text()).body:
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                    yield from (f"{module}.{name}" for name in ast.literal_eval(node.value))


class Addresses(HTMLParser):
    """The addresses in one page: what a browser loads with it, and where its links lead."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "href" and tag == "a":
                self.links.append(value or "")
            elif name in {"src", "srcset"} or (name == "href" and tag == "link"):
                self.loaded.append(value or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet"]
    built = subprocess.run(
        [*command, "-c", ROOT / "docs", ROOT, folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert built.returncode == 0, built.stdout
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Addresses]:
    return {page: Addresses(page) for page in site.rglob("*.html")}


def test_web_servers_find_the_front_page(site: Path) -> None:
    assert "Run any" in (site / "index.html").read_text()


def test_nothing_is_loaded_from_another_host(site: Path, pages: dict[Path, Addresses]) -> None:
    for page, addresses in pages.items():
        assert [address for address in addresses.loaded if urlsplit(address).netloc] == [], page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", sheet.read_text()), sheet


def test_every_link_within_the_site_leads_to_a_page(pages: dict[Path, Addresses]) -> None:
    for page, addresses in pages.items():
        for link in addresses.links:
            parts = urlsplit(link)
            if not parts.scheme and parts.path:
                assert (page.parent / unquote(parts.path)).is_file(), f"{page}: {link}"


def test_links_to_other_sites_are_encrypted_and_lead_to_hosts_that_we_trust(
    pages: dict[Path, Addresses],
) -> None:
    hosts = set()
    for page, addresses in pages.items():
        for link in map(urlsplit, addresses.links):
            if link.netloc and link.hostname != "127.0.0.1":
                assert link.scheme == "https", f"{page}: {link.geturl()}"
                hosts.add(link.hostname)
    assert hosts == TRUSTED_HOSTS


def test_a_folder_of_the_repository_is_its_readme_on_the_site(
    site: Path, pages: dict[Path, Addresses]
) -> None:
    assert "packages/aiopyramid-core/README.html" in pages[site / "README.html"].links


def test_every_public_name_leads_to_its_place_in_the_reference(site: Path) -> None:
    inventory = (site / "objects.inv").read_bytes().split(b"\n", 4)[4]
    entries = [line.split(maxsplit=4) for line in zlib.decompress(inventory).decode().splitlines()]
    places = {
        name: place.replace("$", name) for name, kind, _, place, _ in entries if "py:" in kind
    }
    names = [*public_names()]
    assert "aiopyramid_core.await_" in names
    assert set(names) - set(places) == set()
    for name in names:
        page, _, anchor = places[name].partition("#")
        assert page.startswith("docs/reference/")
        assert f'id="{anchor}"' in (site / page).read_text(), name


def test_code_that_is_a_public_name_leads_to_the_reference(
    site: Path, pages: dict[Path, Addresses]
) -> None:
    links = pages[site / "packages/aiopyramid-core/README.html"].links
    assert "../../docs/reference/aiopyramid-core.html#aiopyramid_core.use_executor" in links
    links = pages[site / "docs/migration.html"].links
    assert "reference/aiopyramid.html#aiopyramid.helpers.is_generator" in links


# --- Finding one's way ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def index(site: Path) -> dict[str, Any]:
    """Return what the search of the site knows."""
    text = (site / "searchindex.js").read_text()
    told: dict[str, Any] = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    return told


def test_no_two_pages_have_the_same_title_in_the_results_of_a_search(index: dict[str, Any]) -> None:
    assert [title for title, times in Counter(index["titles"]).items() if times > 1] == []


@pytest.mark.parametrize(
    ("word", "page"),
    [
        ("health", "docs/guides/health"),
        ("docker", "docs/guides/containers"),
        ("websocket", "docs/guides/websocket-patterns"),
        ("debug", "docs/guides/debugging"),
        ("secur", "docs/guides/security"),
        ("kubernet", "docs/guides/containers"),
        ("uwsgi", "docs/guides/uwsgi"),
        ("sqlalchemi", "docs/guides/sqlalchemy"),
        ("transact", "docs/transactions"),
        ("work", "docs/works-with"),
        ("altern", "docs/alternatives"),
        ("datadog", "docs/guides/datadog"),
        ("cheat", "docs/cheat-sheet"),
        ("changelog", "docs/changelog"),
    ],
)
def test_a_search_finds_the_page_that_is_about_it(
    word: str, page: str, index: dict[str, Any]
) -> None:
    found = index["titleterms"].get(word, [])
    pages = [
        index["docnames"][number] for number in (found if isinstance(found, list) else [found])
    ]
    assert page in pages


def test_every_page_shows_the_version(pages: dict[Path, Addresses]) -> None:
    brand = f'<span class="sidebar-brand-text">aiopyramid {version("aiopyramid")}</span>'
    assert [page for page in pages if brand not in page.read_text()] == []


def test_the_documents_lead_on_to_the_next_and_back(
    site: Path, pages: dict[Path, Addresses]
) -> None:
    documents = [page for page in pages if page.parent != site or page.name == "README.html"]
    assert len(documents) > 50
    without_next = [page for page in documents if 'class="next-page"' not in page.read_text()]
    without_previous = [page for page in documents if 'class="prev-page"' not in page.read_text()]
    assert [page.name for page in without_previous] == ["README.html"]
    assert [page.name for page in without_next] == ["CHANGES.html"]


def test_no_page_offers_to_edit_it_where_there_is_no_public_repository(
    pages: dict[Path, Addresses],
) -> None:
    assert [page for page in pages if "edit-this-page" in page.read_text()] == []


def test_code_can_be_copied(site: Path) -> None:
    for page in (site / "index.html", site / "docs/guides/testing.html"):
        assert "_static/copybutton.js" in page.read_text()


# --- For all readers ------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["pygments_style", "pygments_dark_style"])
def test_every_colour_of_code_has_the_contrast_of_level_aa(scheme: str) -> None:
    named = re.search(rf'^{scheme} = "(.+)"$', (ROOT / "docs/conf.py").read_text(), re.MULTILINE)
    assert named
    style = get_style_by_name(named[1])
    paper = style.background_color.removeprefix("#")
    for token, look in style:
        if look["color"]:
            assert contrast(look["color"], look["bgcolor"] or paper) >= 4.5, token


LOOKED_AT = (
    "index",
    "CONTRIBUTING",
    "docs/guides/containers",
    "docs/guides/websocket-patterns",
    "docs/how-it-works",
    "docs/reference/aiopyramid-asgi",
    "docs/reference/aiopyramid-gunicorn",
    "docs/troubleshooting",
    "docs/works-with",
    "packages/aiopyramid-core/README",
    "search",
)
IN_THE_DARK = {"index", "docs/reference/aiopyramid-gunicorn"}
"""Some pages are enough to see the colours, which are the same on all pages."""

TELEPHONE = 390
"""The width of its screen in CSS pixels."""


WIDTH = """
(() => {
  const page = document.querySelector("[role=main]");
  const scrolls = (element) => {
    for (let each = element; each !== page; each = each.parentElement)
      if (["auto", "scroll"].includes(getComputedStyle(each).overflowX)) return true;
    return false;
  };
  const seen = [...page.querySelectorAll("*")].filter((element) => !scrolls(element));
  return Math.max(...seen.map((element) => Math.floor(element.getBoundingClientRect().right)));
})()
"""
"""How far the contents of a page reach to the right. The page hides what does not fit, so that its
own width does not tell. A block that can be scrolled may be wider."""


@dataclass
class Look:
    """Serious findings of an accessibility checker, and the width of a page on a telephone."""

    findings: list[str]
    width: int


@pytest.fixture(scope="module")
def looks(site: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Look]:
    try:
        program = find_chromium()
    except ProgramMissingError as error:
        pytest.skip(str(error))

    async def look() -> dict[str, Look]:
        looks = {}
        async with Chromium(program, tmp_path_factory.mktemp("profile")) as browser:
            for name in LOOKED_AT:
                window = await browser.open((site / f"{name}.html").as_uri())
                findings = await serious_findings(window)
                if name in IN_THE_DARK:
                    await window.prefer("dark")
                    findings += await serious_findings(window)
                await window.resize(TELEPHONE, 844)
                width = await window.evaluate(WIDTH)
                looks[name] = Look(findings, width)
                await window.close()
        return looks

    return asyncio.run(look())


def test_an_accessibility_checker_finds_nothing_serious(looks: dict[str, Look]) -> None:
    assert {page: look.findings for page, look in looks.items() if look.findings} == {}


def test_no_page_is_wider_than_a_telephone(looks: dict[str, Look]) -> None:
    assert {page: look.width for page, look in looks.items() if look.width > TELEPHONE} == {}
