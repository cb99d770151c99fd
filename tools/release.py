"""Release one distribution, or rehearse it.

Everything takes place in a clone of the repository: version, changelog, commit, tag, files and all
checks. A release then fetches the commit and the tag from there and keeps the files in ``dist/``; a
rehearsal keeps nothing. So a release that fails leaves nothing behind.

Run it from the root of the workspace, as ``make release`` does::

    python tools/release.py aiopyramid-core 1.0.1
    python tools/release.py aiopyramid-core 1.0.1 --dry-run
    python tools/release.py --dry-run               # rehearse the next release of each

The maintainer publishes the files: the last lines of the output show how.
"""

import argparse
import itertools
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.version import InvalidVersion, Version

from distributions import Built, Distribution, in_order, read_distributions
from index_pages import read_repository
from wheels import LOCKED, Refused, build, check, install_alone, run

__all__ = ("check_ranges", "check_version", "next_version", "rehearse", "release")


# --- Preconditions -------------------------------------------------------------------------------


def find(distributions: dict[str, Distribution], name: str) -> Distribution:
    """Return the distribution of that name.

    Raises:
        Refused: There is none.
    """
    if name not in distributions:
        raise Refused(f"There is no {name} here, only {', '.join(distributions)}.")
    return distributions[name]


def check_version(distribution: Distribution, version: Version, tags: Iterable[str]) -> None:
    """Refuse a version that is older than the current one, or that is already released."""
    if version < distribution.version:
        raise Refused(f"{distribution.name} is at {distribution.version}: {version} is older.")
    if (tag := tag_of(distribution.name, version)) in tags:
        raise Refused(f"The tag {tag} exists: choose a version that is not released yet.")


def check_ranges(distributions: Iterable[Distribution], name: str, version: Version) -> None:
    """Refuse a version that another distribution's declared range does not allow.

    Users who install both would get the old one, or an error.
    """
    for other in distributions:
        for needed in other.requirements:
            if needed.name == name and not needed.specifier.contains(version, prereleases=True):
                raise Refused(
                    f"{other.name} requires {name}{needed.specifier}, which excludes {version}:"
                    f" adapt {other.name} and its range, and release it afterwards."
                )


def next_version(distribution: Distribution, tags: Iterable[str]) -> Version:
    """Return the version that a rehearsal releases: the current one, or the patch after it."""
    current = distribution.version
    if tag_of(distribution.name, current) not in tags:
        return current
    return Version(f"{current.major}.{current.minor}.{current.micro + 1}")


def tag_of(name: str, version: Version) -> str:
    """Return the name of the tag of a release."""
    return f"{name}-{version}"


# --- Writing the version and the changelog -------------------------------------------------------


def write_version(root: Path, distribution: Distribution, version: Version) -> None:
    """Write a distribution's version into its ``pyproject.toml`` and into the lock."""
    old = re.escape(str(distribution.version))
    replace_once(distribution.folder / "pyproject.toml", rf'^version = "{old}"$', version)
    entry = rf'(?<=^name = "{distribution.name}"\n)version = "{old}"$'
    replace_once(root / "uv.lock", entry, version)
    run(sys.executable, "tools/lock.py", "--check", within=root)


