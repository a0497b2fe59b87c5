"""Arguments and exit status of the command.

Each command is a module named after it, with `HELP` and `DESCRIPTION`, with `add_arguments(parser)`, and with
`work(options)`, which takes the parsed options and returns the exit status. It raises `UsageError` if the
arguments are invalid.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

from exengine_ome_tiff.cli import convert, demo, export, info, metadata, preview, recover, validate, view
from exengine_ome_tiff.cli.output import UsageError, is_closed_pipe, say
from exengine_ome_tiff.cli.paths import path_argument
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.version import __version__

_NAME = "exengine-ome-tiff"
_COMMANDS = (demo, info, metadata, view, preview, convert, export, recover, validate)
"""In the order in which `--help` lists them."""
_ALIASES = {"view": ["show"]}
_EXAMPLES = f"""examples:
  {_NAME} demo run.ome.tiff        acquire with a simulated microscope
  {_NAME} info run.ome.tiff        summarize the dataset
  {_NAME} COMMAND --help           list the options of a command"""
_PATHS = {
    "bash": "_shtab_compgen_files",
    "zsh": "_files",
    "tcsh": "f",
    "fish": "(__fish_complete_path (commandline -ct))",
    "powershell": "_shtab_powershell_compgen_files",
}
"""How shtab completes a file path in each shell."""


class _Parser(argparse.ArgumentParser):
    """Marks the arguments that are paths, so that shells complete them."""

    def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
        action = super().add_argument(*names, **settings)
        if action.type is path_argument:
            action.complete = _PATHS  # type: ignore[attr-defined]
        return action


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command; parameters and exit status as for `exengine_ome_tiff.cli.main`."""
    name = _NAME
    tifffile_logger = logging.getLogger("tifffile")
    level = tifffile_logger.level
    tifffile_logger.setLevel(logging.CRITICAL)  # we report its findings as our own errors
    try:
        options = command_parser().parse_args(arguments)
        name = f"{_NAME} {options.command}"
        status = int(options.work(options))
        print(end="", flush=True)
    except UsageError as error:
        say(f"{name}: {error}", sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130
    except (OSError, OmeTiffError, MemoryError) as error:
        if is_closed_pipe(error):  # the reader has seen enough, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains at exit
            return 1
        say(f"{name}: {error}", sys.stderr)
        return 1
    finally:
        tifffile_logger.setLevel(level)
    return status


def command_parser() -> argparse.ArgumentParser:
    """Make the command's parser; shtab generates completion scripts from it."""
    parser = _Parser(
        _NAME,
        description="Inspect, convert and repair OME-TIFF datasets written by TiffStorage.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in _COMMANDS:
        name = module.__name__.rpartition(".")[2]
        aliases = _ALIASES.get(name, [])
        command = commands.add_parser(name, aliases=aliases, help=module.HELP, description=module.DESCRIPTION)
        module.add_arguments(command)
        command.set_defaults(work=module.work)
    return parser
