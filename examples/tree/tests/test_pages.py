import pytest
from webtest import TestApp


def test_the_path_leads_from_page_to_page(visitor: TestApp) -> None:
    page = visitor.get("/garden/roses")

    assert "They need sun." in page.text


def test_the_breadcrumbs_are_the_lineage(visitor: TestApp) -> None:
    page = visitor.get("/garden/roses")

    for href in ("http://localhost/", "http://localhost/garden/", "http://localhost/garden/roses/"):
        assert f'href="{href}"' in page.text


def test_a_page_lists_its_children(visitor: TestApp) -> None:
    page = visitor.get("/")

    assert page.click("garden", index=0).request.path == "/garden"


def test_there_is_no_page_where_there_is_no_row(visitor: TestApp) -> None:
    visitor.get("/garden/tulips", status=404)


def test_a_page_of_a_new_name_can_be_added_below_another(ann: TestApp) -> None:
    form = ann.get("/garden").forms[2]
    form["name"] = "white tulips"
    page = form.submit().follow()

    assert page.request.path == "/garden/white%20tulips/"
    assert "white tulips" in ann.get("/garden").text


def test_a_name_is_taken_once(ann: TestApp) -> None:
    form = ann.get("/garden").forms[2]
    form["name"] = "roses"

    assert form.submit(status=409)


def test_a_name_that_could_not_be_an_address_is_refused(ann: TestApp) -> None:
    for name in ("", "a/b", "@@write", ".", ".."):
        form = ann.get("/garden").forms[2]
        form["name"] = name
        form.submit(status=400)


def test_what_is_written_is_shown_as_it_was_typed(ann: TestApp) -> None:
    form = ann.get("/garden/roses").forms[1]
    form["text"] = "They have <thorns>."
    form.submit().follow()

    assert "They have &lt;thorns&gt;." in ann.get("/garden/roses").text


@pytest.mark.parametrize(("here", "to"), [("/", "/garden/roses"), ("/garden/", "roses")])
def test_go_finds_pages_from_the_root_and_from_here(visitor: TestApp, here: str, to: str) -> None:
    assert "They need sun." in visitor.get(f"{here}@@go", {"to": to}).follow().text


def test_go_says_when_there_is_no_such_page(visitor: TestApp) -> None:
    for to in ("/garden/tulips", "/gärten"):
        visitor.get("/@@go", {"to": to}, status=404)
