from pyramid.config import Configurator
from pyramid.interfaces import IViewMapperFactory


def default_view_mapper_after_including(package: str) -> object:
    config = Configurator()
    config.include(package)
    config.commit()
    return config.registry.queryUtility(IViewMapperFactory)


def test_including_the_meta_package_sets_the_view_mapper_of_the_core() -> None:
    mapper = default_view_mapper_after_including("aiopyramid")

    assert mapper is not None
    assert mapper is default_view_mapper_after_including("aiopyramid_core")
