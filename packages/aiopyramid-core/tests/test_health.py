"""_health: probes are answered whatever the application is waiting for."""

import asyncio
import threading

import pytest
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationError
from pyramid.response import Response
from webob import Request

from aiopyramid_core import spawn_greenlet
from aiopyramid_core._threads.of_process import request_threads
from aiopyramid_core.lifespan import lifespan_of
from aiopyramid_core.servers import announce_stop, health_probes

PATIENCE_SECONDS = 20


def build(configure=lambda config: None, settings=None, **options):
    config = Configurator(settings=settings)
    config.include("aiopyramid_core")
    config.add_health_view(**options)
    configure(config)
    return config.make_wsgi_app()


@pytest.fixture(params=["loop", "threads"])
def get(request, run):
    """Get a path as on a server with a loop, and as on one with threads."""

    def get(app, path, method="GET"):
        sent = Request.blank(path, method=method)
        if request.param == "threads":
            return sent.get_response(app)
        return run(lambda: spawn_greenlet(sent.get_response, app))

    return get


async def passes(registry):
    await asyncio.sleep(0)


def fails(registry):
    raise ConnectionError("the database is away")


async def takes_forever(registry):
    await asyncio.get_running_loop().create_future()


# --- What is answered -----------------------------------------------------------------------------


def test_a_process_that_answers_is_alive(get):
    response = get(build(), "/health/live")
    assert (response.status_int, response.json) == (200, {"status": "alive"})
    assert response.headers["Cache-Control"] == "no-store"


def test_without_checks_an_application_that_has_started_is_ready(get):
    response = get(build(), "/health/ready")
    assert (response.status_int, response.json) == (200, {"status": "ready", "checks": {}})


@pytest.mark.parametrize(
    ("check", "status", "outcome"),
    [(passes, 200, "ok"), (fails, 503, "failed"), (takes_forever, 503, "timed out")],
)
def test_it_is_ready_when_its_checks_pass(get, check, status, outcome):
    app = build(checks={"database": check, "other": passes}, timeout_seconds=0.1)
    response = get(app, "/health/ready")
    assert response.status_int == status
    assert response.json["checks"] == {"database": outcome, "other": "ok"}
    assert get(app, "/health/live").status_int == 200


def test_what_is_wrong_is_for_the_log_only(get, caplog):
    response = get(build(checks={"database": fails}), "/health/ready")
    assert "away" not in response.text
    assert "Not ready: the check database has failed" in caplog.text
    assert "the database is away" in caplog.text


def test_a_check_may_be_a_timeout_of_its_own(get):
    def gives_up(registry):
        raise TimeoutError("no answer")

    response = get(build(checks={"database": gives_up}), "/health/ready")
    assert response.json["checks"] == {"database": "failed"}


def test_an_application_whose_startup_fails_is_not_ready(get):
    def connect(registry):
        raise ConnectionError("no database")

    response = get(build(lambda config: config.add_startup(connect)), "/health/ready")
    assert (response.status_int, response.json) == (503, {"status": "not started"})


def test_a_head_request_has_the_status_alone(get):
    response = get(build(), "/health/ready", method="HEAD")
    assert (response.status_int, response.body) == (200, b"")


def test_other_methods_and_paths_are_the_applications(get):
    app = build(lambda config: config.add_view(lambda request: Response("own"), name="health"))
    assert get(app, "/health/live", method="POST").text == "own"
    assert get(app, "/health").text == "own"


def test_a_server_can_tell_probes_from_other_requests():
    is_probe = health_probes(build())
    assert is_probe(Request.blank("/health/live").environ)
    assert is_probe(Request.blank("/health/ready", method="HEAD").environ)
    assert not is_probe(Request.blank("/health/live", method="POST").environ)
    assert not is_probe(Request.blank("/health").environ)


def test_without_health_views_or_within_middleware_no_request_is_known_as_a_probe():
    config = Configurator()
    config.include("aiopyramid_core")
    assert health_probes(config.make_wsgi_app()) is None
    application = build()
    assert health_probes(lambda *args: application(*args)) is None
    assert health_probes(Configurator().make_wsgi_app()) is None


def test_the_path_may_be_another_one(get):
    assert get(build(path="/_probe/"), "/_probe/live").status_int == 200


def test_it_stops_being_ready_when_the_server_is_told_to_stop(run):
    async def main():
        app = build()
        await lifespan_of(app.registry).start()
        before = await spawn_greenlet(Request.blank("/health/ready").get_response, app)
        announce_stop()
        after = await spawn_greenlet(Request.blank("/health/ready").get_response, app)
        alive = await spawn_greenlet(Request.blank("/health/live").get_response, app)
        return before.status_int, after.status_int, after.json, alive.status_int

    assert run(main) == (200, 503, {"status": "stopping"}, 200)


# --- Nothing holds it up --------------------------------------------------------------------------


def blocking_tween_factory(handler, registry):
    def blocking_tween(request):
        registry["release"].wait(PATIENCE_SECONDS)
        return handler(request)

    return blocking_tween


@pytest.mark.parametrize("requests", ["auto", "thread"])
def test_neither_busy_threads_nor_tweens_that_block_hold_it_up(run, fetch, monkeypatch, requests):
    monkeypatch.setattr(request_threads(), "limit", 1)

    def configure(config):
        config.registry["release"] = threading.Event()
        config.add_tween(f"{__name__}.blocking_tween_factory")
        config.add_view(lambda request: Response("released"))

    async def main():
        app = build(configure, {"aiopyramid.requests": requests}, checks={"a": passes})
        blocked = [asyncio.create_task(fetch(app)) for _ in range(3)]
        while request_threads().counts.queued < 2:
            await asyncio.sleep(0.001)
        statuses = [(await fetch(app, f"/health/{kind}")).status_int for kind in ("live", "ready")]
        app.registry["release"].set()
        return statuses, [(await each).text for each in blocked]

    assert run(main) == ([200, 200], ["released"] * 3)


# --- What is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "health"}, "The path of the health view, 'health', must begin with a slash"),
        ({"timeout_seconds": 0}, "timeout_seconds=0 of the health view must be above zero"),
    ],
)
def test_what_makes_no_sense_is_refused(options, message):
    with pytest.raises(ConfigurationError) as caught:
        build(**options)
    assert str(caught.value) == message
