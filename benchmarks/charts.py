"""Draw the charts of measured results, and write their tables into the documents.

The results that are published are in ``benchmarks/results``, their charts in ``benchmarks/charts``.
A document says by a pair of comments what is to stand between them::

    <!-- results: hello -->      the whole report of a benchmark, with its charts
    <!-- end of results -->

    <!-- results: debian/hello -->   the tables of the run in the folder benchmarks/results/debian

    <!-- charts: hello-cpu -->   one chart or several
    <!-- end of charts -->

Without an option, all published charts and documents are made anew.
"""

import argparse
import importlib
import re
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from os.path import relpath
from pathlib import Path
from typing import Final

from _common.chart import Chart
from _common.drawing import alternative_text, draw
from _common.report import Presentation
from _common.results import Results

HOME: Final = Path(__file__).parent
RESULTS: Final = HOME / "results"
OTHER_RUNS: Final = ("debian",)
"""The folders in it with the results of other interpreters, which have tables only."""
CHARTS: Final = HOME / "charts"
DOCUMENTS: Final = (
    HOME / "README.md",
    HOME.parent / "README.md",
    HOME.parent / "docs/how-it-works.md",
    HOME.parent / "docs/alternatives.md",
)

ORDER: Final = (
    *("bridge", "hello", "compiled", "api", "waiting", "connections", "concurrency"),
    *("busy_threads", "placement", "memory", "reload", "deploys", "idle", "websocket"),
    *("websocket_memory", "asgi", "asgi_connections", "database", "groups", "observing"),
    *("instructions",),
)
"""The benchmarks, as the page shows them."""

STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
img { max-width: 100%; height: auto }
div { overflow-x: auto; margin: 1rem 0 }
table { border-collapse: collapse; white-space: nowrap; font-size: 13px }
caption { text-align: left; font-weight: 600; white-space: normal; padding-bottom: .3rem }
td { padding: .1rem 1.2rem .1rem 0; border-bottom: 1px solid #8884; text-align: right }
td:first-child { text-align: left }
tr:first-child { font-weight: 600 }
"""


def read(folder: Path) -> list[Results]:
    """Return the results in a folder, in the order in which they are shown."""
    found = [Results.read(path) for path in folder.glob("*.json")]
    return sorted(found, key=lambda results: (*ORDER, results.benchmark).index(results.benchmark))


def read_other_runs() -> dict[str, Results]:
    """Return the published results of other interpreters, by the names in the documents."""
    return {
        f"{folder}/{results.benchmark}": results
        for folder in OTHER_RUNS
        for results in read(RESULTS / folder)
    }


def presentation(results: Results) -> Presentation:
    """Return how a benchmark shows its results."""
    with warnings.catch_warnings():
        # A benchmark imports Pyramid, which announces the end of something that it needs.
        warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
        show: Presentation = importlib.import_module(results.benchmark).SHOW
    return show


def all_charts(all_results: Sequence[Results]) -> Iterator[tuple[Chart, Results]]:
    """Yield the charts of some benchmarks, with what they show."""
    for results in all_results:
        for chart in presentation(results).charts(results):
            yield chart, results


class Documents:
    """Fills in what documents have of the results."""

    def __init__(self, all_results: Sequence[Results], other_runs: Mapping[str, Results]) -> None:
        self._results = {results.benchmark: results for results in all_results} | {**other_runs}
        self._charts = {chart.name: chart for chart, _ in all_charts(all_results)}

    def filled(self, document: Path) -> str:
        """Return the text of a document, with the results that are now."""

        def fill(found: re.Match[str]) -> str:
            kind, names = found[1], found[2].split()
            if kind == "charts":
                parts = [self._images(names, document)]
            else:
                parts = [self._report(name, document) for name in names]
            return f"<!-- {kind}: {found[2]} -->\n" + "\n".join(parts) + f"\n<!-- end of {kind} -->"

        pattern = r"<!-- (results|charts): ([\w/ -]+) -->\n.*?<!-- end of \1 -->"
        return re.sub(pattern, fill, document.read_text(encoding="utf-8"), flags=re.DOTALL)

    def _report(self, name: str, document: Path) -> str:
        if name not in self._results:
            sys.exit(f"{document} wants the results of {name}, and there are none in {RESULTS}.")
        results = self._results[name]
        show = presentation(results)
        images = ""
        if name == results.benchmark:
            names = [chart.name for chart in show.charts(results)]
            images = self._images(names, document, figures=False)  # the figures are in the tables
        return f"\n{show.text(results, markdown=True, images=images)}\n"

    def _images(self, names: Sequence[str], document: Path, *, figures: bool = True) -> str:
        places = ((self._charts[name], CHARTS / f"{name}.svg") for name in names)
        return "\n".join(
            f"![{alternative_text(chart, figures=figures)}]({relpath(place, document.parent)})"
            for chart, place in places
        )


def publication(*, drawn: bool = True) -> dict[Path, str]:
    """Return what belongs into each published file, as the published results have it."""
    all_results = read(RESULTS)
    documents = Documents(all_results, read_other_runs())
    files = {path: documents.filled(path) for path in DOCUMENTS}
    if drawn:
        for chart, results in all_charts(all_results):
            files[CHARTS / f"{chart.name}.svg"] = draw(chart, results)
    return files


def differences() -> list[str]:
    """Return the published files that are not what the published results make."""
    files = publication()
    changed = [
        path
        for path, text in files.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    return [relpath(path) for path in (*changed, *left_over(files))]


def left_over(files: dict[Path, str]) -> list[Path]:
    """Return the published charts that no published results have."""
    return [path for path in CHARTS.glob("*.svg") if path not in files]


def publish(folder: Path) -> None:
    """Put results in the place of those that were published."""
    RESULTS.mkdir(exist_ok=True)
    for path in folder.glob("*.json"):
        shutil.copy(path, RESULTS)


def write(files: dict[Path, str]) -> None:
    """Write files."""
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def page(folder: Path) -> Path:
    """Draw the results in a folder beside them, make a page of them, and return its path."""
    parts = []
    for results in read(folder):
        show = presentation(results)
        parts.append(f"<h2>{escape(results.benchmark)}</h2>\n<ul>")
        parts += [f"<li>{escape(line)}</li>" for line in show.head(results)]
        parts.append("</ul>")
        for chart in show.charts(results):
            (folder / f"{chart.name}.svg").write_text(draw(chart, results), encoding="utf-8")
            parts.append(f'<img src="{chart.name}.svg" alt="{escape(chart.title)}">')
        parts += [f"<div>{table.html()}</div>" for table in show.tables(results)]
    head = (
        '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>Benchmarks</title>\n<style>{STYLE}</style>\n<h1>Benchmarks</h1>\n"
    )
    index = folder / "index.html"
    index.write_text(head + "\n".join(parts) + "\n</html>\n", encoding="utf-8")
    return index


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--tables", action="store_true", help="write into the documents only")
    one.add_argument("--check", action="store_true", help="fail if something is not up to date")
    one.add_argument(
        "--page", type=Path, metavar="FOLDER", help="draw the results in FOLDER, in a page there"
    )
    one.add_argument(
        "--publish", type=Path, metavar="FOLDER", help="take over the results in FOLDER first"
    )
    options = parser.parse_args()
    if options.page:
        print(page(options.page))
    elif options.check:
        if stale := differences():
            sys.exit(f"Not as the results have it; run {relpath(__file__)}: {', '.join(stale)}")
    else:
        if options.publish:
            publish(options.publish)
        write(files := publication(drawn=not options.tables))
        if not options.tables:
            for path in left_over(files):
                path.unlink()


if __name__ == "__main__":
    main()
