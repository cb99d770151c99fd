"""``python -m aiopyramid_metrics``: print the dashboard for Grafana, which imports it."""

import sys
from importlib.resources import files

__all__ = ("main",)


def main() -> None:
    """Print the dashboard."""
    dashboard = files(__package__) / "dashboard.json"
    sys.stdout.write(dashboard.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
