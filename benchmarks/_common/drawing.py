"""Draws charts as SVG: as wide as a phone, for light and dark pages, the same file every time.

A chart says all that is needed to judge it: what was measured, on which machine, with which
versions, when; and each round's sample beside the median.
"""

import io
import re
import textwrap
from typing import Any, Final

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from .chart import Bar, Chart
from .report import Figure
from .results import Results

__all__ = ("alternative_text", "draw")

_WIDTH: Final = 360
"""Pixels: a phone shows it as it is, and a page for the desktop two of them beside each other."""

_MARGIN: Final = 14
_TITLE, _TEXT, _SMALL = 14, 11, 10
"""Sizes of letters, in pixels."""

_DOT_OPACITY: Final = 0.6
_BAR_HEIGHT: Final = 9
_ROW_HEIGHT: Final = 33
_PANEL_TITLE_HEIGHT: Final = 24
_LINE_HEIGHT: Final = 14
_CHARACTERS: Final = 58
"""How many small letters there are in a line."""

_BACKGROUND, _INK, _MUTED, _GRID, _OURS, _OTHER = _LIGHT = (
    *("#fcfcfd", "#1f2329", "#5a6470", "#dde2e8", "#2b74e0", "#b3bcc7"),
)
_DARK: Final = ("#14181e", "#e6eaef", "#9aa5b1", "#2d353f", "#5a9dfa", "#56616e")

_SETTINGS: Final[dict[str, Any]] = {
    "figure.dpi": 72,  # a point is a pixel
    "svg.fonttype": "none",  # letters, not their outlines: small files that can be searched
    "font.family": "DejaVu Sans",  # comes with matplotlib; the reader's own replaces it below
    "axes.linewidth": 0,
}
_FONT: Final = "font-family: system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"


def draw(chart: Chart, results: Results) -> str:
    """Return a chart as SVG."""
    title = textwrap.wrap(chart.title, 36)
    footer = _footer(chart, results)
    rows = sum(len(panel.bars) for panel in chart.panels)
    titles = sum(bool(panel.title) for panel in chart.panels)
    top = _MARGIN + 18 * len(title) + 20
    bottom = top + rows * _ROW_HEIGHT + titles * _PANEL_TITLE_HEIGHT
    height = bottom + 26 + _LINE_HEIGHT * len(footer) + _MARGIN - 4
    with matplotlib.rc_context({**_SETTINGS, "svg.hashsalt": chart.name}):
        canvas = Canvas(figsize=(_WIDTH / 72, height / 72), facecolor=_BACKGROUND)
        page = canvas.add_axes((0, 0, 1, 1), xlim=(0, _WIDTH), ylim=(height, 0))
        page.axis("off")
        page.set_zorder(1)  # above the scale
        _write(page, title, _MARGIN + 12, 18, size=_TITLE, weight="bold")
        unit = f"{chart.unit}; {chart.better}"
        _write(page, [unit], _MARGIN + 18 * len(title) + 10, 0, color=_MUTED)
        # One scale for all panels, and behind the bars the lines of its numbers.
        box = (_MARGIN / _WIDTH, 1 - bottom / height, 1 - 2 * _MARGIN / _WIDTH)
        scale = canvas.add_axes((*box, (bottom - top) / height), ylim=(bottom, top))
        _prepare(scale, chart)
        y = top
        for panel in chart.panels:
            if panel.title:
                _write(page, [panel.title], y + 14, 0, weight="bold", color=_MUTED)
                y += _PANEL_TITLE_HEIGHT
            for bar in panel.bars:
                _write_bar(page, chart, bar, y + 12)
                _draw_bar(scale, chart, bar, y + 17 + _BAR_HEIGHT / 2)
                y += _ROW_HEIGHT
        _write(page, footer, bottom + 32, _LINE_HEIGHT, size=_SMALL, color=_MUTED)
        file = io.StringIO()
        nothing = dict.fromkeys(["Date", "Creator", "Format", "Type"])
        canvas.savefig(file, format="svg", metadata=nothing)
    return _finished(file.getvalue(), chart)


def alternative_text(chart: Chart, *, figures: bool) -> str:
    """Return the content of the chart as Markdown, for readers who cannot see it."""
    text = f"Chart: {chart.title}, {chart.unit}; {chart.better}."
    if not figures:
        return text
    panels = []
    for panel in chart.panels:
        medians = "; ".join(f"{bar.name}: {bar.median:{chart.form}}" for bar in panel.bars)
        panels.append(f"{panel.title} - {medians}" if panel.title else medians)
    return re.sub(r"([\[\]_*`])", r"\\\1", f"{text} Medians: {'. '.join(panels)}.")


