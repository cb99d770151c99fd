"""The documentation site is built without a warning, and a reader needs nobody else for it."""

import ast
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parent.parent


TRUSTED_HOSTS = {
    "cookiecutter.readthedocs.io",
    "docs.pylonsproject.org",
    "docs.python.org",
    "github.com",
    "gunicorn.org",
    "trypyramid.com",
    "ui.perfetto.dev",
    "uwsgi-docs.readthedocs.io",
    "websockets.readthedocs.io",
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
