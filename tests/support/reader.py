"""A reader of our documents, who writes the files and types the commands that they show.

In a document that is done from beginning to end, a block of ``sh`` is typed, a block of ``text``
is what is seen then, and each other block is a file: its first line is a comment with its path.
What is installed already is not installed again, and each of a document's ports stands for a free
one. Servers are left running, nginx beside the application's, until they are started again.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path
from typing import Final

from server_process import PATIENCE_SECONDS, Process

PORTS: Final = ("6543", "8080", "8443")
"""The application's port in all documents, and those of a proxy in front of it."""

SERVERS: Final = {
    "gunicorn": ("Listening at", "Booting worker"),
    "pserve": ("Listening at", "Booting worker"),
    "waitress-serve": ("Serving on",),
    "nginx": ("start worker process ",),
}
"""Commands that do not end by themselves, and what they say when they serve."""

BESIDE: Final = frozenset({"nginx"})
"""Servers that run beside the application's, of which there is one at a time."""

AS_ROOT: Final = {"nginx": " -g 'user root;'"}
"""What readers who are root say as well, to stay who they are."""


def free_ports(count: int) -> list[str]:
    """Return so many different ports of 127.0.0.1 that nobody listens at."""
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [str(listener.getsockname()[1]) for listener in listeners]


def free_port() -> str:
    """Return a port of 127.0.0.1 that nobody listens at."""
    return free_ports(1)[0]


class Reader:
    """Somebody who does what a document says; use it as a context manager.

    Args:
        folder: Where they begin.
        stands_for: What else has another name here than in the document, such as a port.

    Attributes:
        folder: Where they are.
        stands_for: All that has another name here than in the document.
        output: What the last commands said.
        servers: Those that run, by name; that of the application is ``application``.
        environment: Of the programs that they start.
    """

    def __init__(self, folder: Path, stands_for: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.output = ""
        self.servers: dict[str, Process] = {}
        self.stands_for = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.stands_for |= stands_for or {}
        # What they have installed comes first; nothing of this repository's folders is seen.
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
                case _:
                    self.write(block)
        self.press_control_c()

    def write_files(self, document: Path) -> None:
        """Write all files of a document, as they are at its end, and do nothing else."""
        for language, block in self._blocks(document):
            if language not in {"sh", "text"}:
                self.write(block)

    def write(self, code: str) -> None:
        """Write a file."""
        named = re.match(r"(?:#|<!--) ([\w./-]+)(?: -->)?\n", code)
        assert named, f"a file without a name:\n{code}"
        file = self.folder / named[1]
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(code)

    def do(self, commands: str) -> None:
        """Type commands, one on each line, or on several with a backslash at their ends."""
        self.output = ""
        for command in commands.replace("\\\n", "").splitlines():
            program, _, rest = command.partition(" ")
            if program == "cd":
                self.folder /= rest
            elif command.startswith("pip install "):
                self._check_installed(command)
            elif program in SERVERS:
                self._serve(program, command)
            elif command not in {"python3 -m venv .venv", ". .venv/bin/activate"}:
                self.output += self._run(command)

    def sees(self, text: str) -> None:
        """Compare what the commands said; a line that is only ``...`` stands for any others."""
        for line in text.splitlines():
            assert line == "..." or line in self.output, f"{line!r} is not in:\n{self.output}"

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
        name = program if program in BESIDE else "application"
        if name in self.servers:
            self._end(name)
        if os.geteuid() == 0:
            command += AS_ROOT.get(program, "")
        command = f"cd {self.folder} && exec {command}"
        self.servers[name] = Process(["bash", "-c", command], self.environment)
        for words in SERVERS[program]:
            self.servers[name].said(words)

    def _run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
        said = "\n".join(server.output for server in self.servers.values())
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{said}"
        return done.stdout + "\n"

    def _check_installed(self, command: str) -> None:
        for name, extra in re.findall(r" ([a-z][\w.-]*)(?:\[(\w+)\])?", command):
            if name not in {"install"}:
                extras = metadata(name).get_all("Provides-Extra", [])
                assert not extra or extra in extras, f"{name} has no extra {extra}"
