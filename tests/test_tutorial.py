"""All of ``docs/tutorial.md`` is done in order, as a reader does it: files, commands, output.

What is installed already is not installed again, and the port is a free one.
"""

import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import metadata
from pathlib import Path

import pytest
from server_process import PATIENCE_SECONDS, Process

TUTORIAL = Path(__file__).parent.parent / "docs" / "tutorial.md"
PORT = "6543"


def free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


class Reader:
    """Somebody who does what the tutorial says.

    Args:
        folder: Where they begin.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = ""
        self.server: Process | None = None
        # What they have installed comes first; nothing of this repository's folders is seen.
        programs = Path(sys.executable).parent
        self.environment = {"PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin"}

    def write(self, code: str) -> None:
        named = re.match(r"# ([\w./]+)\n", code)
        assert named, f"a file without a name:\n{code}"
        file = self.folder / named[1]
        file.parent.mkdir(exist_ok=True)
        file.write_text(code)

    def do(self, commands: str) -> None:
        self.output = ""
        for command in commands.splitlines():
            if command.startswith("cd "):
                self.folder /= command.removeprefix("cd ")
            elif command.startswith("pip install "):
                self._check_installed(command)
            elif command.startswith("gunicorn "):
                self._serve(command)
            elif command not in {"python3 -m venv .venv", ". .venv/bin/activate"}:
                self.output += self._run(command)

    def sees(self, text: str) -> None:
        for line in text.splitlines():
            assert line in self.output

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

    def _serve(self, command: str) -> None:
        self.press_control_c()
        command = f"cd {self.folder} && exec {command}"
        self.server = Process(["bash", "-c", command], self.environment)
        self.server.said("Listening at")
        self.server.said("Booting worker")

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
        for name, extra in re.findall(r"(aiopyramid[\w-]*)(?:\[(\w+)\])?", command):
            assert not extra or extra in metadata(name).get_all("Provides-Extra", [])


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    yield reader
    reader.press_control_c()


@pytest.mark.skipif(shutil.which("curl") is None, reason="readers use curl: install it")
def test_a_reader_who_does_what_it_says_sees_what_it_says(reader: Reader) -> None:
    text = TUTORIAL.read_text().replace(PORT, free_port())
    does = {"python": reader.write, "sh": reader.do, "text": reader.sees}
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == text.count("\n```") / 2
    for language, block in blocks:
        does[language](block)
