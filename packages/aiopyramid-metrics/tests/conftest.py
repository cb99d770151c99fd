"""Coroutine tests run on both kinds of event loop; a site with everything that is measured."""

import socket
import urllib.error
import urllib.request
from pathlib import Path

import coroutine_tests
import pytest
from prometheus_client.parser import text_string_to_metric_families
from server_process import ServerProcess

pytest_pyfunc_call = coroutine_tests.pytest_pyfunc_call
loop_factory = coroutine_tests.loop_factory

HERE = Path(__file__).parent
SETTINGS = """\
from aiopyramid_metrics.gunicorn import child_exit, on_starting
"""


class Site(ServerProcess):
    def __init__(self, folder, statsd):
        (folder / "gunicorn.conf.py").write_text(SETTINGS)
        (folder / "metrics").mkdir()
        (folder / "metrics/gauge_livesum_1.db").write_bytes(b"of an earlier server")
        command = ["gunicorn", "measured_app:main()", "--chdir", str(HERE), "--workers", "2"]
        command += ["--bind", "127.0.0.1:0", "--no-control-socket", "--graceful-timeout", "5"]
        command += ["--worker-class", "aiopyramid_gunicorn.worker.AsyncGunicornWorker"]
        command += ["--config", str(folder / "gunicorn.conf.py"), "--statsd-host", statsd]
        self.folder = folder / "metrics"
        environment = {"PROMETHEUS_MULTIPROC_DIR": str(self.folder)}
        super().__init__("gunicorn", command, environment)
        self.said("Booting worker", times=2)

    def get(self, path, **fields):
        request = urllib.request.Request(self.site + path, headers=fields)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.read().decode()

    def metrics(self):
        return {
            (sample.name.removeprefix("aiopyramid_"), *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.get("/metrics"))
            for sample in family.samples
        }

    def number(self, name, **labels):
        """Return the sum of the samples with some labels."""
        return sum(
            value
            for (found, *pairs), value in self.metrics().items()
            if found == name and labels.items() <= dict(pairs).items()
        )


@pytest.fixture(scope="module")
def statsd():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(30)
        yield listener


@pytest.fixture(scope="module")
def site(tmp_path_factory, statsd):
    address = f"127.0.0.1:{statsd.getsockname()[1]}"
    site = Site(tmp_path_factory.mktemp("site"), address)
    yield site
    site.close()
