"""The command `completion`: a script by which a shell completes the command."""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from exengine_ome_tiff.cli.output import UsageError

_SHELLS = ("bash", "zsh", "fish", "powershell")

MakeParser: TypeAlias = Callable[[type[argparse.ArgumentParser]], argparse.ArgumentParser]
"""Makes the parser of the command, of a class of parsers."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", make_parser: MakeParser) -> None:
    """Add the parser of the command, which completes what another parser knows."""
    parser = commands.add_parser(
        "completion",
        help="print a script for completion in a shell",
        description="Print a script by which a shell completes commands, options and paths. "
        'For bash: eval "$(exengine-ome-tiff completion bash)" in ~/.bashrc. Needs the extra `completion`.',
    )
    parser.add_argument("shell", choices=_SHELLS, help="the shell")
    parser.set_defaults(work=partial(_completion, make_parser))


def _completion(make_parser: MakeParser, options: argparse.Namespace) -> int:
    try:
        import shtab
    except ImportError as error:
        needed = 'completion needs shtab: pip install "exengine-ome-tiff[completion]"'
        raise UsageError(needed) from error

    class CompletedParser(argparse.ArgumentParser):
        """Tells shtab which arguments are paths."""

        def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
            action = super().add_argument(*names, **settings)
            if action.type is Path:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            return action

    print(shtab.complete(make_parser(CompletedParser), options.shell))
    return 0
