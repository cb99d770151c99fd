"""The requirements of a package index and of users for the files of a distribution."""

import re
import tarfile
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from typing import Final

from trove_classifiers import classifiers as known_classifiers

from distributions import Built

__all__ = ("faults_of_archive", "faults_of_wheel")

TESTS: Final = re.compile(r"(^|/)(tests?/|conftest\.py$|test_\w+\.py$)")
TEMPLATE: Final = re.compile(r"/\{\{.+\}\}/")
"""A path in a template for projects, whose tests belong in the wheel."""

LONGEST_SUMMARY: Final = 512
"""Characters, which is the limit of the index."""


def faults_of_wheel(built: Built, *, is_typed: bool = True) -> Iterator[str]:
    """Yield the faults of a wheel.

    Args:
        built: The wheel.
        is_typed: Whether it must say that its package has types (PEP 561).
    """
    package = built.distribution.package
    info = f"{package}-{built.distribution.version}.dist-info"
    with zipfile.ZipFile(built.wheel) as wheel:
        held = set(wheel.namelist())
        metadata = message_from_bytes(wheel.read(f"{info}/METADATA"))
    wanted = {f"{package}/__init__.py", f"{info}/licenses/LICENSE"}
    if is_typed:
        wanted.add(f"{package}/py.typed")
    yield from (f"the wheel lacks {name}" for name in sorted(wanted - held))
    for name in sorted(held):
        is_test = TESTS.search(name) and not TEMPLATE.search(name)
        if name.partition("/")[0] not in {package, info} or is_test:
            yield f"the wheel contains {name}, which should not be installed"
    yield from _faults_of_metadata(metadata, built)


def _faults_of_metadata(metadata: Message, built: Built) -> Iterator[str]:
    for field in ("License-Expression", "Requires-Python", "Keywords", "Summary"):
        if not metadata[field]:
            yield f"its metadata has no {field}"
    named = metadata["Name"], metadata["Version"]
    if named != (built.distribution.name, str(built.distribution.version)):
        yield f"its metadata names {' '.join(named)}"
    if built.distribution.version.local:
        yield f"its version has a local part, {built.distribution.version.local}"
    if len(metadata["Summary"] or "") > LONGEST_SUMMARY:
        yield f"its summary is longer than {LONGEST_SUMMARY} characters"
    if metadata["Description-Content-Type"] != "text/markdown":
        yield f"its README is said to be {metadata['Description-Content-Type']}, not Markdown"
    for classifier in metadata.get_all("Classifier", ()):
        if classifier.startswith("Private ::"):
            yield "it is classified as private"
        elif classifier not in known_classifiers:
            yield f"there is no classifier {classifier!r}"
    for needed in metadata.get_all("Requires-Dist", ()):
        if "@" in needed:
            yield f"it requires {needed}, but an index accepts names and versions only"


def faults_of_archive(built: Built) -> Iterator[str]:
    """Yield the faults of a source archive."""
    stem = f"{built.distribution.package}-{built.distribution.version}"
    with tarfile.open(built.archive) as archive, zipfile.ZipFile(built.wheel) as wheel:
        held = {member.partition("/")[2] for member in archive.getnames()}
        said = archive.extractfile(f"{stem}/PKG-INFO")
        if said is None or said.read() != wheel.read(f"{stem}.dist-info/METADATA"):
            yield "the metadata of the source archive and of the wheel differ"
    for name in ("CHANGES.md", "LICENSE", "README.md", "pyproject.toml"):
        if name not in held:
            yield f"the source archive lacks {name}"
    if not any(name.startswith("tests/") for name in held):
        yield "the source archive lacks the tests"
