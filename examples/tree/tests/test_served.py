"""The example as its README starts it: by pserve, from development.ini, but on a free port."""

from collections.abc import Iterator
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest
from server_process import ServerProcess

INI = Path(__file__).parent.parent / "development.ini"

# Straight to this machine, whatever proxy the environment names.
open_url = build_opener(ProxyHandler({})).open


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    ini = tmp_path / "development.ini"
    ini.write_text(INI.read_text().replace("127.0.0.1:6544", "127.0.0.1:0"))
    server = ServerProcess("pserve", ["pyramid.scripts.pserve", str(ini)], {})
    yield server
    server.close()


def test_it_serves_pages_from_the_database_that_it_makes(
    server: ServerProcess, tmp_path: Path
) -> None:
    for _ in range(2):
        with open_url(f"{server.site}/garden/roses", timeout=20) as response:
            assert "They need sun." in response.read().decode()

    assert (tmp_path / "tree.sqlite").exists()
    server.end()
    assert server.popen.returncode == 0, server.output
