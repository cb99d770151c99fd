"""Drive applications that nobody here wrote.

``figures``
    What came of a drive, and many clients at once.
``scratch``
    Environments of their own, and sources as they were published.
``ways``
    The ways to serve that are compared, and servers.
``mailer``, ``kinto``, ``devpi``, ``wiki2``
    One application each.
``suites``
    The tests of Pyramid's own extensions.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "support"))
