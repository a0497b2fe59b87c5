"""Coding of pages: lossless compression, tiles and smaller copies that Bio-Formats reads."""

import math
import operator
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np

from exengine_ome_tiff.tiff.checksums import Algorithm
from exengine_ome_tiff.tiff.pixels import PixelFormat
from exengine_ome_tiff.tiff.pyramid import smaller_shapes

COMPRESSION_CODES = {"zlib": 8, "lzw": 5, "zstd": 50000}
"""TIFF's numbers of the compressions."""
_IN_PYTHON = ("zlib",)
_LEVELS = {"zlib": (0, 9), "zstd": (1, 22)}
_DEFAULT_LEVELS = {"zlib": 1, "zstd": 1}
"""Higher levels make camera images a few percent smaller and take several times as long."""
_GROWTH = {"zlib": 256, "lzw": 2, "zstd": 128}
"""Incompressible data grows by at most one part in this many."""
_STRIP_BYTES, _LEAST_STRIP_BYTES = 1 << 18, 1 << 15
"""Maximum size of a strip of several rows before compression; it is longer than the second number, unless the
page is shorter."""
_PART_BYTES, _IFD_BYTES = 96, 4096
"""Maximum overhead of a strip or tile, and of a page."""
_TILE_MULTIPLE = 16
_TILE_OF_PYRAMIDS = (512, 512)
LARGE_AREA_PX = 3192 * 3192
"""For larger planes without a pyramid, OMERO makes one itself, slowly."""
_SMALLEST_PX = 1024
"""Maximum length of the longer side of the last copy."""


