"""Print the table as ``docs/extension-points.md`` has it: ``python -m extension_points``."""

from . import EXTENSION_POINTS

print("| what Pyramid calls | registered by |\n|---|---|")
for point in EXTENSION_POINTS:
    print(f"| {point.name} | {point.directive} |")
