import aiopyramid_traversal


def test_nothing_is_promised_before_it_is_there() -> None:
    assert aiopyramid_traversal.__all__ == ()
    assert [name for name in vars(aiopyramid_traversal) if not name.startswith("_")] == []
