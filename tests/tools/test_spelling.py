"""``tools/spelling.py``, and what it finds in this repository."""

import pytest
from system_programs import ProgramMissingError, find_program

from spelling import (
    ROOT,
    Place,
    forms,
    misspelt,
    our_words,
    prose_of_code,
    prose_of_document,
    unknown_words,
    words_of,
    written,
)


@pytest.fixture(scope="module")
def aspell() -> str:
    try:
        return find_program("aspell", package="aspell-en")
    except ProgramMissingError as reason:
        pytest.skip(str(reason))


def words(pieces: object) -> list[str]:
    return [word for _, prose in pieces for line in prose.splitlines() for word in words_of(line)]


def test_all_documents_and_docstrings_are_spelt_as_the_dictionary_does(aspell: str) -> None:
    places = [*written(ROOT)]
    assert len(places) > 20_000
    assert misspelt(places, aspell) == []


def test_each_word_of_our_list_is_used_and_in_no_dictionary(aspell: str) -> None:
    unknown = unknown_words({place.word for place in written(ROOT)}, aspell)
    assert [word for word in our_words() if unknown.isdisjoint(forms(word))] == []


def test_our_list_is_sorted() -> None:
    assert our_words() == sorted(set(our_words()))


def test_what_is_misspelt_is_found_with_its_place(aspell: str) -> None:
    text = "# Heading\n\nThis is right,\nand `cdoe` is code; this is wrnog."
    places = [
        Place("here.md", line + offset, word)
        for line, prose in prose_of_document(text)
        for offset, words in enumerate(prose.splitlines())
        for word in words_of(words)
    ]
    assert misspelt(places, aspell) == [Place("here.md", 4, "wrnog")]


def test_american_spelling_is_misspelt(aspell: str) -> None:
    places = [Place("here.md", 1, word) for word in ("colour", "color", "behaviour", "behavior")]
    assert [place.word for place in misspelt(places, aspell)] == ["color", "behavior"]


def test_code_in_a_document_is_not_looked_at() -> None:
    text = "One `two` [three](four.md) <https://five.example>\n\n```python\nsix\n```\n\n    seven\n"
    assert words(prose_of_document(text)) == ["One", "three"]


def test_tables_and_lists_of_a_document_are_looked_at() -> None:
    text = "| one | `two` |\n|---|---|\n| three | four |\n\n* five\n"
    assert words(prose_of_document(text)) == ["one", "three", "four", "five"]


def test_code_in_a_docstring_is_not_looked_at() -> None:
    code = '''
def function(six):
    """One ``two`` :func:`three` four::

        five

    .. versionadded:: 1.0

    Args:
        six: Seven.
    """


VALUE = 8
"""Eight."""
'''
    assert words(prose_of_code(code)) == ["Eight", "One", "four", "Seven"]


def test_names_are_not_taken_for_words() -> None:
    line = "a snake_case CamelCase TLS 5ms file.py reader's (bridge), redis 8.1.0, redis-py."
    assert [*words_of(line)] == [
        "reader",
        "bridge",
    ]
