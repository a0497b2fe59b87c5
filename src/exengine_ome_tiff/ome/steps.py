"""Steps along z and between time points: as given or planned, and as the planes have them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.layout import AxisValue, ImageLayout
from exengine_ome_tiff.findings import Findings

_ROUNDING_UM, _OF_STEP = 0.1, 0.05
"""Largest deviation of a height from even steps: for rounding and jitter, and as a fraction of the step."""
_SPREAD_UM = 0.05
_LATE_FROM = 5
"""Planes of a stack, one of which may have been recorded while the stage still moved."""
_EVEN_STACKS = 0.9
_MOST_LAGS = 64
_MOST_SLOPES = 1 << 20
"""Maximum number of slopes in the first estimate of a step, which all stacks then refine."""
_LATE, _LATE_S = 0.25, 0.01
"""Largest deviation of a time point from its plan: fraction of the interval, and lower limit."""
_EVEN = 0.05
"""Largest difference between a planned z step and the mean one, as a fraction."""
_OTHER_UNIT = 10
"""Values of one quantity that differ by this factor are in different units."""
_SMALLEST = 1e-12
_MOST_SHOWN = 6


class Steps(NamedTuple):
    """Numbers with even steps, the last one included."""

    first: int
    step: int
    last: int


def even_steps(values: Sequence[AxisValue]) -> Steps | None:
    """Return the steps of values in ascending order; None if they are uneven or not all numbers."""
    if isinstance(values, range):
        return Steps(values[0], values.step, values[-1])
    numbers = [value for value in values if isinstance(value, int)]
    if not numbers or len(numbers) < len(values):
        return None
    step = numbers[1] - numbers[0] if len(numbers) > 1 else 1
    if any(number != numbers[0] + rank * step for rank, number in enumerate(numbers)):
        return None
    return Steps(numbers[0], step, numbers[-1])


def step_of_heights(heights_um: npt.NDArray[np.float64]) -> float | None:
    """Estimate the step between planes from heights that a stage reports with rounding, noise and drift.

    Parameters
    ----------
    heights_um
        Heights of the planes of several stacks, shape (stacks, planes); NaN where unknown. Each stack has one
        channel and one time point, so that offsets between stacks do not matter.

    Returns
    -------
    float or None
        The step, 0 if the stage stood still, NaN if the steps are uneven; None if too little is known.
    """
    stacks = heights_um[np.count_nonzero(~np.isnan(heights_um), axis=1) > 1]
    planes = heights_um.shape[1]
    if not stacks.size or np.isnan(heights_um).all(axis=0).any():
        return None
    lags = np.unique(np.linspace(1, planes - 1, min(planes - 1, _MOST_LAGS)).astype(np.int64)).tolist()
    some = stacks[:: 1 + stacks.size * len(lags) // _MOST_SLOPES]
    slopes = np.concatenate([((some[:, lag:] - some[:, :-lag]) / lag).ravel() for lag in lags])
    if np.isnan(slopes).all():
        return None  # no two planes of a stack are at one of these distances
    step = float(np.nanmedian(slopes))
    del slopes
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


def positive(value: float | None) -> float | None:
    """Return a number if it is a plausible size, else None."""
    return value if value is not None and _SMALLEST < value < 1 / _SMALLEST else None


def is_other_unit(first: float, second: float) -> bool:
    """Whether two positive numbers differ so much that they must be in different units."""
    return not 1 / _OTHER_UNIT < first / second < _OTHER_UNIT


def z_step(
    layout: ImageLayout,
    name: str,
    z_um: npt.NDArray[np.float64],
    planned_um: float | None,
    given_um: float | None,
    findings: Findings,
) -> float | None:
    """Find the z step: the one given, else that of the heights of acquired planes, else the planned one."""
    values = layout.values["Z"]
    if layout.sizes["Z"] < 2 or "Z" in layout.modulo:
        return _written_step("z", given_um, values, name, findings) if given_um else planned_um
    heights_um = z_um[layout.cube()]
    heights_um[layout.cube() < 0] = np.nan
    step_um = step_of_heights(heights_um.reshape(-1, layout.sizes["Z"]))
    expected_um = given_um or planned_um
    if given_um or not step_um:  # with no step, the device that reports the heights is not the one that moves
        found = _written_step("z", expected_um, values, name, findings) if expected_um else None
        if given_um and found and step_um and is_other_unit(found, abs(step_um)):
            fix = "leave it out if the heights are right"
            _add_other_step(name, found, step_um, "z_step_um", fix, findings)
        return found
    if np.isnan(step_um):
        steps = np.abs(np.diff(heights_um))
        steps = steps[~np.isnan(steps)]  # none if no stack has neighbouring planes
        extent = f" ({steps.min():.3g} to {steps.max():.3g} µm)" if steps.size else ""
        message = f"{name}: z spacing is irregular{extent}"
        findings.add("z step", "", message, "no PhysicalSizeZ; pass z_step_um")
        return None
    planned = _step_of_plan(planned_um, values)
    if planned is not None and _is_near(planned, step_um):
        return planned
    _add_other_step(name, planned, step_um, "the metadata", "pass z_step_um if that is right", findings)
    return positive(abs(round(step_um, 4)))


def time_interval(
    layout: ImageLayout,
    name: str,
    delta_t_s: npt.NDArray[np.float64],
    planned_s: float | None,
    given_s: float | None,
    findings: Findings,
) -> float | None:
    """Return the given interval, else the planned one; None if the time points do not keep to it."""
    planned = _step_of_plan(planned_s, layout.values["T"])
    if given_s is not None:
        planned = _written_step("time", given_s, layout.values["T"], name, findings)
    if (given_s or planned_s) is None or layout.sizes["T"] < 2 or "T" in layout.modulo:
        return planned
    times_s = delta_t_s[layout.cube()]
    times_s[layout.cube() < 0] = np.nan
    steps_s = np.diff(np.fmin.reduce(times_s.reshape(len(times_s), -1), axis=1))
    steps_s = steps_s[~np.isnan(steps_s)]
    if given_s is not None:
        step_s = float(np.median(steps_s)) if steps_s.size else 0.0
        if planned and step_s > 0 and is_other_unit(planned, step_s):
            message = f"{name}: time points are {step_s:.4g} s apart, time_interval_s is {planned:.4g} s"
            findings.add("time interval", "given", message, "leave it out if the times are right")
        return planned
    if planned is not None and _keeps_interval(steps_s, planned):
        return planned
    message = f"{name}: time points are irregular"
    if steps_s.size:
        message += f" ({steps_s.min():.3g} to {steps_s.max():.3g} s, planned {planned_s:.3g} s)"
    findings.add("time interval", "", message, "no TimeIncrement; pass time_interval_s")
    return None


def _keeps_interval(steps_s: npt.NDArray[np.float64], planned_s: float) -> bool:
    """Whether at least nine of ten steps between time points, shape (steps,), are as planned."""
    is_far = np.abs(steps_s - planned_s) > max(_LATE * planned_s, _LATE_S)
    return bool(np.count_nonzero(is_far) <= (1 - _EVEN_STACKS) * len(steps_s))


def _is_near(planned_um: float, step_um: float) -> bool:
    return abs(planned_um - abs(step_um)) <= _EVEN * planned_um


def _add_other_step(
    name: str, expected_um: float | None, step_um: float | None, who: str, fix: str, findings: Findings
) -> None:
    """Add a finding if the heights of planes have another z step than `expected_um`."""
    if expected_um and step_um and not np.isnan(step_um) and not _is_near(expected_um, step_um):
        message = f"{name}: z steps are {abs(step_um):.4g} µm by heights, but {expected_um:.4g} µm by {who}"
        findings.add("z step", "planned", message, fix)


def _written_step(
    axis: str, step: float, values: Sequence[AxisValue], name: str, findings: Findings
) -> float | None:
    """Return the step between the planes that exist; None, with a finding, if it varies."""
    found = _step_of_plan(step, values)
    if found is None:
        numbers = ", ".join(map(str, values[:_MOST_SHOWN])) + (", ..." if len(values) > _MOST_SHOWN else "")
        message = f"{name}: the values along {axis} have unequal steps ({numbers}), so no step is written"
        fix = f"put {'z_um' if axis == 'z' else 'elapsed_s'} in the metadata of each frame"
        findings.add(f"{axis} values", "", message, fix)
    return found


def _step_of_plan(planned: float | None, values: Sequence[AxisValue]) -> float | None:
    """Multiply the planned step by the distance between neighbouring values; None if that varies."""
    if planned is None or len(values) < 2 or not all(isinstance(value, int) for value in values):
        return planned
    steps = even_steps(values)
    if steps is None:
        return None
    is_distance = (
        abs(steps.step - planned) <= _SMALLEST
    )  # the values themselves are in micrometres or seconds
    return planned if is_distance else planned * steps.step
