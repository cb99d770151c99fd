"""``pserve --reload``: a server stops in time, so that hupper does not kill it."""

import contextlib
import http.client
import os
import signal
import sys
from pathlib import Path

import pytest
from server_process import PATIENCE_SECONDS, Process

APPLICATION = """\
from pyramid.config import Configurator
from pyramid.response import Response

NUMBER = {}


async def view(request):
    return Response(str(NUMBER))


def main(global_config=None, **settings):
    with Configurator(settings=settings) as config:
        config.include("aiopyramid_core")
        config.add_route("view", "/")
        config.add_view(view, route_name="view")
        return config.make_wsgi_app()
"""
SERVERS = {
    "gunicorn": """\
use = egg:gunicorn#main
worker_class = aiopyramid_gunicorn.worker.AsyncGunicornWorker
bind = 127.0.0.1:0
graceful_timeout = 30
control_socket_disable = true
""",
    "uvicorn": "use = egg:aiopyramid-asgi#uvicorn\nport = 0\n",
}
HUPPERS_PATIENCE_SECONDS = (1, 5, 15)
"""How long hupper waits for the exit of a server before it kills it: first as long as by default,
and then as long as a busy machine may need.
"""
ADDRESS = r"(?:Listening at:|running on) http://127\.0\.0\.1:(\d+)"
# uvicorn announces its address in a log.
LOGGING = """\
[loggers]
keys = root
[handlers]
keys = console
[formatters]
keys =
[logger_root]
level = INFO
handlers = console
[handler_console]
class = StreamHandler
args = (sys.stderr,)
"""


class Site:
    """A server that reloads, and a client that keeps its connections open as a browser does."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._idle: list[http.client.HTTPConnection] = []

    def get(self, start: int) -> str:
        """Return what the server answers after it was started so many times."""
        port = int(self.process.said(ADDRESS, times=start)[1])
        answers: list[str] = []

        def is_answered() -> bool:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
            self._idle.append(connection)
            with contextlib.suppress(OSError):  # it listens a little later
                connection.request("GET", "/")
                answers.append(connection.getresponse().read().decode())
            return bool(answers)

        self.process.until(is_answered)
        return answers[0]

    def close(self) -> None:
        """End everything."""
        self.process.close()
        for connection in self._idle:
            connection.close()


@pytest.mark.parametrize("server", SERVERS)
def test_a_changed_file_reloads_the_server_and_nothing_has_to_be_killed(
    server: str, tmp_path: Path
) -> None:
    reloads = (reload_and_stop(server, tmp_path, seconds) for seconds in HUPPERS_PATIENCE_SECONDS)
    assert any(code == 0 and "forcefully" not in output for code, output in reloads)


def reload_and_stop(server: str, folder: Path, patience_seconds: int) -> tuple[int, str]:
    """Start a server, change a file of its application, press Ctrl-C.

    Args:
        server: The name of the server.
        folder: Where its application is written.
        patience_seconds: How long hupper waits for its exit.

    Returns:
        The exit code, and what was printed.
    """
    module, ini = folder / "reloaded_app.py", folder / "application.ini"
    module.write_text(APPLICATION.format(1))
    application = "[app:main]\nuse = call:reloaded_app:main\n"
    ini.write_text(f"{application}[server:main]\n{SERVERS[server]}{LOGGING}")
    command = [sys.executable, "-W", "ignore", "-m", "pyramid.scripts.pserve", str(ini), "--reload"]
    # It is also how long hupper waits for an exit.
    command.append(f"--reload-interval={patience_seconds}")
    process = Process(command, {"PYTHONPATH": str(folder)}, folder)

    def is_reloading() -> bool:
        os.utime(module)  # again: hupper sees a change only after it has learned of the file
        return "changed; reloading" in process.output

    with contextlib.closing(Site(process)) as site:
        assert site.get(start=1) == "1"
        module.write_text(APPLICATION.format(2))
        process.until(is_reloading)
        assert site.get(start=2) == "2"
        process.signal_group(signal.SIGINT)  # as Ctrl-C does
        process.ended()
    return process.popen.returncode, process.output
