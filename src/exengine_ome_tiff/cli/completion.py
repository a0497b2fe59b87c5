"""The command `completion`: a script by which a shell completes the command."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from exengine_ome_tiff.cli.saying import UsageError

_SHELLS = ("bash", "zsh", "fish", "powershell")


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "completion",
        help="print a script for completion in a shell",
        description="Print a script by which a shell completes commands, options and paths. "
        'For bash: eval "$(exengine-ome-tiff completion bash)" in ~/.bashrc. Needs the extra `completion`.',
    )
    parser.add_argument("shell", choices=_SHELLS, help="the shell")
    parser.set_defaults(work=_completion)


def _completion(options: argparse.Namespace) -> int:
    try:
        import shtab
    except ImportError as error:
        needed = 'completion needs shtab: pip install "exengine-ome-tiff[completion]"'
        raise UsageError(needed) from error
    from exengine_ome_tiff.cli.main import command_parser  # which imports this module

    parser = command_parser()
    for action in _actions(parser):
        if action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(parser, options.shell))
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the arguments of a parser and of its commands."""
    for action in parser._actions:  # noqa: SLF001 - argparse lists them nowhere else
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for command in action.choices.values():
                yield from _actions(command)
