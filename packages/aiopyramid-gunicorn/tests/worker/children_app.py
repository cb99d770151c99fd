"""A Pyramid application whose coroutine and synchronous views fork child processes."""

import asyncio
import multiprocessing
import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from pyramid.config import Configurator
from pyramid.response import Response

from aiopyramid_core import run, synchronize

fork = multiprocessing.get_context("fork")


def text(body):
    return Response(str(body), content_type="text/plain", charset="utf-8")


def killed_at_once():
    child = fork.Process(target=time.sleep, args=(60,))
    child.start()
    child.terminate()
    child.join(20)
    return child.exitcode


def killed_later():
    child = fork.Process(target=time.sleep, args=(60,))
    child.start()
    time.sleep(0.2)
    child.terminate()
    child.join(20)
    return child.exitcode


def killed_in_pool():
    with ProcessPoolExecutor(2, mp_context=fork) as pool:
        pid = pool.submit(os.getpid).result(20)
        os.kill(pid, signal.SIGTERM)
        try:
            pool.submit(time.sleep, 60).result(20)
        except BrokenProcessPool:
            return "broken"
    return "whole"


@synchronize
async def add(one, other):
    await asyncio.sleep(0)
    return one + other


def child_that_awaits():
    ours, theirs = fork.Pipe()

    def answer():
        theirs.send(run(add, 40, 2))

    child = fork.Process(target=answer)
    child.start()
    result = ours.recv() if ours.poll(20) else "no answer"
    child.join(20)
    return f"{result}, {child.exitcode}"


def child_that_lives_on():
    pid = os.fork()  # of one that multiprocessing knows the end of the worker would wait for
    if pid == 0:
        time.sleep(120)
        os._exit(0)
    return pid


def child_that_lives_on_later():
    print("a child is to come", flush=True)
    time.sleep(2)
    return child_that_lives_on()


ACTS = [killed_at_once, killed_later, killed_in_pool, child_that_awaits, child_that_lives_on]
ACTS += [child_that_lives_on_later]


async def in_coroutine(request):
    return text(request.context())


def in_thread(request):
    return text(request.context())


async def pid(request):
    return text(os.getpid())


async def say_started(registry):
    print("startup in", os.getpid(), flush=True)


async def say_stopped(registry):
    print("shutdown in", os.getpid(), flush=True)


def main(global_config=None, **settings):
    config = Configurator(settings=settings)
    config.include("aiopyramid_core")
    config.add_startup(say_started)
    config.add_shutdown(say_stopped)
    acts = {act.__name__: act for act in ACTS}
    for view in (in_coroutine, in_thread):
        config.add_route(
            view.__name__,
            f"/{view.__name__}/{{act}}",
            factory=lambda request: acts[request.matchdict["act"]],
        )
        config.add_view(view, route_name=view.__name__)
    config.add_route("pid", "/pid")
    config.add_view(pid, route_name="pid")
    return config.make_wsgi_app()
