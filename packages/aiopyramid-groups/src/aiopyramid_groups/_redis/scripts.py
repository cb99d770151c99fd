"""The Lua scripts, each of which Redis runs as one step."""

import hashlib
from dataclasses import dataclass
from typing import Final

__all__ = ("APPEND", "POSITION", "Script")


@dataclass(frozen=True, slots=True)
class Script:
    """A script.

    Attributes:
        text: Its source.
        sha: The name by which Redis knows it when it has run before.
    """

    text: str
    sha: str


def _script(text: str) -> Script:
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


APPEND: Final = _script("""
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local previous = last[1] and last[1][1] or '0-0'
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'd', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
if not last[1] then
    redis.call('SET', KEYS[2], ARGV[5], 'EX', ARGV[3])
else
    redis.call('EXPIRE', KEYS[2], ARGV[3])
end
local sent = redis.pcall(ARGV[6], ARGV[4], id .. ' ' .. previous .. ' ' .. ARGV[1])
if type(sent) == 'table' and sent.err then
    redis.call('XDEL', KEYS[1], id)
    return sent
end
return id
""")
"""Append and publish a message; append nothing that cannot be published.

Keys: the stream, the run. Arguments: the message, how many to keep, for how many seconds, the
channel, the present run, ``PUBLISH`` or ``SPUBLISH``.
"""

POSITION: Final = _script("""
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[2])
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if last[1] and redis.call('GET', KEYS[2]) == ARGV[1] then
    return last[1][1]
end
local id = redis.call('XADD', KEYS[1], '*', 'break', '')
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return id
""")
"""Return the position of a group's end, which is the identifier of an entry.

If the stream does not exist, or if its last messages may be lost because Redis was started again or
a replica has taken over, an entry without a message marks the break.

Keys: the stream, the run. Arguments: the present run, for how many seconds to keep both.
"""
