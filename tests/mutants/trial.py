"""Runs the tests of a mutant on a changed copy of the package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import exengine_ome_tiff

if TYPE_CHECKING:
    from mutant import Mutant

PACKAGE = Path(exengine_ome_tiff.__file__).parent
TESTS = Path(__file__).parents[1]
_TESTS_FAILED = 1
_TEST_TIMEOUT_S, _TIMEOUT_S = 60, 200
"""Of one test, which then fails, and of all tests of a mutant."""
_OPTIONS = ("-qx", "-n0", "-p", "no:cacheprovider", f"--timeout={_TEST_TIMEOUT_S}")


class OutdatedMutantError(Exception):
    """The code or the tests that a mutant names have moved: bring it up to date, or delete it."""


def changed(mutant: Mutant) -> str:
    """Return the text of the changed file.

    Raises
    ------
    OutdatedMutantError
        The old text is not there exactly once.
    """
    path = PACKAGE / mutant.file
    text = path.read_text("utf-8") if path.is_file() else ""
    if text.count(mutant.old) != 1:
        raise OutdatedMutantError(
            f"{mutant.file} has {mutant.old!r} {text.count(mutant.old)} times, not once"
        )
    return text.replace(mutant.old, mutant.new)


def check_tests(mutant: Mutant) -> None:
    """Raise OutdatedMutantError where a test of a mutant is not there."""
    for each in mutant.tests.split():
        file, *names = each.split("::")
        path = TESTS / file
        text = path.read_text("utf-8") if path.is_file() else ""
        if not text or any(f"def {name}(" not in text and f"class {name}" not in text for name in names):
            raise OutdatedMutantError(f"{mutant}: there is no test {each}")


def is_noticed(mutant: Mutant) -> bool:
    """Tell whether a test fails.

    Raises
    ------
    OutdatedMutantError
        The code or the tests have moved.
    RuntimeError
        The tests did not run.
    """
    check_tests(mutant)
    text = changed(mutant)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / PACKAGE.name
        shutil.copytree(PACKAGE, copy)
        (copy / mutant.file).write_text(text, "utf-8")
        tests = [str(TESTS / each) for each in mutant.tests.split()]
        environment = os.environ | {"PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *_OPTIONS, *tests],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    if done.returncode not in (0, _TESTS_FAILED):
        raise RuntimeError(f"{mutant}: pytest ended with {done.returncode}\n{done.stdout[-2000:]}")
    return done.returncode == _TESTS_FAILED
