"""tools/compiled_cache.py: where compiled code is kept, and what is said without a compiler."""

import pytest

import compiled_cache
from build_fast import fast_folder
from build_uwsgi import uwsgi_binary


@pytest.mark.parametrize("build", [fast_folder, uwsgi_binary])
def test_without_a_compiler_it_says_so(build, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CC", "no-such-compiler -O2")
    with pytest.raises(compiled_cache.CannotBuild, match=r"no C compiler \(no-such-compiler"):
        build()
    assert [path.suffix for path in (tmp_path / "aiopyramid").iterdir()] == [".lock"]


def test_the_cache_is_in_the_home_folder_unless_the_environment_says_where(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert compiled_cache.folder_in_cache("x") == tmp_path / ".cache/aiopyramid/x"
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert str(compiled_cache.folder_in_cache("x")) == "/elsewhere/aiopyramid/x"
