"""Wheel and source distribution of this package, built from a copy of the sources, without the network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def build(target: str, folder: Path) -> Path:
    """Return the "wheel" or the "sdist", built in a folder."""
    copy = folder / "copy"
    ignored = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "_build", "*.egg-info")
    shutil.copytree(ROOT, copy, ignore=ignored)
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder / "dist"],
        cwd=copy,
        env={**os.environ, "PYTHONWARNINGS": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = (folder / "dist").iterdir()
    return path
