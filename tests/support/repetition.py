"""How often tests repeat what goes wrong now and then only."""

import os
from typing import Final

TIMES: Final = int(os.environ.get("AIOPYRAMID_TEST_TIMES", "1"))
"""How many times as often as continuous integration does; the environment says so."""
