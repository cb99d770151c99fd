"""The module that pytest loads where this package is installed.

pytest also loads it for the tests of sites that know nothing of it, whatever their pytest is.
"""

import pytest

from ._old_pytest import is_too_old

if is_too_old(pytest.__version__):
    from ._old_pytest import *  # noqa: F403
else:
    from .pytest_plugin import *  # noqa: F403
