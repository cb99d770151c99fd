"""Build the compiled form of the gunicorn worker's hot path, and print the folder it is in.

``packages/aiopyramid-gunicorn-fast`` is not a member of the workspace, since its build needs a C
compiler, which nothing else here does. This script builds it once for each Python and each state of
its files, into the user's cache folder. Whatever has that folder in ``PYTHONPATH`` uses it::

    PYTHONPATH=$(python tools/build_fast.py) pytest packages/aiopyramid-gunicorn
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from compiled_cache import CannotBuild, built_once, check_compiler, folder_in_cache

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
    check_compiler("aiopyramid-gunicorn-fast")
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        # A copy, because the build writes beside the sources.
        source, target = Path(temporary) / "source", Path(temporary) / "target"
        shutil.copytree(
            PACKAGE, source, ignore=shutil.ignore_patterns("tests", "build", "*.c", "*.so")
        )
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
        # The locked environment has what the build requires.
        command += ["--no-build-isolation", "--target", str(target), str(source)]
        print("building aiopyramid-gunicorn-fast ...", file=sys.stderr, flush=True)
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        if finished.returncode:
            raise CannotBuild(
                "aiopyramid-gunicorn-fast cannot be built (it needs a C compiler, the headers of"
                f" Python and Cython):\n{(finished.stdout + finished.stderr)[-4000:]}"
            )
        target.rename(folder)


if __name__ == "__main__":
    try:
        print(fast_folder())
    except CannotBuild as error:
        sys.exit(str(error))
