"""How long tests hunt: a short, fixed part by default, everything with ``--thorough``."""

from __future__ import annotations

import os
from typing import TypeVar

VARIABLE = "EXENGINE_OME_TIFF_THOROUGH"
"""Set by the option, so that workers of pytest-xdist and started processes know of it."""

T = TypeVar("T")


def is_thorough() -> bool:
    """Whether everything is asked for."""
    return VARIABLE in os.environ


def effort(short: T, thorough: T) -> T:
    """Choose what a test does by default, and what it does with ``--thorough``."""
    return thorough if is_thorough() else short
