"""_phase: the table of moves, as a table."""

import pytest

from aiopyramid_websocket._phase import MOVES, Phase


def test_every_phase_has_a_row_in_the_table():
    assert set(MOVES) == set(Phase)


@pytest.mark.parametrize("phase", list(Phase))
def test_moves_go_one_way_only(phase):
    order = list(Phase)
    assert all(order.index(following) > order.index(phase) for following in MOVES[phase])


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.LOST])
def test_a_connection_may_be_lost_at_any_time(phase):
    assert Phase.LOST in MOVES[phase]
