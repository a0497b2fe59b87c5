"""A small wrong change."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """A mistake that a programmer could make, and the tests that must notice it.

    Parameters
    ----------
    file
        The changed file, in the package.
    old
        A text that is in it once.
    new
        What replaces it.
    tests
        Files of tests, or tests in them as ``file::name``, separated by blanks.
    """

    file: str
    old: str
    new: str
    tests: str

    def __str__(self) -> str:
        return f"{self.file}: {self.old!r} -> {self.new!r}"
