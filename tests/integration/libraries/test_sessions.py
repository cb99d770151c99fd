"""Sessions in coroutine views: in a cookie, in files and in Redis."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyramid.config import Configurator
from pyramid.response import Response
from pyramid.session import SignedCookieSessionFactory
from redis_server import redis_server
from system_programs import ProgramMissingError

Get = Callable[..., Response]


def count_visits(config: Configurator, get: Get) -> list[str]:
    """Return what three visits of one browser are answered."""

    async def view(request: Any) -> Response:
        visits = request.session.get("visits", 0) + 1
        await asyncio.sleep(0)
        request.session["visits"] = visits
        return Response(str(visits))

    config.add_view(view)
    answers, cookie = [], ""
    for _ in range(3):
        answer = get("/", headers={"Cookie": cookie})
        cookie = answer.headers.get("Set-Cookie", cookie).partition(";")[0]
        answers.append(answer.text)
    return answers


def test_pyramid_beaker_keeps_a_session_in_files(
    config: Configurator, get: Get, tmp_path: Path
) -> None:
    config.add_settings({"session.type": "file", "session.data_dir": str(tmp_path)})
    config.include("pyramid_beaker")
    assert count_visits(config, get) == ["1", "2", "3"]


def test_pyramid_itself_keeps_a_session_in_a_cookie(config: Configurator, get: Get) -> None:
    config.set_session_factory(SignedCookieSessionFactory("secret"))
    assert count_visits(config, get) == ["1", "2", "3"]


@pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning")
def test_pyramid_session_redis_keeps_a_session_in_redis(config: Configurator, get: Get) -> None:
    try:
        with redis_server() as server:
            config.add_settings(
                {"redis.sessions.secret": "secret", "redis.sessions.redis_url": server.url}
            )
            config.include("pyramid_session_redis")
            assert count_visits(config, get) == ["1", "2", "3"]
            assert server.client().dbsize() == 1
    except ProgramMissingError as missing:
        pytest.skip(str(missing))
