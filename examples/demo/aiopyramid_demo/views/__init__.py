"""The views, one module for each panel of the home page."""
