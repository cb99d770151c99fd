"""Programs that the tests start, which find the applications of this folder."""

import os
from pathlib import Path

from server_process import PATIENCE_SECONDS, Process

__all__ = ("LIB", "PATIENCE_SECONDS", "Program")

LIB = Path(__file__).parent


class Program(Process):
    """A running program, and what it says."""

    def __init__(self, command: list[str], **environment: str) -> None:
        path = os.pathsep.join([str(LIB), os.environ.get("PYTHONPATH", "")])
        super().__init__(command, {"PYTHONPATH": path} | environment)
