"""tools/build_uwsgi.py: where the binary is kept, and what it says when there can be none."""

import pytest

import build_uwsgi


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "aiopyramid"


def test_a_build_that_fails_shows_the_output_and_leaves_nothing_behind(monkeypatch, cache):
    monkeypatch.setattr(build_uwsgi, "REQUIREMENT", "uwsgi==2.0.31 --hash=nonsense")
    with pytest.raises(build_uwsgi.CannotBuild, match="nonsense"):
        build_uwsgi.uwsgi_binary()
    assert [path.suffix for path in cache.iterdir()] == [".lock"]


def test_what_is_there_is_not_built_again(monkeypatch):
    monkeypatch.setattr(build_uwsgi, "_build", lambda folder: (folder / "bin").mkdir(parents=True))
    binary = build_uwsgi.uwsgi_binary()
    binary.touch()
    monkeypatch.setattr(build_uwsgi, "_build", None)
    assert build_uwsgi.uwsgi_binary() == binary


def test_each_version_of_greenlet_has_a_binary_of_its_own(monkeypatch):
    folders = []
    monkeypatch.setattr(build_uwsgi, "_build", folders.append)
    for version in ("3.1", "3.2"):
        monkeypatch.setattr(build_uwsgi.importlib.metadata, "version", lambda _, v=version: v)
        build_uwsgi.uwsgi_binary()
    assert folders[0] != folders[1]
