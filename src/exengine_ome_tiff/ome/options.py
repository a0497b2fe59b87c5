"""Options as people and NumPy give them, brought into one form."""

import math
import re
from collections.abc import Mapping
from numbers import Real
from typing import Any

from exengine_ome_tiff.translate.values import is_plausible, range_text


def set_numbers(info: Any, *names: str) -> None:
    """Turn positive numbers of any type into `float`, where there are some.

    Raises
    ------
    ValueError
        One is no positive number, or one that its unit cannot have.
    """
    for name in names:
        value = getattr(info, name)
        if value is None:
            continue
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        try:
            number = float(value) if is_number else math.nan
        except OverflowError:
            number = math.inf
        except TypeError:  # a time span of NumPy
            number = math.nan
        if not 0 < number < math.inf or not is_plausible(name, number):
            expected = f"a positive number {range_text(name)}".rstrip()
            raise ValueError(f"got {name}={value!r}, expected {expected}")
        if not isinstance(value, int):
            object.__setattr__(info, name, number)


def set_texts(info: Any, *names: str) -> None:
    """Turn text of any type into `str`, where there is some.

    Raises
    ------
    TypeError
        One is no text.
    """
    for name in names:
        value = getattr(info, name)
        if value is None:
            continue
        if not isinstance(value, str):
            raise TypeError(f"got {name}={value!r}, expected text")
        object.__setattr__(info, name, str(value))


def set_choice(info: Any, name: str, known: tuple[str, ...]) -> None:
    """Turn text into the one of the known words that it is, in any case and with or without blanks.

    Raises
    ------
    ValueError
        It is none of them.
    """
    value = getattr(info, name)
    if value is None:
        return
    words = {_plain(word): word for word in known}
    if not isinstance(value, str) or _plain(value) not in words:
        raise ValueError(f"got {name}={value!r}, expected one of {', '.join(known)}")
    object.__setattr__(info, name, words[_plain(value)])


def check_kind(name: str, value: object, kind: type) -> None:
    """Raise TypeError for what is neither None nor of a type."""
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"got {name}={value!r}, expected {kind.__name__}")


def read_mapping(name: str, value: Mapping[Any, Any] | None) -> dict[Any, Any]:
    """Copy a mapping, empty for None; TypeError for anything else."""
    if value is not None and not isinstance(value, Mapping):
        raise TypeError(f"got {name}={value!r}, expected a dict")
    return dict(value or {})


def _plain(word: str) -> str:
    return re.sub(r"[\s_-]", "", word).casefold()
