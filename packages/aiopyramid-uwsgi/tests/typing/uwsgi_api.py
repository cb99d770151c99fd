"""Uses of the public API as mypy sees them: checked by `make lint`, never run.

``assert_type`` says what a type checker has to infer. An ignore marks what it has to refuse: mypy
complains about an ignore that is not needed.
"""

from collections.abc import Callable
from typing import Any, assert_type

from aiopyramid_uwsgi import EngineMissing, includeme
from aiopyramid_uwsgi.exceptions import NotNative
from aiopyramid_uwsgi.websocket import NativeWebSocket, UWSGIWebSocketMapper

includeme(object())


def start(error: EngineMissing) -> None:
    assert_type(error.option, str)
    assert_type(error.consequence, str)


mapper: Callable[[Any], Callable[[Any, Any], Any]] = UWSGIWebSocketMapper()
assert_type(UWSGIWebSocketMapper.configure(native=True, max_size=4096), type[UWSGIWebSocketMapper])
UWSGIWebSocketMapper.configure(native="yes")  # type: ignore[arg-type]


async def echo(ws: NativeWebSocket) -> None:
    assert_type(await ws.recv(), str | bytes | None)
    try:
        assert_type(await ws.ping(), float)
    except NotNative as error:
        assert_type(error.what, str)
        assert_type(error.why, str)
