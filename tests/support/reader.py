"""A reader of our documents, who writes the files and types the commands that they show.

In a document that is done from beginning to end, a block of

* ``sh`` is typed,
* ``text`` is what is seen then,
* ``output`` is what the server has said in its terminal since it was started,
* ``diff`` is a change of a file,

and each other block is a file. The first line of files and changes is a comment with the path.
Packages that are installed already are not installed again, and each of a document's ports stands
for a free one. Servers are left running, nginx beside the application's, until they are started
again.
"""

import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import metadata
from pathlib import Path
from typing import Final

from server_process import Process
from uwsgi_command import uwsgi_binary_or_skip

PORTS: Final = ("6543", "6544", "8080", "8443")
"""The application's ports in all documents, and those of a proxy in front of it."""

SERVERS: Final = {
    "gunicorn": "Booting worker",
    "ddtrace-run": "Booting worker",  # the same, watched by an agent, ...
    "newrelic-admin": "Booting worker",  # ... as is this
    "pserve": "Booting worker|Serving on",  # gunicorn or waitress, as the ini file says
    "waitress-serve": "Serving on",
    "uvicorn": "Uvicorn running on",
    "uwsgi": "running asyncio loop engine",
    "nginx": "start worker process ",
}
"""Commands that do not end by themselves, and what they say when they serve."""

BESIDE: Final = frozenset({"nginx"})
"""Servers that run beside the application's, of which there is one at a time."""

AS_ROOT: Final = {"nginx": " -g 'user root;'"}
"""The option that readers who are root add, to keep their user."""


def free_ports(count: int) -> list[str]:
    """Return so many different ports of 127.0.0.1 that nobody listens at.

    Not those that the system would give: a document takes a minute, and stops and starts its
    servers. In the meantime the system gives such ports to every client on the machine.
    """
    with contextlib.ExitStack() as stack:
        found: list[str] = []
        for port in random.sample(_PORTS_NOBODY_IS_GIVEN, len(_PORTS_NOBODY_IS_GIVEN)):
            listener = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                listener.bind(("127.0.0.1", port))
                found.append(str(port))
            if len(found) == count:
                return found
    raise AssertionError(f"there are no {count} free ports")


_PORTS_NOBODY_IS_GIVEN: Final = range(20000, 30000)
"""Linux gives clients those from 32768 on, other systems those from 49152 on."""


def free_port() -> str:
    """Return a port of 127.0.0.1 that nobody listens at."""
    return free_ports(1)[0]


COMMAND_SECONDS: Final = 240.0
"""For a command, which may run many tests that start servers."""


StandIn = Callable[["Reader", str], str]
"""A function in the place of a program."""


