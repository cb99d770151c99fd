"""Check the spelling of all documents and docstrings.

The dictionary is aspell's, of British English with ``-ise``. Correct words that it does not know
are in ``docs/words.txt``. Code is not checked, nor are words that look like code (``snake_case``,
``CamelCase``, ``TLS``). Run it anywhere::

    python tools/spelling.py
"""

import argparse
import ast
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from markdown_it import MarkdownIt

ROOT: Final = Path(__file__).parent.parent
WORDS: Final = ROOT / "docs" / "words.txt"
DICTIONARY: Final = "en_GB-ise-w_accents"
MARKDOWN: Final = MarkdownIt().enable("table")

LITERAL: Final = re.compile(r"``.+?``|(?::\w+:)?`[^`]+`", re.DOTALL)
DIRECTIVE: Final = re.compile(r"^ *\.\. \w+::.*$", re.MULTILINE)
SECTION: Final = re.compile(r"^ *\*{0,2}\w+:(?= |$)", re.MULTILINE)
"""``Args:`` and, in such a section, ``name: …``."""

CODE: Final = re.compile(r"_|://|@|\w[.]\w|[a-z]\d|\d[a-z]|aiopyramid-|redis-py|python-socketio")
"""Text that is not a word: names of variables, addresses, names of files, names of packages."""

RELEASE: Final = re.compile(r"\S+ \d+[.]\d+[.]\d+\b")
"""A package with its version, as in ``redis 8.1.0``."""


class Place(NamedTuple):
    """A word and the place where it is written."""

    file: str
    line: int
    word: str


def main() -> None:
    """Exit with a message that lists the words that are not in a dictionary."""
    argparse.ArgumentParser(
        description="Check the spelling of documents and docstrings."
    ).parse_args()
    if (aspell := shutil.which("aspell")) is None:
        sys.exit("aspell is not installed: install it with English (on Debian, aspell-en).")
    wrong = misspelt(written(ROOT), aspell)
    if wrong:
        lines = (f"{place.file}:{place.line}: {place.word}" for place in wrong)
        sys.exit("Not in the dictionary or docs/words.txt:\n  " + "\n  ".join(lines))


def misspelt(places: Iterable[Place], aspell: str) -> list[Place]:
    """Return the places of words that are neither in the dictionary nor in our list."""
    places = list(places)
    unknown = unknown_words({place.word for place in places}, aspell)
    wrong = unknown.difference(*map(forms, our_words()))
    return [place for place in places if place.word in wrong]


def our_words() -> list[str]:
    """Return the words that are correct although they are not in the dictionary."""
    return WORDS.read_text(encoding="utf-8").split()


def forms(word: str) -> set[str]:
    """Return the forms in which a word of our list may be written."""
    return {word, word.capitalize(), f"{word}s", f"{word.capitalize()}s"}


def unknown_words(words: Iterable[str], aspell: str) -> set[str]:
    """Return those of the words that are not in the dictionary."""
    # Without the developer's own list, so that the result is the same on all machines.
    options = [f"--master={DICTIONARY}", "--encoding=utf-8", "--dont-use-other-dicts"]
    listed = subprocess.run(
        [aspell, "list", *options, "--home-dir=/nonexistent"],
        input="\n".join(sorted(words)),
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    )
    return set(listed.stdout.split())


def written(root: Path) -> Iterator[Place]:
    """Yield all words of the documents and docstrings that are tracked or could be."""
    command = "git ls-files -z --cached --others --exclude-standard *.md *.py"
    listed = subprocess.run(command.split(), cwd=root, capture_output=True, text=True, check=True)
    for name in sorted({*listed.stdout.split("\0")} - {""}):
        file = root / name
        if not file.is_file() or (file.suffix == ".py" and "{{" in name):
            continue  # deleted, or a template that is not valid Python yet
        text = file.read_text(encoding="utf-8")
        for line, prose in prose_of_document(text) if file.suffix == ".md" else prose_of_code(text):
            for offset, words in enumerate(prose.splitlines()):
                yield from (Place(name, line + offset, word) for word in words_of(words))


def prose_of_document(text: str) -> Iterator[tuple[int, str]]:
    """Yield the text of a Markdown file without its code, and the line in which it begins."""
    for token in MARKDOWN.parse(text):
        if token.type == "inline" and token.map:
            parts = (
                "\n" if child.type in {"softbreak", "hardbreak"} else child.content
                for child in token.children or ()
                if child.type in {"text", "softbreak", "hardbreak"}
            )
            yield token.map[0] + 1, "".join(parts)


def prose_of_code(text: str) -> Iterator[tuple[int, str]]:
    """Yield the docstrings of a module, including those of variables, without their code."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            docstring = node.value.value
            if isinstance(docstring, str):
                yield node.lineno, without_code(docstring)


def without_code(docstring: str) -> str:
    """Return a docstring with its code removed; the number of lines stays the same."""
    lines = []
    block: int | None = None  # the indentation of the line that introduces a block of code
    for line in without_margin(docstring).splitlines():
        indent = len(line) - len(line.lstrip())
        if line.strip() and block is not None and indent <= block:
            block = None
        lines.append("" if block is not None else line)
        if block is None and line.endswith("::"):
            block = indent
    prose = LITERAL.sub(lambda found: "\n" * found[0].count("\n"), "\n".join(lines))
    return SECTION.sub("", DIRECTIVE.sub("", prose))


def without_margin(docstring: str) -> str:
    """Return a docstring without the common indentation of its other lines."""
    first, line_end, others = docstring.partition("\n")
    return first + line_end + textwrap.dedent(others)


def words_of(line: str) -> Iterator[str]:
    """Yield the words of a line that may be in a dictionary."""
    for chunk in RELEASE.sub("", line).split():
        if CODE.search(chunk):
            continue
        for word in re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*", chunk):
            word = word.removesuffix("'s")
            if len(word) > 1 and (word.islower() or word.istitle()):
                yield word


if __name__ == "__main__":
    main()
