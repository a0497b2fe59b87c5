"""Validation and conversion of option values."""

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

from exengine_ome_tiff.ome.text import folded
from exengine_ome_tiff.translate.values import is_plausible, range_text


def set_numbers(info: Any, *names: str) -> None:
    """Convert attributes that are not None to `float`.

    Raises
    ------
    ValueError
        A value is not a positive number, or is implausible for its unit.
    """
    for name in names:
        value = getattr(info, name)
        if value is None:
            continue
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        try:
            number = float(value) if is_number else math.nan
        except (OverflowError, TypeError):  # the latter for NumPy's timedelta64
            number = math.nan
        if not 0 < number < math.inf or not is_plausible(name, number):
            expected = f"a positive number {range_text(name)}".rstrip()
            raise ValueError(f"got {name}={value!r}, expected {expected}")
        if not isinstance(value, int):
            object.__setattr__(info, name, number)


def set_texts(info: Any, *names: str) -> None:
    """Convert attributes that are not None to plain `str`; TypeError if one is not text."""
    for name in names:
        value = getattr(info, name)
        if value is None:
            continue
        if not isinstance(value, str):
            raise TypeError(f"got {name}={value!r}, expected text")
        object.__setattr__(info, name, str(value))


def set_choice(info: Any, name: str, known: tuple[str, ...]) -> None:
    """Replace text by the known word that it equals except for case and blanks; ValueError if none does."""
    value = getattr(info, name)
    if value is None:
        return
    words = {folded(word): word for word in known}
    if not isinstance(value, str) or folded(value) not in words:
        raise ValueError(f"got {name}={value!r}, expected one of {', '.join(known)}")
    object.__setattr__(info, name, words[folded(value)])


def check_kind(name: str, value: object, kind: type) -> None:
    """Raise TypeError unless a value is None or has a type."""
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"got {name}={value!r}, expected {kind.__name__}")


def read_mapping(name: str, value: Mapping[Any, Any] | None) -> dict[Any, Any]:
    """Copy a mapping; None becomes empty. TypeError for anything else."""
    if value is not None and not isinstance(value, Mapping):
        raise TypeError(f"got {name}={value!r}, expected a dict")
    return dict(value or {})
