"""The code walks in CONTRIBUTING.md name existing functions that are called."""

import ast
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import exengine_ome_tiff
from exengine_ome_tiff import TiffStorage, recover

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text("utf-8")
WALKS = TEXT.partition("### Four walks through the code")[2].partition("\nNames, messages")[0]
STEPS = re.findall(r"^\d\. (?:.+\n?)+?(?=^\d\. |\n|\Z)", WALKS, re.MULTILINE)
NAMES = sorted({name for step in STEPS for name in re.findall(r"`([\w.]+)`", step)} - {"put", "finish"})
NAMED = ast.ClassDef | ast.FunctionDef


@pytest.fixture(scope="module")
def defined():
    """Return the names of all classes and functions; methods with and without their class."""
    found = set()
    for path in Path(exengine_ome_tiff.__file__).parent.rglob("*.py"):
        nodes = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, NAMED)]
        found |= {node.name for node in nodes}
        found |= {
            f"{node.name}.{method.name}"
            for node in nodes
            if isinstance(node, ast.ClassDef)
            for method in node.body
            if isinstance(method, NAMED)
        }
    return found


def test_there_are_four_walks_of_five_steps():
    assert len(re.findall(r"^\*\*", WALKS, re.MULTILINE)) == 4
    assert len(STEPS) == 20
    assert len(NAMES) > 40


@pytest.mark.parametrize("name", NAMES)
def test_every_name_in_a_walk_exists(name, defined):
    assert name in defined


class Calls:
    """Collects the names of called functions; methods with and without their class."""

    def __enter__(self):
        self.names = set()
        sys.setprofile(self._note)
        return self.names

    def _note(self, frame, event, _argument):
        if event == "call" and "exengine_ome_tiff" in frame.f_code.co_filename:
            name = frame.f_code.co_qualname
            self.names |= {name, name.rpartition(".")[2]}

    def __exit__(self, *_error):
        sys.setprofile(None)


def fill(path, **options):
    """Put two frames and leave the dataset unfinished."""
    storage = TiffStorage(path, fsync=False, **options)
    for time in range(2):
        storage.put({"time": time, "position": "A"}, np.full((4, 4), time, np.uint8), {"time": time})
    return storage


def called(folder):
    """Return the functions called in each of the four walks."""
    fill(folder / "coded.ome.tiff", compression="zlib").close()  # which also imports what `finish` needs
    with Calls() as put:
        storage = fill(folder / "run")
        storage.flush()
    with Calls() as finish:
        storage.finish()
    storage.close()
    fill(folder / "left").suspend()
    with Calls() as opened:
        for path in (folder / "run", folder / "coded.ome.tiff", folder / "left"):
            with TiffStorage.open(path, allow_unfinished=True) as storage:
                storage.get_data({"time": 1, "position": "A"})
    fill(folder / "cut").suspend()
    with Calls() as recovered:
        TiffStorage.resume(folder / "cut").suspend()
        recover(folder / "cut")
    return [put, finish, opened, recovered]


IN_RARE_CASES = {"Recording.read_back"}
"""After an interrupt."""


def test_each_walk_names_what_is_called(tmp_path):
    walks = re.split(r"^\*\*.+\*\*$", WALKS, flags=re.MULTILINE)[1:]
    for walk, names in zip(walks, called(tmp_path), strict=True):
        functions = {name for name in re.findall(r"`([\w.]+)`", walk) if "." in name or name.islower()}
        assert len(functions) > 5
        assert functions - names - IN_RARE_CASES <= {"put", "finish"}
