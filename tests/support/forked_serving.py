"""``serving`` with servers that are forked from a Python that has imported much of them already.

Most of what these servers take is their start. See ``forked_python.py``.
"""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from forked_python import ForkedPython

from aiopyramid_core import testing
from aiopyramid_core.testing import Served

__all__ = ("forked_serving",)


@contextlib.contextmanager
def forked_serving(
    application: str | Callable[..., Any],
    server: str,
    settings: dict[str, str],
    preloaded: tuple[str, ...] = (),
) -> Iterator[Served]:
    """Serve an application as ``serving`` does; a server that ``pserve`` starts is forked.

    Args:
        application: The application, or its address.
        server: The name of the server.
        settings: The settings of the application.
        preloaded: Modules that the forked Python has imported, besides Pyramid and gunicorn.
    """

    def start(command: list[str], **options: Any) -> Any:
        if command[:2] != [sys.executable, "-c"]:
            return subprocess.Popen(command, **options)
        pserve = [sys.executable, "-m", "pyramid.scripts.pserve", command[-1]]
        output = options["stdout"].fileno()
        return ForkedPython(pserve, options["env"], Path.cwd(), preloaded, output)

    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        ours = SimpleNamespace(**vars(subprocess) | {"Popen": start})
        patch.setattr(testing, "subprocess", ours)
        yield stack.enter_context(testing.serving(application, server, settings))
