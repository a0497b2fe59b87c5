"""Axis values with even steps."""

from collections.abc import Sequence
from typing import NamedTuple

from exengine_ome_tiff.coordinates.layout import AxisValue


class Steps(NamedTuple):
    """Numbers with even steps; the last one is one of them."""

    first: int
    step: int
    last: int


def even_steps(values: Sequence[AxisValue]) -> Steps | None:
    """Return the steps of values in ascending order, None where they are no numbers or uneven."""
    numbers = [value for value in values if isinstance(value, int)]
    if not numbers or len(numbers) < len(values):
        return None
    step = numbers[1] - numbers[0] if len(numbers) > 1 else 1
    if any(number != numbers[0] + rank * step for rank, number in enumerate(numbers)):
        return None
    return Steps(numbers[0], step, numbers[-1])
