"""The order in which the frames of several files were recorded."""

import math
from collections.abc import Sequence

from exengine_ome_tiff.translate.times import parse_time

_ELAPSED_MS = "ElapsedTime-ms"
_CLOCKS = (_ELAPSED_MS, "ReceivedTime", "receivedTime", "TimeReceivedByCore")


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
    for key in _CLOCKS:
        times = [_time(each, key) for each in metadata]
        if all(map(math.isfinite, times)):
            return sorted(range(len(times)), key=times.__getitem__)
    return None


def _time(metadata: object, key: str) -> float:
    """Return the elapsed time or the time stamp under a key, NaN if there is none."""
    value = metadata.get(key) if isinstance(metadata, dict) else None
    try:
        if key == _ELAPSED_MS:
            return float(value) if isinstance(value, str | int | float) else math.nan
        stamp = parse_time(value)
        return math.nan if stamp is None else stamp.timestamp()
    except (ValueError, OverflowError, OSError):
        return math.nan
