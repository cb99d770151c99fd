import aiopyramid_websocket


def test_nothing_is_promised_before_it_is_there() -> None:
    assert aiopyramid_websocket.__all__ == ()
    assert [name for name in vars(aiopyramid_websocket) if not name.startswith("_")] == []
