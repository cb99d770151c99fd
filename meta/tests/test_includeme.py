import pytest
from pyramid.config import Configurator
from pyramid.interfaces import ITraverser, IViewMapperFactory

from aiopyramid_core import CoroutineOrExecutorMapper
from aiopyramid_traversal import AsyncioTraverser


@pytest.fixture
def registry():
    config = Configurator()
    config.include("aiopyramid")
    config.commit()
    return config.registry


def test_including_the_meta_package_sets_the_view_mapper_of_the_core(registry) -> None:
    assert registry.getUtility(IViewMapperFactory) is CoroutineOrExecutorMapper


def test_including_the_meta_package_sets_the_traverser(registry) -> None:
    assert type(registry.queryAdapter(object(), ITraverser)) is AsyncioTraverser


def test_including_the_meta_package_adds_the_directive_for_websocket_views() -> None:
    config = Configurator()
    config.include("aiopyramid")
    assert callable(config.add_websocket_view)


def test_it_may_be_included_beside_its_parts() -> None:
    config = Configurator()
    for package in (
        "aiopyramid_core",
        "aiopyramid",
        "aiopyramid_traversal",
        "aiopyramid_websocket",
    ):
        config.include(package)
    config.commit()
