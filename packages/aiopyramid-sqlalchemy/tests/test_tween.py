"""_tween: the commit of applications without pyramid_tm, and what comes after it."""

import logging

import pytest
from pyramid.response import Response
from sqlalchemy import event


def write_in_response_callback(request, write):
    request.add_response_callback(lambda request, response: write(request))


def write_in_exception_view(request, write):
    request.environ["write"] = write
    raise LookupError


def exception_view(error, request):
    request.environ["write"](request)
    return Response("recovered")


@pytest.fixture
def app(build, models):
    """An application that calls ``write`` after the commit, in a place that ``place`` chooses."""

    def app(place, write):
        async def view(request):
            place(request, write)
            return {}

        def configure(config):
            config.add_exception_view(exception_view, context=LookupError)

        return build({"/": view}, configure=configure)

    return app


each_place = pytest.mark.parametrize("place", [write_in_response_callback, write_in_exception_view])


def warnings_of(caplog):
    return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


@each_place
@pytest.mark.parametrize("flushes", [False, True])
def test_changes_after_the_commit_are_lost_and_reported(
    app, serve, models, names_in, caplog, place, flushes
):
    def write(request):
        request.dbsession.add(models.User(name="bob"))
        if flushes:
            request.dbsession.flush()

    async def main(fetch):
        return (await fetch("/")).status_int

    assert serve(app(place, write), main) == 200
    assert names_in() == {"ada"}
    (message,) = warnings_of(caplog)
    assert "Call commit() there, or use request.begin_dbsession()" in message


@each_place
def test_changes_that_are_committed_there_are_not(app, serve, models, names_in, caplog, place):
    def write(request):
        request.dbsession.add(models.User(name="bob"))
        with request.dbsession.begin_nested():
            request.dbsession.add(models.User(name="eve"))
        request.dbsession.commit()
        with request.begin_dbsession() as dbsession:
            dbsession.add(models.User(name="joe"))

    async def main(fetch):
        await fetch("/")

    serve(app(place, write), main)
    assert names_in() == {"ada", "bob", "eve", "joe"}
    assert warnings_of(caplog) == []


@each_place
def test_queries_after_the_commit_work(app, serve, models, caplog, place):
    def write(request):
        seen.append(request.dbsession.query(models.User).first().orders[0].what)

    async def main(fetch):
        await fetch("/")

    seen = []
    serve(app(place, write), main)
    assert seen == ["tea"]
    assert warnings_of(caplog) == []


def test_a_request_that_only_reads_commits_its_transaction(app, serve, models):
    committed = []

    async def main(fetch):
        await fetch("/")

    def read(request):
        event.listen(request.dbsession, "after_commit", committed.append)
        request.dbsession.query(models.User).count()

    serve(app(lambda request, write: write(request), read), main)
    assert len(committed) == 1
