"""Type checkers see all of the public API: mypy, strict, on a user's script, with no other options.

A wrong call must be an error too: were the types Any, nothing would be.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import exengine_ome_tiff

SCRIPT = Path(__file__).parent / "typing" / "user_script.py"

pytest.importorskip("mypy", reason="mypy comes with the extra `test`")


WRONG = [
    "storage = TiffStorage(3)",
    "storage = TiffStorage('run.ome.tiff', compresion='zlib')",
    "storage = TiffStorage('run.ome.tiff', on_error='ignore')",
    "TiffStorage('run.ome.tiff').put({'time': 1.5}, [[0]])",
    "x: str = TiffStorage('run.ome.tiff').images",
    "TiffStorage('run.ome.tiff').images[0].size",
]


def mypy(folder, *scripts):
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={folder}", *scripts]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("mypy")


def test_the_script_uses_every_public_name():
    text = SCRIPT.read_text("utf-8")
    missing = [name for name in exengine_ome_tiff.__all__ if len(re.findall(rf"\b{name}\b", text)) < 2]
    assert not missing, f"not used in {SCRIPT}: {missing}"


def test_a_strict_type_checker_accepts_a_users_script(folder):
    assert "Success: no issues found" in mypy(folder, SCRIPT)


def test_the_type_checker_finds_errors(folder):
    for number, wrong in enumerate(WRONG):
        text = f"from exengine_ome_tiff import TiffStorage\n{wrong}\n"
        (folder / f"wrong_{number}.py").write_text(text, "utf-8")
    told = mypy(folder, *sorted(folder.glob("wrong_*.py")))
    seen = re.findall(r"wrong_(\d+)\.py:2: error:", told)
    assert {*map(int, seen)} == {*range(len(WRONG))}, told
