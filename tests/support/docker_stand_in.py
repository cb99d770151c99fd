"""``docker`` for our documents, with the programs of this machine instead of containers.

``docker build`` follows the Dockerfile; ``docker compose up`` starts the services of the Compose
file in the order of their dependencies, and waits until they are healthy.
"""

import contextlib
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import psycopg
import yaml
from container_image import Image
from postgres_server import postgres_server
from reader import AS_ROOT, Reader
from redis_server import RedisServer, redis_server, wait_until
from server_process import PATIENCE_SECONDS, Process
from system_programs import find_program

NGINX: Final = """
daemon off; pid nginx.pid; error_log stderr notice;
events {{ worker_connections 64; }}
http {{
    access_log access.log; client_body_temp_path body; proxy_temp_path proxy;
    fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    include {site};
}}
"""
"""The file of nginx's image that includes ours, as far as it matters."""


class Docker(contextlib.ExitStack):
    """A stand-in for Docker; use it as a context manager, which ends the services."""

    def __init__(self) -> None:
        super().__init__()
        self.app: Process | None = None
        self._image: Image | None = None
        self._redis: RedisServer | None = None
        self._postgres = ""

    def do(self, reader: Reader, command: str) -> str:
        """Do what a command says, for a reader in their folder."""
        match command.split():
            case ["build", "--tag", _name, "."]:
                self._build(reader)
            case ["compose", "up", "--build", "--detach", "--wait"]:
                self._up(reader)
            case _:
                raise AssertionError(f"docker {command}")
        return ""

    def _build(self, reader: Reader) -> None:
        if self._image is None:
            folder = Path(self.enter_context(tempfile.TemporaryDirectory(prefix="image")))
            folder.chmod(0o755)
            self._image = Image(reader.folder, folder)

    def _up(self, reader: Reader) -> None:
        described = (reader.folder / "compose.yaml").read_text()
        described = re.sub(r"\$\{(\w+):\?\}", lambda name: reader.environment[name[1]], described)
        services: dict[str, Any] = yaml.safe_load(described)["services"]
        start: dict[str, Callable[[Reader, Mapping[str, Any]], None]] = {
            "postgres": self._start_postgres,
            "redis": self._start_redis,
            "app": self._start_app,
            "nginx": self._start_nginx,
        }
        started: set[str] = set()
        while waiting := [name for name in services if name not in started]:
            ready = [n for n in waiting if started.issuperset(services[n].get("depends_on", ()))]
            for name in ready:
                start[name](reader, services[name])
            assert ready, f"the services {waiting} wait for each other"
            started.update(ready)

    def _start_postgres(self, reader: Reader, service: Mapping[str, Any]) -> None:
        self._postgres = self.enter_context(postgres_server())
        user = service["environment"]["POSTGRES_USER"]
        with psycopg.connect(host=self._postgres, user="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {user} LOGIN")
            connection.execute(f"CREATE DATABASE {user} OWNER {user}")
        pg_isready, *arguments = service["healthcheck"]["test"][1:]
        program = find_program(
            pg_isready, package="postgresql", elsewhere=[f"usr/lib/postgresql/*/bin/{pg_isready}"]
        )
        subprocess.run([program, *arguments, "--host", self._postgres], check=True)

    def _start_redis(self, reader: Reader, service: Mapping[str, Any]) -> None:
        self._redis = self.enter_context(redis_server())
        program, *arguments = service["healthcheck"]["test"][1:]
        subprocess.run([program, "-p", str(self._redis.port), *arguments], check=True)

    def _start_app(self, reader: Reader, service: Mapping[str, Any]) -> None:
        self._build(reader)
        assert self._image is not None
        assert self._redis is not None
        environment = {name: str(value) for name, value in service["environment"].items()}
        address, _, database = environment["DATABASE_URL"].partition("@postgres:5432/")
        environment["DATABASE_URL"] = f"{address}@/{database}?host={self._postgres}"
        environment["REDIS_URL"] = f"redis://127.0.0.1:{self._redis.port}/0"
        app = self.app = self._image.start(environment)
        self.callback(app.close)
        wait_until(lambda: _answers(reader.here("http://127.0.0.1:8000/health/ready")))
        assert self._image.check_health()

    def _start_nginx(self, reader: Reader, service: Mapping[str, Any]) -> None:
        (volume,) = service["volumes"]
        source, target, _ = volume.split(":")
        assert target == "/etc/nginx/conf.d/default.conf"
        folder = Path(self.enter_context(tempfile.TemporaryDirectory(prefix="nginx")))
        (folder / "nginx.conf").write_text(NGINX.format(site=reader.folder / source))
        program = find_program("nginx", package="nginx", elsewhere=["usr/sbin/nginx"])
        where = ["-e", "stderr", "-p", str(folder), "-c", "nginx.conf"]
        options = shlex.split(AS_ROOT["nginx"]) if os.geteuid() == 0 else []
        nginx = Process([program, *where, *options], {})
        self.callback(nginx.close)
        nginx.said("start worker process ")


def _answers(address: str) -> bool:
    try:
        with build_opener(ProxyHandler({})).open(address, timeout=PATIENCE_SECONDS):
            return True
    except URLError:
        return False
