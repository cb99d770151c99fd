"""Coroutine tweens before, between and after synchronous ones."""

from pyramid.tweens import EXCVIEW, INGRESS

from aiopyramid_core import synchronize

from .common import pause


def coroutine_tween(name):
    def factory(handler, registry):
        @synchronize
        async def tween(request):
            await pause()
            try:
                response = handler(request)
            except Exception as error:
                await pause()
                error.tweens = [*getattr(error, "tweens", []), name]
                raise
            await pause()
            mark(response, name)
            return response

        return tween

    return factory


def ordinary_tween(name):
    def factory(handler, registry):
        def tween(request):
            response = handler(request)
            mark(response, name)
            return response

        return tween

    return factory


class ClassTween:
    """A tween that is an object."""

    def __init__(self, handler, registry):
        self.handler = handler

    @synchronize
    async def __call__(self, request):
        await pause()
        response = self.handler(request)
        await pause()
        mark(response, "class")
        return response


def mark(response, name):
    response.headers["X-Tweens"] = " ".join([response.headers.get("X-Tweens", ""), name]).strip()


outer = coroutine_tween("outer")
upper = ordinary_tween("upper")
middle = coroutine_tween("middle")
lower = ordinary_tween("lower")
inner = coroutine_tween("inner")
innermost = ClassTween


def includeme(config):
    here = "everything.tweens."
    config.add_tween(here + "outer", under=INGRESS, over=EXCVIEW)
    config.add_tween(here + "upper", under=here + "outer", over=EXCVIEW)
    config.add_tween(here + "middle", under=here + "upper", over=EXCVIEW)
    config.add_tween(here + "lower", under=(here + "middle", EXCVIEW))
    config.add_tween(here + "inner", under=here + "lower")
    config.add_tween(here + "innermost", under=here + "inner")
