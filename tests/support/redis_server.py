"""A Redis server of the tests' own."""

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import redis
from reader import free_port, free_ports
from server_process import PATIENCE_SECONDS, Process
from system_programs import find_program


class RedisServer:
    """A server on a free port of 127.0.0.1, which may be ended and started again.

    Args:
        folder: Where it keeps its files.
        options: Its options, such as ``--appendonly yes``.
        port: Its port, if it is not any free one.
    """

    def __init__(self, folder: str, *options: str, port: str | None = None) -> None:
        self._program = find_program("redis-server", package="redis-server")
        self._folder = folder
        self._options = options or ("--appendonly", "no")
        self.port = int(port or free_port())
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


@contextlib.contextmanager
def redis_sentinel(
    certificate: tuple[str, str] | None = None,
) -> Iterator[tuple[str, RedisServer]]:
    """Run a master, a replica and a sentinel; return the URL for groups, and the master.

    Args:
        certificate: The paths of a certificate, its own authority, and of its key. With it, they
            encrypt all connections to each other, and the sentinel accepts no others.

    Raises:
        ProgramMissingError: Redis is not installed, and cannot be.
    """
    encryption: list[tuple[str, str]] = []
    if certificate is not None:
        path, key = certificate
        encryption += [("tls-cert-file", path), ("tls-key-file", key), ("tls-ca-cert-file", path)]
        encryption += [("tls-auth-clients", "no"), ("tls-replication", "yes")]

    def options(port: str) -> list[str]:
        encrypted = [*encryption, ("tls-port", port)] if encryption else []
        return [part for name, value in encrypted for part in (f"--{name}", value)]

    master_port, replica_port, sentinel_port = free_ports(3)
    with (
        redis_server("--appendonly", "no", *options(master_port)) as master,
        tempfile.TemporaryDirectory(prefix="redis") as folder,
    ):
        watched = master_port if encryption else master.port
        replica_options = ["--replicaof", f"127.0.0.1 {watched}", "--repl-diskless-sync-delay", "0"]
        with redis_server(
            "--appendonly", "no", *replica_options, *options(replica_port)
        ) as replica:
            wait_until(lambda: replica.client().info()["master_link_status"] == "up")
            lines = [f"{name} {value}" for name, value in encryption]
            lines += ["port 0", f"tls-port {sentinel_port}"] if lines else [f"port {sentinel_port}"]
            lines += ["bind 127.0.0.1", f"sentinel monitor main 127.0.0.1 {watched} 1"]
            lines += ["sentinel down-after-milliseconds main 500"]
            lines += ["sentinel failover-timeout main 3000"]
            configuration = Path(folder) / "sentinel.conf"
            configuration.write_text("\n".join(lines) + "\n")
            program = find_program("redis-server", package="redis-server")
            process = Process([program, str(configuration), "--sentinel"], {})
            try:
                process.said(r"\+slave slave")
                scheme, query = ("rediss", f"?ssl_ca_certs={path}") if encryption else ("redis", "")
                yield f"{scheme}+sentinel://127.0.0.1:{sentinel_port}/main/0{query}", master
            finally:
                process.close()


@contextlib.contextmanager
def redis_cluster() -> Iterator[list[RedisServer]]:
    """Run a cluster of three masters, and a replica of the first one.

    Raises:
        ProgramMissingError: Redis is not installed, and cannot be.
    """
    with contextlib.ExitStack() as stack:
        ports = free_ports(8)
        servers = []
        for port, bus in zip(ports[:4], ports[4:], strict=True):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="redis"))
            options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "500"]
            options += ["--cluster-port", bus, "--repl-diskless-sync-delay", "0"]
            server = RedisServer(folder, *options, port=port)
            server.start()
            stack.callback(server.close)
            servers.append(server)
        clients = [server.client() for server in servers]
        for number, client in enumerate(clients):
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            if number < 3:
                first, last = number * 6000, min(16383, number * 6000 + 5999)
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            if number:
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", ports[0], ports[4])
        master = clients[0].execute_command("CLUSTER", "MYID").decode()
        wait_until(lambda: all(known_servers(client) == 4 for client in clients))
        clients[3].execute_command("CLUSTER", "REPLICATE", master)
        wait_until(lambda: clients[3].info()["master_link_status"] == "up")
        wait_until(lambda: all(b"state:ok" in info_of(client) for client in clients))
        yield servers


def info_of(client: Any) -> bytes:
    """Return what a server says of its cluster."""
    return bytes(client.execute_command("CLUSTER", "INFO"))


def known_servers(client: Any) -> int:
    """Return how many servers a server of a cluster is connected with, itself included."""
    lines = bytes(client.execute_command("CLUSTER", "NODES")).splitlines()
    return sum(b" connected" in line and b"handshake" not in line for line in lines)


def wait_until(condition: Callable[[], Any]) -> None:
    """Wait for a condition.

    Raises:
        AssertionError: It does not come.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)
