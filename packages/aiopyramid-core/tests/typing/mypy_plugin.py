"""Classes that are decorated with ``synchronize``, with ``aiopyramid_core.mypy_plugin``."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import Any, assert_type

from aiopyramid_core import synchronize


class User:
    name = "a user"


@synchronize
class Policy(ABC):
    async def identity(self, number: int) -> User:
        assert_type(self.of(1), User)
        return await load(number)

    @classmethod
    async def of(cls, number: int) -> User:
        return await load(number)

    @staticmethod
    async def named(name: str) -> User:
        return User()

    @abstractmethod
    async def permits(self, request: Any) -> bool: ...

    async def __aenter__(self) -> User:
        return User()

    async def __aexit__(self, *exception: object) -> None:
        await load(1)

    async def users(self) -> AsyncIterator[User]:
        yield User()

    def count(self) -> int:
        return 1


@synchronize(strict=False)
class LenientPolicy(Policy):
    async def permits(self, request: Any) -> bool:
        return True

    async def forget(self, number: int) -> User:
        return User()


class Coroutines:
    async def identity(self, number: int) -> User:
        return await load(number)


async def load(number: int) -> User:
    return User()


Policy()  # type: ignore[abstract]
policy = LenientPolicy()


# --- Coroutine methods are synchronous to their callers -------------------------------------------

assert_type(policy.identity(1), User)
assert_type(Policy.of(1), User)
assert_type(Policy.named("a"), User)
policy.identity("1")  # type: ignore[arg-type]
policy.identity()  # type: ignore[call-arg]
Policy.of("1")  # type: ignore[arg-type]

# A value or, where nothing can wait, something to await for one.
assert_type(policy.permits(None), Any)
assert_type(policy.forget(1), Any)
policy.forget("1")  # type: ignore[arg-type]


# --- All else stays as it is ----------------------------------------------------------------------

assert_type(policy.users(), AsyncIterator[User])
assert_type(policy.count(), int)


async def enter() -> None:
    async with policy as user:
        assert_type(user, User)
    assert_type(await Coroutines().identity(1), User)
