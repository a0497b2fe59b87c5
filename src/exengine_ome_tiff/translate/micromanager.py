"""Image tags of Micro-Manager cameras, as ExEngine, MMCoreJ and Micro-Manager Studio spell them."""

import math
from collections.abc import Mapping
from datetime import datetime

from exengine_ome_tiff.translate.times import parse_time, seconds
from exengine_ome_tiff.translate.values import UNKNOWN, PlaneValues

ELAPSED_MS = "ElapsedTime-ms"
EXPOSURE_MS = "Exposure-ms"
RECEIVED_BY_CORE = "TimeReceivedByCore"
RECEIVED = "ReceivedTime"
X_UM, Y_UM, Z_UM = "XPositionUm", "YPositionUm", "ZPositionUm"
PIXEL_SIZE_UM = "PixelSizeUm"
BIT_DEPTH = "BitDepth"
PIXEL_TYPE = "PixelType"

_MIN_PIXEL_SIZE_UM, _MAX_PIXEL_SIZE_UM = 1e-6, 1e9  # what is beyond is no calibration


def plane_values(metadata: Mapping[str, object]) -> PlaneValues:
    """Translate what differs from plane to plane.

    Parameters
    ----------
    metadata
        Tags of one frame; values are numbers or their text.

    Returns
    -------
    PlaneValues
        Unknown where a tag is missing or no finite number, and where the number makes no sense: a negative
        exposure, or a pixel size of 0, which is Micro-Manager's way to say that it is not calibrated.
    """
    exposure_s = number(metadata.get(EXPOSURE_MS)) / 1000
    pixel_size_um = number(metadata.get(PIXEL_SIZE_UM))
    bit_depth = number(metadata.get(BIT_DEPTH))
    return PlaneValues(
        elapsed_s=number(metadata.get(ELAPSED_MS)) / 1000,
        local_clock_s=seconds(metadata.get(RECEIVED_BY_CORE), zone=False),
        utc_s=seconds(metadata.get(RECEIVED), zone=True),
        exposure_s=exposure_s if exposure_s >= 0 else UNKNOWN,
        x_um=number(metadata.get(X_UM)),
        y_um=number(metadata.get(Y_UM)),
        z_um=number(metadata.get(Z_UM)),
        pixel_size_um=pixel_size_um if _MIN_PIXEL_SIZE_UM < pixel_size_um < _MAX_PIXEL_SIZE_UM else UNKNOWN,
        bit_depth=float(int(bit_depth)) if bit_depth >= 1 else UNKNOWN,
    )


def acquired(metadata: Mapping[str, object]) -> datetime | None:
    """Return when a frame was taken, by the stamp that tells its zone where there is one."""
    received = parse_time(metadata.get(RECEIVED))
    return (
        received if received is not None and received.tzinfo else parse_time(metadata.get(RECEIVED_BY_CORE))
    )


def pixel_type(metadata: Mapping[str, object]) -> str | None:
    """Return how the camera packs pixels, such as "GRAY16" or "RGB32", where the tags tell."""
    value = metadata.get(PIXEL_TYPE)
    return value if isinstance(value, str) else None


def number(value: object) -> float:
    """Read a number or its text; NaN where there is no finite one."""
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        return UNKNOWN
    try:
        result = float(value)
    except (ValueError, OverflowError):
        return UNKNOWN
    return result if math.isfinite(result) else UNKNOWN
