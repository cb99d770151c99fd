"""Uses of the public API as mypy sees them: checked by `make lint`, never run.

``assert_type`` says what a type checker has to infer. An ignore marks what it has to refuse: mypy
complains about an ignore that is not needed.
"""

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Generator, Hashable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, assert_type

from aiopyramid_core import (
    AiopyramidError,
    AlreadyShutDown,
    CoroutineMapper,
    CoroutineOrExecutorMapper,
    ExecutorMapper,
    IncludeMissing,
    NotServed,
    ScopeError,
    StartupError,
    ThreadCounts,
    await_,
    call_in_thread,
    call_off_loop,
    can_await,
    includeme,
    request_scope,
    run,
    spawn,
    spawn_greenlet,
    spawn_greenlet_on_scope_error,
    synchronize,
    thread_counts,
    use_executor,
)
from aiopyramid_core._bridge.driver import step_in_greenlets
from aiopyramid_core.callables import called_by, is_coroutine_callable, prepare_generators
from aiopyramid_core.contract import UpgradedProtocol
from aiopyramid_core.legacy import run_in_greenlet
from aiopyramid_core.servers import (
    BodyLimits,
    Capabilities,
    FileSpan,
    FileWrapper,
    ForwardingProtocol,
    HostedCall,
    RequestBody,
    RequestExecutor,
    Sink,
    SynchronousBody,
    WSGIResponse,
    adopt_loop,
    announce_stop,
    disown_children,
    end_process_in,
    finish_tasks,
    in_threads,
    kills_greenlet,
    loop_of_loaded_application,
    monkey_patched_by,
    never_blocks,
    plain_text,
    report_failure,
    run_application,
    shutdown,
    startup,
    use_loop,
    wait_hosted,
)
from aiopyramid_core.setting_tables import SECONDS, Setting, SettingsTable, positive_seconds


class User:
    pass


async def load(number: int, *, fresh: bool = False) -> User:
    return User()


def read(path: str, limit: int = 0) -> bytes:
    return b""


# --- synchronize ----------------------------------------------------------------------------------


@synchronize
async def load_user(number: int, *, fresh: bool = False) -> User:
    return await load(number, fresh=fresh)


assert_type(load_user(1), User)
assert_type(load_user(1, fresh=True), User)
load_user("1")  # type: ignore[arg-type]
load_user(1, stale=True)  # type: ignore[call-arg]
load_user()  # type: ignore[call-arg]


@synchronize()
async def load_user_too(number: int) -> User:
    return await load(number)


assert_type(load_user_too(1), User)
load_user_too("1")  # type: ignore[arg-type]


@synchronize
def load_by_generator(number: int) -> Generator[Any, Any, User]:
    return (yield from load(number).__await__())


assert_type(load_by_generator(1), User)
load_by_generator("1")  # type: ignore[arg-type]


@synchronize(strict=False)
async def load_leniently(number: int) -> User:
    return await load(number)


# A user or, where nothing can wait, something to await for one.
assert_type(load_leniently(1), Any)
load_leniently("1")  # type: ignore[arg-type]


def promise(number: int) -> Awaitable[User]:
    return asyncio.ensure_future(load(number))


assert_type(synchronize(promise, strict=False)(1), Any)
synchronize(promise)  # type: ignore[arg-type]
synchronize(read)  # type: ignore[arg-type]


class Repository:
    @synchronize
    async def load(self, number: int) -> User:
        return await load(number)


assert_type(Repository().load(1), User)
Repository().load("1")  # type: ignore[arg-type]


@synchronize
class Policy:
    def __init__(self, secret: str) -> None:
        self.secret = secret

    async def identity(self, request: Any) -> User:
        return User()


assert_type(Policy("secret"), Policy)
Policy(1)  # type: ignore[arg-type]


@synchronize(strict=False)
class LenientPolicy(Policy):
    async def permits(self, request: Any) -> bool:
        return True


assert_type(LenientPolicy("secret"), LenientPolicy)


# --- Waiting, greenlets, threads ------------------------------------------------------------------


def ordinary() -> None:
    assert_type(await_(load(1)), User)
    assert_type(await_(promise(1)), User)
    assert_type(can_await(), bool)
    assert_type(call_off_loop(read, "path", limit=1), bytes)
    assert_type(thread_counts(), ThreadCounts)
    assert_type(str(IncludeMissing()), str)
    assert_type(thread_counts().queued, int)
    assert_type(request_scope(), Hashable)
    assert_type(monkey_patched_by(), str | None)
    in_threads(read)  # type: ignore[arg-type]
    never_blocks(read)  # type: ignore[arg-type]
    call_off_loop(read, limit=1)  # type: ignore[call-arg]
    await_(read("path"))  # type: ignore[arg-type]
    spawn(load(1))
    spawn(load(1), name="load", on_stop="cancel")
    spawn(load(1), on_stop="kill")  # type: ignore[arg-type]
    spawn(load)  # type: ignore[arg-type]


