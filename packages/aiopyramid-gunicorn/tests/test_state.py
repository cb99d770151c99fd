"""_state: the table of moves, as a table."""

import pytest

from aiopyramid_gunicorn._state import TRANSITIONS, State


def test_every_state_has_a_row_in_the_table():
    assert set(TRANSITIONS) == set(State)


def test_no_move_leaves_a_closed_connection():
    assert TRANSITIONS[State.CLOSED] == frozenset()


def test_a_connection_that_closes_can_only_become_closed():
    assert TRANSITIONS[State.CLOSING] == {State.CLOSED}


def test_an_upgraded_connection_is_no_longer_ours():
    assert TRANSITIONS[State.UPGRADED] == frozenset()


@pytest.mark.parametrize("state", [s for s in State if TRANSITIONS[s]])
def test_a_client_may_vanish_in_any_state(state):
    assert State.CLOSED in TRANSITIONS[state]


@pytest.mark.parametrize("state", [State.IDLE, State.RECEIVING])
def test_the_application_starts_only_where_no_other_request_runs(state):
    assert State.HANDLING in TRANSITIONS[state]
    assert State.HANDLING not in TRANSITIONS[State.CLOSING]


def test_a_request_that_arrives_cannot_become_idle_without_being_handled():
    assert State.IDLE not in TRANSITIONS[State.RECEIVING]


@pytest.mark.parametrize("state", list(State))
def test_every_state_says_what_it_means(state):
    assert " " in state.value
