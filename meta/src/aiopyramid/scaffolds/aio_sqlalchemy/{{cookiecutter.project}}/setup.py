# For `python setup.py develop`; everything is in pyproject.toml.
from setuptools import setup

setup()
