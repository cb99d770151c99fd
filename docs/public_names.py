"""The public names of the packages, each of which leads to its place in the reference.

A Sphinx extension. The reference documents an object once, under the name by which users import
it. Here it gets its other public names, and names that are code in a text become links.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType
from typing import Any, Final

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.domains.python import ObjectEntry
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

PACKAGES: Final = (
    "aiopyramid_asgi",
    "aiopyramid_core",
    "aiopyramid_debugtoolbar",
    "aiopyramid_gunicorn",
    "aiopyramid_sqlalchemy",
    "aiopyramid_traversal",
    "aiopyramid_websocket",
    "aiopyramid_groups",
    "aiopyramid_metrics",
    "aiopyramid_uwsgi",
    "aiopyramid",
)
NAME: Final = re.compile(r"@?([A-Za-z_][\w.]*)(\(.*\))?", re.DOTALL)
"""Code that is a name, a decorator or a call."""

PYRAMIDS: Final = frozenset({"find_resource", "includeme", "traverse"})
"""Names that Pyramid has as well: alone in a text they may be Pyramid's."""


# --- What is public -------------------------------------------------------------------------------


def public_modules() -> Iterator[ModuleType]:
    """Yield the packages and their modules, less those whose names begin with an underscore."""
    for name in PACKAGES:
        package = import_module(name)
        yield package
        for found in walk_packages(package.__path__, f"{name}."):
            if "._" not in found.name:
                yield import_module(found.name)


def public_objects() -> Iterator[tuple[str, Any]]:
    """Yield the full name and the object of everything that a public module calls public."""
    for module in public_modules():
        for name in getattr(module, "__all__", ()):
            yield f"{module.__name__}.{name}", getattr(module, name)


def by_last_part(env: BuildEnvironment, package: str) -> dict[str, ObjectEntry]:
    """Return what a package has documented, by the last part of the name where it is unique."""
    found = defaultdict(set)
    for name, entry in env.domains.python_domain.objects.items():
        if name.startswith(f"{package}."):
            found[name.rpartition(".")[2]].add((entry.docname, entry.node_id))
    return {name: entries.pop() for name, entries in found.items() if len(entries) == 1}


# --- Events ---------------------------------------------------------------------------------------


def mend_signature(
    app: Sphinx, what: str, name: str, value: Any, options: Any, signature: str, returns: str
) -> tuple[str, str] | None:
    """Write parameter specifications as in the code; without it Sphinx shows them undigested."""
    if getattr(value, "_is_protocol", False):
        return "", ""  # never called
    if signature is None:
        return None
    signature = signature.replace("*args: ~typing.~P", "*args: P.args")
    return signature.replace("**kwargs: ~typing.~P", "**kwargs: P.kwargs"), returns


def mend_callables(app: Sphinx, doctree: nodes.document) -> None:
    """Write ``Callable[P, T]`` where Sphinx has made it ``Callable[[P], T]``."""
    for signature in doctree.findall(addnodes.desc_signature):
        for name in list(signature.findall(addnodes.pending_xref)):
            around, at = name.parent.children, name.parent.index(name)
            texts = [node.astext() for node in around[max(at - 2, 0) : at + 2]]
            if texts == ["[", "[", "P", "]"]:
                name.parent.remove(around[at + 1])
                name.parent.remove(around[at - 1])


def shorten_types(
    app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]
) -> None:
    """Call a type variable by its name alone where it is the type of an attribute."""
    lines[:] = [re.sub(r"^(:vartype \w+: )[\w.]+[.]T$", r"\1T", line) for line in lines]


def add_other_names(app: Sphinx, env: BuildEnvironment) -> None:
    """Let a class or a function be found by all its public names."""
    documented = env.domains.python_domain.objects
    objects = [(name, value) for name, value in public_objects() if callable(value)]
    entries = {id(value): documented[name] for name, value in objects if name in documented}
    for name, value in objects:
        entry = entries.get(id(value))
        if name not in documented and entry is not None:
            documented[name] = ObjectEntry(entry.docname, entry.node_id, entry.objtype, True)


def find_in_package(
    app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, text: nodes.Node
) -> nodes.reference | None:
    """Find what a docstring calls by the last part of its name, such as an exception it raises."""
    package = str(node.get("py:module") or "").partition(".")[0]
    found = by_last_part(env, package).get(node["reftarget"])
    return found and make_refnode(app.builder, node["refdoc"], *found, text)


def link_names(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Make a link of code that is a public name."""
    names = names_in_text(app.env)
    for literal in list(doctree.findall(nodes.literal)):
        matched = NAME.fullmatch(literal.astext())
        found = matched and names.get(matched[1])
        if found and not is_link_or_heading(literal, found[1]):
            literal.replace_self(make_refnode(app.builder, docname, *found, literal.deepcopy()))


def names_in_text(env: BuildEnvironment) -> dict[str, tuple[str, str]]:
    """Return the page and the anchor of each name that is clear without its surroundings."""
    found = {}
    for name, entry in env.domains.python_domain.objects.items():
        package, _, short = name.partition(".")
        if package in PACKAGES:
            found[name] = (entry.docname, entry.node_id)
            if short in getattr(import_module(package), "__all__", ()) and short not in PYRAMIDS:
                found[short] = found[name]
    return found


def is_link_or_heading(literal: nodes.literal, anchor: str) -> bool:
    """Return whether code must not become a link, such as one to where it is already."""
    node: Any = literal.parent
    while node is not None:
        if isinstance(node, nodes.reference | nodes.title | addnodes.desc_signature):
            return True
        if isinstance(node, addnodes.desc) and anchor in node[0]["ids"]:
            return True
        node = node.parent
    return False


def setup(app: Sphinx) -> dict[str, bool]:
    """Have Sphinx call the functions above."""
    app.connect("autodoc-process-signature", mend_signature)
    app.connect("autodoc-process-docstring", shorten_types, priority=600)  # after napoleon's 500
    app.connect("doctree-read", mend_callables)
    app.connect("env-updated", add_other_names)
    app.connect("missing-reference", find_in_package)
    app.connect("doctree-resolved", link_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
