"""Lock the workspace, or check the lock, so that ``uv.lock`` names no package index.

``uv lock`` writes the addresses of the index and of every file into the lock, so that people with
different mirrors keep rewriting it. A hash identifies a file wherever it comes from, so this script
lets uv resolve and then keeps only names, versions and hashes. Each address becomes the name of a
file in an imaginary folder, ``wheelhouse``, which is a form that uv can read.

Run it from the root of the workspace::

    python tools/lock.py                # lock again, keeping the locked versions
    python tools/lock.py --upgrade      # all other options are passed to `uv lock`
    python tools/lock.py --check        # change nothing; fail if the lock is not as required
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

LOCK = Path("uv.lock")
REGISTRY = "wheelhouse"


def neutral(lock: str) -> str:
    """Return the text of a lock with addresses replaced by file names; idempotent."""
    lock = re.sub(r'registry = "[^"]*"', f'registry = "{REGISTRY}"', lock)
    lock = re.sub(r'url = "[^"]*/([^"/]+)"', lambda url: f'path = "{unquote(url[1])}"', lock)
    # The other information of an index about a file differs from mirror to mirror.
    return re.sub(r', (?:size = \d+|upload-time = "[^"]*")', "", lock)


def uv_lock(*options: str) -> bool:
    """Run ``uv lock``, with its output on the terminal; return whether it succeeded."""
    # The Makefile sets UV_FROZEN, with which uv refuses to lock.
    environment = {name: value for name, value in os.environ.items() if name != "UV_FROZEN"}
    try:
        done = subprocess.run(["uv", "lock", *options], env=environment, check=False)
    except FileNotFoundError:
        sys.exit("uv is not on PATH: run `make lock` or `make lint`, which install it.")
    return done.returncode == 0


def lock(options: Sequence[str]) -> None:
    """Resolve again and write the lock without addresses."""
    if not uv_lock(*options):
        sys.exit("uv could not lock the workspace; uv.lock is unchanged. See uv's message above.")
    text = neutral(LOCK.read_text(encoding="utf-8"))
    LOCK.write_text(text, encoding="utf-8")
    if "://" in text:
        sys.exit("uv.lock still contains an address: depend on released packages, not on URLs.")


def check() -> None:
    """Exit with a message unless the lock exists, is neutral and is up to date."""
    if not LOCK.is_file():
        sys.exit("There is no uv.lock here: run `make lock` in the root of the workspace.")
    text = LOCK.read_text(encoding="utf-8")
    if "://" in text or text != neutral(text):
        sys.exit("uv.lock names a package index: run `make lock`, which removes the addresses.")
    # Without configuration and network uv only compares the lock with the pyproject.toml files.
    if not uv_lock("--check", "--no-config", "--offline"):
        sys.exit("uv.lock does not match the pyproject.toml files: run `make lock` and commit it.")


def main() -> None:
    """Parse the command line and run the command."""
    parser = argparse.ArgumentParser(
        description="Lock the workspace without naming a package index.",
        epilog="All other options are passed to `uv lock`.",
    )
    parser.add_argument("--check", action="store_true", help="change nothing, only check uv.lock")
    arguments, options = parser.parse_known_args()
    if not arguments.check:
        lock(options)
    elif options:
        parser.error(f"--check takes no other option: {' '.join(options)}")
    else:
        check()


if __name__ == "__main__":
    main()
