"""Who may do what: access control lists from the database, of a page and the pages above it."""

from webtest import TestApp


def test_everybody_may_read_what_the_root_lets_them_read(visitor: TestApp) -> None:
    visitor.get("/garden/roses", status=200)


def test_a_page_that_denies_everybody_denies_what_is_below_it(visitor: TestApp) -> None:
    for path in ("/attic", "/attic/letters"):
        assert visitor.get(path, status=401).headers["WWW-Authenticate"].startswith("Basic")


def test_whom_a_page_allows_before_it_denies_everybody_may_read(ann: TestApp) -> None:
    assert "ribbon" in ann.get("/attic/letters").text


def test_who_is_known_and_may_not_read_is_not_asked_again(bob: TestApp) -> None:
    bob.get("/attic/letters", status=403)


def test_a_wrong_password_is_nobodys(visitor: TestApp) -> None:
    for name, password in (("ann", "b"), ("eve", ""), ("eve", "x")):
        visitor.authorization = ("Basic", (name, password))
        visitor.get("/attic", status=401)


def test_only_who_may_edit_sees_the_forms(bob: TestApp) -> None:
    assert "@@write" in bob.get("/garden/roses").text
    assert "@@write" not in bob.get("/").text


def test_the_forms_are_not_what_keeps_others_from_writing(bob: TestApp) -> None:
    form = bob.get("/garden").forms[1]
    form.action = "/@@write"
    form.submit(status=403)


def test_a_form_of_another_site_is_refused(ann: TestApp) -> None:
    ann.post("/@@write", {"text": "stolen"}, status=400)
    assert "stolen" not in ann.get("/").text


def test_logging_in_leads_back_to_the_page(visitor: TestApp) -> None:
    visitor.get("/garden/@@log-in", status=401)
    visitor.authorization = ("Basic", ("ann", "a"))

    assert "You are ann." in visitor.get("/garden/@@log-in").follow().text
