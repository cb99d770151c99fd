"""_monkey_patching: gevent and eventlet in the process, the real ones."""

import subprocess
import sys

import pytest

PATCHES = {
    "gevent": "from gevent.monkey import patch_all; patch_all()",
    "eventlet": "from eventlet import monkey_patch; monkey_patch()",
}
IMPORT = "from pyramid.config import Configurator"
INCLUDE = "Configurator().include('aiopyramid_core')"
NAME = "from aiopyramid_core.servers import monkey_patched_by; print(monkey_patched_by())"


def execute(*lines):
    """Run a program in a process of its own, which it may patch."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "\n".join(lines)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", PATCHES)
@pytest.mark.parametrize("is_early", [True, False])
def test_the_include_is_refused_where_threads_were_replaced(name, is_early):
    before = [PATCHES[name], IMPORT] if is_early else [IMPORT, PATCHES[name]]
    ended = execute(*before, INCLUDE)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].endswith(
        f"ConfigurationError: {name} has replaced the threads of this process (monkey patching),"
        f" and asyncio needs real ones. Take {name}'s monkey patching out of the application, and"
        f" serve it by a server or a worker other than {name}'s; or do not include aiopyramid_core."
    )


@pytest.mark.parametrize("name", PATCHES)
def test_servers_can_ask_what_has_replaced_the_threads(name):
    assert execute(PATCHES[name], NAME).stdout == f"{name}\n"


@pytest.mark.parametrize("module", ["gevent.monkey", "eventlet"])
def test_a_library_that_has_patched_nothing_is_not_a_reason(module):
    ended = execute(f"import {module}", IMPORT, INCLUDE, NAME)
    assert (ended.stdout, ended.returncode) == ("None\n", 0), ended.stderr
