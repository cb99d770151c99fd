"""Check that nothing in the repository names the host of a package registry.

People install from mirrors, company indexes and offline folders: which one is a matter of each
machine's configuration, and no file or commit message here may take it from them. The hosts to look
for are not listed here, that would name them; the package clients of this machine are asked.

Run it anywhere in the repository::

    python tools/check_neutral.py
    python tools/check_neutral.py --host mirror.example.com     # look for this host, too
    python tools/check_neutral.py --merged origin/main          # what is in there is read already

Of the commit messages only those are read that are not on the main branch yet: what is merged was
read before, and cannot be changed any more.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from pip._internal.models.index import PyPI, TestPyPI

APT = Path("/etc/apt")


def main() -> None:
    """Leave with a message that lists each place where a host is named."""
    parser = argparse.ArgumentParser(description="Look for the hosts of package registries.")
    parser.add_argument("--host", action="append", default=[], help="a further host to look for")
    parser.add_argument("--merged", help="the branch whose messages need not be read")
    arguments = parser.parse_args()
    hosts = {*arguments.host, *known_hosts(client_answers())}
    merged = arguments.merged or main_branch()
    places = [*named_in_files(hosts), *named_in_messages(hosts, merged)]
    if places:
        sys.exit(
            "A package registry is named here; say `the package index` or take it out:\n  "
            + "\n  ".join(places)
        )


def client_answers() -> Iterator[str]:
    """Yield what the package clients of this machine say about where they download from."""
    for index in (PyPI, TestPyPI):
        yield f"{index.simple_url} https://{index.file_storage_domain}"
    yield output(sys.executable, "-m", "pip", "config", "list")
    if shutil.which("npm"):
        yield output("npm", "config", "get", "registry")
    for pattern in ("sources.list", "sources.list.d/*.list", "sources.list.d/*.sources"):
        for file in APT.glob(pattern):
            yield file.read_text(encoding="utf-8", errors="replace")


def known_hosts(answers: Iterable[str]) -> set[str]:
    """Return the hosts of all addresses in the answers, without this machine's own.

    A host without a dot (``localhost``) or a loopback address names no registry, and our own
    documentation is full of them.
    """
    found = re.findall(r"https?://(?:[^\s/@]*@)?([\w.-]+)", "\n".join(answers))
    return {host.lower() for host in found if "." in host and not host.startswith("127.")}


def named_in_files(hosts: Iterable[str]) -> Iterator[str]:
    """Yield ``file:line: host`` for the tracked files and those that could be added."""
    listed = output("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", ":/")
    for name in sorted(set(listed.split("\0"))):
        file = Path(name)
        if name and file.is_file():  # a file can be listed and deleted
            yield from named_in(file.read_text(encoding="utf-8", errors="replace"), name, hosts)


def main_branch() -> str | None:
    """Return the branch into which others are merged, or None if there is none."""
    names = ("refs/remotes/origin/main", "refs/heads/main")
    known = output("git", "for-each-ref", "--format=%(HEAD)%(refname)", *names).splitlines()
    # An asterisk instead of the space marks the branch that is checked out. Nothing is merged into
    # itself: on main, what is not pushed yet is new.
    return next((name for name in names if f" {name}" in known), None)


def named_in_messages(hosts: Iterable[str], merged: str | None) -> Iterator[str]:
    """Yield ``commit …:line: host`` for the commit messages up to HEAD that are not merged yet."""
    # --ignore-missing: in a new repository HEAD names no commit yet.
    new = ["HEAD"] if merged is None else ["HEAD", "--not", merged]
    log = output("git", "log", "-z", "--format=%h%n%B", "--ignore-missing", *new, "--")
    for entry in filter(None, log.split("\0")):
        commit, _, message = entry.partition("\n")
        yield from named_in(message, f"commit {commit}", hosts)


def named_in(text: str, where: str, hosts: Iterable[str]) -> Iterator[str]:
    """Yield a place for every line of the text and every host that it names."""
    lowered = text.lower()
    for host in sorted(hosts):
        if host in lowered:
            for number, line in enumerate(lowered.splitlines(), start=1):
                if host in line:
                    yield f"{where}:{number}: {host}"


def output(*command: str) -> str:
    """Return what a command writes to its standard output; its failure is ours."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"`{' '.join(command)}` failed: see its message above.")
    return done.stdout


if __name__ == "__main__":
    main()
