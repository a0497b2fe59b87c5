"""Extent of tests: a short, fixed part by default, everything with ``--thorough``."""

from __future__ import annotations

import os
from typing import TypeVar

VARIABLE = "EXENGINE_OME_TIFF_THOROUGH"
"""Set by the option, so that pytest-xdist workers and child processes inherit it."""

T = TypeVar("T")


def is_thorough() -> bool:
    """Whether ``--thorough`` was given."""
    return VARIABLE in os.environ


def effort(short: T, thorough: T) -> T:
    """Return the value for the default extent, or for ``--thorough``."""
    return thorough if is_thorough() else short
