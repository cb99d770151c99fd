"""Find phrases that do not read like plain technical English: see "Words" in ``CONTRIBUTING.md``.

Each phrase has a replacement. All text is searched: documents, docstrings, comments, messages, and
the names of tests. Run it anywhere::

    python tools/phrases.py
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parent.parent
SUFFIXES: Final = ("*.md", "*.rst", "*.py", "*.toml", "*.ini", "*.cfg", "Makefile")
NOT_SEARCHED: Final = ("CONTRIBUTING.md", "tools/phrases.py", "tests/tools/test_phrases.py")
"""Files that quote the phrases."""

TEST_NAME: Final = re.compile(r"\bdef (test_\w+)")


class Phrase(NamedTuple):
    """A phrase that must not be used.

    Attributes:
        key: A string that is in every match; files without it are not searched.
        pattern: A regular expression. ``~`` stands for the space between two words, which may be
            the end of a line.
        use: The replacement, for the message.
        example: A sentence with the phrase.
    """

    key: str
    pattern: str
    use: str
    example: str


_SYNCHRONOUS: Final = (
    "application|bod(?:y|ies)|class(?:es)?|code|function|generator|iterator|method|tween|view"
)
_IN_ORDER: Final = (
    "101|answer|bod(?:y|ies)|close|deadline|end|flush|handshake|head|length|request|response|size"
    "|upgrade|version"
)

PHRASES: Final = (
    Phrase(
        " no",
        r"\b(?![Tt]here\b)\w+~(?:is|are|was|were)~no~"
        r"(?!better|different|less|longer|more|other|worse)",
        '"is not a", or "invalid"',
        "The status is no number.",
    ),
    Phrase(
        "What",
        r'(?:"""|# |[.]\s+)(?:What|Whatever)\b[^?.:\n]*(?:\n[^?.:\n]+)*[.](?=["\s])',
        "the name of the thing",
        '"""What a server sends."""',
    ),
    Phrase(
        "What",
        r"(?m)^ +\*{0,2}\w+:~(?:What|Whatever)\b",
        "the name of the thing",
        "Args:\n    data: What the server sends.",
    ),
    Phrase("hoever", r"\b[Ww]hoever\b", '"a client that", "code that"', "Whoever asks waits."),
    Phrase("Who", r"[.]~Who~(?![^.]*\?)", '"a client that"', "It ends. Who asks later waits."),
    Phrase("shall", r"\bshall\b", '"must", "should" or "will"', "It shall see the context."),
    Phrase("ence", r"\b[Hh]ence\b", '"so"', "Hence it waits."),
    Phrase("mend", r"\b[Mm]end(?:s|ed|ing)?\b", '"fix"', "A test that mends itself."),
    Phrase("else", r"\b[Oo]r~else\b", '"otherwise"', "Close it, or else it stays open."),
    Phrase("ever", r"\bfor~ever\b", '"forever"', "It would wait for\n    # ever."),
    Phrase("midst", r"\bin~the~midst~of\b", '"during", "in the middle of"', "in the midst of it"),
    Phrase(
        "eanwhile",
        r"\b(?:Meanwhile\b|meanwhile(?=~\w|[.;]))",
        '"in the meantime"',
        "It stops meanwhile.",
    ),
    Phrase(
        "behind",
        rf"\bbehind~(?:(?:a|an|each|its|last|the|this)~)+(?:{_IN_ORDER})\b",
        '"after"',
        "It is sent behind the response.",
    ),
    Phrase(
        "rdinary",
        rf"\b[Oo]rdinary~(?:WSGI~)?(?:{_SYNCHRONOUS})s?\b",
        '"synchronous"',
        "It is called by ordinary code.",
    ),
    Phrase("patience", r"\b[Pp]atience\b", '"time limit", "waits"', "It has no patience."),
    Phrase("affair", r"\baffairs?\b", '"is up to"', "That is its own affair."),
    Phrase("words", r"\blast~words\b", '"its last lines"', "It said its last words."),
    Phrase("wishes", r"\bwishes\b", '"requests"', "The client wishes to close."),
    Phrase("unharmed", r"\bunharmed\b", "the effect", "It leaves unharmed."),
    Phrase("versions", r"\bearlier~versions\b", '"aiopyramid 0.x"', "As in earlier versions."),
    Phrase(
        "riginal",
        r"\bthe~original(?:'s)?~(?:documentation|package|project|version)\b",
        '"aiopyramid 0.x"',
        "The documentation says what the original documentation says.",
    ),
    Phrase(
        "obody would", r"\b[Nn]obody~would\b", "the reason", "nobody would wait for mail.send()"
    ),
    Phrase(
        "aiting for",
        r"\bWaiting~for~(?:%d|\d+)~(?:background~)?tasks\b",
        '"Background tasks still running: 1"',
        "Waiting for 1 background tasks",
    ),
    Phrase("ay", r"\b[Ss]ay~'", '"write"', "In a coroutine, say 'await'."),
    Phrase("say", r"\bsay~(?:config|aiopyramid_core)\.", '"call"', "say config.include('x')"),
)

ALLOWED: Final[frozenset[tuple[str, str]]] = frozenset()
"""Correct uses: the file, and the text of the match."""


class Finding(NamedTuple):
    """A phrase in a text, and the replacement."""

    file: str
    line: int
    text: str
    use: str


_PATTERNS: Final = tuple(
    (phrase, re.compile(phrase.pattern.replace("~", r"\s+(?:# ?)?"))) for phrase in PHRASES
)


def main() -> None:
    """Exit with a message that lists the phrases with their replacements."""
    argparse.ArgumentParser(description="Find phrases that the style forbids.").parse_args()
    if findings := list(searched(ROOT)):
        lines = (f"{each.file}:{each.line}: {each.text!r}: use {each.use}" for each in findings)
        sys.exit("Forbidden phrases:\n  " + "\n  ".join(lines))


def searched(root: Path) -> Iterator[Finding]:
    """Yield the phrases in all text files that are tracked or could be."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *SUFFIXES]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    for name in sorted({*listed.stdout.split("\0")} - {"", *NOT_SEARCHED}):
        file = root / name
        if file.is_file():
            yield from phrases_of(name, file.read_text(encoding="utf-8"))


def phrases_of(name: str, text: str) -> Iterator[Finding]:
    """Yield the phrases in a text.

    Args:
        name: The name of the file.
        text: Its content.
    """
    text = TEST_NAME.sub(lambda found: found[0].replace("_", " "), text)
    for phrase, pattern in _PATTERNS:
        if phrase.key not in text:
            continue
        for found in pattern.finditer(text):
            words = " ".join(found[0].split())
            if (name, words) not in ALLOWED:
                line = text.count("\n", 0, found.start()) + 1
                yield Finding(name, line, words, phrase.use)


if __name__ == "__main__":
    main()
