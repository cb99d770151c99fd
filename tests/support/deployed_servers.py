"""The servers that can be reloaded, with ``deployed_app`` and two workers each."""

import socket
import sys
from pathlib import Path
from signal import SIGHUP
from typing import Final

from server_process import Process
from uwsgi_command import uwsgi_command

__all__ = ("SERVERS", "DeployedServer", "deployed")

CHAIN: Final = "uWSGI, chain reload"

SERVERS: Final = ("gunicorn", CHAIN, "uWSGI", "uvicorn")
"""uWSGI by itself starts anew; in a chain reload, one worker is replaced after the other."""

_READY: Final = {
    "gunicorn": "Booting worker",
    CHAIN: "WSGI app 0 .* ready",
    "uWSGI": "spawned uWSGI worker",
    "uvicorn": "Application startup complete",
}


class DeployedServer(Process):
    """A running server.

    Args:
        command: The command that starts it.
        port: Where it listens, on 127.0.0.1.
        url: The URL of Redis.
        ready: The line with which a worker begins.
        touch: The file that reloads it; without one, SIGHUP does.
    """

    def __init__(
        self, command: list[str], port: int, url: str, ready: str, touch: Path | None = None
    ) -> None:
        super().__init__(command, {"PYTHONPATH": str(Path(__file__).parent), "GROUPS_URL": url})
        self.port = port
        self._ready = ready
        self._touch = touch
        self._workers = 0

    def wait(self) -> None:
        """Wait until it has begun to use two workers, and two more after each reload."""
        self._workers += 2
        self.said(self._ready, times=self._workers)

    def reload(self) -> None:
        """Have it begin to replace its workers."""
        if self._touch is None:
            self.signal(SIGHUP)
        else:
            self._touch.touch()


def deployed(server: str, url: str, clients: int, folder: Path) -> DeployedServer:
    """Start a server.

    Args:
        server: One of :data:`SERVERS`.
        url: The URL of Redis.
        clients: The number of clients that it must have room for.
        folder: A folder for its files.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command, touch = _command(server, port, clients), None
    if server == CHAIN:
        touch = folder / "reload"
        touch.touch()
        command += ["--lazy-apps", "--touch-chain-reload", str(touch)]
    process = DeployedServer(command, port, url, _READY[server], touch)
    try:
        process.wait()
    except BaseException:
        process.close()
        raise
    return process


def _command(server: str, port: int, clients: int) -> list[str]:
    address = f"127.0.0.1:{port}"
    match server:
        case "gunicorn":
            command = f"gunicorn deployed_app:main() --bind {address} --no-control-socket"
            command += " --worker-class aiopyramid_gunicorn.worker.AsyncGunicornWorker --workers 2"
        case "uWSGI" | "uWSGI, chain reload":
            options = ("--processes", "2", "--module", "deployed_app:main()", "--listen", "1000")
            command = uwsgi_command(*options, cores=clients + 100)
            command[command.index("127.0.0.1:0")] = address
            return command
        case _:
            command = f"uvicorn --port {port} --workers 2 --no-access-log"
            command += " --timeout-worker-healthcheck 60"  # for a busy machine
            command += " --factory deployed_app:asgi_main"
    return [sys.executable, "-W", "ignore", "-m", *command.split()]
