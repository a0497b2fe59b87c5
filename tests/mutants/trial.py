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
    from mutants import Mutant

PACKAGE = Path(exengine_ome_tiff.__file__).parent
TESTS = Path(__file__).parents[1]
_TESTS_FAILED = 1


def changed(mutant: Mutant) -> str:
    """Return the text of the changed file.

    Raises
    ------
    ValueError
        The old text is not there exactly once: the mutant must be brought up to date.
    """
    text = (PACKAGE / mutant.file).read_text("utf-8")
    if text.count(mutant.old) != 1:
        raise ValueError(f"{mutant.file} has {mutant.old!r} {text.count(mutant.old)} times, expected once")
    return text.replace(mutant.old, mutant.new)


def notices(mutant: Mutant) -> bool:
    """Tell whether a test fails; other endings of pytest, such as none that was chosen, are errors."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / PACKAGE.name
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        (copy / mutant.file).write_text(changed(mutant), "utf-8")
        file, *options = mutant.tests.split()
        command = [sys.executable, "-m", "pytest", "-qx", "-n0", "-p", "no:cacheprovider", TESTS / file]
        environment = os.environ | {"PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [*command, *options], env=environment, capture_output=True, text=True, timeout=250, check=False
        )
    if done.returncode not in (0, _TESTS_FAILED):
        raise RuntimeError(f"{mutant}: pytest ended with {done.returncode}\n{done.stdout[-2000:]}")
    return done.returncode == _TESTS_FAILED
