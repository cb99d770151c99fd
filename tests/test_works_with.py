"""``docs/works-with.md``: each library in its tables is used by the test that its row names."""

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = ROOT / "docs/works-with.md"
ROWS: Final = re.findall(
    r'^\| (`[`\w,. -]+`) \| .+ \| \[test\]\((\S+) "(\w+)"\) \|$', PAGE.read_text(), re.MULTILINE
)
"""The libraries of each row, and the file and the function of its test."""

LOCKED: Final = {each["name"] for each in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
NOT_LOCKED: Final = {"ddtrace"}
"""Libraries that take too long to start for all who test: `make tox ENV=ddtrace`."""

IMPORTED_AS: Final = {
    "opentelemetry-instrumentation-pyramid": "opentelemetry.instrumentation.pyramid",
    "paste": "translogger",
    "python-socketio": "socketio",
}
"""The name of a library in the code of its test, if it is another one."""


def test_every_row_of_the_page_is_read() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if re.match(r"\| (?!library|-)", line)]
    assert len(rows) == len(ROWS) > 25


@pytest.mark.parametrize(("libraries", "file", "function"), ROWS)
def test_each_library_is_used_by_the_named_test(libraries: str, file: str, function: str) -> None:
    path = PAGE.parent / file
    assert f"\ndef {function}(" in path.read_text()
    for library in re.findall(r"[\w.-]+", libraries):
        assert library.replace("_", "-").lower().replace(".", "-") in LOCKED | NOT_LOCKED
        # Applications that servers run, and fixtures, are in other files of the same folder.
        code = "".join(each.read_text() for each in path.parent.rglob("*.py"))
        assert IMPORTED_AS.get(library, library) in code
