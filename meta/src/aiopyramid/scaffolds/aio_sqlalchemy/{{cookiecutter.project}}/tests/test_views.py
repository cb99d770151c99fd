"""Views without a server; each test leaves the database as it was."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session
from webtest import TestApp

from {{ cookiecutter.package }}.models import Note


def test_notes_are_shown(application: Any, rolled_back: Callable[[Any], Session]) -> None:
    dbsession = rolled_back(application)
    dbsession.add(Note(text="tea"))
    dbsession.commit()

    assert "tea" in TestApp(application).get("/").text


def test_a_note_is_added(application: Any, rolled_back: Callable[[Any], Session]) -> None:
    dbsession = rolled_back(application)

    TestApp(application).post("/", {"text": "milk"})

    assert dbsession.query(Note.text).all() == [("milk",)]
