"""The same code from scripts, through pyramid.paster and in pshell."""

import os
import subprocess
import sys

import pytest
from processes import LIB
from servers import write_ini


@pytest.fixture
def execute():
    """Run a command in a process of its own and return what it printed."""

    def execute(command, **options):
        finished = subprocess.run(
            [sys.executable, "-W", "ignore", *command],
            cwd=LIB,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **options,
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout, finished.stderr

    return execute


def test_a_script_calls_coroutines_with_run(execute):
    program = (
        "from aiopyramid_core import run\n"
        "from everything.reentry import ordinary_descend\n"
        "print(run(ordinary_descend, 20))"
    )
    assert execute(["-c", program])[0] == "20\n"


def test_a_script_that_runs_twice_stays_on_one_loop(execute):
    program = (
        "from aiopyramid_core import run\n"
        "from everything.directive import fetch_greeting\n"
        "print(*(run(fetch_greeting, 'x')['loop'][1] for _ in range(3)))"
    )
    assert execute(["-c", program])[0] == "0 0 0\n"


def test_a_script_without_run_is_told_what_to_do(execute):
    program = "from everything.reentry import refused\nprint(refused())"
    assert "aiopyramid_core.run(function, ...)" in execute(["-c", program])[0]


@pytest.fixture
def ini(tmp_path):
    return str(write_ini(tmp_path, "everything:direct"))


BOOTSTRAP = (
    "import sys\n"
    "from pyramid.paster import bootstrap\n"
    "with bootstrap(sys.argv[1]) as env:\n"
    "    request = env['request']\n"
)


def test_what_pyramid_calls_in_a_bootstrapped_script_may_be_a_coroutine(execute, ini):
    program = BOOTSTRAP + "    print(request.greet('ann'), request.place, env['root'].made_by)"
    assert execute(["-c", program, ini])[0] == "hi ann somewhere root factory\n"


def test_run_works_in_a_bootstrapped_script(execute, ini):
    program = BOOTSTRAP + (
        "    from aiopyramid_core import run\n"
        "    from everything.reentry import ordinary_descend\n"
        "    print(run(ordinary_descend, 3))"
    )
    assert execute(["-c", program, ini])[0] == "3\n"


def test_a_bootstrapped_script_may_invoke_views_by_subrequest(execute, ini):
    program = BOOTSTRAP + (
        "    from pyramid.request import Request\n"
        "    blank = Request.blank('/coroutine/class-attr')\n"
        "    print(env['app'].invoke_subrequest(blank, use_tweens=True).status)"
    )
    assert execute(["-c", program, ini])[0] == "200 OK\n"


def test_the_end_of_a_program_with_webtest_runs_the_shutdown_functions(execute):
    program = (
        "from webtest import TestApp\n"
        "import everything\n"
        "TestApp(everything.direct()).get('/started')"
    )
    lines = execute(["-c", program])[1].splitlines()
    assert lines == ["shutdown 1 0", "shutdown 2 0"]


@pytest.mark.parametrize("setup", ["set_up", "set_up_and_clean_up"])
def test_what_prepares_pshell_may_be_a_coroutine(execute, ini, tmp_path, setup):
    (tmp_path / "prepares_pshell.py").write_text(
        "import asyncio\n"
        "async def set_up(env):\n"
        "    await asyncio.sleep(0)\n"
        "    env['extra'] = 'prepared'\n"
        "def set_up_and_clean_up(env):\n"
        "    env['extra'] = 'prepared'\n"
        "    yield\n"
        "    print('cleaned up')\n"
    )
    command = ["-m", "pyramid.scripts.pshell", "--python-shell", "python", ini]
    command += ["--setup", f"prepares_pshell:{setup}"]
    path = {"env": os.environ | {"PYTHONPATH": str(tmp_path)}}
    output = execute(command, input="print('extra is', extra)\n", **path)[0]
    assert "extra is prepared" in output
    assert ("cleaned up" in output) is (setup == "set_up_and_clean_up")


def test_coroutines_may_be_called_in_pshell(execute, ini):
    lines = "print(request.greet('ann'))\nprint(request.identity)\nprint('the end')\n"
    command = ["-m", "pyramid.scripts.pshell", "--python-shell", "python", ini]
    output = execute(command, input=lines)[0]
    assert [line.removeprefix(">>> ") for line in output.splitlines()[-4:]][:3] == [
        "hi ann",
        "None",
        "the end",
    ]
