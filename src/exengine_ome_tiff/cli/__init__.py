"""The command `exengine-ome-tiff`, with one module per subcommand."""

import os

TYPE_CHECKING = False  # importing `typing` would delay the moment when `main` handles Ctrl+C
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments
        Words after the command's name; by default those of the process.

    Returns
    -------
    int
        Exit status: 0 for success, 1 if the work failed, 2 if the arguments are invalid.
    """
    # The imports take most of the first second. An interrupt during them would print a traceback, or make
    # NumPy's import fail, so it ends the process: nothing has been done yet. Importing `signal` takes 5 ms.
    from _signal import SIGINT, signal  # type: ignore[import-not-found]

    try:
        handler = signal(SIGINT, _end_at_once)
    except ValueError:  # only the main thread may set handlers, and only that thread is interrupted
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
