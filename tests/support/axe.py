"""axe-core in a window of a browser: a checker that finds obstacles for readers of a page."""

from importlib.resources import files
from typing import Any, Final

from chromium import Window

SERIOUS: Final = frozenset({"serious", "critical"})
"""The impacts that a page must not have."""

_OPTIONS: Final = "{resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa']}"


async def serious_findings(window: Window) -> list[str]:
    """Return the serious findings in a page, each with the first elements that it is about."""
    await window.evaluate(files("axe_core_python").joinpath("axe.min.js").read_text())
    told = await window.evaluate(f"axe.run(document, {_OPTIONS})")
    return [_summary(found) for found in told["violations"] if found["impact"] in SERIOUS]


def _summary(found: dict[str, Any]) -> str:
    nodes = found["nodes"]
    shown = "; ".join(f"{node['target'][0]} ({node['failureSummary']})" for node in nodes[:3])
    return f"{found['id']}, {found['help']}, {len(nodes)} times: {shown}"
