"""docs/guides/debugging.md: the debugger is typed into, and an editor connects to it."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import pytest
from debug_adapter import DebugAdapter
from reader import Reader, free_ports
from server_process import PATIENCE_SECONDS, Process

GUIDE = Path(__file__).parents[2] / "docs/guides/debugging.md"

open_url = build_opener(ProxyHandler({})).open


class Site:
    """The application of the guide, as it is at the guide's end."""

    def __init__(self, folder: Path, clients: ThreadPoolExecutor) -> None:
        port, debugger = free_ports(2)
        self.debugger = int(debugger)
        self.file = folder / "kiosk.py"
        self._url = f"http://127.0.0.1:{port}"
        self._clients = clients
        Reader(folder, {"6543": port, "5678": debugger}).write_files(GUIDE)
        written = (folder / ".vscode/launch.json").read_text()
        configurations = json.loads(re.sub(r"(?m)^//.*\n", "", written))["configurations"]
        self.launch, self.attach = configurations

    def ask(self, path: str) -> Callable[[], Any]:
        """Send a request; return a function that waits for its answer."""

        def get() -> Any:
            with open_url(self._url + path, timeout=PATIENCE_SECONDS) as response:
                return json.load(response)

        return self._clients.submit(get).result

    def line(self, text: str) -> int:
        """Return the number of the line of the application with a text."""
        lines = self.file.read_text().splitlines()
        (number,) = [number for number, line in enumerate(lines, 1) if text in line]
        return number

    def start(self, *arguments: str, **environment: str) -> Process:
        """Start ``python -m`` in the folder of the application."""
        command = [sys.executable, "-m", *arguments]
        return Process(command, environment, self.file.parent, forked=False)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ThreadPoolExecutor() as clients:
        yield Site(tmp_path, clients)


@pytest.fixture
def started() -> Iterator[list[Process]]:
    """Processes to end."""
    processes: list[Process] = []
    yield processes
    for process in processes:
        process.close()


def test_what_is_typed_at_a_breakpoint_is_answered_in_views_of_both_kinds(
    site: Site, started: list[Process]
) -> None:
    text = site.file.read_text()
    for line in ('return {"price"', 'return {"counted"'):
        text = text.replace(f"    {line}", f"    breakpoint()\n    {line}")
    site.file.write_text(text)
    call = ["from aiopyramid_core import await_", 'p await_(price_of("a book")) * 3']
    typed = ["p cents * 2", *call, "where", "continue", "p total > 0", *call, "continue", ""]
    (site.file.parent / "typed").write_text("\n".join(typed))
    command = f"exec {sys.executable} -m gunicorn --paste development.ini < typed"
    gunicorn = Process(["bash", "-c", command], {}, site.file.parent)
    started.append(gunicorn)
    gunicorn.said("Booting worker")
    assert site.ask("/price")() == {"price": 25}
    gunicorn.said(r"\(Pdb\) 50$")
    gunicorn.said(r"\(Pdb\) 75$")
    gunicorn.said(r"pyramid/router\.py")  # `where`
    assert site.ask("/report")() == {"counted": True}
    gunicorn.said(r"\(Pdb\) True$")
    gunicorn.said(r"\(Pdb\) 75$", times=2)


def stops(site: Site) -> dict[str, list[int]]:
    """Return lines of a coroutine view, of a coroutine that it awaits, of a synchronous view."""
    lines = [site.line(text) for text in ("return price", 'return {"price"', 'return {"counted"')]
    return {str(site.file): lines}  # where an editor stops


def check_stops(site: Site, editor: DebugAdapter) -> None:
    answer = site.ask("/price")
    for function, name in (("price_of", "price"), ("price", "cents")):
        stopped, _, variables = editor.stop()
        assert (stopped, variables[name]) == (function, "25")
    assert answer() == {"price": 25}
    answer = site.ask("/report")
    stopped, _, variables = editor.stop()
    assert stopped == "report"
    assert int(variables["total"]) > 0
    assert answer() == {"counted": True}


def test_an_editor_that_starts_gunicorn_stops_in_its_worker(
    site: Site, started: list[Process]
) -> None:
    assert site.launch["request"] == "launch"
    listen = ["--listen", f"127.0.0.1:{site.debugger}", "--wait-for-client", "-m"]
    # Of what an editor does, only the start differs: debugpy waits for it, and is not its child.
    gunicorn = site.start("debugpy", *listen, site.launch["module"], *site.launch["args"])
    started.append(gunicorn)
    main = DebugAdapter(site.debugger, {}, subProcess=site.launch["subProcess"])
    child = main.event("debugpyAttach")
    worker = DebugAdapter(child["connect"]["port"], stops(site), **child)
    gunicorn.said("Booting worker")
    check_stops(site, worker)
    main.close()
    worker.close()


def test_an_editor_attaches_to_a_worker_that_listens(site: Site, started: list[Process]) -> None:
    where = site.attach["connect"]
    gunicorn = site.start("gunicorn", "--paste", "development.ini", DEBUGPY_PORT=str(where["port"]))
    started.append(gunicorn)
    assert site.attach["request"] == "attach"
    editor = DebugAdapter(where["port"], stops(site))
    check_stops(site, editor)
    editor.close()
