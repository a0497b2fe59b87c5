"""The memory of this process."""

from __future__ import annotations

from pathlib import Path

STATUS = Path("/proc/self/status")


def memory_bytes(key: str) -> float:
    """Return a figure of this process, such as VmRSS or VmHWM; not a number where the system has none."""
    lines = STATUS.read_text().splitlines() if STATUS.exists() else ()
    return next((1024 * float(line.split()[1]) for line in lines if line.startswith(key)), float("nan"))
