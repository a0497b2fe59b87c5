"""Limits on the size of packages, modules and functions, and distinct module names."""

from __future__ import annotations

import ast
import builtins
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

import exengine_ome_tiff

SOURCES = Path(exengine_ome_tiff.__file__).parent
MODULES = sorted(SOURCES.rglob("*.py"))
MOST_LINES_OF_A_MODULE = 280
MOST_LINES_OF_A_FUNCTION = 50
MOST_FILES_OF_A_ROOM = 24
MOST_SHARE_OF_A_ROOM = 1 / 4


def room_of(module: Path) -> str:
    return module.relative_to(SOURCES).parts[0]


@cache
def parsed(module: Path) -> tuple[ast.Module, frozenset[int]]:
    """Return a module and its line numbers without blank lines and docstrings."""
    text = module.read_text("utf-8")
    tree = ast.parse(text)
    counted = {number for number, line in enumerate(text.splitlines(), 1) if line.strip()}
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                counted -= {*range(node.lineno, (node.end_lineno or 0) + 1)}
    return tree, frozenset(counted)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(SOURCES)))
def test_a_module_and_its_functions_are_short(module):
    tree, counted = parsed(module)
    assert len(counted) <= MOST_LINES_OF_A_MODULE
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = sum(number in counted for number in range(node.lineno, (node.end_lineno or 0) + 1))
            assert lines <= MOST_LINES_OF_A_FUNCTION, f"{node.name} has {lines} lines"


def test_no_room_is_much_larger_than_others():
    lines: Counter[str] = Counter()
    files: Counter[str] = Counter()
    for module in MODULES:
        if module.parent != SOURCES:
            lines[room_of(module)] += len(parsed(module)[1])
            files[room_of(module)] += 1
    assert len(files) > 8
    for room, count in files.items():
        assert count <= MOST_FILES_OF_A_ROOM, f"{room} has {count} files"
        assert lines[room] <= MOST_SHARE_OF_A_ROOM * lines.total(), f"{room} has {lines[room]} lines"


def test_module_names_are_unique():
    names = Counter(module.stem for module in MODULES if module.stem not in ("__init__", "__main__"))
    assert [name for name, count in names.items() if count > 1] == []
    taken = {*dir(builtins), *sys.stdlib_module_names}
    assert sorted(taken & names.keys()) == []