def script() -> None:
    assert_type(run(read, "path", limit=1), bytes)
    assert_type(run(await_, load(1)), User)
    run(read, 1)  # type: ignore[arg-type]


async def coroutine(pool: ThreadPoolExecutor) -> None:
    assert_type(await spawn_greenlet(read, "path", limit=1), bytes)
    assert_type(await call_in_thread(pool, read, "path"), bytes)
    assert_type(await call_in_thread(None, read, "path"), bytes)
    await spawn_greenlet(read, 1)  # type: ignore[arg-type]
    await call_in_thread(pool, read, 1)  # type: ignore[arg-type]


@use_executor
def read_in_thread(path: str) -> bytes:
    return b""


@use_executor(executor=RequestExecutor(4))
def read_in_pool(path: str) -> bytes:
    return b""


async def use_threads() -> None:
    assert_type(await read_in_thread("path"), bytes)
    assert_type(await read_in_pool("path"), bytes)
    await read_in_thread(1)  # type: ignore[arg-type]
    await read_in_pool(1)  # type: ignore[arg-type]


@spawn_greenlet_on_scope_error
def principals(number: int) -> list[str]:
    return []


assert_type(principals(1), Any)
principals("1")  # type: ignore[arg-type]


# --- Pyramid --------------------------------------------------------------------------------------

includeme(object())
mappers: tuple[Callable[[Any], Callable[[Any, Any], Any]], ...] = (
    CoroutineMapper(),
    CoroutineOrExecutorMapper(),
    ExecutorMapper(),
)


assert_type(is_coroutine_callable(called_by(load, attr=None)), bool)
prepare_generators(load)


# --- Servers --------------------------------------------------------------------------------------


async def serve(loop: asyncio.AbstractEventLoop) -> None:
    adopt_loop(loop)
    use_loop(loop, loop_of_loaded_application(), threads=10)
    announce_stop()
    try:
        await startup()
    except StartupError as error:
        assert_type(error.function, str)
        assert_type(error.error, Exception)
    assert_type(await step_in_greenlets(load(1)), User)
    await step_in_greenlets(load)  # type: ignore[arg-type]
    assert_type(kills_greenlet(BaseException()), bool)
    disown_children([15], lambda: [3])
    call = HostedCall(lambda: read("path"))
    assert_type(call.proceed(), bool)
    assert_type(call.result, bytes)
    assert_type(wait_hosted(loop.create_task(load(1))), User)
    await shutdown()
    await shutdown(at_most_seconds=1.5)
    await finish_tasks(logging.getLogger())
    end_process_in(1.5, 0, logging.getLogger())


class Kept:
    """A sink that keeps the body."""

    def __init__(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities
        self.response = WSGIResponse("GET")
        self.body = b""

    def send_whole(self, body: bytes) -> None:
        self.response.commit()
        self.body = self.response.take(body)

    def send_file(self, body: Any) -> bool:
        return False

    def write(self, part: bytes) -> None:
        self.body += self.response.take(part)

    def end(self) -> None: ...


def hello(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", [])
    return [b"hello"]


async def answer(loop: asyncio.AbstractEventLoop, logger: logging.Logger) -> None:
    capabilities = Capabilities(loop, logger)
    body = RequestBody(BodyLimits(body_bytes=100))
    sink: Sink = Kept(capabilities)
    environ = capabilities.environ()
    body.offer(environ)
    try:
        await spawn_greenlet(run_application, hello, environ, sink)
    except BaseException as error:
        assert_type(report_failure(error, "GET /", logger), HTTPStatus | None)
        assert_type(plain_text(HTTPStatus.OK), tuple[str, list[tuple[str, str]], bytes])
    run_application(hello, environ, body)  # type: ignore[arg-type]
    assert_type(sink.response.needs_body, bool)
    assert_type(capabilities.forget(), UpgradedProtocol | None)
    SynchronousBody([b"a"])


def send_file(body: FileWrapper) -> None:
    assert_type(body.span(), FileSpan | None)


class Taken(ForwardingProtocol):
    def lost(self) -> None: ...


@dataclasses.dataclass(frozen=True)
class MailSettings:
    timeout_seconds: float = 10.0


TABLE = SettingsTable(
    MailSettings, "mail.", {"timeout": Setting("timeout_seconds", positive_seconds, SECONDS)}
)
assert_type(TABLE.of(object()), MailSettings)
assert_type(TABLE.read({}), MailSettings)


def explain(error: AiopyramidError) -> str:
    if isinstance(error, ScopeError):
        return f"{error.what} {error.where} {error.remedy}"
    if isinstance(error, AlreadyShutDown):
        return error.coroutine
    return str(error)


async def serve_by_hand(back: Any, future: "asyncio.Future[User]") -> None:
    await run_in_greenlet(back, future, load, 1, fresh=True)
    await run_in_greenlet(back, future, read)  # type: ignore[arg-type]


def fail(error: NotServed) -> None:
    assert_type(error.server, str)
    assert_type(error.reason, str)
