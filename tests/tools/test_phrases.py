"""``tools/phrases.py``, and what it finds in this repository."""

import pytest

from phrases import ALLOWED, PHRASES, ROOT, Finding, Phrase, phrases_of, searched


def found_in(text: str) -> list[str]:
    return [finding.text for finding in phrases_of("here.py", text)]


def test_no_text_of_the_repository_contains_a_forbidden_phrase() -> None:
    assert [*searched(ROOT)] == []


def test_each_exception_is_needed() -> None:
    for name, words in ALLOWED:
        assert words in " ".join((ROOT / name).read_text(encoding="utf-8").split())


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: phrase.example)
def test_the_example_of_a_phrase_is_found_with_its_replacement(phrase: Phrase) -> None:
    findings = [*phrases_of("here.py", phrase.example)]
    assert [(finding.file, finding.use) for finding in findings] == [("here.py", phrase.use)]


@pytest.mark.parametrize(
    "text",
    [
        "There is no status.",
        "It is no longer open, and is no worse for it.",
        "# What does it do? It waits.",
        "## What it does\n\nIt waits.",
        "gunicorn behind a proxy: nothing is left behind.",
        "This guide takes an ordinary Pyramid site.",
        "load.run(meanwhile)",
        "amendments, henceforth and marshalling",
        "patience_seconds = _PATIENCE_SECONDS",
    ],
)
def test_correct_sentences_and_names_of_code_are_not_found(text: str) -> None:
    assert found_in(text) == []


def test_a_phrase_is_found_across_lines() -> None:
    text = "first = 1\n# The server would wait for\n# ever.\n"
    assert [*phrases_of("here.py", text)] == [Finding("here.py", 2, "for # ever", '"forever"')]


def test_a_phrase_is_found_in_the_name_of_a_test() -> None:
    assert found_in("def test_what_is_no_number_is_refused():\n    pass\n") == ["what is no"]
