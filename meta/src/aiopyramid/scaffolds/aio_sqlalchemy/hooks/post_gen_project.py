"""Leave out of the new project what pip has compiled of the template."""

import pathlib
import shutil

for cache in [*pathlib.Path().rglob("__pycache__")]:
    shutil.rmtree(cache)
