"""New projects from templates: what ``pcreate`` does.

Each folder here with a ``cookiecutter.json`` is a template of the cookiecutter library and can be
used with its own command as well: ``cookiecutter FOLDER``, see ``Scaffold.folder``.
"""

from ._create import create_project
from ._templates import SCAFFOLDS, Scaffold
from .exceptions import ScaffoldError

__all__ = ("SCAFFOLDS", "Scaffold", "ScaffoldError", "create_project")
