"""Coroutine tests run on both kinds of event loop."""

import coroutine_tests

pytest_pyfunc_call = coroutine_tests.pytest_pyfunc_call
loop_factory = coroutine_tests.loop_factory
