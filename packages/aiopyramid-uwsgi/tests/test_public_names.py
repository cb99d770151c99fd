import aiopyramid_uwsgi


def test_nothing_is_promised_before_it_is_there() -> None:
    assert aiopyramid_uwsgi.__all__ == ()
    assert [name for name in vars(aiopyramid_uwsgi) if not name.startswith("_")] == []
