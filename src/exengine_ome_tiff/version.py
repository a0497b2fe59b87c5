"""The version of the package, for itself, its files and its build."""

__version__ = "0.1.0"
