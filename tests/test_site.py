"""The documentation site is built without a warning, and a reader needs nobody else for it."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parent.parent


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


def test_a_folder_of_the_repository_is_its_readme_on_the_site(
    site: Path, pages: dict[Path, Addresses]
) -> None:
    assert "packages/aiopyramid-core/README.html" in pages[site / "README.html"].links
