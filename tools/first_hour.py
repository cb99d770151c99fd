"""The first hour with aiopyramid, as somebody new has it, with the minutes that each step takes.

The packages are built here and installed with pip into a new environment; all others come from the
package index. After that come the README's application, a project from a scaffold with its tests
and types, a view that becomes a coroutine, a WebSocket, and the commands of the Dockerfile. Run it
from the root of the workspace, as ``make first-hour`` does::

    python tools/first_hour.py
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from distributions import in_order, read_distributions
from wheels import Refused, build

SITE: Final = "127.0.0.1:6543"
"""Where the README and the scaffolds serve."""

SECONDS: Final = 60.0
"""The longest time that a server takes to start or to stop."""

VIEW: Final = '''

@view_config(route_name="report", renderer="json")
def report(request: Request) -> dict[str, str]:
    """Wait, and say where."""
    time.sleep(0.1)
    return {"thread": threading.current_thread().name}
'''

ECHO: Final = """
from websockets.sync.client import connect
with connect("ws://127.0.0.1:6543/echo") as ws:
    ws.send("hello")
    assert ws.recv() == "hello"
"""

# Straight to this machine, whatever proxy the environment names.
open_url = build_opener(ProxyHandler({})).open


class Stumbled(Exception):
    """A step does not work as described; the message says which."""


class Newcomer:
    """Somebody who types commands, with an environment of their own.

    Args:
        folder: Where to begin.
        wheels: The folder with the wheels of the workspace.
    """

    def __init__(self, folder: Path, wheels: Path) -> None:
        self.folder = folder
        self._find_links = f"--find-links={wheels}"
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
        }

    def enter(self, environment: Path) -> None:
        """Make an environment and use it from now on."""
        self.type(sys.executable, "-m", "venv", str(environment))
        self._environment["PATH"] = f"{environment}/bin{os.pathsep}{os.environ['PATH']}"

    def install(self, *wanted: str) -> None:
        """Install packages."""
        self.type("python", "-m", "pip", "install", "--quiet", self._find_links, *wanted)

    def type(self, *command: str) -> str:
        """Type a command and return what it says."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Stumbled(f"`{' '.join(command)}`:\n{done.stdout}")
        return done.stdout

    @contextmanager
    def serving(self, *command: str) -> Iterator[None]:
        """Start a server, and stop it with Ctrl-C afterwards."""
        with (self.folder / "server.log").open("w+b") as log:
            server = subprocess.Popen(
                command, cwd=self.folder, env=self._environment, stdout=log, stderr=log
            )
            try:
                wait_for_server(server)
                yield
                server.send_signal(signal.SIGINT)
                server.wait(SECONDS)
            except BaseException:
                log.seek(0)
                sys.stderr.write(log.read().decode(errors="replace"))
                raise
            finally:
                server.kill()
                server.wait()


def wait_for_server(server: subprocess.Popen[bytes]) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            get("/health/live")
        except URLError as error:
            if not isinstance(error.reason, ConnectionError):
                return  # an error that the application has answered with
            time.sleep(0.1)
        else:
            return
    raise Stumbled("the server does not answer")


def get(path: str) -> str:
    """Return the body of a page."""
    with open_url(f"http://{SITE}{path}", timeout=SECONDS) as response:
        text: str = response.read().decode()
        return text


def expect(found: str, wanted: str) -> None:
    """Compare what is seen with what a document says."""
    if wanted not in found:
        raise Stumbled(f"{wanted!r} is not in {found!r}")


# --- The steps -----------------------------------------------------------------------------------


def install_everything(newcomer: Newcomer, root: Path) -> None:
    """The README: ``pip install``."""
    newcomer.enter(newcomer.folder / "venv")
    newcomer.install("aiopyramid>=1")


