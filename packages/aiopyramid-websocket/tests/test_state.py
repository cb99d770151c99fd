"""_state: the table of transitions."""

import pytest

from aiopyramid_websocket._state import TRANSITIONS, State


def test_every_state_has_a_row_in_the_table():
    assert set(TRANSITIONS) == set(State)


@pytest.mark.parametrize("state", list(State))
def test_transitions_go_one_way_only(state):
    order = list(State)
    assert all(order.index(following) > order.index(state) for following in TRANSITIONS[state])


@pytest.mark.parametrize("state", [state for state in State if state is not State.LOST])
def test_a_connection_may_be_lost_at_any_time(state):
    assert State.LOST in TRANSITIONS[state]
