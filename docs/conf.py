"""The documentation site, of the Markdown files where they are: ``make site``.

Sphinx's source folder is the root of the repository, so that a page has the place in the site that
its file has in the repository, and one relative link serves both.
"""

import shutil
import sys
import warnings
from importlib.metadata import version as version_of
from pathlib import Path
from posixpath import dirname, join, normpath

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))  # accessibility.py, public_names.py
# Importing pyramid 2.1 imports pkg_resources, which announces its end.
warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning, "pyramid")

project = "aiopyramid"
release = version_of("aiopyramid")
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "accessibility",
    "public_names",
]
root_doc = "README"
include_patterns = [
    "*.md",
    "benchmarks/README.md",
    "docs/*.md",
    "docs/*/*.md",
    "examples/*/README.md",
    "meta/*.md",
    "packages/*/*.md",
]
exclude_patterns = [".*", "build", "dist"]  # folders with many files
source_suffix = {".md": "markdown"}
myst_heading_anchors = 4  # the anchors that links in the repository use

# The reference is made of the packages' docstrings.
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_maximum_signature_line_length = 250
nitpicky = True
nitpick_ignore_regex = [
    # Names of other projects: only the network can tell whether there is a page for them.
    ("py:.*", "_?(aiohttp|asyncio|collections|concurrent|contextlib|http|pathlib|types)[.].*"),
    ("py:.*", "(greenlet|gunicorn|mypy|pyramid|_?pytest|sqlalchemy|webob)[.].*"),
    ("py:exc", "ConfigurationError|URLDecodeError"),
    ("py:mod", "subprocess"),
    # Names in signatures that are not public: type variables, private classes.
    ("py:class", r"(.*[.])?(P|P[.]k?w?args|T|Ts|_.*)"),
    ("py:class", r"aiopyramid_\w+[.]_.*"),
    ("py:class", r"ipaddress[.]IPv[46]Network"),
]

linkcheck_ignore = ["http://127[.]0[.]0[.]1"]  # the reader's own server

html_theme = "furo"  # with the fonts that the reader has
html_title = f"aiopyramid {release}"
html_static_path = ["_static"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
# Legible on the theme's backgrounds: WCAG's level AA, which a test computes.
pygments_style = "a11y-light"
pygments_dark_style = "a11y-dark"
copybutton_selector = "div.highlight pre"

GUIDES = [
    *("existing-app", "streaming", "groups", "websocket-patterns", "background-tasks", "httpx"),
    *("redis", "sqlalchemy", "fastapi", "testing", "security", "debugging", "blocked-loop"),
    *("gunicorn-settings", "containers", "health", "monitoring", "datadog", "uwsgi"),
]
"""The how-to guides in the order in which they are shown; all others come last."""

CONTENTS = {
    "Tutorial": """
        docs/tutorial
        The demo <examples/demo/README>
        A resource tree <examples/tree/README>
        A wiki with SQLAlchemy <examples/wiki/README>
    """,
    "How-to guides": """
        Overview <docs/guides/README>
        {guides}
        docs/sqlalchemy
        docs/transactions
        docs/migration
        docs/channels
        docs/troubleshooting
    """,
    "Explanation": """
        docs/how-it-works
        docs/groups
        docs/extension-points
        docs/works-with
        docs/alternatives
        benchmarks/README
    """,
    "Reference": """
        Overview <docs/reference/README>
        docs/cheat-sheet
        docs/reference/aiopyramid-core
        docs/reference/aiopyramid-core-testing
        docs/reference/aiopyramid-core-servers
        docs/reference/aiopyramid-asgi
        docs/reference/aiopyramid-debugtoolbar
        docs/reference/aiopyramid-gunicorn
        docs/reference/aiopyramid-sqlalchemy
        docs/reference/aiopyramid-traversal
        docs/reference/aiopyramid-websocket
        docs/reference/aiopyramid-groups
        docs/reference/aiopyramid-metrics
        docs/reference/aiopyramid-uwsgi
        docs/reference/aiopyramid
    """,
    "Packages": """
        aiopyramid-core <packages/aiopyramid-core/README>
        aiopyramid-asgi <packages/aiopyramid-asgi/README>
        aiopyramid-debugtoolbar <packages/aiopyramid-debugtoolbar/README>
        aiopyramid-gunicorn <packages/aiopyramid-gunicorn/README>
        aiopyramid-gunicorn-fast <packages/aiopyramid-gunicorn-fast/README>
        aiopyramid-sqlalchemy <packages/aiopyramid-sqlalchemy/README>
        aiopyramid-traversal <packages/aiopyramid-traversal/README>
        aiopyramid-websocket <packages/aiopyramid-websocket/README>
        aiopyramid-groups <packages/aiopyramid-groups/README>
        aiopyramid-metrics <packages/aiopyramid-metrics/README>
        aiopyramid-uwsgi <packages/aiopyramid-uwsgi/README>
        aiopyramid <meta/README>
    """,
    "Project": """
        CONTRIBUTING
        SECURITY
        docs/changelog
        packages/aiopyramid-core/CHANGES
        packages/aiopyramid-asgi/CHANGES
        packages/aiopyramid-debugtoolbar/CHANGES
        packages/aiopyramid-gunicorn/CHANGES
        packages/aiopyramid-gunicorn-fast/CHANGES
        packages/aiopyramid-sqlalchemy/CHANGES
        packages/aiopyramid-traversal/CHANGES
        packages/aiopyramid-websocket/CHANGES
        packages/aiopyramid-groups/CHANGES
        packages/aiopyramid-metrics/CHANGES
        packages/aiopyramid-uwsgi/CHANGES
        meta/CHANGES
    """,
}


def always_read(app: Sphinx, *documents: object) -> list[str]:
    """Name the pages that change when others come and go; Sphinx keeps all that it has read."""
    return [root_doc, "docs/guides/README"]


def guides() -> list[str]:
    """Return the names of the guides that there are."""
    found = {file.stem for file in Path(__file__).parent.glob("guides/*.md")} - {"README"}
    return [name for name in GUIDES if name in found] + sorted(found.difference(GUIDES))


def add_contents(app: Sphinx, document: str, source: list[str]) -> None:
    """Add the contents of the site to the front page, which itself says nothing of them."""
    if document == root_doc:
        for caption, entries in CONTENTS.items():
            entries = entries.format(guides="\n".join(f"docs/guides/{name}" for name in guides()))
            lines = "\n".join(line.strip() for line in entries.splitlines())
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n{lines}\n```\n"
    elif document == "docs/guides/README":
        source[0] += "\n" + "".join(f"- [](./{name}.md)\n" for name in guides())


def lead_folders_to_readme(app: Sphinx, document: nodes.document) -> None:
    """Lead a link to a folder to the README in it, as the browser of a repository does."""
    for link in document.findall(pending_xref):
        if link["reftype"] == "myst":
            readme = normpath(join(dirname(link["refdoc"]), link["reftarget"], "README"))
            if readme in app.env.found_docs:
                link["refdomain"], link["reftarget"], link["reftargetid"] = "doc", readme, None


def make_index(app: Sphinx, error: Exception | None) -> None:
    """Let the front page be found under the name that web servers look for."""
    if error is None and app.builder.name == "html":
        shutil.copy(Path(app.outdir, "README.html"), Path(app.outdir, "index.html"))


def setup(app: Sphinx) -> None:
    """Have Sphinx call the functions above."""
    app.connect("env-get-outdated", always_read)
    app.connect("source-read", add_contents)
    app.connect("doctree-read", lead_folders_to_readme)
    app.connect("build-finished", make_index)
