"""devpi-server: users at once, each with an index, who upload packages and download them again."""

import base64
import re
from typing import Any, Final
from urllib.parse import urljoin

import httpx

from .figures import Figure, http_client, in_parallel
from .scratch import Scratch
from .ways import Way, serving

REQUIREMENTS: Final = ("devpi-server~=6.0",)

_USERS: Final = 8
_PACKAGES: Final = 5
_PIP: Final = {"accept": "text/html", "user-agent": "pip/25.0"}


def users(scratch: Scratch, way: Way) -> Figure:
    """Eight users at once."""
    folder = scratch.fresh("devpi")
    initialize = "import sys; from devpi_server.init import init; sys.exit(init())"
    # Without a mirror of the package index, of which it would read the list of all packages.
    options = ("--serverdir", str(folder / "data"), "--no-root-pypi")
    scratch.run("-c", initialize, *options, folder=folder)
    application = f"devpi_site:application('{folder / 'data'}', '{way.includes}')"
    with serving(scratch, way, application) as served:
        figure = in_parallel(lambda number: _use(served.site, number), _USERS)
        remarks = (*figure.remarks, *served.complaints())
    return Figure(figure.right, figure.of, figure.seconds, remarks)


def _use(site: str, number: int) -> None:
    """Sign up, make an index, upload packages, and download them as pip does."""
    name, password = f"user{number}", "a password"
    with http_client(site, headers={"accept": "application/json"}) as user:
        _done(user.put(f"/{name}", json={"password": password}), 201)
        login = _done(user.post("/+login", json={"user": name, "password": password}), 200)
        ticket = f"{name}:{login.json()['result']['password']}"
        user.headers["X-Devpi-Auth"] = base64.b64encode(ticket.encode()).decode()
        _done(user.put(f"/{name}/dev", json={"bases": []}), 200)
        contents = {
            f"package{each}": f"{name} {each} ".encode() * 5000 for each in range(_PACKAGES)
        }
        for package, content in contents.items():
            data = {":action": "file_upload", "name": package, "version": "1.0"}
            files = {"content": (f"{package}-1.0.tar.gz", content)}
            _done(user.post(f"/{name}/dev/", data=data, files=files), 200)
        for package, content in contents.items():
            page = f"{site}/{name}/dev/+simple/{package}/"
            links = re.findall(r'href="([^"]+)"', _done(user.get(page, headers=_PIP), 200).text)
            assert len(links) == 1, f"{package} has the links {links}"
            downloaded = _done(user.get(urljoin(page, links[0]), headers=_PIP), 200).content
            assert downloaded == content, f"{package} is not what was uploaded"


def _done(answer: httpx.Response, status: int) -> Any:
    request = answer.request
    assert answer.status_code == status, (
        f"{request.method} {request.url.path}: {answer.status_code} {answer.text[:200]}"
    )
    return answer
