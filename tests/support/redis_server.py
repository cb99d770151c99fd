"""A Redis server of the tests' own."""

import contextlib
import os
import signal
import tempfile
from collections.abc import Iterator
from typing import Any

import redis
from reader import free_port
from server_process import Process
from system_programs import find_program


class RedisServer:
    """A server on a free port of 127.0.0.1, which may be ended and started again.

    Args:
        folder: Where it keeps its files.
        options: Its options, such as ``--appendonly yes``.
    """

    def __init__(self, folder: str, *options: str) -> None:
        self._program = find_program("redis-server", package="redis-server")
        self._folder = folder
        self._options = options or ("--appendonly", "no")
        self.port = int(free_port())
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: Process | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        where = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", self._folder)
        self._process = Process([self._program, *where, "--save", "", *self._options], {})
        self._process.said("Ready to accept connections")

    def client(self) -> Any:
        """Return a client of the administrator."""
        return redis.Redis(port=self.port)

    def kill(self) -> None:
        """End it as if its machine had failed."""
        assert self._process is not None
        self._process.close()
        self._process = None

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Let it not answer; it keeps its connections."""
        assert self._process is not None
        os.kill(self._process.popen.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._process.popen.pid, signal.SIGCONT)

    def close(self) -> None:
        """End it if it is running."""
        if self._process is not None:
            self.kill()


@contextlib.contextmanager
def redis_server(*options: str) -> Iterator[RedisServer]:
    """Run a server; end it afterwards.

    Raises:
        ProgramMissingError: Redis is not installed, and cannot be.
    """
    with tempfile.TemporaryDirectory(prefix="redis") as folder:
        server = RedisServer(folder, *options)
        server.start()
        try:
            yield server
        finally:
            server.close()
