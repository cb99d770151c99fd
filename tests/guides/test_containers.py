"""docs/guides/containers.md: it is followed, and its objects fit the application and each other."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from container_image import instructions
from docker_stand_in import Docker
from document_code import code_blocks
from gunicorn.config import Config
from reader import Reader, free_port
from system_programs import ProgramMissingError

from aiopyramid_gunicorn.worker import AsyncGunicornWorker

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs/guides/containers.md"
TEXT = GUIDE.read_text(encoding="utf-8")


def file_of(name: str, language: str) -> str:
    (found,) = [code for code in code_blocks(TEXT, language) if code.startswith(f"# {name}\n")]
    return found


GUNICORN: dict[str, Any] = {}
exec(file_of("gunicorn.conf.py", "python"), GUNICORN)
DOCKERFILE = instructions(file_of("Dockerfile", "dockerfile"))
COMPOSE = yaml.safe_load(file_of("compose.yaml", "yaml"))["services"]
OBJECTS = {each["kind"]: each for each in yaml.safe_load_all(file_of("kubernetes.yaml", "yaml"))}
(RULE,) = yaml.safe_load(file_of("prometheus-adapter.yaml", "yaml"))["rules"]["custom"]

POD = OBJECTS["Deployment"]["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]
PROBES = [CONTAINER[f"{name}Probe"] for name in ("startup", "liveness", "readiness")]
PORT = GUNICORN["bind"].rpartition(":")[2]


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


@pytest.mark.skipif(shutil.which("curl") is None, reason="readers use curl: install it")
def test_a_reader_who_does_what_it_says_sees_what_it_says(tmp_path: Path) -> None:
    port, front = free_port(), free_port()
    stands_for = {
        "0.0.0.0:8000": f"127.0.0.1:{port}",
        "app:8000": f"127.0.0.1:{port}",
        "127.0.0.1:8000": f"127.0.0.1:{port}",
        "listen 80;": f"listen 127.0.0.1:{front};",
        "8080": front,
    }
    with Docker() as docker:
        nothing: Callable[[Reader, str], str] = lambda reader, arguments: ""  # noqa: E731
        stand_ins = {"docker": docker.do, "kubectl": nothing}
        with Reader(tmp_path, stands_for, stand_ins) as reader:
            try:
                reader.follow(GUIDE)
            except ProgramMissingError as missing:
                pytest.skip(str(missing))
        assert docker.app is not None
        assert docker.app.end() < GUNICORN["graceful_timeout"]
        assert docker.app.popen.returncode == 0, docker.app.output


def test_the_port_is_the_same_everywhere() -> None:
    (exposed,) = [rest for name, rest in DOCKERFILE if name == "EXPOSE"]
    (checked,) = [rest for name, rest in DOCKERFILE if name == "HEALTHCHECK"]
    upstream = re.findall(r"server app:(\d+);", file_of("nginx.conf", "nginx"))
    (port,) = CONTAINER["ports"]
    scraped = POD["metadata"]["annotations"]["prometheus.io/port"]
    assert {exposed, str(port["containerPort"]), scraped, *upstream} == {PORT}
    assert f"http://127.0.0.1:{PORT}/" in checked
    (service,) = OBJECTS["Service"]["spec"]["ports"]
    assert {service["targetPort"]} | {each["httpGet"]["port"] for each in PROBES} == {port["name"]}


def test_the_container_starts_gunicorn_without_a_shell_and_as_a_user_with_a_number() -> None:
    said = dict(DOCKERFILE)
    assert json.loads(said["CMD"])[0] == "gunicorn"
    assert said["USER"].isdecimal()
    assert CONTAINER["securityContext"]["runAsNonRoot"]


def test_both_platforms_wait_longer_than_gunicorn() -> None:
    assert seconds(COMPOSE["app"]["stop_grace_period"]) > GUNICORN["graceful_timeout"]
    pause = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]
    granted = POD["spec"]["terminationGracePeriodSeconds"]
    assert granted > pause + GUNICORN["graceful_timeout"]
    table = re.findall(r"^\| (\d+)(?: to (\d+))? \|", TEXT, re.MULTILINE)
    ends = (str(pause), str(pause + GUNICORN["graceful_timeout"]))
    assert table == [("0", ""), (str(pause), ""), ends, (str(granted), "")]


def test_a_blocked_worker_is_replaced_before_its_pod() -> None:
    live = CONTAINER["livenessProbe"]
    assert live["periodSeconds"] * live["failureThreshold"] > Config().timeout == 30
    assert "timeout" not in GUNICORN


def test_a_pod_may_take_as_long_to_start_as_the_comment_says() -> None:
    startup = CONTAINER["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] == 60
    assert "may take: 60 seconds" in TEXT


def test_the_probes_ask_the_health_views() -> None:
    paths = [each["httpGet"]["path"] for each in PROBES]
    assert paths == ["/health/live", "/health/live", "/health/ready"]


def test_all_objects_select_the_pods_of_the_deployment() -> None:
    labels = POD["metadata"]["labels"]
    assert OBJECTS["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert OBJECTS["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert OBJECTS["Service"]["spec"]["selector"] == labels
    scaled = OBJECTS["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert scaled["name"] == OBJECTS["Deployment"]["metadata"]["name"]
    assert scaled["kind"] == "Deployment"


def test_the_application_gets_the_variables_that_it_reads() -> None:
    read = set(re.findall(r'os\.environ\["(\w+)"\]', file_of("shop/__init__.py", "python")))
    assert read == {"DATABASE_URL", "REDIS_URL"}
    assert read <= COMPOSE["app"]["environment"].keys()
    (secret,) = re.findall(r"^kubectl create secret generic (.*)$", TEXT, re.MULTILINE)
    assert set(re.findall(r"--from-literal=(\w+)=", secret)) == read
    assert CONTAINER["envFrom"] == [{"secretRef": {"name": secret.partition(" ")[0]}}]


def test_bodies_have_a_place_where_everything_else_is_read_only() -> None:
    assert COMPOSE["app"]["read_only"]
    assert COMPOSE["app"]["tmpfs"] == "/tmp"
    assert CONTAINER["securityContext"]["readOnlyRootFilesystem"]
    (mounted,) = CONTAINER["volumeMounts"]
    (volume,) = POD["spec"]["volumes"]
    assert (mounted["name"], mounted["mountPath"]) == (volume["name"], "/tmp")
    assert volume["emptyDir"] == {"sizeLimit": "2Gi"}
    assert AsyncGunicornWorker.body_limit_bytes == 1 << 30  # two of them fill it


def test_the_autoscaler_asks_for_what_the_adapter_makes_of_a_metric_that_there_is() -> None:
    (asked,) = [
        each["pods"]["metric"]["name"]
        for each in OBJECTS["HorizontalPodAutoscaler"]["spec"]["metrics"]
        if each["type"] == "Pods"
    ]
    assert RULE["name"]["as"] == asked
    named = set(re.findall(r"aiopyramid_(\w+?)(?:_sum|_count)?[{`]", TEXT))
    readme = (ROOT / "packages/aiopyramid-metrics/README.md").read_text(encoding="utf-8")
    metrics = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", readme, re.MULTILINE))
    assert named == {"loop_lag_seconds", "loop_blocked_seconds_total", "requests_queued"}
    assert named <= metrics.keys()
    assert metrics["loop_lag_seconds"] == "histogram"  # so it has a sum and a count
