"""The command `exengine-ome-tiff`: one module for each of its commands."""

import os
import signal
import threading
from collections.abc import Sequence

__all__ = ["main"]


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
    # The imports take most of the first second. An interrupt inside of them would come out as a traceback, or
    # as an ImportError of NumPy, so it ends the process: nothing has been done yet.
    is_main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, _end_at_once) if is_main else None
    try:
        from exengine_ome_tiff.cli.commands import run
    finally:
        if handler is not None:
            signal.signal(signal.SIGINT, handler)
    return run(arguments)


def _end_at_once(_number: int, _frame: object) -> None:
    os.write(2, b"exengine-ome-tiff: interrupted\n")
    os._exit(130)
