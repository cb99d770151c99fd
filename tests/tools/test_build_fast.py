"""tools/build_fast.py: where the compiled form is kept, and what it says when there can be none."""

import pytest

import build_fast


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "aiopyramid"


def test_a_build_that_fails_shows_the_output_and_leaves_nothing_behind(
    monkeypatch, cache, tmp_path
):
    package = tmp_path / "package"
    package.mkdir()
    (package / "pyproject.toml").write_text("nonsense")
    monkeypatch.setattr(build_fast, "PACKAGE", package)
    with pytest.raises(build_fast.CannotBuild, match="TOMLDecodeError"):
        build_fast.fast_folder()
    assert [path.suffix for path in cache.iterdir()] == [".lock"]


def test_each_state_of_the_sources_has_a_folder_of_its_own(monkeypatch, tmp_path):
    folders = []
    monkeypatch.setattr(build_fast, "_build", folders.append)
    monkeypatch.setattr(build_fast, "PACKAGE", tmp_path)
    for text in ("one", "two"):
        (tmp_path / "pyproject.toml").write_text(text)
        build_fast.fast_folder()
    assert folders[0] != folders[1]
