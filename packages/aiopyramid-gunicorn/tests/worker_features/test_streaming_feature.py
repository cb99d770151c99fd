"""Response bodies that are async iterators, on the real worker and on gunicorn's own."""

import asyncio

import aiohttp
import pytest

SERVERS = ["gunicorn", "gthread"]


@pytest.fixture(params=SERVERS)
def server(request, start):
    """Our worker, and gunicorn's worker with threads."""
    return start(how=request.param)


def test_a_part_is_sent_when_it_is_there(server, raw, tmp_path):
    client = raw(server, f"/stream?file={tmp_path}/go_on")
    assert b"two" not in client.read_until(b"one\n")
    (tmp_path / "go_on").touch()
    client.read_until(b"two\n")


def test_a_client_of_http_1_0_gets_a_body_that_ends_with_the_connection(start, raw, tmp_path):
    (tmp_path / "go_on").touch()
    client = raw(start(), f"/stream?file={tmp_path}/go_on", version="1.0")
    assert client.read_to_end().endswith(b"\r\n\r\none\ntwo\n")


def test_a_client_reads_events_and_heartbeats(server):
    async def main():
        lines = []
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(12)) as session,
            session.get(f"http://127.0.0.1:{server.port}/events") as response,
        ):
            assert response.content_type == "text/event-stream"
            while lines.count(":") < 2:
                lines.append((await response.content.readline()).decode().rstrip("\n"))
        return lines

    lines = asyncio.run(main())
    assert [line for line in lines if line and line != ":"] == [
        "event: price",
        "id: 7",
        "retry: 2500",
        "data: one",
        "data: two",
        "data: three",
    ]


@pytest.mark.parametrize("how", ["FIN", "RST"])
def test_when_the_client_goes_the_generator_of_events_is_closed(server, raw, count, how):
    client = raw(server, "/events")
    client.read_until(b"data: three\n\n")
    assert count(server, "events closed") == 0
    client.vanish(how)
    server.said("events closed")
    assert server.get("/pid")[0] == 200


@pytest.mark.parametrize("how", ["FIN", "RST"])
def test_when_the_client_goes_any_async_iterator_is_closed_at_once(start, raw, how):
    # It sends nothing more, which is how others would notice.
    server = start()
    client = raw(server, "/rows")
    client.read_until(b"first row\n")
    client.vanish(how)
    server.said("rows closed")


@pytest.mark.parametrize("how", SERVERS)
def test_a_middleware_may_iterate_the_body_as_a_synchronous_one(start, tmp_path, how):
    (tmp_path / "go_on").touch()
    server = start(settings={"test.middleware": "1"}, how=how)
    assert server.get(f"/stream?file={tmp_path}/go_on") == (200, "ONE\nTWO\n")


@pytest.mark.parametrize("how", ["FIN", "RST"])
def test_behind_a_middleware_the_generator_is_closed_as_well(start, raw, how):
    server = start(settings={"test.middleware": "1"})
    client = raw(server, "/events")
    client.read_until(b"DATA: THREE\n\n")
    client.vanish(how)
    server.said("events closed")


def test_context_variables_persist_over_the_parts(server):
    assert server.get("/coloured") == (200, "rednone")


def test_an_error_before_the_first_part_is_a_500(start):
    server = start()
    assert server.get("/broken_stream")[0] == 500
    server.said("^LookupError: no more rows")


def test_a_later_error_breaks_the_response_off_and_is_logged(start, raw):
    server = start()
    answer = raw(server, "/broken_stream?late").read_to_end()
    assert b"one" in answer
    assert not answer.endswith(b"0\r\n\r\n")
    server.said("^LookupError: no more rows")
    assert server.get("/pid")[0] == 200


def test_the_end_of_the_worker_ends_a_stream_and_closes_it(start, raw):
    server = start("--graceful-timeout", "2")
    client = raw(server, "/events")
    client.read_until(b"data: three\n\n")
    server.signal(15)
    server.said("events closed")
    server.said("^down ")
    server.ended()
    assert "SIGKILL" not in server.output
