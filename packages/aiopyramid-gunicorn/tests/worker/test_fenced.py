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