def run_the_readme(newcomer: Newcomer, root: Path) -> None:
    """The README: its files, served by its command."""
    readme = (root / "README.md").read_text(encoding="utf-8")
    for name, text in re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", readme, re.M | re.S):
        (newcomer.folder / name).write_text(text, encoding="utf-8")
    (command,) = re.findall(r"^gunicorn .+$", readme, re.M)
    with newcomer.serving(*command.split()):
        expect(get("/slow"), "coroutine")
        expect(get("/old"), "thread")
        expect(newcomer.type("python", "client.py"), "hello, WebSocket\n")


def create_a_project(newcomer: Newcomer, root: Path) -> None:
    """A scaffold: its project is installed, and its tests and types pass."""
    newcomer.type("pcreate", "-s", "aio_websocket", "shop")
    newcomer.folder /= "shop"
    newcomer.install("-e", ".[dev]")
    expect(newcomer.type("pytest", "-q"), " passed")
    newcomer.type("mypy")


def add_a_view(newcomer: Newcomer, root: Path) -> None:
    """A synchronous view, and the debug toolbar."""
    package = newcomer.folder / "shop"
    views = (package / "views.py").read_text(encoding="utf-8") + VIEW
    views = views.replace("import asyncio\n", "import asyncio\nimport threading\nimport time\n", 1)
    (package / "views.py").write_text(views, encoding="utf-8")
    route = 'config.add_route("echo", "/echo")\n'
    text = (package / "__init__.py").read_text(encoding="utf-8")
    changed = text.replace(route, f'{route}        config.add_route("report", "/report")\n')
    (package / "__init__.py").write_text(changed, encoding="utf-8")
    with newcomer.serving("pserve", "development.ini"):
        expect(get("/report"), "aiopyramid-request-")
        expect(get("/"), "/_debug_toolbar/")
        expect(get("/_debug_toolbar/"), "Waterfall")


def make_it_a_coroutine(newcomer: Newcomer, root: Path) -> None:
    """The view becomes a coroutine, beside the WebSocket."""
    file = newcomer.folder / "shop/views.py"
    text = file.read_text(encoding="utf-8").replace("def report", "async def report")
    text = text.replace("    time.sleep", "    await asyncio.sleep").replace("import time\n", "")
    file.write_text(text, encoding="utf-8")
    with newcomer.serving("pserve", "development.ini"):
        expect(get("/report"), "MainThread")
        newcomer.type("python", "-c", ECHO)
    expect(newcomer.type("pytest", "-q"), " passed")
    newcomer.type("mypy")


def fill_the_container(newcomer: Newcomer, root: Path) -> None:
    """The Dockerfile: its commands, in an environment of its own."""
    dockerfile = (newcomer.folder / "Dockerfile").read_text(encoding="utf-8")
    (wanted,) = re.findall(r"pip install --no-cache-dir (.+)$", dockerfile, re.M)
    health, command = (json.loads(each) for each in re.findall(r"^.*CMD (\[.+)$", dockerfile, re.M))
    newcomer.enter(newcomer.folder / "container")
    newcomer.install(*wanted.replace('"', "").split())
    file = newcomer.folder / "production.ini"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("bind = 0.0.0.0:6543", f"bind = {SITE}"), encoding="utf-8")
    with newcomer.serving(*command):
        newcomer.type(*health)
        expect(get("/report"), "MainThread")
        newcomer.type("python", "-c", ECHO)


STEPS: Final = (
    install_everything,
    run_the_readme,
    create_a_project,
    add_a_view,
    make_it_a_coroutine,
    fill_the_container,
)


def main() -> None:
    """Take all steps, and print how long each took."""
    root = Path.cwd()
    try:
        with TemporaryDirectory() as folder:
            wheels = Path(folder, "wheels")
            for distribution in in_order(read_distributions(root)):
                build(distribution, wheels)
            newcomer = Newcomer(Path(folder), wheels)
            for step in STEPS:
                began = time.monotonic()
                step(newcomer, root)
                minutes = (time.monotonic() - began) / 60
                print(f"{minutes:5.1f} min  {step.__doc__}", flush=True)
    except (Refused, Stumbled, subprocess.TimeoutExpired) as error:
        sys.exit(f"Stumbled: {error}")


if __name__ == "__main__":
    main()
