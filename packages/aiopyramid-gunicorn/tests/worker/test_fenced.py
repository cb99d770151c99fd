"""worker: what fails beside the requests does not end the worker, nor keep it from ending."""

import os
import signal

import pytest

FAILING = """
from aiopyramid_gunicorn.worker import AsyncGunicornWorker

class Worker(AsyncGunicornWorker):
    beats = 0

    def notify(self):
        self.beats += 1
        print("beat", self.beats, flush=True)
        if self.beats in (2, 3):
            raise OSError("no space left on device")
        super().notify()
"""


def test_the_heart_goes_on_beating_after_a_failure(gunicorn, tmp_path):
    (tmp_path / "failing.py").write_text(FAILING)
    server = gunicorn(
        "--timeout", "1", app="plain_app:app", worker="failing.Worker", PYTHONPATH=str(tmp_path)
    )
    server.said("^beat 12$")
    server.said("The heartbeat of .* has failed", times=2)
    server.said("OSError: no space left on device", times=2)
    assert "blocked" not in server.output
    assert server.output.count("Booting worker") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_a_hook_that_fails_does_not_keep_the_worker_from_its_end(gunicorn, tmp_path, number):
    (tmp_path / "conf.py").write_text("def worker_int(worker):\n    raise LookupError('a bug')\n")
    server = gunicorn("-c", str(tmp_path / "conf.py"), app="plain_app:app")
    worker = int(server.said(r"Booting worker with pid: (\d+)")[1])
    server.get("/")
    os.kill(worker, number)
    server.said("LookupError: a bug")
    server.said("Booting worker", times=2)


EXITING = """
import asyncio
import sys

from pyramid.config import Configurator
from pyramid.response import Response


async def exits(error):
    await asyncio.sleep(0)
    raise error


async def in_task(request):
    asyncio.create_task(exits(SystemExit("in a task")))
    await asyncio.sleep(0.1)
    return Response("goes on")


async def in_group(request):
    async with asyncio.TaskGroup() as group:
        group.create_task(exits(KeyboardInterrupt("in a group")))


async def in_callback(request):
    asyncio.get_running_loop().call_soon(sys.exit, "in a callback")
    await asyncio.sleep(0.1)
    return Response("goes on")


async def slow(request):
    await asyncio.sleep(1)
    return Response("slow")


def main():
    config = Configurator()
    config.include("aiopyramid_core")
    for view in (in_task, in_group, in_callback, slow):
        config.add_route(view.__name__, f"/{view.__name__}")
        config.add_view(view, route_name=view.__name__)
    return config.make_wsgi_app()
"""


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize(
    ("path", "answer", "said"),
    [
        ("/in_task", (200, "goes on"), "SystemExit: in a task"),
        ("/in_group", (500, "Internal Server Error\n"), "KeyboardInterrupt: in a group"),
        ("/in_callback", (200, "goes on"), "SystemExit: in a callback"),
    ],
)
def test_what_exits_beside_a_request_ends_no_other(gunicorn, tmp_path, loop, path, answer, said):
    (tmp_path / "exiting.py").write_text(EXITING)
    if loop == "asyncio":
        (tmp_path / "uvloop.py").write_text("raise ImportError('hidden by the test')")
    server = gunicorn(app="exiting:main()", PYTHONPATH=str(tmp_path))
    other = server.get_later("/slow")
    assert server.get(path) == answer
    assert other() == (200, "slow")
    server.said("was raised in a task or callback, and does not end the worker")
    server.said(said)
    assert server.get("/slow") == (200, "slow")
    assert server.output.count("Booting worker") == 1
    server.end()
    assert server.popen.returncode == 0
