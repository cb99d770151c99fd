"""spans: what a trace shows of coroutine views and threads."""

import asyncio

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from aiopyramid_core import call_in_thread, spawn_greenlet
from aiopyramid_core.lifespan import lifespan_of


@pytest.fixture(scope="module")
def exporter():
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


def look_up():
    trace.get_tracer("site").start_span("within").end()
    return "found"


async def coroutine_view(request):
    await asyncio.sleep(0)
    return Response(await call_in_thread(None, look_up))


class Views:
    def __init__(self, request):
        self.request = request

    async def page(self):
        await asyncio.sleep(0)
        return Response("page")


def synchronous_view(request):
    return Response("hello")


async def trace_of(exporter, view, **options):
    exporter.clear()
    config = Configurator()
    config.include("aiopyramid_metrics.spans")
    config.add_view(view, **options)
    application = config.make_wsgi_app()
    await lifespan_of(config.registry).start()
    with trace.get_tracer("site").start_as_current_span("request"):
        response = await spawn_greenlet(Request.blank("/").get_response, application)
    await lifespan_of(config.registry).stop()
    assert response.status_int == 200
    return {span.name: span for span in exporter.get_finished_spans()}


async def test_a_coroutine_view_has_a_span_and_so_has_its_call_in_a_thread(loop_factory, exporter):
    found = await trace_of(exporter, coroutine_view)
    request, view = found["request"], found["view coroutine_view"]
    thread, within = found["thread look_up"], found["within"]
    assert view.parent.span_id == request.context.span_id
    assert thread.parent.span_id == view.context.span_id
    assert within.parent.span_id == thread.context.span_id
    assert thread.attributes["code.function.name"].endswith("test_spans.look_up")
    assert thread.attributes["aiopyramid.thread.wait_seconds"] >= 0
    assert view.start_time <= thread.start_time <= within.start_time


async def test_the_span_of_a_method_has_the_name_of_the_method(loop_factory, exporter):
    assert "view Views.page" in await trace_of(exporter, Views, attr="page")


async def test_a_synchronous_view_has_no_span_of_its_own(loop_factory, exporter):
    found = await trace_of(exporter, synchronous_view)
    assert not any(name.startswith("view") for name in found)
