"""Build the compiled form of the gunicorn worker's hot path, and print the folder it is in.

``packages/aiopyramid-gunicorn-fast`` is not a member of the workspace, since its build needs a C
compiler, which nothing else here does. This script builds it once for each Python and each state of
its files, into the user's cache folder. Whatever has that folder in ``PYTHONPATH`` uses it::

    PYTHONPATH=$(python tools/build_fast.py) pytest packages/aiopyramid-gunicorn
"""

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from compiled_cache import CannotBuild, built_once, folder_in_cache, install_into, print_path

__all__ = ("CannotBuild", "fast_folder")

PACKAGE: Final = Path(__file__).resolve().parent.parent / "packages/aiopyramid-gunicorn-fast"


def fast_folder() -> Path:
    """Return the folder of the compiled form; build it if it is not there yet.

    Raises:
        CannotBuild: A requirement of the build is missing.
    """
    state = hashlib.sha256(f"{sys.base_prefix} {sys.version}".encode())
    for file in _files():
        state.update(file.read_bytes())
    tag = sys.implementation.cache_tag
    folder = folder_in_cache(f"gunicorn-fast-{tag}-{state.hexdigest()[:16]}")
    built_once(folder, folder.exists, _build)
    return folder


def _files() -> list[Path]:
    sources = sorted((PACKAGE / "src/aiopyramid_gunicorn_fast").glob("*.py*"))
    return [PACKAGE / "pyproject.toml", *(file for file in sources if file.is_file())]


def _build(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        # A copy, because the build writes beside the sources.
        source = Path(temporary) / "source"
        left_out = shutil.ignore_patterns("tests", "build", "*.c", "*.so")
        shutil.copytree(PACKAGE, source, ignore=left_out)
        install_into(
            folder,
            # The locked environment has what the build requires.
            ["--no-index", "--no-build-isolation", str(source)],
            name="aiopyramid-gunicorn-fast",
            needs="the headers of Python and Cython",
        )


if __name__ == "__main__":
    print_path(fast_folder)
