from webtest import TestApp

from {{ cookiecutter.package }}.models import Note


def test_notes_are_shown(application, rolled_back):
    dbsession = rolled_back(application)
    dbsession.add(Note(text="tea"))
    dbsession.commit()

    assert "tea" in TestApp(application).get("/").text


def test_a_note_is_added(application, rolled_back):
    dbsession = rolled_back(application)

    TestApp(application).post("/", {"text": "milk"})

    assert dbsession.query(Note.text).all() == [("milk",)]
