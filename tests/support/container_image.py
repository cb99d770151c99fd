"""A Dockerfile whose instructions are followed in a folder, without containers.

Instructions change files below a folder that stands for the image's root. Packages come from the
environment of the tests instead of an index.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from server_process import Process

UNPRIVILEGED: Final = (
    *("setpriv", "--reuid={user}", "--regid={user}", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
)
"""Starts a program as another user, who may read everything, since Python may be in root's home."""


class Image:
    """The result of the instructions of a Dockerfile.

    Args:
        context: The folder with the Dockerfile, and with the files that it copies.
        folder: An empty folder, in which everybody may look for files.

    Attributes:
        environment: The variables of ``ENV``.
        user: The number of ``USER``.
        command: That of ``CMD``.
        health_command: That of ``HEALTHCHECK``.
    """

    def __init__(self, context: Path, folder: Path) -> None:
        self._context = context
        self._root = folder / "image"
        self._earlier = folder / "build"
        self._place = "/"
        self._users: set[str] = set()
        self.environment: dict[str, str] = {}
        self.user = "0"
        self.command: list[str] = []
        self.health_command: list[str] = []
        for name, rest in instructions((context / "Dockerfile").read_text()):
            getattr(self, f"_{name.lower()}")(rest)

    def start(self, environment: Mapping[str, str]) -> Process:
        """Start the command of the image."""
        return Process(*self._as_here(self.command, environment), self._here(self._place))

    def check_health(self) -> bool:
        """Run the health check once, and return whether it succeeds."""
        command, environment = self._as_here(self.health_command, {})
        done = subprocess.run(command, env=os.environ | environment, capture_output=True)
        return done.returncode == 0

    def _as_here(
        self, command: list[str], environment: Mapping[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        """Return the command with which a command of the image is run here, and its variables."""
        python = str(self._here("/venv/bin/python"))
        program, *arguments = command
        run = {"python": [python], "gunicorn": [python, "-m", "gunicorn"]}[program]
        if os.geteuid() == 0:
            run = [part.format(user=self.user) for part in UNPRIVILEGED] + run
        # There is no home folder, and nothing is written into that of the tests.
        return run + arguments, self.environment | {"HOME": "/nonexistent"} | dict(environment)

    def _here(self, path: str) -> Path:
        """Return the place of a path in the image."""
        return self._root / (Path(self._place) / path).relative_to("/")

    # --- Instructions -------------------------------------------------------------------------

    def _from(self, rest: str) -> None:
        assert re.fullmatch(r"python:3\.\d+-slim( AS build)?", rest), rest
        if self._root.exists():
            self._root.rename(self._earlier)
        self._root.mkdir()
        self._place = "/"

    def _run(self, rest: str) -> None:
        match shlex.split(rest):
            case ["useradd", "--system", "--uid", number, _name]:
                self._users.add(number)
            case ["python", "-m", "venv", path]:
                venv = self._here(path)
                subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
                (packages,) = venv.glob("lib/python*/site-packages")
                ours = sysconfig.get_path("purelib")
                (packages / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
            case ["/venv/bin/pip", "install", *arguments]:
                pip = [sys.executable, "-m", "pip", "--python", self._here("/venv")]
                offline = ["--no-index", "--no-build-isolation", "--disable-pip-version-check"]
                where = self._here(self._place)
                subprocess.run([*pip, "install", "-q", *offline, *arguments], cwd=where, check=True)
            case _:
                raise AssertionError(f"RUN with an unknown command: {rest}")

    def _workdir(self, rest: str) -> None:
        self._place = rest
        self._here(rest).mkdir(parents=True)

    def _copy(self, rest: str) -> None:
        if rest.startswith("--from=build "):
            _, source, target = rest.split()
            shutil.move(self._earlier / Path(source).relative_to("/"), self._here(target))
            return
        source, target = rest.split()
        if (self._context / source).is_dir():
            shutil.copytree(self._context / source, self._here(target))
        else:
            shutil.copy(self._context / source, self._here(target))

    def _env(self, rest: str) -> None:
        for name, value in re.findall(r"(\w+)=(\S+)", rest):
            self.environment[name] = value.replace("$PATH", os.environ["PATH"])

    def _user(self, rest: str) -> None:
        assert rest in self._users
        self.user = rest

    def _expose(self, rest: str) -> None:
        assert rest.isdecimal()

    def _healthcheck(self, rest: str) -> None:
        options, command = re.fullmatch(r"((?:--[\w-]+=\d+s )+)CMD (\[.*\])", rest).groups()  # type: ignore[union-attr]
        assert {each.partition("=")[0] for each in options.split()} <= {
            *("--interval", "--timeout", "--start-period")
        }
        self.health_command = json.loads(command)

    def _cmd(self, rest: str) -> None:
        self.command = json.loads(rest)


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile, with their arguments on one line."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", dockerfile))
    lines = (line.partition(" ") for line in text.splitlines() if line)
    return [(name, rest.strip()) for name, _, rest in lines]
