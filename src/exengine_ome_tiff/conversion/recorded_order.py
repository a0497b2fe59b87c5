"""The order in which the frames of several files were recorded."""

import math
from collections.abc import Callable, Sequence

from exengine_ome_tiff.translate.times import parse_time

_ELAPSED_MS = "ElapsedTime-ms"
_STAMPS = ("ReceivedTime", "receivedTime", "TimeReceivedByCore")


def recorded_order(metadata: Sequence[object]) -> list[int] | None:
    """Sort frames by the first clock that all of them have.

    Parameters
    ----------
    metadata
        Metadata of the frames, file by file.

    Returns
    -------
    list of int
        Indices of the frames in the order of recording; frames with the same time keep their order. None if
        the frames have no clock in common.
    """
    for clock in (_elapsed_ms, *(_stamp_s(key) for key in _STAMPS)):
        times = [clock(each) if isinstance(each, dict) else math.nan for each in metadata]
        if all(map(math.isfinite, times)):
            return sorted(range(len(times)), key=times.__getitem__)
    return None


def _elapsed_ms(metadata: dict[str, object]) -> float:
    value = metadata.get(_ELAPSED_MS)
    try:
        return float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        return math.nan


def _stamp_s(key: str) -> Callable[[dict[str, object]], float]:
    """Return a clock that reads the time stamps of a key."""

    def seconds(metadata: dict[str, object]) -> float:
        stamp = parse_time(metadata.get(key))
        try:
            return math.nan if stamp is None else stamp.timestamp()
        except (ValueError, OverflowError, OSError):
            return math.nan

    return seconds
