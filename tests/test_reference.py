"""The reference covers every public name, command and option."""

import argparse
import re
from pathlib import Path

import pytest

import exengine_ome_tiff
from exengine_ome_tiff.cli.commands import command_parser

REFERENCE = Path(__file__).parents[1] / "docs" / "reference" / "api.rst"
DESCRIBED = set(
    re.findall(r"^\.\. auto\w+:: exengine_ome_tiff\.(\w+)$", REFERENCE.read_text("utf-8"), re.MULTILINE)
)


def test_the_reference_has_exactly_the_public_names():
    assert set(exengine_ome_tiff.__all__) - {"__version__"} == DESCRIBED


@pytest.mark.parametrize("name", sorted(DESCRIBED))
def test_every_public_name_has_its_own_docstring(name):
    public = getattr(exengine_ome_tiff, name)
    assert public.__doc__
    assert not public.__doc__.startswith(f"{name}("), "made by dataclasses"


def test_all_methods_of_a_storage_are_described():
    storage = exengine_ome_tiff.TiffStorage
    public = [name for name in dir(storage) if not name.startswith("_")]
    assert {"put", "finish", "get_data", "as_array"} <= {*public}
    assert [name for name in public if not getattr(storage, name).__doc__] == []


# commands --------------------------------------------------------------------------------------------------

NAMES = next(
    action.choices for action in command_parser()._actions if isinstance(action, argparse._SubParsersAction)
)
COMMANDS = {parser.prog.split()[-1]: parser for parser in NAMES.values()}
PAGE = (REFERENCE.parent / "commands.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def test_the_page_has_exactly_the_commands():
    assert set(SECTIONS) == set(COMMANDS)
    assert set(NAMES) - set(COMMANDS) == {"show"}
    assert NAMES["show"] is COMMANDS["view"]
    assert re.findall(r"^\| \[`(\w+)`\]\(#(\w+)\)", PAGE, re.MULTILINE) == [(name, name) for name in SECTIONS]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_page_has_exactly_the_options_of_a_command(name):
    actions = [action for action in COMMANDS[name]._actions if action.dest != "help"]
    options = {option for action in actions for option in action.option_strings if option.startswith("--")}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", SECTIONS[name])) == options
