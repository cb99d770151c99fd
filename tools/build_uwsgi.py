"""Build a uWSGI with its asyncio engine and greenlets, and print its path.

There are no wheels of uWSGI, and a plain ``pip install uwsgi`` builds it without either of the two.
So this script builds it from its sdist with the profile ``asyncio``, once for each Python, uWSGI
and greenlet, into the user's cache folder (``$XDG_CACHE_HOME``, or ``~/.cache``). It is not part of
the locked environment, since it needs a C compiler, which nothing else here does.

::

    python tools/build_uwsgi.py
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

from compiled_cache import CannotBuild, built_once, folder_in_cache, install_into, print_path

__all__ = ("CannotBuild", "uwsgi_binary")

REQUIREMENT: Final = (
    "uwsgi==2.0.31 --hash=sha256:e8f8b350ccc106ff93a65247b9136f529c14bf96b936ac5b264c6ff9d0c76257"
)


def uwsgi_binary() -> Path:
    """Return the path of the binary; build it if it is not there yet.

    Raises:
        CannotBuild: A requirement of the build is missing.
    """
    folder = _cache_folder()
    binary = folder / "bin" / "uwsgi"
    built_once(folder, binary.exists, _build)
    return binary


def _cache_folder() -> Path:
    version = REQUIREMENT.partition(" ")[0].replace("==", "-")
    greenlet = importlib.metadata.version("greenlet")
    # The binary is linked to the library of one particular Python.
    python = hashlib.sha256(f"{sys.base_prefix} {sys.version}".encode()).hexdigest()[:12]
    tag = sys.implementation.cache_tag
    return folder_in_cache(f"{version}-greenlet-{greenlet}-{tag}-{python}")


def _build(folder: Path) -> None:
    spec = importlib.util.find_spec("greenlet")
    assert spec is not None
    assert spec.origin is not None
    # greenlet.h is in the package itself, and included as <greenlet/greenlet.h>.
    headers = Path(spec.origin).parent.parent
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(REQUIREMENT)
        requirements.flush()
        # No cache, because it may contain a uWSGI that was built with another profile.
        arguments = ["--no-cache-dir", "--no-binary", "uwsgi", "--require-hashes"]
        install_into(
            folder,
            [*arguments, "-r", requirements.name],
            name="uWSGI",
            needs="the headers of Python and the network",
            environment={
                "UWSGI_PROFILE": "asyncio",
                # uWSGI's build passes them to a shell.
                "CFLAGS": f"{os.environ.get('CFLAGS', '')} -I'{headers}'",
            },
        )


if __name__ == "__main__":
    print_path(uwsgi_binary)
