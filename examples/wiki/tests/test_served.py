"""The example as its README starts it: by pserve, from development.ini, but on a free port."""

import asyncio
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from document_code import code_blocks
from server_process import ServerProcess

FOLDER = Path(__file__).parent.parent
README = (FOLDER / "README.md").read_text()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    ini = tmp_path / "development.ini"
    ini.write_text(
        (FOLDER / "development.ini").read_text().replace("127.0.0.1:6545", "127.0.0.1:0")
    )
    server = ServerProcess("pserve", ["pyramid.scripts.pserve", str(ini)], {})
    yield server
    server.close()


def test_the_readme_shows_lines_of_development_ini() -> None:
    (shown,) = code_blocks(README, "ini")
    assert set(shown.splitlines()) <= set((FOLDER / "development.ini").read_text().splitlines())


def test_the_commands_of_the_readme_work(server: ServerProcess, tmp_path: Path) -> None:
    (commands,) = code_blocks(README, "sh")
    start, *others = commands.splitlines()
    assert start == "pserve development.ini"  # as the fixture has done
    for command in others:
        command = command.replace("http://127.0.0.1:6545", server.site)
        done = subprocess.run(
            ["sh", "-c", f"{command} --silent --fail --noproxy '*'"],
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"]},
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "wiki.sqlite").exists()


def test_many_editors_lose_no_page(server: ServerProcess) -> None:
    async def main() -> None:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(server.site, cookie_jar=jar) as session:
            session.cookie_jar.update_cookies({"user": "editor"})

            async def edit(number: int) -> int:
                path, body = f"/PageNumber{number}/edit", {"body": f"number {number}"}
                async with session.post(path, data=body, allow_redirects=False) as response:
                    return response.status

            statuses = await asyncio.gather(*map(edit, range(40)))
            async with session.get("/FrontPage") as response:
                names = set(re.findall(r"PageNumber\d+", await response.text()))
        assert set(statuses) == {303}
        assert len(names) == 40

    asyncio.run(main())
    server.end()
    assert "Traceback" not in server.output
