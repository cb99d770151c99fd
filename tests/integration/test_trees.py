"""Resource trees of every kind on every server, by aiopyramid_traversal."""

import pytest

KINDS = ["ordinary", "coroutine", "synchronized", "generator", "threaded"]
ALL_KINDS = "/".join(KINDS)
FIND = pytest.mark.parametrize("view", ["ordinary", "coroutine", "children_of_a_group"])


@pytest.fixture
def trees(server):
    return server.mounted("trees")


@pytest.mark.parametrize("kind", KINDS)
def test_a_tree_may_be_of_any_kind(trees, kind):
    found = trees.get(f"/{kind}/{kind}/leaf").json
    assert found["lineage"] == [f"/{kind}/{kind}/leaf", f"/{kind}/{kind}", f"/{kind}", "/"]


def test_a_tree_may_be_of_all_kinds(trees):
    assert trees.get(f"/{ALL_KINDS}/leaf").json["traversed"] == [*KINDS, "leaf"]


@pytest.mark.parametrize("kind", [*KINDS, "leaf"])
def test_what_is_not_there_is_not_found(trees, kind):
    assert trees.get(f"/{kind}/missing").status == 404


@pytest.mark.parametrize("name", ["show", "@@show"])
def test_a_name_that_is_not_a_resource_is_a_view_and_a_subpath(trees, name):
    found = trees.get(f"/coroutine/{name}/a/b").json
    assert (found["view"], found["subpath"]) == ("show", ["a", "b"])
    assert found["traversed"] == ["coroutine"]


def test_a_virtual_root_is_where_urls_begin(trees):
    found = trees.get("/coroutine", X_VHM_Root="/ordinary/coroutine").json
    assert found["lineage"][0] == "/ordinary/coroutine/coroutine"
    assert found["virtual root"] == ["/ordinary/coroutine"]
    assert found["url"] == f"{trees.prefix}/coroutine/"


@pytest.mark.parametrize("path", [f"/star/{ALL_KINDS}", "/mark/coroutine"])
def test_a_route_may_traverse(trees, path):
    names = path.split("/")[2:]
    assert trees.get(path).json["traversed"] == names


@FIND
@pytest.mark.parametrize("path", ["/", f"/{ALL_KINDS}/leaf", "coroutine/leaf"])
def test_resources_are_found_from_views(trees, view, path):
    found = f"/synchronized/{path}" if path[0] != "/" else path
    assert trees.get(f"/synchronized/@@find-{view}?path={path}").json == [found]


@pytest.mark.parametrize("kind", KINDS)
def test_many_walk_at_the_same_time(trees, kind):
    def get():
        return trees.get(f"/{'/'.join([kind] * 5)}").json["traversed"]

    assert trees.together(*[get] * 10) == [[kind] * 5] * 10


def test_a_tree_that_blocks_is_walked_off_the_servers_loop(trees):
    assert trees.get("/blocking/ordinary").json is trees.kind.owns_loop
