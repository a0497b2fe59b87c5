"""Pixel sizes as the tags XResolution, YResolution and ResolutionUnit, for readers that know no OME-XML."""

import struct
from fractions import Fraction
from typing import TypeAlias

from exengine_ome_tiff.tiff.chain import ENTRY, RESOLUTION_UNIT, X_RESOLUTION, Y_RESOLUTION

PixelSize: TypeAlias = tuple[float | None, float | None]
"""Width and height of a pixel in micrometres; None where one is not known."""

NO_SIZE: PixelSize = (None, None)

_SHORT, _RATIONAL = 3, 5
_CENTIMETRE = 3
_CENTIMETRE_UM = 10_000
_MOST = (1 << 32) - 1
_CODES = (X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT)


def resolution_entries(size_um: PixelSize, factor: int = 1) -> list[bytes]:
    """Return the entries that tell a pixel size; none where it is not known, or too small or large for them.

    Parameters
    ----------
    size_um
        Of pixels of full size.
    factor
        How many of these a pixel of a smaller copy is wide.
    """
    width_um, height_um = size_um
    if width_um is None or height_um is None:
        return []
    ratios = [_per_centimetre(size * factor) for size in (width_um, height_um)]
    if not all(0 < part <= _MOST for ratio in ratios for part in ratio):
        return []
    values = [(_RATIONAL, struct.pack("<II", *ratio)) for ratio in ratios] + [(_SHORT, bytes([_CENTIMETRE]))]
    return [
        ENTRY.pack(code, kind, 1, value.ljust(8, b"\0"))
        for code, (kind, value) in zip(_CODES, values, strict=True)
    ]


def _per_centimetre(size_um: float) -> tuple[int, int]:
    """Return pixels per centimetre as a fraction of two numbers of 32 bits, as near as they can be."""
    exact = _CENTIMETRE_UM / Fraction(size_um).limit_denominator(1 << 40)
    near = exact.limit_denominator(max(1, int(_MOST // exact)) if exact > 1 else _MOST)
    return near.numerator, near.denominator
