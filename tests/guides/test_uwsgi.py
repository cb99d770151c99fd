"""docs/guides/uwsgi.md: its build, which the reader does not do, and what it says of proxies."""

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from uwsgi_command import UWSGIProcess, uwsgi_command

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/guides/uwsgi.md").read_text(encoding="utf-8")
README = (ROOT / "packages/aiopyramid-uwsgi/README.md").read_text(encoding="utf-8")

APPLICATION = """
def application(environ, start_response):
    start_response("200 OK", [])
    return [environ["wsgi.url_scheme"].encode()]
"""

get = build_opener(ProxyHandler({})).open


def environment_that_builds(commands: str) -> dict[str, str]:
    """Return what the commands that come before pip set, with a pip that only tells."""
    script = f'pip() {{ printenv UWSGI_PROFILE CFLAGS; echo "$@"; }}\n{commands}'
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-ec", script], capture_output=True, text=True, check=True, env={"PATH": path}
    )
    return dict(zip(["UWSGI_PROFILE", "CFLAGS", "pip"], done.stdout.splitlines(), strict=True))


def test_the_commands_that_build_it_do_what_those_of_the_readme_do() -> None:
    (of_guide,) = re.findall(r"^export UWSGI_(?:.*\n)*?pip install .*uwsgi$", GUIDE, re.MULTILINE)
    (of_readme,) = re.findall(r"^    UWSGI_PROFILE=(?:.*\n)*?.*pip install .* uwsgi$", README, re.M)
    built = environment_that_builds(of_guide)
    assert built == environment_that_builds(of_readme)


def test_they_find_the_header_of_greenlet() -> None:
    (of_guide,) = re.findall(r"^export UWSGI_(?:.*\n)*?pip install .*uwsgi$", GUIDE, re.MULTILINE)
    built = environment_that_builds(of_guide)
    assert Path(built["CFLAGS"].removeprefix("-I"), "greenlet", "greenlet.h").is_file()
    assert built["UWSGI_PROFILE"] == "asyncio"


@pytest.mark.parametrize("header", [{"X-Forwarded-Proto": "https"}, {"X-Forwarded-Ssl": "on"}])
def test_uwsgi_believes_everybody_who_says_that_the_client_uses_https(
    header: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "scheme.py").write_text(APPLICATION)
    command = uwsgi_command("--module", "scheme", "--pythonpath", str(tmp_path))
    uwsgi = UWSGIProcess(command, {})
    try:
        with get(uwsgi.site) as response:
            assert response.read() == b"http"
        with get(Request(uwsgi.site, headers=header)) as response:
            assert response.read() == b"https"
    finally:
        uwsgi.close()