def _footer(chart: Chart, results: Results) -> list[str]:
    key = "Line: median. " if chart.logarithmic else "Bar: median. "
    key += "Dots: the rounds; in parentheses their range."
    if chart.logarithmic:
        key += " Each line of the scale is ten times the one before."
    packages = ", ".join(
        f"{name}\N{NO-BREAK SPACE}{number}" for name, number in results.packages.items() if number
    )
    texts = [
        key,
        f"{results.date[:10]}, {chart.note}",
        results.machine_text,
        f"{results.python}, {packages}",
    ]
    return [
        line for text in texts for line in textwrap.wrap(text, _CHARACTERS, break_on_hyphens=False)
    ]


def _write(page: Axes, lines: list[str], y: float, pitch: float, **style: Any) -> None:
    style = {"size": _TEXT, "color": _INK, "va": "baseline", "parse_math": False, **style}
    for number, line in enumerate(lines):
        page.text(_MARGIN, y + number * pitch, line, **style)


def _write_bar(page: Axes, chart: Chart, bar: Bar, y: float) -> None:
    _write(page, [bar.name], y, 0)
    figure = Figure.of(bar.samples).text(chart.form)
    style = {"size": _TEXT, "color": _INK, "ha": "right", "va": "baseline"}
    page.text(_WIDTH - _MARGIN, y, figure, parse_math=False, **style)


def _prepare(scale: Axes, chart: Chart) -> None:
    samples = [one for panel in chart.panels for bar in panel.bars for one in bar.samples]
    scale.set_facecolor("none")
    scale.set_axisbelow(True)
    scale.grid(axis="x", color=_GRID, linewidth=1)
    if chart.logarithmic:
        scale.set_xscale("log")
        scale.set_xlim(min(samples) / 1.3, max(samples) * 1.3)
        scale.xaxis.set_major_formatter("{x:g}")
        scale.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    else:
        scale.set_xlim(0, max(samples) * 1.02)
        scale.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4))
        scale.xaxis.set_major_formatter("{x:,g}")
    scale.tick_params("x", length=0, labelsize=_SMALL, labelcolor=_MUTED, pad=3)
    scale.yaxis.set_visible(False)


def _draw_bar(scale: Axes, chart: Chart, bar: Bar, y: float) -> None:
    colour = _OURS if bar.ours else _OTHER
    if chart.logarithmic:
        ends = [y - _BAR_HEIGHT * 0.7, y + _BAR_HEIGHT * 0.7]
        scale.plot([bar.median] * 2, ends, color=colour, linewidth=5)
    else:
        scale.barh(y, bar.median, height=_BAR_HEIGHT, color=colour)
    scale.plot(
        bar.samples,
        [y] * len(bar.samples),
        linestyle="none",
        marker="o",
        markersize=4,
        markerfacecolor=_INK,
        markeredgewidth=0,
        alpha=_DOT_OPACITY,
        clip_on=False,
    )


def _finished(svg: str, chart: Chart) -> str:
    """Remove the superfluous parts of matplotlib's SVG, and add those that a page needs."""
    svg = svg[svg.index("<svg ") :]
    svg = re.sub(r" <metadata>.*?</metadata>\n", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;\"]+(; )?", "", svg)
    svg = re.sub(r' transform="rotate\(-?0 [^"]*\)"', "", svg)
    svg = re.sub(r"^ *<!--.*?-->\n", "", svg, flags=re.MULTILINE)
    svg = re.sub(r'width="[\d.]+pt" height="([\d.]+)pt"', rf'width="{_WIDTH}" height="\1"', svg)
    svg = re.sub(r"^ +", "", svg, flags=re.MULTILINE)
    # Hundredths of a pixel will do, but what is written stays as it is.
    svg = "\n".join(
        line if line.startswith("<text") else re.sub(r"(\.\d\d)\d+", r"\1", line)
        for line in svg.split("\n")
    )
    # Text over the lines of the scale has a border that hides them.
    style = f"{_FONT};paint-order:stroke;stroke: {_BACKGROUND};stroke-width:3px"
    # The dots are many: what they look like is said once.
    dot = f' style="fill: {_INK}; fill-opacity: {_DOT_OPACITY}"'
    svg = svg.replace(dot, "").replace("xlink:href", "href")
    dark = f"text{{stroke:{_DARK[0]}}}use{{fill:{_DARK[1]}}}" + "".join(
        f'[style*="{what}: {light}"]{{{what}:{dark}!important}}'
        for light, dark in zip(_LIGHT, _DARK, strict=True)
        for what in ("fill", "stroke")
        if f"{what}: {light}" in svg
    )
    light = f"text{{{style}}}use{{fill:{_INK};fill-opacity:{_DOT_OPACITY}}}"
    head = (
        f"<title>{chart.title}</title>\n"
        f"<style>{light}@media (prefers-color-scheme:dark){{{dark}}}</style>\n"
    )
    end_of_tag = svg.index(">\n") + 2
    return svg[:end_of_tag] + head + svg[end_of_tag:]
