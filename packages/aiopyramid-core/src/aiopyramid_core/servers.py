"""The interface for servers: the life of a worker, applications, requests, responses and errors.

A server with an event loop of its own makes it the loop of the process (:func:`use_loop` or
:func:`adopt_loop`), runs the startup functions of the applications (:func:`startup`), has the
garbage collector take less time (:func:`prepare_collector`), and stops (:func:`announce_stop`,
:func:`shutdown`, :func:`finish_tasks`, :func:`end_process_in`). For each request it calls
:func:`run_application` in a greenlet (:func:`~aiopyramid_core.spawn_greenlet`), and implements a
:class:`Sink` for the response. The keys that it may put into the environ are in
:mod:`aiopyramid_core.contract`, and the checks of a response's head in
:mod:`aiopyramid_core.response_head`.
"""

from ._applications import announce_stop, shutdown, startup
from ._bodies import END_OF_BODY, SynchronousBody
from ._bridge.pool import kills_greenlet
from ._bridge.process_loop import adopt_loop
from ._bridge.refusal import on_a_loop
from ._children import disown_children
from ._health import health_probes
from ._live_body import LiveBody
from ._monkey_patching import monkey_patched_by
from ._reloader import is_under_reloader
from ._requests.foreign_applications import in_threads, never_blocks
from ._requests.streamed_bodies import streams_body
from ._server_greenlets import HostedCall, wait_hosted
from ._serving.application import Sink, run_application
from ._serving.capabilities import Capabilities
from ._serving.collector import collect_less_often, prepare_collector
from ._serving.failures import plain_text, report_failure
from ._serving.file_wrapper import FileSpan, FileWrapper
from ._serving.forwarding import ForwardingProtocol
from ._serving.life import (
    LAST_WORDS_SECONDS,
    THREADS_SECONDS,
    end_process_in,
    finish_tasks,
    loop_of_loaded_application,
    use_loop,
)
from ._serving.networks import Networks, is_among, networks
from ._serving.request_body import BodyLimits, RequestBody
from ._serving.request_head import check_coding, check_host, is_host
from ._serving.response import WSGIResponse
from ._threads.executors import RequestExecutor
from ._threads.pool import DEFAULT_THREADS

__all__ = (
    "DEFAULT_THREADS",
    "END_OF_BODY",
    "LAST_WORDS_SECONDS",
    "THREADS_SECONDS",
    "BodyLimits",
    "Capabilities",
    "FileSpan",
    "FileWrapper",
    "ForwardingProtocol",
    "HostedCall",
    "LiveBody",
    "Networks",
    "RequestBody",
    "RequestExecutor",
    "Sink",
    "SynchronousBody",
    "WSGIResponse",
    "adopt_loop",
    "announce_stop",
    "check_coding",
    "check_host",
    "collect_less_often",
    "disown_children",
    "end_process_in",
    "finish_tasks",
    "health_probes",
    "in_threads",
    "is_among",
    "is_host",
    "is_under_reloader",
    "kills_greenlet",
    "loop_of_loaded_application",
    "monkey_patched_by",
    "networks",
    "never_blocks",
    "on_a_loop",
    "plain_text",
    "prepare_collector",
    "report_failure",
    "run_application",
    "shutdown",
    "startup",
    "streams_body",
    "use_loop",
    "wait_hosted",
)
