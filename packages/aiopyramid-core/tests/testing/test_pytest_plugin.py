"""pytest_plugin: tests of applications, run by pytest as a user runs it."""

import re
import sys
from dataclasses import replace
from pathlib import Path

from aiopyramid_core.testing import SERVERS, is_installed
from aiopyramid_core.testing._servers import KINDS

pytest_plugins = ["pytester"]

APPLICATION = """
from pyramid.config import Configurator
from pyramid.response import Response

async def hello(request):
    print("asked", flush=True)
    return Response("Hello")

def main(global_config, **settings):
    with Configurator(settings=settings) as config:
        config.include("aiopyramid_core")
        config.add_view(hello)
        return config.make_wsgi_app()
"""


# --- The marker -----------------------------------------------------------------------------------


def test_a_marked_synchronous_test_may_call_synchronized_coroutines(outcomes):
    module = """
    @pytest.mark.in_bridge
    @pytest.mark.parametrize("number", [1, 2])
    def test_marked(number, tmp_path):
        assert doubled(number) == 2 * number

    def test_unmarked():
        with pytest.raises(RuntimeError):
            doubled(1)
    """
    outcomes(module, passed=3)


def test_a_marked_coroutine_test_is_awaited(outcomes):
    module = """
    pytestmark = pytest.mark.in_bridge

    async def test_passes():
        assert await asyncio.sleep(0, 42) == 42
        assert doubled(21) == 42

    async def test_fails():
        await asyncio.sleep(0)
        assert False

    class TestClass:
        async def test_method(self):
            assert doubled(1) == 2
    """
    outcomes(module, passed=2, failed=1)


def test_skip_and_xfail_work_in_the_bridge(outcomes):
    module = """
    pytestmark = pytest.mark.in_bridge

    def test_skipped():
        pytest.skip("not today")

    @pytest.mark.xfail(strict=True)
    async def test_expected():
        assert doubled(1) == 3
    """
    outcomes(module, skipped=1, xfailed=1)


def test_a_fixture_may_use_the_loop_of_the_test(outcomes):
    module = """
    @pytest.fixture
    def lock(bridge):
        async def make():
            asyncio.get_running_loop().mine = True
        bridge.run(make)
        yield
        bridge.run(make)

    @pytest.mark.in_bridge
    async def test_loop(lock):
        assert asyncio.get_running_loop().mine
    """
    outcomes(module, passed=1)


def test_the_marker_is_declared(outcomes):
    outcomes("pytestmark = pytest.mark.in_bridge\ndef test(): pass", "--strict-markers", passed=1)


# --- Servers and the client -----------------------------------------------------------------------


def test_an_application_is_served_by_each_server_that_is_installed(outcomes, pytester):
    pytester.makepyfile(myapp=APPLICATION)
    module = """
    from urllib.request import urlopen

    def test_hello(serve, each_server):
        site = serve("myapp:main", each_server)
        assert site.server == each_server
        with urlopen(site.url) as response:
            assert response.read() == b"Hello"
    """
    installed = sum(map(is_installed, SERVERS))
    outcomes(module, passed=installed, skipped=len(SERVERS) - installed)


def test_a_server_that_is_not_installed_is_skipped_with_the_reason(outcomes, monkeypatch):
    nowhere = {server: replace(kind, needs="nowhere") for server, kind in KINDS.items()}
    monkeypatch.setattr("aiopyramid_core.testing._servers.KINDS", nowhere)
    result = outcomes("def test(each_server): pass", "-rs", skipped=len(SERVERS))
    result.stdout.fnmatch_lines(["*waitress cannot be used: nowhere is not installed*"])


def test_the_server_s_output_is_shown_when_a_test_fails(outcomes, pytester):
    pytester.makepyfile(myapp=APPLICATION)
    module = """
    from urllib.request import urlopen

    def test_hello(serve):
        urlopen(serve("myapp:main").url).close()
        assert False
    """
    result = outcomes(module, failed=1)
    result.stdout.fnmatch_lines(["--- threads at http://127.0.0.1:*", "*asked"])


def test_the_client_talks_to_the_server_from_the_loop_of_the_test(outcomes, pytester):
    pytester.makepyfile(myapp=APPLICATION)
    module = """
    @pytest.mark.in_bridge
    async def test_hello(serve, async_client):
        site = serve("myapp:main")
        async with async_client.get(site.url) as response:
            assert await response.text() == "Hello"
    """
    outcomes(module, passed=1)


def test_without_aiohttp_the_client_says_what_to_install(outcomes, monkeypatch):
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    result = outcomes("def test(async_client): pass", errors=1)
    result.stdout.fnmatch_lines(["*install aiopyramid-core[[]testing[]]*"])


# --- The documentation ----------------------------------------------------------------------------

DOCUMENTED = """
from pyramid.config import Configurator
from pyramid.response import Response

def main(global_config, **settings):
    with Configurator(settings=settings) as config:
        config.include("aiopyramid_core")
        config.add_view(lambda request: Response(request.registry.settings["greeting"]))
        return config.make_wsgi_app()
"""


def test_the_examples_of_the_readme_pass(outcomes, pytester):
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    section = readme.partition("## Testing")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```python\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    pytester.makepyfile(myapp=DOCUMENTED)

    installed = sum(map(is_installed, SERVERS))
    outcomes("\n".join(blocks), passed=2 + installed, skipped=len(SERVERS) - installed)
