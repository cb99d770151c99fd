"""_reloader: a process that hupper watches exits at once. On servers: tests/integration."""

import sys
import threading
import time
import types

import pytest

from aiopyramid_core._reloader import exit_quickly, is_under_reloader


@pytest.fixture
def hupper(monkeypatch):
    """Let this process believe that hupper watches it."""
    module = types.ModuleType("hupper")
    module.is_active = lambda: True
    monkeypatch.setitem(sys.modules, "hupper", module)


@pytest.fixture
def poller():
    """A thread like hupper's, which sleeps longer than the test waits."""
    stopped = threading.Event()
    kind = type("WatchSysModules", (threading.Thread,), {"__module__": "hupper.worker"})
    thread = kind(target=stopped.wait, args=(60,), daemon=True)
    thread.start()
    yield thread
    stopped.set()
    threading.Thread.join(thread)


def test_without_hupper_nothing_is_watched(monkeypatch):
    monkeypatch.delitem(sys.modules, "hupper", raising=False)
    assert not is_under_reloader()
    exit_quickly()


def test_its_thread_is_not_joined(hupper, poller):
    assert is_under_reloader()
    exit_quickly()
    before = time.monotonic()
    poller.join()
    assert time.monotonic() - before < 30


def test_other_threads_are(hupper):
    thread = threading.Thread(target=time.sleep, args=(0.05,))
    thread.start()
    exit_quickly()
    thread.join()
    assert not thread.is_alive()
