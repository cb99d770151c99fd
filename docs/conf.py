"""The documentation site, of the Markdown files where they are: ``make site``.

Sphinx's source folder is the root of the repository, so that a page has the place in the site that
its file has in the repository, and one relative link serves both.
"""

import shutil
from pathlib import Path
from posixpath import dirname, join, normpath

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

project = "aiopyramid"
extensions = ["myst_parser"]
root_doc = "README"
include_patterns = [
    "*.md",
    "benchmarks/README.md",
    "docs/*.md",
    "examples/*/README.md",
    "meta/*.md",
    "packages/*/*.md",
]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 4  # the anchors that links in the repository use

html_theme = "furo"  # with the fonts that the reader has
html_title = "aiopyramid"
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
pygments_style = "friendly"

CONTENTS = """
```{toctree}
:hidden:
:caption: Guides

docs/tutorial
docs/how-it-works
docs/transactions
docs/migration
```

```{toctree}
:hidden:
:caption: Packages

aiopyramid-core <packages/aiopyramid-core/README>
aiopyramid-gunicorn <packages/aiopyramid-gunicorn/README>
aiopyramid-traversal <packages/aiopyramid-traversal/README>
aiopyramid-websocket <packages/aiopyramid-websocket/README>
aiopyramid-uwsgi <packages/aiopyramid-uwsgi/README>
aiopyramid <meta/README>
```

```{toctree}
:hidden:
:caption: Examples and measurements

The demo <examples/demo/README>
A resource tree <examples/tree/README>
benchmarks/README
```

```{toctree}
:hidden:
:caption: Project

CONTRIBUTING
SECURITY
packages/aiopyramid-core/CHANGES
packages/aiopyramid-gunicorn/CHANGES
packages/aiopyramid-traversal/CHANGES
packages/aiopyramid-websocket/CHANGES
packages/aiopyramid-uwsgi/CHANGES
meta/CHANGES
```
"""


def add_contents(app: Sphinx, document: str, source: list[str]) -> None:
    """Give the front page the contents of the site, of which the file itself says nothing."""
    if document == root_doc:
        source[0] += CONTENTS


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
    app.connect("source-read", add_contents)
    app.connect("doctree-read", lead_folders_to_readme)
    app.connect("build-finished", make_index)
