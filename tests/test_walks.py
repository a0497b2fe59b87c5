"""The walks of CONTRIBUTING.md through the code name classes and functions that there are."""

import ast
import re
from pathlib import Path

import pytest

import exengine_ome_tiff

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text("utf-8")
WALKS = TEXT.partition("### Four walks through the code")[2].partition("\nNames, messages")[0]
STEPS = re.findall(r"^\d\. (?:.+\n?)+?(?=^\d\. |\n|\Z)", WALKS, re.MULTILINE)
NAMES = sorted({name for step in STEPS for name in re.findall(r"`([\w.]+)`", step)} - {"put", "finish"})
NAMED = ast.ClassDef | ast.FunctionDef


@pytest.fixture(scope="module")
def defined():
    """Return the names of all classes and functions, those of methods with and without their class."""
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
def test_a_name_in_a_walk_is_one_in_the_code(name, defined):
    assert name in defined
