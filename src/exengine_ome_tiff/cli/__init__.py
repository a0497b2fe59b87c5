"""The command `exengine-ome-tiff`: one module for each of its commands."""

import os

TYPE_CHECKING = False  # not from `typing`: importing it would delay the moment when `main` handles Ctrl+C
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: "Sequence[str] | None" = None) -> int:
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
    # The imports take most of the first second. An interrupt during them would cause a traceback, or an
    # ImportError of NumPy, so it ends the process: nothing has been done yet. `signal` itself takes 5 ms.
    from _signal import SIGINT, signal  # type: ignore[import-not-found]

    try:
        handler = signal(SIGINT, _end_at_once)
    except ValueError:  # only the main thread may set handlers, and only it is interrupted
        handler = None
    try:
        from exengine_ome_tiff.cli.commands import run
    finally:
        if handler is not None:
            signal(SIGINT, handler)
    return run(arguments)


def _end_at_once(_number: int, _frame: object) -> None:
    os.write(2, b"exengine-ome-tiff: interrupted\n")
    os._exit(130)
