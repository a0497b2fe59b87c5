"""Wine at times fails to start a process, for no reason that lies in the tests."""

from __future__ import annotations

import ctypes
import functools
import sys
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


def once_more(start: Callable[P, T]) -> Callable[P, T]:
    """Call it a second time, and print why, if it raises an OSError."""

    @functools.wraps(start)
    def start_once_more(*arguments: P.args, **options: P.kwargs) -> T:
        try:
            return start(*arguments, **options)
        except OSError as error:
            print(f"\nWine started no process ({error}), which is tried once more", file=sys.__stderr__)
        return start(*arguments, **options)

    return start_once_more


def start_processes_reliably() -> None:
    """Try each start of a process that fails once more; does nothing but under Wine."""
    if sys.platform == "win32" and hasattr(ctypes.WinDLL("ntdll"), "wine_get_version"):
        import _winapi

        _winapi.CreateProcess = once_more(_winapi.CreateProcess)
