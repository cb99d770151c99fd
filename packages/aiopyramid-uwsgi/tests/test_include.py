"""_include: the same application anywhere but under uWSGI."""

import pytest
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationError
from webob import Request


def application(**settings):
    async def view(request):
        return "served"

    config = Configurator(settings=settings)
    config.include("aiopyramid_uwsgi")
    config.add_route("view", "/")
    config.add_view(view, route_name="view", renderer="string")
    return config.make_wsgi_app()


def test_without_uwsgi_coroutine_views_work_as_with_the_core_alone():
    assert Request.blank("/").get_response(application()).text == "served"


def test_without_uwsgi_the_settings_are_checked_all_the_same():
    with pytest.raises(ConfigurationError, match=r"aiopyramid\.uwsgi\.loop"):
        application(**{"aiopyramid.uwsgi.loop": "trio"})
