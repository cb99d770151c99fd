"""Pages: what a reader and an editor see."""

from webtest import TestApp


def test_the_front_page_is_the_first(wiki: TestApp) -> None:
    assert "This is the front page" in wiki.get("/").follow().text


def test_a_page_names_its_creator_and_the_creators_pages(wiki: TestApp) -> None:
    assert "<strong>editor</strong>, like\nFrontPage." in wiki.get("/FrontPage").text


def test_a_page_that_is_missing_is_not_found(wiki: TestApp) -> None:
    wiki.get("/Missing", status=404)


def test_an_editor_adds_a_page_with_links(wiki: TestApp) -> None:
    wiki.set_cookie("user", "editor")
    saved = wiki.post("/NewPage/edit", {"body": "See FrontPage and OtherPage"})
    page = saved.follow().text
    assert 'href="http://localhost/FrontPage"' in page
    assert 'href="http://localhost/OtherPage/edit"' in page
    assert "FrontPage, NewPage." in page


def test_an_editor_changes_a_page(wiki: TestApp) -> None:
    wiki.set_cookie("user", "editor")
    form = wiki.get("/FrontPage/edit").form
    form["body"] = "changed"
    assert "changed" in form.submit().follow().text


def test_a_reader_edits_nothing(wiki: TestApp) -> None:
    wiki.get("/FrontPage/edit", status=403)
    wiki.post("/NewPage/edit", {"body": "no"}, status=403)
    wiki.get("/NewPage", status=404)
