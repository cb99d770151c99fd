"""Real servers with the application of ``site/stressed.py``."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from server_process import ServerProcess

HERE = Path(__file__).parent
COMMANDS = {
    "gunicorn": (
        *("gunicorn", "--no-control-socket", "-b", "127.0.0.1:0", "--keep-alive", "30"),
        *("-k", "aiopyramid_gunicorn.worker.AsyncGunicornWorker", "stressed:main()"),
    ),
    "waitress": (
        *("waitress", "--listen", "127.0.0.1:0", "--threads", "40"),
        *("--connection-limit", "500", "--call", "stressed:main"),
    ),
}


class Served(ServerProcess):
    """A server process that shows what it said where a test fails."""

    def __init__(self, server: str) -> None:
        # glibc gives each thread memory of its own to allocate from, so that the process grows
        # for as long as threads come to their largest request; not so from a single arena.
        super().__init__(
            server,
            list(COMMANDS[server]),
            {"PYTHONPATH": str(HERE / "site"), "MALLOC_ARENA_MAX": "1"},
        )

    def close(self) -> None:
        super().close()
        print(f"{self.server} said:", *self.lines[-100:], sep="\n")


@pytest.fixture
def serve() -> Iterator[Callable[[str], Any]]:
    """Start a server: ``serve("gunicorn")``."""
    with contextlib.ExitStack() as stack:

        def serve(server: str) -> Served:
            served = Served(server)
            stack.callback(served.close)
            return served

        yield serve
