"""Arguments and exit status of the command.

Each command is a module with `add_to(commands)`, which adds its parser and sets `work`: a function that is
given the parsed options and returns the exit status. It raises `UsageError` for arguments that make no sense.
That of `completion` is also given what makes the parser of all commands.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from exengine_ome_tiff.cli import completion, convert, demo, export, info, metadata, recover, show, validate
from exengine_ome_tiff.cli.output import UsageError, say
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.version import __version__

_COMMANDS = (convert, demo, export, info, metadata, recover, show, validate)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments
        Words after the command's name; those of the process by default.

    Returns
    -------
    int
        Exit status: 0 for success, 1 when the work failed, 2 for arguments that make no sense.
    """
    parser = command_parser()
    options = parser.parse_args(arguments)
    try:
        status = int(options.work(options))
        print(end="", flush=True)
    except UsageError as error:
        say(f"{parser.prog} {options.command}: {error}", sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{parser.prog} {options.command}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever reads what is printed has enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it ends
        return 1
    except (OSError, OmeTiffError) as error:
        say(f"{parser.prog} {options.command}: {error}", sys.stderr)
        return 1
    return status


def command_parser(kind: type[argparse.ArgumentParser] = argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Make the parser of the command and of all that it has, of a class of parsers."""
    parser = kind("exengine-ome-tiff", description="OME-TIFF for ExEngine.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    completion.add_to(commands, command_parser)
    for command in _COMMANDS:
        command.add_to(commands)
    return parser
