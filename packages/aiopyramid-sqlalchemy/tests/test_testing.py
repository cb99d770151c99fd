"""testing: each test in a transaction that is rolled back, through real requests."""

import pytest
from webob import Request
from webtest import TestApp

from aiopyramid_core import run
from aiopyramid_core.lifespan import lifespan_of
from aiopyramid_sqlalchemy.testing import rolled_back as rolled_back_


@pytest.fixture
def app(build, models, with_tm):
    async def add(request):
        request.dbsession.add(models.User(name=request.params["name"]))
        return {}

    async def add_and_raise(request):
        await add(request)
        request.dbsession.flush()
        raise LookupError

    def names(request):
        return sorted(user.name for user in request.dbsession.query(models.User))

    views = {"/add": add, "/add_and_raise": add_and_raise, "/names": names}
    app = build(views, with_tm=with_tm)
    yield app
    run(lifespan_of(app.registry).stop)


def test_requests_see_what_the_test_has_prepared(app, models, rolled_back, names_in):
    dbsession = rolled_back(app)
    dbsession.add(models.User(name="prepared"))
    dbsession.commit()
    assert TestApp(app).get("/names").json == ["ada", "prepared"]
    assert names_in() == {"ada"}


def test_the_test_sees_what_requests_have_committed(app, models, rolled_back):
    dbsession = rolled_back(app)
    client = TestApp(app)
    client.get("/add?name=bob")
    client.get("/add?name=eve")
    assert client.get("/names").json == ["ada", "bob", "eve"]
    assert dbsession.query(models.User).count() == 3


def test_a_request_that_fails_is_rolled_back_as_ever(app, rolled_back):
    rolled_back(app)
    client = TestApp(app)
    client.get("/add?name=bob")
    with pytest.raises(LookupError):
        client.get("/add_and_raise?name=eve")
    assert client.get("/names").json == ["ada", "bob"]


def test_nothing_is_left(app, names_in):
    with rolled_back_(app):
        TestApp(app).get("/add?name=bob")
    assert names_in() == {"ada"}
    assert TestApp(app).get("/names").json == ["ada"]


@pytest.mark.in_bridge
def test_it_works_in_a_test_in_the_bridge(app, models, rolled_back):
    dbsession = rolled_back(app)
    Request.blank("/add?name=bob").get_response(app)
    assert dbsession.query(models.User).count() == 2
