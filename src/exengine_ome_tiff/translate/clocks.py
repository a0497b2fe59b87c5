"""Combines the clocks of a dataset into one time for each frame."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.translate.values import UNKNOWN

_ZONE_QUARTER_S = 900
_MAX_DELTA_S = 1e9
_ONE_ZERO_S = 1.5
"""Tolerance for the zero of an elapsed clock, because of stamps in whole seconds and of delays."""
_SUMMER_S = 3600.0
_PAUSE_S = 1.0
"""A step of the elapsed clock that is longer than jitter."""
_DAY_S = 86400.0
_ODD_PART = 4
"""One frame out of this many may have an odd time."""

Seconds: TypeAlias = npt.NDArray[np.float64]


class PlaneTimes(NamedTuple):
    """Times of frames: the sum of `origin_s` and `delta_t_s`."""

    delta_t_s: Seconds
    """Seconds since the origin to the microsecond, shape (n,), never negative; NaN where unknown."""
    origin_s: float
    """Seconds since 1970-01-01; NaN without a wall clock."""
    has_zone: bool
    """Whether the origin is in UTC; otherwise it is on a local clock."""
    counts_from_start: bool
    """Whether the origin is the start in the summary."""


class FrameOrder(NamedTuple):
    """The order of frames by their coordinates, arrays of shape (n,); -1 for frames without a time point."""

    time: npt.NDArray[np.int64]
    """Time point of each frame."""
    place: npt.NDArray[np.int64]
    """Number of the image of each frame."""


def plane_times(
    planes: Mapping[str, Seconds],
    started: datetime | None = None,
    order: Callable[[], FrameOrder] | None = None,
) -> PlaneTimes:
    """Choose the best clock for each frame, independent of the order of frames.

    A wall clock takes precedence over an elapsed clock, which restarts with every sequence. The elapsed clock
    is used where the wall clock is missing, shows only whole seconds, or jumps because of summer time.

    Parameters
    ----------
    planes
        Columns of a `PlaneTable` in order of arrival, each of shape (n,).
    started
        Start of the acquisition in the summary. Stamps without a zone are in its zone. Without stamps,
        elapsed times count from it.
    order
        Returns the time points of the frames. Called only if there is nothing but an elapsed clock, and it
        goes back between frames.
    """
    local_s, utc_s = planes["local_clock_s"], planes["utc_s"]
    elapsed_s = planes["elapsed_s"]
    known_s = _known(elapsed_s)
    if known_s.size > 1 and np.ptp(known_s) == 0:
        elapsed_s = np.broadcast_to(UNKNOWN, len(elapsed_s))  # a clock that stands still shows nothing
    wall_s, has_zone = _wall(local_s, utc_s, started)
    both = ~np.isnan(wall_s) & ~np.isnan(elapsed_s)
    if both.any():
        only_local = bool(np.isnan(utc_s).all())
        times_s = _stitched(_moving(wall_s, elapsed_s), elapsed_s, may_jump=only_local)
    elif np.count_nonzero(~np.isnan(elapsed_s)) > np.count_nonzero(~np.isnan(wall_s)):
        return _of_elapsed(elapsed_s, started, order)
    else:
        times_s = wall_s
    known_s = _known(times_s)
    origin_s = float(known_s.min()) if known_s.size else UNKNOWN
    return PlaneTimes(_delta(times_s - origin_s), origin_s, has_zone, counts_from_start=False)


def _known(values: Seconds) -> Seconds:
    return values[~np.isnan(values)]


def _delta(delta_s: Seconds) -> Seconds:
    """Round times in place; those that cannot be right become unknown."""
    delta_s[~((delta_s >= 0) & (delta_s < _MAX_DELTA_S))] = UNKNOWN
    return delta_s.round(6, out=delta_s)


def _is_coarse(stamps_s: Seconds, fewest: int = 2) -> bool:
    """Whether stamps are in whole seconds; a few may be so by chance."""
    known = _known(stamps_s)
    return known.size >= fewest and bool((known % 1 == 0).all())


def _wall(local_s: Seconds, utc_s: Seconds, started: datetime | None) -> tuple[Seconds, bool]:
    """Combine stamps with and without a zone; return also whether they are in UTC."""
    has_local, has_utc = ~np.isnan(local_s), ~np.isnan(utc_s)
    offset = None if started is None else started.utcoffset()
    both = has_local & has_utc
    if both.any():
        # for each frame, because clocks are set back in autumn
        zone_s = np.round((utc_s - local_s) / _ZONE_QUARTER_S) * _ZONE_QUARTER_S
        zone_s[~both] = np.median(zone_s[both])
    elif offset is not None:
        zone_s = np.broadcast_to(-offset.total_seconds(), len(local_s))
    else:
        is_utc = bool(has_utc.any() and np.count_nonzero(has_utc) >= np.count_nonzero(has_local))
        return _without_far(utc_s if is_utc else local_s), is_utc
    first, second = local_s + zone_s, utc_s
    if _is_coarse(first, 3) and not _is_coarse(second):
        first, second = second, first
    return _without_far(np.where(np.isnan(first), second, first)), bool((has_local | has_utc).any())


def _without_far(wall_s: Seconds) -> Seconds:
    """Exclude stamps that are decades away from the others."""
    known = _known(wall_s)
    if not known.size:
        return wall_s
    median_s = np.median(known)
    if max(known.max() - median_s, median_s - known.min()) < _MAX_DELTA_S:
        return wall_s
    return np.where(np.abs(wall_s - median_s) < _MAX_DELTA_S, wall_s, UNKNOWN)


def _moving(wall_s: Seconds, elapsed_s: Seconds) -> Seconds:
    """Keep only the first stamp of a wall clock that stands still while the elapsed clock continues."""
    known, elapsed = _known(wall_s), elapsed_s[~np.isnan(wall_s)]
    if known.size < 2 or np.ptp(known) > 0 or not np.nanmax(elapsed) - np.nanmin(elapsed) > _ONE_ZERO_S:
        return wall_s
    return np.where(elapsed_s == np.nanmin(elapsed), wall_s, UNKNOWN)


class _Runs(NamedTuple):
    """Runs of frames whose elapsed clocks have the same zero, in ascending order of that zero."""

    run: npt.NDArray[np.int64]
    """Run of each frame, -1 without one; shape (n,)."""
    low_s: Seconds
    """Smallest zero of each run."""
    high_s: Seconds
    """Largest zero of each run."""

    @staticmethod
    def of(wall_s: Seconds, elapsed_s: Seconds) -> "_Runs":
        """Split frames where their zeros differ by more than the uncertainty of stamps."""
        zero_s = wall_s - elapsed_s
        low_s, high_s = np.nanmin(zero_s), np.nanmax(zero_s)
        if high_s - low_s <= _ONE_ZERO_S:  # sorting needs 50 bytes for each frame
            has_none = np.isnan(zero_s)
            alone = np.broadcast_to(np.int64(0), len(zero_s))  # takes no memory
            run = np.where(has_none, -1, alone) if has_none.any() else alone
            return _Runs(run, np.array([low_s]), np.array([high_s]))
        order = np.argsort(zero_s, kind="stable")[: np.count_nonzero(~np.isnan(zero_s))]
        in_order = zero_s[order]
        starts = np.flatnonzero(np.diff(in_order, prepend=-np.inf) > _ONE_ZERO_S)
        run = np.full(len(zero_s), -1)
        run[order] = np.searchsorted(starts, np.arange(len(order)), "right") - 1
        ends = np.append(starts[1:], len(order)) - 1
        return _Runs(run, in_order[starts], in_order[ends])


def _stitched(wall_s: Seconds, elapsed_s: Seconds, *, may_jump: bool) -> Seconds:
    """Give each frame a time on the wall clock, with the help of the elapsed clock."""
    runs = _Runs.of(wall_s, elapsed_s)
    if may_jump:
        jumps = _summer_time(runs, elapsed_s)
        if jumps.any():
            wall_s = wall_s - np.where(runs.run >= 0, jumps[runs.run], 0)
            runs = _Runs.of(wall_s, elapsed_s)
    has_one_zero = runs.high_s - runs.low_s <= _ONE_ZERO_S
    is_coarse = _is_coarse(wall_s)
    if is_coarse:
        has_one_zero &= _agrees(runs, wall_s, elapsed_s)
    zero_s = np.where(has_one_zero, runs.high_s if is_coarse else (runs.low_s + runs.high_s) / 2, UNKNOWN)
    run = _filled(runs.run, elapsed_s)
    by_elapsed = np.where(run >= 0, zero_s[run], UNKNOWN) + elapsed_s
    first, second = (by_elapsed, wall_s) if is_coarse else (wall_s, by_elapsed)
    return np.where(np.isnan(first), second, first)


def _summer_time(runs: _Runs, elapsed_s: Seconds) -> Seconds:
    """Find the jump of the wall clock of each run while the elapsed clock continued; shape (runs,)."""
    count = len(runs.low_s)
    inside = runs.run >= 0
    sizes = np.bincount(runs.run[inside], minlength=count)
    first_s, last_s = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(first_s, runs.run[inside], elapsed_s[inside])
    np.maximum.at(last_s, runs.run[inside], elapsed_s[inside])
    middle_s = (runs.low_s + runs.high_s) / 2
    later = np.searchsorted(middle_s, middle_s + _SUMMER_S - _ONE_ZERO_S)
    stop = np.searchsorted(middle_s, middle_s + _SUMMER_S + _ONE_ZERO_S, "right")
    lower = np.flatnonzero(stop - later == 1)
    upper = later[lower]
    alone = ~np.isin(lower, upper) & ~np.isin(upper, lower)  # else a new sequence begins every hour
    lower, upper = lower[alone], upper[alone]
    spring_s, autumn_s = first_s[upper] - last_s[lower], first_s[lower] - last_s[upper]
    many = np.minimum(sizes[lower], sizes[upper]) > 1
    jumps_s = np.zeros(count)
    is_spring = (spring_s > 0) & (many | (spring_s >= _PAUSE_S))
    is_autumn = (autumn_s > 0) & (many | (autumn_s >= _PAUSE_S))
    jumps_s[upper[is_spring]] = _SUMMER_S
    jumps_s[lower[is_autumn]] = -_SUMMER_S
    return jumps_s


def _agrees(runs: _Runs, wall_s: Seconds, elapsed_s: Seconds) -> npt.NDArray[np.bool_]:
    """Find the runs in which stamps never go back while the elapsed clock continues; shape (runs,)."""
    order = np.lexsort((wall_s, elapsed_s, runs.run))
    order = order[runs.run[order] >= 0]
    back = (np.diff(runs.run[order]) == 0) & (np.diff(wall_s[order]) < 0)
    agrees = np.ones(len(runs.low_s), bool)
    agrees[runs.run[order][1:][back]] = False
    return agrees


def _filled(run: npt.NDArray[np.int64], elapsed_s: Seconds) -> npt.NDArray[np.int64]:
    """Give frames without a stamp the run of their neighbours, unless the elapsed clock goes back."""
    if not ((run < 0) & ~np.isnan(elapsed_s)).any():
        return run
    has_elapsed = np.flatnonzero(~np.isnan(elapsed_s))
    runs = run[has_elapsed]
    part = np.cumsum(np.diff(elapsed_s[has_elapsed], prepend=-np.inf) < 0)
    places = np.flatnonzero(runs >= 0)
    index = np.arange(len(runs))
    before = places[np.maximum(np.searchsorted(places, index, "right") - 1, 0)]
    after = places[np.minimum(np.searchsorted(places, index), len(places) - 1)]
    found = np.where(part[before] == part, runs[before], np.where(part[after] == part, runs[after], -1))
    if (runs[places] == runs[places[0]]).all() and len(np.unique(part[places])) > 1:
        found[found < 0] = runs[places[0]]  # the frames arrived in another order
    filled = run.copy()
    filled[has_elapsed] = found
    return filled


def _of_elapsed(
    elapsed_s: Seconds, started: datetime | None, order: Callable[[], FrameOrder] | None
) -> PlaneTimes:
    """Use the times of an elapsed clock alone, unless it restarts."""
    is_kept = ~np.isnan(elapsed_s)
    is_kept[is_kept] = _is_rising(elapsed_s if is_kept.all() else elapsed_s[is_kept])
    if not is_kept.any() and order is not None:
        frames = _by_time_point(elapsed_s, order())
        is_kept[frames[_is_rising(elapsed_s[frames])]] = True
    first_s = float(elapsed_s.min(where=is_kept, initial=np.inf)) if is_kept.any() else UNKNOWN
    counts_from_start = started is not None and 0 <= first_s < _DAY_S
    delta_s = elapsed_s - (0.0 if counts_from_start else first_s)
    delta_s[~is_kept] = UNKNOWN
    return PlaneTimes(_delta(delta_s), UNKNOWN, has_zone=False, counts_from_start=counts_from_start)


def _is_rising(times_s: Seconds) -> npt.NDArray[np.bool_]:
    """Find the times that do not break the rising order of the clock; none if too many do."""
    low = _goes_back(times_s)
    high = _goes_back(-times_s[::-1])[::-1]
    odd = min(low, high, key=np.count_nonzero)
    return ~odd if np.count_nonzero(odd) * _ODD_PART <= len(odd) else np.zeros(len(odd), np.bool_)


def _goes_back(times_s: Seconds) -> npt.NDArray[np.bool_]:
    """Find the times below an earlier one, and those that only reach it again, as after a restart."""
    highest_s = np.maximum.accumulate(times_s)
    low = times_s < highest_s
    if low.any():
        is_new = np.diff(highest_s, prepend=-np.inf) > 0
        lows = np.cumsum(low)
        before = lows[np.maximum.accumulate(np.where(is_new, np.arange(len(low)), 0))]
        low |= (times_s == highest_s) & (lows > before)
    return low


def _by_time_point(elapsed_s: Seconds, order: FrameOrder) -> npt.NDArray[np.int64]:
    """Sort frames by time point; return none if the clock never goes back within an image.

    In that case the clock may restart with each image.
    """
    frames = np.flatnonzero(~np.isnan(elapsed_s) & (order.place >= 0))
    by_place = frames[np.argsort(order.place[frames], kind="stable")]
    goes_back = (np.diff(elapsed_s[by_place]) < 0) & (np.diff(order.place[by_place]) == 0)
    if not goes_back.any() or np.ptp(order.time[frames]) == 0:
        return frames[:0]
    return frames[np.lexsort((elapsed_s[frames], order.time[frames]))]
