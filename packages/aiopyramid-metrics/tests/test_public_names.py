"""``__all__`` is exact in both directions, in the package and in each of its public modules."""

import types

import pytest

import aiopyramid_metrics
from aiopyramid_metrics import gunicorn, settings, spans

MODULES = [gunicorn, settings, spans]


def test_the_package_lists_what_it_offers():
    offered = {
        name
        for name, value in vars(aiopyramid_metrics).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert offered == set(aiopyramid_metrics.__all__)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_a_public_module_lists_what_it_defines(module):
    defined = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    }
    assert type(module.__all__) is tuple
    assert defined == set(module.__all__)


@pytest.mark.parametrize("module", [aiopyramid_metrics, *MODULES], ids=lambda m: m.__name__)
def test_every_public_name_is_documented(module):
    assert all(getattr(module, name).__doc__ for name in module.__all__)
