"""New projects from templates, for the command ``pcreate``.

Each folder here with a ``cookiecutter.json`` is a template of the cookiecutter library, and can
also be used with that library's command: ``cookiecutter FOLDER``, see ``Scaffold.folder``.
"""

from ._create import create_project
from ._templates import SCAFFOLDS, Scaffold
from .exceptions import ScaffoldError

__all__ = ("SCAFFOLDS", "Scaffold", "ScaffoldError", "create_project")
