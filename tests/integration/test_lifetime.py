"""What happens once per process: startup, background tasks, shutdown, the loop, forks."""

import contextlib
import http.client
import re
import signal
import uuid

import pytest
from servers import KINDS, uwsgi_preloaded

BOTH = pytest.mark.parametrize("view", ["ordinary", "coroutine"])
PROCESSES = [name for name, kind in KINDS.items() if kind.command is not None]
# Servers without an event loop tell event streams nothing.
WITH_STREAM = [name for name in PROCESSES if KINDS[name].owns_loop]
WITHOUT_LOOP = [name for name in PROCESSES if not KINDS[name].owns_loop]
LOOP_STARTS = "This server has no event loop"


def test_startup_functions_have_run_before_the_first_request(site):
    assert site.get("/started").json["started"] == ["coroutine", "ordinary"]


def test_startup_functions_run_on_the_loop_that_serves(site):
    assert site.get("/started").json["same_loop"] is True


@BOTH
def test_a_background_task_outlives_its_response(site, tmp_path, view):
    file, name = tmp_path / "go", uuid.uuid4().hex
    assert site.get(f"/spawn/{view}?file={file}&name={name}").json == {}
    path = f"/journal?name={name}"
    assert site.eventually(path, [f"begun {name}"]) == [f"begun {name}"]
    file.touch()
    assert site.eventually(path, [f"begun {name}", f"done {name}"])[1:] == [f"done {name}"]


# --- A whole life ---------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def streams():
    """The event streams that clients of such servers have got until the end, by name."""
    return {}


@pytest.fixture(scope="session")
def lives(running, streams):
    """The output of servers that have served a little and were ended, by name."""
    known = {}

    def live(name):
        if name not in known:
            server = running.start(name, SHUT_DOWN_IN_THREAD="yes")
            site = server.mounted("direct")
            site.get("/started")
            site.get("/spawn-last")
            site.get("/spawn-endless")
            if name in WITH_STREAM:
                streams[name] = _end_under_a_stream(server, site)
            else:
                server.process.end(server.kind.end)
            known[name] = server.process.lines
        return known[name]

    return live


def _end_under_a_stream(server, site):
    """End a server while a client has an event stream; return what the client has got."""
    with site.parts("/endless-events") as parts:
        stream = b""
        while b"first" not in stream:
            stream += next(parts)
        server.process.signal(server.kind.end)
        with contextlib.suppress(OSError, http.client.IncompleteRead):
            stream += b"".join(parts)
    server.process.ended()
    return stream


@pytest.mark.parametrize("name", PROCESSES)
def test_the_shutdown_functions_run_in_opposite_order(lives, name):
    lines = [line for line in lives(name) if re.fullmatch(r"shutdown \d 0", line)]
    assert lines == ["shutdown 1 0", "shutdown 2 0"]


@pytest.mark.parametrize("name", PROCESSES)
def test_a_shutdown_function_may_use_threads(lives, name):
    assert "shutdown in thread 0" in lives(name)


@pytest.mark.parametrize("name", PROCESSES)
def test_the_end_waits_for_background_tasks(lives, name):
    assert "the background task has ended" in lives(name)


@pytest.mark.parametrize("name", PROCESSES)
def test_a_background_task_without_an_end_is_cancelled(lives, name):
    assert "the endless task was cancelled" in lives(name)


@pytest.mark.parametrize("name", WITH_STREAM)
def test_an_event_stream_ends_and_asks_its_client_to_come_again(lives, streams, name):
    lives(name)
    # daphne closes its connections before the application knows.
    is_told = name != "daphne"
    assert bool(re.search(rb"retry: \d{3}\n\n$", streams[name])) is is_told, streams[name]


@pytest.mark.parametrize("name", PROCESSES)
def test_a_life_ends_without_a_traceback(lives, name):
    assert "Traceback" not in "\n".join(lives(name))


@pytest.mark.parametrize("name", WITHOUT_LOOP)
def test_the_start_of_the_loop_is_logged_once(lives, name):
    assert sum(LOOP_STARTS in line for line in lives(name)) == 1


@pytest.mark.parametrize("name", [name for name in PROCESSES if name not in WITHOUT_LOOP])
def test_a_server_that_has_a_loop_gets_no_other(lives, name):
    # The application awaits when it is configured.
    assert any(LOOP_STARTS in line for line in lives(name)) is not KINDS[name].awaits_early


@pytest.mark.parametrize("name", [name for name in KINDS if not KINDS[name].awaits_early])
def test_what_has_awaited_before_there_was_a_loop_is_warned_of(lives, name):
    assert sum("before the server had an event loop" in line for line in lives(name)) == 1


@pytest.mark.parametrize("name", WITHOUT_LOOP)
def test_an_application_that_never_awaits_gets_no_loop(running, name):
    server = running.start(name, "quiet")
    threads = server.get("/").json
    server.process.end(server.kind.end)
    assert "aiopyramid-loop" not in threads
    assert LOOP_STARTS not in server.process.output


@pytest.mark.xfail(reason="neither waitress nor pserve handles the signal: no exit handler runs")
def test_the_shutdown_functions_run_when_sigterm_ends_waitress(running):
    server = running.start("waitress")
    server.mounted("direct").get("/started")
    server.process.end(signal.SIGTERM)
    assert "shutdown 1 0" in server.process.lines


# --- Forks ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["sync", "gthread", "worker-uvloop", "uwsgi"])
def preloaded(running, request):
    """A server whose application was loaded, and awaited something, before it forked."""
    if request.param == "uwsgi":
        command = [*uwsgi_preloaded("everything"), "--processes", "2"]
    else:
        command = KINDS[request.param].command("everything", running.folder())
        command += ["--preload", "--workers", "2"]
    process = running.program(command)
    return running.attach(request.param, process).mounted("direct")


def workers(site, path):
    """Return what each of the two workers answers."""
    answers = {}
    for _ in range(500):
        answer = site.get(path).json
        answers[answer["here"][0]] = answer
        if len(answers) == 2:
            return list(answers.values())
    raise AssertionError(f"only {len(answers)} worker answers")


def test_both_workers_serve_what_was_awaited_before_the_fork(preloaded):
    greetings = [answer["greeting"] for answer in workers(preloaded, "/greeting")]
    assert greetings == ["hello world", "hello world"]


def test_both_workers_have_loops_that_the_parent_has_not(preloaded):
    for answer in workers(preloaded, "/greeting"):
        assert answer["here"][1] != answer["loop"][1]


def test_startup_functions_run_in_the_workers(preloaded):
    workers(preloaded, "/greeting")
    assert preloaded.get("/started").json["same_loop"] is True
