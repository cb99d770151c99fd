"""The watched application behind our worker."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from server_process import ServerProcess
from watched_requests import NAMES, Watched

SITE: Final = Path(__file__).parent / "site"
GUNICORN: Final = (
    *("gunicorn", "--no-control-socket", "-b", "127.0.0.1:0"),
    *("-k", "aiopyramid_gunicorn.worker.AsyncGunicornWorker"),
)


@pytest.fixture
def watch() -> Iterator[Callable[..., Watched]]:
    """Serve a module of the site: ``watch("with_sentry", "prefix", VARIABLE="value")``."""
    with contextlib.ExitStack() as stack:

        def watch(module: str, *prefix: str, **environment: str) -> Watched:
            environment |= {"PARTIES": str(len(NAMES))}
            environment["PYTHONPATH"] = ":".join(
                filter(None, (environment.get("PYTHONPATH"), str(SITE)))
            )
            command = [*prefix, *GUNICORN, f"{module}:main()"]
            server = ServerProcess("gunicorn", command, environment)
            stack.callback(_end, server)
            return Watched(server.site)

        yield watch


def _end(server: ServerProcess) -> None:
    server.close()
    print(*server.lines[-100:], sep="\n")
    assert "exited with code" not in server.output, "a worker did not end well"
    assert server.popen.returncode == 0
