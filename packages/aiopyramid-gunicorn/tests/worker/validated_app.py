"""A Pyramid application of many kinds of answers, behind ``wsgiref.validate``."""

import asyncio
from wsgiref.validate import validator

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNoContent, HTTPNotModified, HTTPSeeOther
from pyramid.response import FileResponse, Response


async def in_a_list(request):
    return Response("in a list")


def in_a_thread(request):
    return Response("in a thread")


def generated(request):
    return Response(app_iter=(part for part in (b"gener", b"", b"ated")), content_type="text/plain")


async def generated_on_the_loop(request):
    async def parts():
        for part in (b"on the", b" loop"):
            await asyncio.sleep(0)
            yield part

    return Response(app_iter=parts(), content_type="text/plain")


async def upload(request):
    return Response(f"{request.method} of {len(request.body)}")


def form(request):
    part = request.POST["file"]
    return Response(f"{part.filename}: {len(part.file.read())}")


async def nothing(request):
    return HTTPNoContent()


async def not_modified(request):
    return HTTPNotModified(etag="tag")


async def elsewhere(request):
    return HTTPSeeOther("/in_a_list")


def file(request):
    return FileResponse(__file__, request, content_type="text/plain")


async def fails(request):
    raise LookupError("expected")


VIEWS = [in_a_list, in_a_thread, generated, generated_on_the_loop, upload, form]
VIEWS += [nothing, not_modified, elsewhere, file, fails]


def main():
    with Configurator() as config:
        config.include("aiopyramid_core")
        for view in VIEWS:
            config.add_route(view.__name__, f"/{view.__name__}")
            config.add_view(view, route_name=view.__name__)
        return validator(config.make_wsgi_app())
