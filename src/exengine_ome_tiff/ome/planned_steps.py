"""Steps along z and intervals of an image: what the user or a plan tells, and what its planes have."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates import ImageLayout
from exengine_ome_tiff.coordinates.layout import AxisValue
from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.ome.steps import even_steps, keeps_interval, step_of_heights

_EVEN = 0.05
"""How far steps along z may be from their mean, as a part of it; stages do not stop exactly."""
_OTHER_UNIT = 10
"""Numbers of one thing that differ by such a factor are in different units."""
_SMALLEST = 1e-12
_MOST_SHOWN = 6


def positive(value: float | None) -> float | None:
    """Return a number that sizes can be, None for any other."""
    return value if value is not None and _SMALLEST < value < 1 / _SMALLEST else None


def z_step(
    layout: ImageLayout,
    name: str,
    z_um: npt.NDArray[np.float64],
    planned_um: float | None,
    given_um: float | None,
    findings: Findings,
) -> float | None:
    """Find the distance of planes: from the user, the positions of those that were acquired, or the plan."""
    values = layout.values["Z"]
    if layout.sizes["Z"] < 2 or "Z" in layout.modulo:
        return told_step("z", given_um, values, name, findings) if given_um else planned_um
    heights_um = z_um[layout.cube()]
    heights_um[layout.cube() < 0] = np.nan
    step_um = step_of_heights(heights_um.reshape(-1, layout.sizes["Z"]))
    told_um = given_um or planned_um
    if given_um or not step_um:  # without one, what tells the position is not what moves along z
        found = told_step("z", told_um, values, name, findings) if told_um else None
        if given_um and found and step_um and is_other_unit(found, abs(step_um)):
            fix = "leave it out if the heights are right"
            _add_other_step(name, found, step_um, "z_step_um", fix, findings)
        return found
    if np.isnan(step_um):
        steps = np.abs(np.diff(heights_um))
        findings.add(
            "z step",
            "",
            f"{name}: z spacing is irregular ({np.nanmin(steps):.3g} to {np.nanmax(steps):.3g} um)",
            "no PhysicalSizeZ; pass z_step_um",
        )
        return None
    planned = _step_of_plan(planned_um, values)
    if planned is not None and _is_near(planned, step_um):
        return planned
    _add_other_step(name, planned, step_um, "the metadata", "pass z_step_um if that is right", findings)
    return positive(abs(round(step_um, 4)))


def _is_near(planned_um: float, step_um: float) -> bool:
    return abs(planned_um - abs(step_um)) <= _EVEN * planned_um


def _add_other_step(
    name: str, told_um: float | None, step_um: float | None, who: str, fix: str, findings: Findings
) -> None:
    """Find that the heights of planes have another step than the one that is told."""
    if told_um and step_um and not np.isnan(step_um) and not _is_near(told_um, step_um):
        message = f"{name}: z steps are {abs(step_um):.4g} µm by heights, but {told_um:.4g} µm by {who}"
        findings.add("z step", "told", message, fix)


def time_interval(
    layout: ImageLayout,
    name: str,
    delta_t_s: npt.NDArray[np.float64],
    planned_s: float | None,
    given_s: float | None,
    findings: Findings,
) -> float | None:
    """Return the interval of the user, or the planned one; None if the times of planes are others."""
    planned = _step_of_plan(planned_s, layout.values["T"])
    if given_s is not None:
        planned = told_step("time", given_s, layout.values["T"], name, findings)
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
    if planned is not None and keeps_interval(steps_s, planned):
        return planned
    told = (
        f" ({steps_s.min():.3g} to {steps_s.max():.3g} s, planned {planned_s:.3g} s)" if steps_s.size else ""
    )
    findings.add(
        "time interval",
        "",
        f"{name}: time points are irregular{told}",
        "no TimeIncrement; pass time_interval_s",
    )
    return None


def is_other_unit(given: float, told: float) -> bool:
    """Whether two positive numbers are so far from each other that they are in different units."""
    return not 1 / _OTHER_UNIT < given / told < _OTHER_UNIT


def told_step(
    axis: str, step: float, values: Sequence[AxisValue], name: str, findings: Findings
) -> float | None:
    """Return the step between the planes that are there, by that between neighbours; None if it varies."""
    found = _step_of_plan(step, values)
    if found is None:
        numbers = ", ".join(map(str, values[:_MOST_SHOWN])) + (", ..." if len(values) > _MOST_SHOWN else "")
        findings.add(
            f"{axis} values",
            "",
            f"{name}: values of {axis} were left out unevenly ({numbers}), so no step is written",
            "metadata tell where and when each plane was taken: z_um, elapsed_s",
        )
    return found


def _step_of_plan(planned: float | None, values: Sequence[AxisValue]) -> float | None:
    """Return the planned step times how many values were left out between neighbours; None if that varies."""
    numbers = [value for value in values if isinstance(value, int)]
    if planned is None or len(numbers) < len(values) or len(numbers) < 2:
        return planned
    steps = even_steps(numbers)
    if steps is None:
        return None
    is_distance = abs(steps.step - planned) <= _SMALLEST  # the values are micrometres or seconds themselves
    return planned if is_distance else planned * steps.step