@dataclass(frozen=True, slots=True)
class PageCoding:
    """Compression and tiles of the pages of a dataset.

    Parameters
    ----------
    compression
        "zlib", "lzw" or "zstd"; None to store pixels as they are. The last two need imagecodecs.
    level
        From 0 to 9 for zlib, from 1 to 22 for zstd; None for 1.
    predictor
        Whether integers are stored as horizontal differences, which often compress better.
        Floating-point pixels never are, because Bio-Formats does not read their predictor.
    tile
        Height and width of tiles in pixels, multiples of 16. None for strips, or for 512 x 512 tiles with a
        pyramid. Frames smaller than a tile are not tiled.
    pyramid_levels
        Number of smaller copies of each frame, each half as high and wide as the previous one. "auto" makes
        copies of frames with more than 3192 x 3192 pixels, down to 1024 pixels.

    Raises
    ------
    ValueError
        An option has an unsupported value.
    """

    compression: str | None = None
    level: int | None = None
    predictor: bool = False
    tile: tuple[int, int] | None = None
    pyramid_levels: int | Literal["auto"] | None = None

    def __post_init__(self) -> None:
        if self.level is not None:
            object.__setattr__(self, "level", _whole("compression_level", self.level))
        if self.pyramid_levels not in (None, "auto"):
            object.__setattr__(self, "pyramid_levels", _whole("pyramid_levels", self.pyramid_levels))
        if self.tile is not None:
            sides = tuple(self.tile) if isinstance(self.tile, Iterable) else (self.tile,)
            object.__setattr__(self, "tile", tuple(_whole("tile", side) for side in sides))
        object.__setattr__(self, "predictor", _flag(self.predictor))
        if self.compression is None:
            if self.level is not None or self.predictor:
                raise ValueError("a compression level or a predictor needs a compression")
        elif self.compression not in [*COMPRESSION_CODES]:  # which may be unhashable
            raise ValueError(
                f"got compression={self.compression!r}, expected one of {', '.join(COMPRESSION_CODES)}: "
                "lossless, and read by Bio-Formats"
            )
        if self.level is not None:
            low, high = _LEVELS.get(self.compression or "", (1, 0))
            if not low <= self.level <= high:
                known = f"levels {low} to {high}" if low <= high else "no levels"
                raise ValueError(f"got compression_level={self.level}, but {self.compression} has {known}")
        if self.tile is not None and (
            len(self.tile) != 2 or any(side < 1 or side % _TILE_MULTIPLE for side in self.tile)
        ):
            raise ValueError(
                f"got tile={self.tile}, expected height and width in multiples of 16, such as (512, 512)"
            )
        levels: object = self.pyramid_levels
        if levels not in (None, "auto") and not (isinstance(levels, int) and levels >= 1):
            raise ValueError(f"got pyramid_levels={levels!r}, expected a number of at least 1, or 'auto'")

    def require_codec(self) -> None:
        """Raise ImportError if the compression needs imagecodecs and that is not installed."""
        if self.compression not in (None, *_IN_PYTHON) and find_spec("imagecodecs") is None:
            raise ImportError(
                f'compression={self.compression!r} needs imagecodecs: pip install "exengine-ome-tiff[codecs]"'
            )

    def applies_to(self, pixels: PixelFormat) -> bool:
        """Whether pages of a format are compressed or tiled."""
        return self.compression is not None or self.tile_of(pixels) is not None

    def arguments(self, pixels: PixelFormat) -> dict[str, Any]:
        """Return the arguments of tifffile's `write` for pages of a format."""
        arguments: dict[str, Any] = {"compression": self.compression, "tile": self.tile_of(pixels)}
        level = _DEFAULT_LEVELS.get(self.compression or "") if self.level is None else self.level
        if level is not None:
            arguments["compressionargs"] = {"level": level}
        if self.predictor and pixels.stored_dtype.kind in "iu":
            arguments["predictor"] = 2
        if self.compression is not None and arguments["tile"] is None:
            height, *row = pixels.stored_shape
            row_nbytes = math.prod(row) * pixels.stored_dtype.itemsize
            arguments["rowsperstrip"] = min(height, max(1, _STRIP_BYTES // row_nbytes))
        return arguments

    def most_nbytes(self, pixels: PixelFormat) -> int:
        """Return the maximum size of a page of a format in bytes, without its private tags.

        The last tile of each row and column is padded, two lists have an entry for each strip or tile, and
        incompressible data grows.
        """
        tile = self.tile_of(pixels)
        height, width = pixels.stored_shape[:2]
        nbytes = pixels.nbytes
        if tile is not None:
            parts = -(-height // tile[0]) * -(-width // tile[1])
            nbytes = parts * tile[0] * tile[1] * pixels.samples * pixels.stored_dtype.itemsize
        else:
            parts = 1 if self.compression is None else min(height, nbytes // _LEAST_STRIP_BYTES + 1)
        growth = 0 if self.compression is None else nbytes // _GROWTH[self.compression]
        return nbytes + growth + parts * _PART_BYTES + _IFD_BYTES

    def smaller(self, pixels: PixelFormat) -> list[PixelFormat]:
        """Return the formats of the smaller copies of frames of a format, the largest first."""
        count = self.pyramid_levels or 0
        if count == "auto":
            height, width = pixels.stored_shape[:2]
            is_large = height * width > LARGE_AREA_PX
            count = next(n for n in range(64) if max(height, width) >> n <= _SMALLEST_PX) if is_large else 0
        return [
            self.encoded(PixelFormat(shape, pixels.stored_dtype.str))
            for shape in smaller_shapes(pixels.stored_shape, int(count))
        ]

    def encoded(self, pixels: PixelFormat) -> PixelFormat:
        """Return the format of pages as they are stored in the file."""
        return _encoded(pixels) if self.applies_to(pixels) else pixels

    def tile_of(self, pixels: PixelFormat) -> tuple[int, int] | None:
        """Return height and width of the tiles of pages of a format; None for strips."""
        tile = self.tile or (None if self.pyramid_levels is None else _TILE_OF_PYRAMIDS)
        if tile is None or all(size <= side for size, side in zip(pixels.stored_shape, tile, strict=False)):
            return None
        return tile


def _whole(name: str, value: object) -> int:
    """Read a whole number, which may be one of NumPy's."""
    if isinstance(value, bool | np.bool_) or not hasattr(value, "__index__"):
        raise ValueError(f"got {name}={value!r}, expected whole numbers")
    return operator.index(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise ValueError(  # noqa: TRY004 - as for all options
            f"got predictor={value!r}, expected True or False"
        )
    return bool(value)


@lru_cache
def _encoded(pixels: PixelFormat) -> PixelFormat:
    return replace(pixels, is_encoded=True)


@dataclass(frozen=True, slots=True)
class WriteSettings:
    """How pages are written.

    Parameters
    ----------
    coding
        Compression, tiles and smaller copies of all pages.
    checksums
        Checksum in the record of each frame; None for none.
    """

    coding: PageCoding = field(default_factory=PageCoding)
    checksums: Algorithm | None = None
