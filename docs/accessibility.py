"""Pages that everybody can use, where Sphinx and the theme leave something out.

A Sphinx extension. ``tests/test_site.py`` has axe-core look at the result.
"""

import re
from typing import Any, Final

from docutils import nodes
from sphinx.application import Sphinx

LATE: Final = 900
"""The priority of a function that Sphinx calls after those of the theme."""

PARAMETERS: Final = re.compile(r"<dl>\n(<dd><em class=\"sig-param\">.*?</dd>\n)</dl>", re.DOTALL)
"""The parameters of a long signature, which Sphinx makes a list of definitions without terms."""


def correct_page(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Say of which level the headings of the contents are, and write parameters as plain lines."""
    context["furo_navigation_tree"] = context["furo_navigation_tree"].replace(
        'role="heading"', 'role="heading" aria-level="2"'
    )
    if "body" in context:
        context["body"] = PARAMETERS.sub(_as_lines, context["body"])


def _as_lines(found: re.Match[str]) -> str:
    lines = found[1].replace("<dd>", '<span class="parameter">').replace("</dd>", "</span>")
    return f'<span class="parameters">\n{lines}</span>'


def setup(app: Sphinx) -> None:
    """Have Sphinx call the function above, and add a style sheet and a script to all pages."""
    app.connect("html-page-context", correct_page, priority=LATE)
    app.add_css_file("site.css")
    app.add_js_file("site.js", loading_method="defer")
