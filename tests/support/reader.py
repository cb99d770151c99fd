"""A reader of our documents, who writes the files and types the commands that they show.

In a document that is done from beginning to end, a block of ``sh`` is typed, a block of ``text``
is what is seen then, and each other block is a file: its first line is a comment with its path.
What is installed already is not installed again, and the port 6543 stands for a free one.
"""

import re
import signal
import socket
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path
from typing import Final

from server_process import PATIENCE_SECONDS, Process

PORT: Final = "6543"
"""The port of the application in all documents."""

SERVERS: Final = {
    "gunicorn": ("Listening at", "Booting worker"),
    "pserve": ("Listening at", "Booting worker"),
    "waitress-serve": ("Serving on",),
}
"""Commands that do not end by themselves, and what they say when they serve."""


def free_port() -> str:
    """Return a port of 127.0.0.1 that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


class Reader:
    """Somebody who does what a document says; use it as a context manager.

    Args:
        folder: Where they begin.
        stands_for: What else has another name here than in the document, such as a port.
    """

    def __init__(self, folder: Path, stands_for: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.output = ""
        self.server: Process | None = None
        self._stands_for = {PORT: free_port()} | (stands_for or {})
        # What they have installed comes first; nothing of this repository's folders is seen.
        programs = Path(sys.executable).parent
        self.environment = {"PATH": f"{programs}:/usr/local/bin:/usr/sbin:/usr/bin:/bin"}

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *error: object) -> None:
        self.press_control_c()

    def follow(self, document: Path) -> None:
        """Do all of a document."""
        text = document.read_text()
        for written, here in self._stands_for.items():
            text = text.replace(written, here)
        blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        assert len(blocks) == text.count("\n```") / 2
        for language, block in blocks:
            match language:
                case "sh":
                    self.do(block)
                case "text":
                    self.sees(block)
                case _:
                    self.write(block)
        self.press_control_c()

    def write(self, code: str) -> None:
        """Write a file."""
        named = re.match(r"# ([\w./-]+)\n", code)
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
                self._serve(command, SERVERS[program])
            elif command not in {"python3 -m venv .venv", ". .venv/bin/activate"}:
                self.output += self._run(command)

    def sees(self, text: str) -> None:
        """Compare what the commands said; a line that is only ``...`` stands for any others."""
        for line in text.splitlines():
            assert line == "..." or line in self.output, f"{line!r} is not in:\n{self.output}"

    def press_control_c(self) -> None:
        """End the server that runs, if one does."""
        server, self.server = self.server, None
        if server is None:
            return
        try:
            if server.popen.poll() is None:
                server.signal_group(signal.SIGINT)
            server.ended()
            assert server.popen.returncode == 0, server.output
        finally:
            server.close()

    def _serve(self, command: str, ready: tuple[str, ...]) -> None:
        self.press_control_c()
        command = f"cd {self.folder} && exec {command}"
        self.server = Process(["bash", "-c", command], self.environment)
        for words in ready:
            self.server.said(words)

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
        said = self.server.output if self.server else ""
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{said}"
        return done.stdout + "\n"

    def _check_installed(self, command: str) -> None:
        for name, extra in re.findall(r" ([a-z][\w.-]*)(?:\[(\w+)\])?", command):
            if name not in {"install"}:
                extras = metadata(name).get_all("Provides-Extra", [])
                assert not extra or extra in extras, f"{name} has no extra {extra}"