def replace_once(file: Path, pattern: str, version: Version) -> None:
    """Replace the only matching line of a file by one that sets the version."""
    text, count = re.subn(
        pattern, f'version = "{version}"', file.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    if count != 1:
        raise Refused(f"{file.name} should name the version once, but does {count} times.")
    file.write_text(text, encoding="utf-8")


def write_changelog(root: Path, distribution: Distribution, version: Version, date: str) -> None:
    """Turn the fragments into a section of the changelog, or date the existing one."""
    text = distribution.changelog.read_text(encoding="utf-8")
    unreleased = re.search(r"^## (\S+) \(unreleased\)$", text, flags=re.MULTILINE)
    if unreleased is None:
        options = (f"--version={version}", f"--date={date}", f"--name={distribution.name}")
        where = (f"--config={root / 'towncrier.toml'}", f"--dir={distribution.folder}")
        run("towncrier", "build", "--yes", *where, *options, within=root)
    elif unreleased[1] != str(version):
        raise Refused(f"{distribution.name}'s changelog announces {unreleased[1]}, not {version}.")
    elif distribution.fragments:
        raise Refused(
            f"{distribution.name}'s changelog already has a section for {version}: move the text of"
            f" {', '.join(file.name for file in distribution.fragments)} there."
        )
    else:
        dated = text.replace(unreleased[0], f"## {version} ({date})")
        distribution.changelog.write_text(dated, encoding="utf-8")


def write_overview(root: Path, distribution: Distribution, version: Version) -> None:
    """Write a distribution's version into the overview of all changelogs."""
    overview = root / "docs" / "changelog.md"
    row = rf"^(\| \[{distribution.name}\]\(\S+\) \| )\S+"
    text, count = re.subn(
        row, rf"\g<1>{version}", overview.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    if count != 1:
        raise Refused(
            f"docs/changelog.md should have one row for {distribution.name}, not {count}."
        )
    overview.write_text(text, encoding="utf-8")


# --- The steps -----------------------------------------------------------------------------------


def prepare(clone: Path, name: str, version: Version, locked: Path, into: Path) -> Built:
    """Make the whole release in a clone: commit, tag and checked files.

    Args:
        clone: The root of the clone.
        name: The distribution to release.
        version: The version of the release.
        locked: Third-party versions for the environment in which the wheel is tested.
        into: The folder for the files; it may contain the wheels of other distributions.

    Raises:
        Refused: The release is not allowed in this state.
    """
    distributions = read_distributions(clone)
    distribution = find(distributions, name)
    check_version(distribution, version, tags_of(clone))
    check_ranges(distributions.values(), name, version)
    if version != distribution.version:
        write_version(clone, distribution, version)
    write_changelog(clone, distribution, version, f"{datetime.now(UTC):%Y-%m-%d}")
    write_overview(clone, distribution, version)
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", f"--message=Release {name} {version}")
    git(clone, "tag", f"--message={name} {version}", tag_of(name, version))
    released = read_distributions(clone)
    for sibling in itertools.takewhile(lambda each: each.name != name, in_order(released)):
        if not list(into.glob(f"{sibling.package}-{sibling.version}-*")):
            build(sibling, into)
    built = build(released[name], into)
    check(built)
    install_alone(built, into, locked)
    return built


def release(root: Path, name: str, version: Version) -> None:
    """Release a distribution: create the commit and the tag here, and its files in ``dist/``.

    Raises:
        Refused: The release is not allowed in this state. Nothing has changed.
    """
    if git(root, "status", "--porcelain"):
        raise Refused("Some files here are not committed: commit or stash them first.")
    if not git(root, "config", "--default", "", "user.email").strip():
        raise Refused("git does not know who you are: set user.name and user.email.")
    with TemporaryDirectory() as folder:
        clone, files = cloned(root, Path(folder, "clone")), Path(folder, "files")
        built = prepare(clone, name, version, root / LOCKED, files)
        tag = tag_of(name, version)
        git(root, "fetch", "--quiet", str(clone), f"refs/tags/{tag}:refs/tags/{tag}")
        git(root, "merge", "--quiet", "--ff-only", f"{tag}^{{commit}}")
        kept = root / "dist"
        kept.mkdir(exist_ok=True)
        for file in (built.archive, built.wheel):
            shutil.copy(file, kept)
    print(
        f"{name} {version} is committed, tagged and built. To publish it:\n"
        f"    git push origin HEAD {tag}\n"
        f"    uv publish dist/{built.archive.name} dist/{built.wheel.name}"
    )


def rehearse(root: Path, versions: Mapping[str, Version]) -> None:
    """Make releases of the committed state except for the last step, and discard them.

    Args:
        root: The root of the repository, in which nothing changes.
        versions: The versions by the names of the distributions. They are released in the order in
            which they require each other.

    Raises:
        Refused: A release would not be allowed in this state.
    """
    with TemporaryDirectory() as folder:
        clone, files = cloned(root, Path(folder, "clone")), Path(folder, "files")
        distributions = read_distributions(clone)
        wanted = {name: find(distributions, name) for name in versions}
        for name in (each.name for each in in_order(wanted)):
            built = prepare(clone, name, versions[name], root / LOCKED, files)
            shown = git(clone, "show", "--stat", "--format=%s", "HEAD")
            print(f"{shown.strip()}\n {built.wheel.name} could be published.\n")
        if not read_repository(clone).address:
            print("pyproject.toml names no public repository: links in the READMEs lead nowhere.")


def cloned(root: Path, clone: Path) -> Path:
    """Clone a repository, and set the same committer there as here."""
    run("git", "clone", "--quiet", str(root), str(clone))
    for key, stranger in (("user.name", "nobody"), ("user.email", "nobody@localhost")):
        # A rehearsal needs no committer; `release` has checked that there is one.
        git(clone, "config", key, git(root, "config", "--default", stranger, key).strip())
    return clone


def tags_of(root: Path) -> set[str]:
    """Return the names of a repository's tags."""
    return set(git(root, "tag").split())


def git(root: Path, *arguments: str) -> str:
    """Run git in a repository and return its standard output."""
    return run("git", *arguments, within=root)


# --- The command ---------------------------------------------------------------------------------


def main() -> None:
    """Parse the command line and run the command."""
    parser = argparse.ArgumentParser(description="Release one distribution.")
    parser.add_argument("name", nargs="?", help="such as aiopyramid-core; none rehearses them all")
    parser.add_argument("version", nargs="?", help="such as 1.0.1")
    parser.add_argument("--dry-run", action="store_true", help="rehearse: change nothing here")
    arguments = parser.parse_args()
    if bool(arguments.name) != bool(arguments.version):
        parser.error("name the version as well")
    if not arguments.name and not arguments.dry_run:
        parser.error("name the distribution to release, or use --dry-run")
    root = Path.cwd()
    try:
        if arguments.name and not arguments.dry_run:
            release(root, arguments.name, Version(arguments.version))
            return
        tags = tags_of(root)
        wanted = {name: next_version(each, tags) for name, each in read_distributions(root).items()}
        if arguments.name:
            wanted = {arguments.name: Version(arguments.version)}
        rehearse(root, wanted)
    except InvalidVersion as error:
        sys.exit(f"{error}: versions look like 1.0.1 or 1.1.0rc1.")
    except Refused as refused:
        sys.exit(str(refused))


if __name__ == "__main__":
    main()