class Reader:
    """Somebody who does what a document says; use it as a context manager.

    Args:
        folder: Where they begin.
        stands_for: Names that differ from those in the document, such as ports.
        stand_ins: Functions that do what programs do that cannot be had here. They take the reader
            and the arguments, and return what is seen.

    Attributes:
        folder: Where they are.
        stands_for: All that has another name here than in the document.
        output: The output of the last commands.
        servers: Those that run, by name; that of the application is ``application``.
        environment: Of the programs that they start.
    """

    def __init__(
        self,
        folder: Path,
        stands_for: dict[str, str] | None = None,
        stand_ins: "Mapping[str, StandIn] | None" = None,
    ) -> None:
        self.folder = folder
        self.stand_ins = stand_ins or {}
        self.output = ""
        self.servers: dict[str, Process] = {}
        self.stands_for = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.stands_for |= stands_for or {}
        # Packages that they have installed come first; nothing of this repository's folders is
        # seen.
        programs = Path(sys.executable).parent
        self.environment = {"PATH": f"{programs}:/usr/local/bin:/usr/sbin:/usr/bin:/bin"}

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *error: object) -> None:
        self.press_control_c()

    def here(self, text: str) -> str:
        """Return a text with the names that things have here."""
        names = "|".join(map(re.escape, self.stands_for))
        return re.sub(names, lambda name: self.stands_for[name[0]], text)

    def follow(self, document: Path) -> None:
        """Do all of a document."""
        for language, block in self._blocks(document):
            match language:
                case "sh":
                    self.do(block)
                case "text":
                    self.sees(block)
                case "output":
                    self.sees_in_the_servers_terminal(block)
                case "diff":
                    self.change(block)
                case _:
                    self.write(block)
        self.press_control_c()

    def write_files(self, document: Path) -> None:
        """Write all files of a document, as they are at its end, and do nothing else."""
        for language, block in self._blocks(document):
            if language == "diff":
                self.change(block)
            elif language not in {"sh", "text", "output"}:
                self.write(block)

    def write(self, code: str) -> None:
        """Write a file."""
        file = self._file_of(code)
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(code)

    def change(self, diff: str) -> None:
        """Change a file at the one place where the lines of a diff are, which has no numbers."""
        file = self._file_of(diff)
        lines = re.sub(r"(?m)^\n", " \n", diff).splitlines(keepends=True)[1:]
        old, new = ("".join(each[1:] for each in lines if each[0] in kept) for kept in (" -", " +"))
        text = file.read_text()
        assert text.count(old) == 1, f"{file.name} has not exactly once:\n{old}\nbut is:\n{text}"
        file.write_text(text.replace(old, new))

    def _file_of(self, block: str) -> Path:
        named = re.match(r"(?:#|//|\{#|<!--) ([\w./-]+)(?: #\}| -->)?\n", block)
        assert named, f"a file without a name:\n{block}"
        return self.folder / named[1]

    def do(self, commands: str) -> None:
        """Type commands, one on each line, or on several with a backslash at their ends."""
        self.output = ""
        for command in commands.replace("\\\n", "").splitlines():
            program, _, rest = command.partition(" ")
            if program == "cd":
                self.folder /= rest
            elif command.startswith("pip install "):
                self._check_installed(command)
            elif program == "export":
                self._export(command)
            elif program in self.stand_ins:
                self.output += self.stand_ins[program](self, rest)
            elif program in SERVERS:
                self._serve(program, command)
            elif command not in {"python3 -m venv .venv", ". .venv/bin/activate"}:
                self.output += self._run(command)
                if command.startswith("kill -TERM ") and "application" in self.servers:
                    self.servers["application"].ended()

    def sees(self, text: str) -> None:
        """Compare what the commands said; ``...`` stands for anything, in a line or alone."""
        end = 0
        for line in text.splitlines():
            found = re.compile(_pattern(line)).search(self.output, end)
            assert found, f"{line!r} is not in, or not after the line before:\n{self.output}"
            end = found.end()

    def sees_in_the_servers_terminal(self, text: str) -> None:
        """Wait until the server has said it, since a client may have its answer before."""
        server = self.servers["application"]
        pattern = r"(?:.*\n)*?.*".join(map(_pattern, text.splitlines()))
        server.until(lambda: re.search(pattern, server.output))

    def press_control_c(self) -> None:
        """End the servers that run, if any do; the last one first."""
        with contextlib.ExitStack() as stack:
            for name in self.servers:
                stack.callback(self._end, name)

    def _end(self, name: str) -> None:
        server = self.servers.pop(name)
        try:
            if server.popen.poll() is None:
                server.signal_group(signal.SIGINT)
            server.ended()
            assert server.popen.returncode == 0, server.output
        finally:
            server.close()

    def _blocks(self, document: Path) -> list[tuple[str, str]]:
        """Return language and text of each block, with the names that things have here."""
        text = self.here(document.read_text())
        blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        assert len(blocks) == text.count("\n```") / 2
        return blocks

    def _serve(self, program: str, command: str) -> None:
        named = re.search(r" --name (\w+)", command)
        name = program if program in BESIDE else named[1] if named else "application"
        if name in self.servers:
            self._end(name)
        if program == "uwsgi":
            self._find_uwsgi()
        if os.geteuid() == 0:
            command += AS_ROOT.get(program, "")
        command = f"cd {self.folder} && exec {command}"
        self.servers[name] = Process(["bash", "-c", command], self.environment)
        self.servers[name].said(SERVERS[program])

    def _export(self, command: str) -> None:
        """Set an environment variable as bash does, which ignores this for some of its own."""
        name = command.removeprefix("export ").partition("=")[0]
        said = subprocess.run(
            ["bash", "-c", f"{command} && printenv {name}"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert said.returncode == 0, f"bash ignores `{command}`: take another name"
        self.environment[name] = said.stdout.rstrip("\n")

    def _find_uwsgi(self) -> None:
        """Find the uWSGI that is built once for all tests, and let it find what is installed."""
        folder = Path(uwsgi_binary_or_skip()).parent
        self.environment["PATH"] = f"{folder}:{self.environment['PATH']}"
        environment = self.folder / ".venv"
        if not environment.exists():
            environment.symlink_to(sys.prefix)

    def _run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        said = "\n".join(server.output for server in self.servers.values())
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{said}"
        return done.stdout + "\n"

    def _check_installed(self, command: str) -> None:
        for name, extra in re.findall(r"[ \"]([a-z][\w.-]*)(?:\[(\w+)\])?", command):
            if name not in {"install", "uwsgi"}:
                extras = metadata(name).get_all("Provides-Extra", [])
                assert not extra or extra in extras, f"{name} has no extra {extra}"


def _pattern(line: str) -> str:
    return ".*".join(map(re.escape, line.split("...")))
