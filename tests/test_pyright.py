"""The types of the public names, for users of pyright; ``make types`` asks mypy.

Pyright has no plugins, so it cannot know the methods of a class that is decorated with
``synchronize``: the file about these is for mypy alone.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_pyright_accepts_what_mypy_accepts(tmp_path: Path) -> None:
    files = ROOT.glob("packages/*/tests/typing/*.py")
    checked = [str(file) for file in files if file.name != "mypy_plugin.py"]
    configuration = {"typeCheckingMode": "standard", "reportMissingTypeStubs": False}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({**configuration, "include": checked}))
    command = [sys.executable, "-m", "basedpyright", f"--project={tmp_path}", "--outputjson"]
    done = subprocess.run(
        [*command, f"--pythonpath={sys.executable}"], capture_output=True, text=True, check=False
    )

    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == len(checked)
    assert [
        f"{each['file']}:{each['range']['start']['line'] + 1}: {each['message']}"
        for each in report["generalDiagnostics"]
    ] == []
