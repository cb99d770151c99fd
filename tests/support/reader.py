"""A reader of our documents, who writes the files and types the commands that they show.

In a document that is done from beginning to end, a block of

* ``sh`` is typed,
* ``text`` is what is seen then,
* ``output`` is what the server has said in its terminal since it was started,
* ``diff`` is a change of a file,

and each other block is a file. The first line of files and changes is a comment with the path.
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
from uwsgi_command import uwsgi_binary_or_skip

PORT: Final = "6543"
"""The port of the application in all documents."""

SERVERS: Final = {
    "gunicorn": "Booting worker",
    "pserve": "Booting worker|Serving on",  # gunicorn or waitress, as the ini file says
    "waitress-serve": "Serving on",
    "uwsgi": "running asyncio loop engine",
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
                case "output":
                    self.sees_in_the_servers_terminal(block)
                case "diff":
                    self.change(block)
                case _:
                    self.write(block)
        self.press_control_c()

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
        named = re.match(r"(?:#|\{#|<!--) ([\w./-]+)(?: #\}| -->)?\n", block)
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
                self.environment |= [rest.split("=", 1)]
            elif program in SERVERS:
                self._serve(command, SERVERS[program])
            elif command not in {"python3 -m venv .venv", ". .venv/bin/activate"}:
                self.output += self._run(command)
                if command.startswith("kill -TERM ") and self.server is not None:
                    self.server.ended()

    def sees(self, text: str) -> None:
        """Compare what the commands said; ``...`` stands for anything, in a line or alone."""
        end = 0
        for line in text.splitlines():
            found = re.compile(_pattern(line)).search(self.output, end)
            assert found, f"{line!r} is not in, or not behind the line before:\n{self.output}"
            end = found.end()

    def sees_in_the_servers_terminal(self, text: str) -> None:
        """Wait until the server has said it, since a client may have its answer before."""
        server = self.server
        assert server is not None
        pattern = r"(?:.*\n)*?.*".join(map(_pattern, text.splitlines()))
        server.until(lambda: re.search(pattern, server.output))

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

    def _serve(self, command: str, ready: str) -> None:
        self.press_control_c()
        if command.startswith("uwsgi "):
            self._find_uwsgi()
        command = f"cd {self.folder} && exec {command}"
        self.server = Process(["bash", "-c", command], self.environment)
        self.server.said(ready)

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
            timeout=PATIENCE_SECONDS,
        )
        said = self.server.output if self.server else ""
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{said}"
        return done.stdout + "\n"

    def _check_installed(self, command: str) -> None:
        for name, extra in re.findall(r"[ \"]([a-z][\w.-]*)(?:\[(\w+)\])?", command):
            if name not in {"install", "uwsgi"}:
                extras = metadata(name).get_all("Provides-Extra", [])
                assert not extra or extra in extras, f"{name} has no extra {extra}"


def _pattern(line: str) -> str:
    return ".*".join(map(re.escape, line.split("...")))
