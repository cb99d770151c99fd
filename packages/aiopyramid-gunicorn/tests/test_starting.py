"""_starting: which workers have been forked and do not serve yet."""

import multiprocessing
import os
import subprocess
import sys

import pytest

from aiopyramid_gunicorn._starting import _WORKERS, StartingWorkers


@pytest.fixture
def starting():
    return StartingWorkers()


@pytest.fixture
def dead():
    """The process id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def fork(starting, age, pid=None):
    """Do what an arbiter does."""
    starting.announce(age)
    starting.begin(age, os.getpid() if pid is None else pid)


def test_at_first_there_is_none(starting):
    assert not starting.any()


def test_a_worker_that_has_been_forked_is_starting_until_it_serves(starting):
    fork(starting, 1)
    assert starting.any()
    starting.done(1)
    assert not starting.any()


def test_a_worker_may_serve_before_the_arbiter_has_learned_its_process_id(starting):
    starting.announce(1)
    starting.done(1)
    starting.begin(1, os.getpid())
    assert not starting.any()


def test_one_of_several_is_enough(starting):
    fork(starting, 1)
    fork(starting, 2)
    starting.done(1)
    assert starting.any()
    starting.done(2)
    assert not starting.any()


def test_a_worker_that_has_died_is_not_starting(starting, dead):
    fork(starting, 1, dead)
    assert not starting.any()


def test_a_process_that_may_not_be_signalled_is_alive(starting, monkeypatch):
    def refuse(pid, number):
        raise PermissionError

    fork(starting, 1)
    monkeypatch.setattr(os, "kill", refuse)
    assert starting.any()


def test_a_later_worker_takes_the_place_of_an_earlier_one(starting):
    fork(starting, 1)
    starting.done(1)
    fork(starting, 1 + _WORKERS)
    assert starting.any()


def test_processes_that_are_forked_later_share_it(starting):
    fork(starting, 1)
    child = multiprocessing.get_context("fork").Process(target=starting.done, args=(1,))
    child.start()
    child.join()
    assert not starting.any()
