"""index_checks: on files that are written here, not built."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.version import Version

from distributions import Built, Distribution
from index_checks import faults_of_archive, faults_of_wheel

METADATA = """\
Metadata-Version: 2.4
Name: thing
Version: 1.0
Summary: A thing
License-Expression: MIT
Keywords: thing
Classifier: Typing :: Typed
Requires-Python: >=3.11
Requires-Dist: pyramid>=2.1
Description-Content-Type: text/markdown

# A thing
"""
WHEEL = ("thing/__init__.py", "thing/py.typed", "thing-1.0.dist-info/licenses/LICENSE")
ARCHIVE = ("CHANGES.md", "LICENSE", "README.md", "pyproject.toml", "tests/test_thing.py")


def built(
    folder: Path, *, metadata: str = METADATA, said: str = METADATA, version: str = "1.0"
) -> Built:
    """Write a wheel and a source archive with this metadata."""
    distribution = Distribution("thing", Version(version), folder, ".", ())
    files = Built(distribution, folder / "thing.whl", folder / "thing.tar.gz")
    with zipfile.ZipFile(files.wheel, "w") as wheel:
        for name in WHEEL:
            wheel.writestr(name.replace("1.0", version), "")
        wheel.writestr(f"thing-{version}.dist-info/METADATA", metadata)
    with tarfile.open(files.archive, "w:gz") as archive:
        for name, text in [*((name, "") for name in ARCHIVE), ("PKG-INFO", said)]:
            member = tarfile.TarInfo(f"thing-{version}/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return files


def test_files_as_they_should_be_have_no_faults(tmp_path: Path) -> None:
    files = built(tmp_path)

    assert [*faults_of_wheel(files), *faults_of_archive(files)] == []


@pytest.mark.parametrize(
    ("line", "replacement", "fault"),
    [
        ("Summary: A thing\n", "", "its metadata has no Summary"),
        ("License-Expression: MIT\n", "", "its metadata has no License-Expression"),
        ("Summary: A", f"Summary: {'A' * 512}", "its summary is longer than 512 characters"),
        ("Name: thing", "Name: thong", "its metadata names thong 1.0"),
        ("text/markdown", "text/plain", "its README is said to be text/plain, not Markdown"),
        ("Typing :: Typed", "Private :: Do Not Upload", "it is classified as private"),
        ("Typing :: Typed", "Typing :: Tpyed", "there is no classifier 'Typing :: Tpyed'"),
        (
            "pyramid>=2.1",
            "pyramid @ file:///pyramid.whl",
            "it requires pyramid @ file:///pyramid.whl, but an index accepts names and versions"
            " only",
        ),
    ],
)
def test_metadata_that_an_index_refuses(
    tmp_path: Path, line: str, replacement: str, fault: str
) -> None:
    assert METADATA.count(line) == 1

    files = built(tmp_path, metadata=METADATA.replace(line, replacement))

    assert [*faults_of_wheel(files)] == [fault]


def test_a_version_that_an_index_refuses(tmp_path: Path) -> None:
    metadata = METADATA.replace("Version: 1.0", "Version: 1.0+local")

    files = built(tmp_path, metadata=metadata, version="1.0+local")

    assert [*faults_of_wheel(files)] == ["its version has a local part, local"]


def test_metadata_that_differs_between_wheel_and_archive(tmp_path: Path) -> None:
    files = built(tmp_path, said=METADATA.replace("2.1", "2.2"))

    assert [*faults_of_archive(files)] == [
        "the metadata of the source archive and of the wheel differ"
    ]
