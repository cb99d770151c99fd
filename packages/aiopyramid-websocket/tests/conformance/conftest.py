"""A real gunicorn, on each kind of event loop, for the tests in this folder."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from gunicorn.config import Config
from server_process import Process
from websocket_wire import Wire

_RUN = "from gunicorn.app.wsgiapp import run; run()"
_WITHOUT_UVLOOP = "import sys; sys.modules['uvloop'] = None; "


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest) -> Iterator[int]:
    """Return the port of a worker on this kind of event loop; it must have logged no traceback."""
    program = (_WITHOUT_UVLOOP if request.param == "asyncio" else "") + _RUN
    command = [sys.executable, "-c", program, "--bind", "127.0.0.1:0", "--graceful-timeout", "3"]
    command += ["--worker-class", "aiopyramid_gunicorn.worker.AsyncGunicornWorker"]
    if "control_socket_disable" in Config().settings:
        command.append("--no-control-socket")
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    process = Process([*command, "echo_app:main()"], {"PYTHONPATH": path})
    try:
        yield int(process.said(r"Listening at: http://127\.0\.0\.1:(\d+)")[1])
        process.end()
    finally:
        process.close()
    assert "Traceback" not in process.output


@pytest.fixture
def connect(server: int) -> Iterator[Callable[..., Any]]:
    """Open a WebSocket: ``connect("/echo", Origin="...")``."""
    with ExitStack() as stack:

        def connect(path: str = "/plain", **fields: str) -> Wire:
            wire = Wire(server, path, **fields)
            stack.callback(wire.shut)
            return wire

        yield connect
