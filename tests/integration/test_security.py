"""Security policies of coroutines, those of today and those of Pyramid 1."""

import pytest

BOTH = pytest.mark.parametrize("view", ["ordinary", "coroutine"])


@BOTH
def test_identity_and_userid_may_be_coroutines(site, view):
    assert site.get(f"/whoami/{view}", X_User="ann").json == {
        "identity": "ann",
        "userid": "ann",
        "is_authenticated": True,
    }


@BOTH
def test_nobody_is_nobody(site, view):
    assert site.get(f"/whoami/{view}").json == {
        "identity": None,
        "userid": None,
        "is_authenticated": False,
    }


def test_permits_may_be_a_coroutine_and_ask_an_acl_that_is_one(site):
    assert site.get("/tree/ann/@@view", X_User="ann").json == "/ann"
    assert site.get("/tree/ann/@@view", X_User="bob").status == 403


@pytest.mark.parametrize(("user", "may"), [("ann", True), ("bob", False)])
def test_has_permission_works_in_a_coroutine_view(site, user, may):
    assert site.get("/tree/ann/@@glimpse", X_User=user).json is may


def test_remember_may_be_a_coroutine(site):
    assert site.get("/log-in").headers["X-Remembered"] == "ann"


def test_forget_may_be_a_coroutine(site):
    assert site.get("/log-out").headers["X-Forgotten"] == "yes"


def test_the_csrf_storage_policy_may_be_of_coroutines(site):
    token = site.get("/csrf/token").json
    assert site.get("/csrf/protected", "POST", X_CSRF_Token=token).json == "accepted"
    assert site.get("/csrf/protected", "POST", X_CSRF_Token="wrong").status == 400


# --- The policies of Pyramid 1 --------------------------------------------------------------------

OLD = pytest.mark.filterwarnings("ignore:The new security policy has deprecated:DeprecationWarning")


@pytest.fixture(params=["ticket", "session"])
def old_site(server, request):
    """An application with an authentication policy whose callback is a coroutine."""
    return server.mounted(request.param)


def cookies_of(old_site, user):
    answer = old_site.get(f"/log-in?user={user}")
    assert answer.status == 200
    return answer.headers["Set-Cookie"].partition(";")[0]


@OLD
@BOTH
def test_the_callback_of_an_authentication_policy_may_be_a_coroutine(old_site, view):
    answer = old_site.get(f"/whoami/{view}", Cookie=cookies_of(old_site, "ann")).json
    assert answer == {
        "userid": "ann",
        "unverified": "ann",
        "principals": ["ann", "group:editors", "system.Authenticated", "system.Everyone"],
        "may_edit": True,
    }


@OLD
@BOTH
def test_a_user_whom_the_callback_does_not_know_is_nobody(old_site, view):
    answer = old_site.get(f"/whoami/{view}", Cookie=cookies_of(old_site, "eve")).json
    assert answer == {
        "userid": None,
        "unverified": "eve",
        "principals": ["system.Everyone"],
        "may_edit": False,
    }


@pytest.mark.parametrize(("user", "status"), [("ann", 200), ("bob", 403), ("eve", 403)])
def test_the_callback_decides_who_may_see_a_view(old_site, user, status):
    assert old_site.get("/edit", Cookie=cookies_of(old_site, user)).status == status


def test_a_user_can_log_out(old_site):
    assert old_site.get("/log-out", Cookie=cookies_of(old_site, "ann")).status == 200
