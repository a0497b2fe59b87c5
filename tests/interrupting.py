"""Interrupts at any point of a call, as by a signal handler that raises."""

from __future__ import annotations

import gc
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


class Interrupted(BaseException):
    """Raised by the signal handler."""


def is_interrupted(call: Callable[[], object], at: int, events: Collection[str] = ("opcode",)) -> bool:
    """Call and raise `Interrupted` at an event, counted in all Python code that the call runs."""
    count = 0

    def trace(frame, event, _):
        nonlocal count
        frame.f_trace_opcodes = True
        count += event in events
        if count > at:
            sys.settrace(None)
            raise Interrupted
        return trace

    before = sys.gettrace()
    gc.disable()  # it calls Python code of others, such as hypothesis
    sys.settrace(trace)
    try:
        call()
    except Interrupted:
        return True
    finally:
        sys.settrace(before)
        gc.enable()
    return False


def assert_leaves_nothing_held(call: Callable[[], object], other: Callable[[], object]) -> None:
    """Interrupt a call at each function call and return in turn; assert that another thread continues.

    Parameters
    ----------
    call
        What is interrupted.
    other
        What the other thread calls after each interrupt.
    """
    at, was_interrupted = 0, True
    while was_interrupted:
        was_interrupted = is_interrupted(call, at, ("call", "return"))
        thread = threading.Thread(target=other, daemon=True)
        thread.start()
        thread.join(5)
        assert not thread.is_alive(), f"interrupted at event {at}"
        at += 1
    assert at > 5


def called_inside(call: Callable[[], object], inner: Callable[[], object], at: int) -> int:
    """Call, and call something else before one of its instructions, as a returning signal handler does.

    Returns
    -------
    int
        How many instructions the outer call has; `at` counts them from 0, and a negative one is none of them.
    """
    count = 0

    def trace(frame, event, _):
        nonlocal count
        frame.f_trace_opcodes = True
        if event == "opcode":
            if count == at:
                inner()
            count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count
