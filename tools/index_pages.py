"""The page of a distribution in a package index, which is its README.

In a clone, the links of a README lead to other files of the repository. On an index, they lead
nowhere. So the distributions are built from a README with addresses instead, as soon as the
``pyproject.toml`` of the workspace names the public repository::

    [tool.aiopyramid]
    repository = "https://forge.example/us/aiopyramid"
    files = "{repository}/blob/{ref}/{path}"
"""

import re
import shutil
import tomllib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from posixpath import normpath
from tempfile import TemporaryDirectory
from typing import Final

from readme_renderer import markdown

from distributions import Distribution

__all__ = ("Repository", "as_published", "faults_of_page", "read_repository")

STAND_IN: Final = "https://repository.invalid"
"""The address with which READMEs are checked as long as there is no public repository."""

FENCED: Final = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(
    r"(?<=\]\()(?![a-z][a-z0-9+.-]*:)(?P<path>[^)#\s]*)(?P<place>#[^)\s]*)?(?=\))"
)
"""The target of an inline link, if it is not an address."""


@dataclass(frozen=True)
class Repository:
    """The public repository.

    Attributes:
        address: Its address; empty as long as there is none.
        files: The address of a file or folder in it, with ``{repository}``, ``{ref}`` for the name
            of a tag, and ``{path}``.
    """

    address: str
    files: str

    def address_of(self, path: str, ref: str) -> str:
        """Return the address of a file or folder.

        Args:
            path: Its path from the root of the repository.
            ref: The tag at which it is shown.
        """
        return self.files.format(repository=self.address or STAND_IN, ref=ref, path=path)


def read_repository(root: Path) -> Repository:
    """Return what the ``pyproject.toml`` of the workspace in ``root`` says of the repository."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    said = project.get("tool", {}).get("aiopyramid", {})
    return Repository(said.get("repository", ""), said.get("files", "{repository}/{ref}/{path}"))


@contextmanager
def as_published(distribution: Distribution, repository: Repository) -> Iterator[Path]:
    """Yield the folder from which a distribution is built.

    That is its own folder as long as there is no public repository. Afterwards it is a copy in
    which the README and the metadata name the addresses.

    Args:
        distribution: The distribution to build.
        repository: The public repository.
    """
    if not repository.address:
        yield distribution.folder
        return
    with TemporaryDirectory() as folder:
        copy = Path(folder, distribution.folder.name)
        shutil.copytree(distribution.folder, copy)
        if (ignored := distribution.root / ".gitignore").exists():
            shutil.copy(ignored, folder)  # hatchling looks for it above
        page = _page(distribution, repository)
        (copy / "README.md").write_text(page, encoding="utf-8")
        with (copy / "pyproject.toml").open("a", encoding="utf-8") as project:
            project.write(_urls(distribution, repository))
        yield copy


def faults_of_page(distribution: Distribution, repository: Repository) -> Iterator[str]:
    """Yield the faults of the page that an index makes of the README."""
    with warnings.catch_warnings(action="error"):  # it warns if it cannot render Markdown
        html = markdown.render(_page(distribution, repository))
    if not html:
        yield "the README cannot be rendered"
        return
    links = _Links()
    links.feed(html)
    for target in links.targets:
        is_here = target.startswith("#") and target[1:] in links.places
        if not is_here and not target.startswith(("https:", "http:", "mailto:")):
            yield f"the README's link to {target} would lead nowhere on an index"


def _page(distribution: Distribution, repository: Repository) -> str:
    """Return the README with addresses for its links, but for those in examples of code."""
    text = (distribution.folder / "README.md").read_text(encoding="utf-8")
    ref = f"{distribution.name}-{distribution.version}"

    def address(link: re.Match[str]) -> str:
        # Also for a place in this page, which an index may give another name.
        path = normpath(f"{distribution.path}/{link['path'] or 'README.md'}")
        return repository.address_of(path, ref) + (link["place"] or "")

    parts = []
    end = 0
    for example in FENCED.finditer(text):
        parts += [LINK.sub(address, text[end : example.start()]), example[0]]
        end = example.end()
    return "".join([*parts, LINK.sub(address, text[end:])])


def _urls(distribution: Distribution, repository: Repository) -> str:
    """Return the table of the project's addresses."""
    ref = f"{distribution.name}-{distribution.version}"
    changelog = repository.address_of(f"{distribution.path}/CHANGES.md", ref)
    return f'\n[project.urls]\nRepository = "{repository.address}"\nChangelog = "{changelog}"\n'


class _Links(HTMLParser):
    """Collects links and images.

    Attributes:
        targets: Their targets.
        places: The places in the page itself to which a link may lead.
    """

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect those of an element."""
        self.targets += [value or "" for name, value in attrs if name in ("href", "src")]
        self.places |= {value or "" for name, value in attrs if name in ("id", "name")}
