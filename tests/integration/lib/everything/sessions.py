"""A session factory that loads sessions from, and saves them to, somewhere else."""

import uuid

from aiopyramid_core import synchronize

from .common import add, pause


class Session(dict):
    new = False


@synchronize
async def session_factory(request):
    await pause()
    key = request.cookies.get("session") or uuid.uuid4().hex
    store = request.registry["sessions"]
    session = Session(store.get(key, {}))

    @synchronize
    async def save(request, response):
        await pause()
        store[key] = dict(session)
        response.set_cookie("session", key)

    request.add_response_callback(save)
    return session


def put(request):
    request.session["value"] = request.params["value"]
    return {}


async def put_in_coroutine(request):
    await pause()
    return put(request)


def take(request):
    return request.session["value"]


async def take_in_coroutine(request):
    await pause()
    return take(request)


def includeme(config):
    config.registry["sessions"] = {}
    config.set_session_factory(session_factory)
    for name, suffix in {"ordinary": "", "coroutine": "_in_coroutine"}.items():
        add(config, f"/session/put/{name}", globals()[f"put{suffix}"])
        add(config, f"/session/take/{name}", globals()[f"take{suffix}"])
