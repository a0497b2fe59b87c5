"""Axis values with even steps, and the step between planes from the heights that a stage reports."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.layout import AxisValue

_ROUNDING_UM, _OF_STEP = 0.1, 0.05
"""How far a height may be from even steps: as stages round and tremble, and as a part of the step."""
_SPREAD_UM = 0.05
_LATE_FROM = 5
"""Planes of a stack, one of which may have been recorded while the stage still moved."""
_EVEN_STACKS = 0.9
_MOST_LAGS = 64


_LATE, _LATE_S = 0.25, 0.01
"""How far a time point may be from its plan, as a part of the interval, and at least."""


class Steps(NamedTuple):
    """Numbers with even steps; the last one is one of them."""

    first: int
    step: int
    last: int


def even_steps(values: Sequence[AxisValue]) -> Steps | None:
    """Return the steps of values in ascending order, None if they are no numbers or uneven."""
    numbers = [value for value in values if isinstance(value, int)]
    if not numbers or len(numbers) < len(values):
        return None
    step = numbers[1] - numbers[0] if len(numbers) > 1 else 1
    if any(number != numbers[0] + rank * step for rank, number in enumerate(numbers)):
        return None
    return Steps(numbers[0], step, numbers[-1])


def step_of_heights(heights_um: npt.NDArray[np.float64]) -> float | None:
    """Find the step between planes from heights that a stage rounds, with noise and drift.

    Parameters
    ----------
    heights_um
        Of the planes of several stacks, shape (stacks, planes); NaN where nothing tells. Each stack is of one
        channel and one time, so that their offsets do not count.

    Returns
    -------
    float or None
        The step, 0 if the stage stood still, NaN if the steps are not even; None if too little is known.
    """
    stacks = heights_um[np.count_nonzero(~np.isnan(heights_um), axis=1) > 1]
    planes = heights_um.shape[1]
    if not stacks.size or np.isnan(heights_um).all(axis=0).any():
        return None
    lags = np.unique(np.linspace(1, planes - 1, min(planes - 1, _MOST_LAGS)).astype(np.int64)).tolist()
    slopes = np.concatenate([((stacks[:, lag:] - stacks[:, :-lag]) / lag).ravel() for lag in lags])
    step = float(np.nanmedian(slopes))
    ranks = np.arange(planes)
    rest = stacks - step * ranks
    rest -= np.nanmedian(rest, axis=1, keepdims=True)
    far = _ROUNDING_UM + _OF_STEP * abs(step)
    is_late = (np.abs(rest) > far) & (np.abs(rest) < abs(step) + far)
    is_late &= np.count_nonzero(~np.isnan(rest), axis=1, keepdims=True) >= _LATE_FROM
    is_late &= np.count_nonzero(np.abs(rest) > far, axis=1, keepdims=True) == 1
    rest[is_late] = np.nan
    spread = np.sqrt(np.nanmean(rest**2, axis=1))
    is_even = (np.nanmax(np.abs(rest), axis=1) <= far) & (spread <= _SPREAD_UM + _OF_STEP * abs(step))
    if np.count_nonzero(is_even) < _EVEN_STACKS * len(stacks):
        return float("nan")
    known = np.where(np.isnan(rest), np.nan, ranks)
    centred = known - np.nanmean(known, axis=1, keepdims=True)
    step += float(np.nansum(centred * rest) / np.nansum(centred**2))
    return 0.0 if abs(step) * (planes - 1) < 4 * float(np.median(spread)) else step


def keeps_interval(steps_s: npt.NDArray[np.float64], planned_s: float) -> bool:
    """Whether the steps between time points, shape (steps,), are those of the plan, but for one in ten."""
    is_far = np.abs(steps_s - planned_s) > max(_LATE * planned_s, _LATE_S)
    return bool(np.count_nonzero(is_far) <= (1 - _EVEN_STACKS) * len(steps_s))
