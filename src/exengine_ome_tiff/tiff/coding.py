"""How pages lie in a file: compressed, in tiles, or neither; lossless, and read exactly by Bio-Formats."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from exengine_ome_tiff.tiff.pixels import PixelFormat

_COMPRESSIONS = ("zlib", "lzw", "zstd")
_IN_PYTHON = ("zlib",)
_LEVELS = {"zlib": (0, 9), "zstd": (1, 22)}
_TILE_MULTIPLE = 16


@dataclass(frozen=True, slots=True)
class PageCoding:
    """Compression and tiles of the pages of a dataset.

    Parameters
    ----------
    compression
        "zlib", "lzw" or "zstd"; None to store pixels as they are. The last two need imagecodecs.
    level
        From 0 to 9 for zlib, from 1 to 22 for zstd; None for the codec's default.
    predictor
        Whether integers are stored as horizontal differences, which often compress better.
        Floating-point pixels are not: Bio-Formats does not read their predictor.
    tile
        Height and width of tiles in pixels, multiples of 16; None for strips. Frames that are smaller than a
        tile are not tiled.

    Raises
    ------
    ValueError
        There is no such compression, level, predictor or tile.
    ImportError
        The compression needs imagecodecs.
    """

    compression: str | None = None
    level: int | None = None
    predictor: bool = False
    tile: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.compression is None:
            if self.level is not None or self.predictor:
                raise ValueError("a compression level or a predictor needs a compression")
        elif self.compression not in _COMPRESSIONS:
            raise ValueError(
                f"got compression={self.compression!r}, expected one of {', '.join(_COMPRESSIONS)}: "
                "lossless, and read by Bio-Formats"
            )
        elif self.compression not in _IN_PYTHON and find_spec("imagecodecs") is None:
            raise ImportError(
                f'compression={self.compression!r} needs imagecodecs: pip install "exengine-ome-tiff[codecs]"'
            )
        if self.level is not None:
            low, high = _LEVELS.get(self.compression or "", (1, 0))
            if not low <= self.level <= high:
                raise ValueError(f"got compression_level={self.level}, which {self.compression} has not")
        if self.tile is not None and (
            len(self.tile) != 2 or any(side < 1 or side % _TILE_MULTIPLE for side in self.tile)
        ):
            raise ValueError(f"got tile={self.tile}, expected height and width that are multiples of 16")

    def applies_to(self, pixels: PixelFormat) -> bool:
        """Whether pages of a format are anything but their plain pixels, one row after the other."""
        return self.compression is not None or self._tile(pixels) is not None

    def arguments(self, pixels: PixelFormat) -> dict[str, Any]:
        """Return what tifffile's `write` is to be told for pages of a format."""
        arguments: dict[str, Any] = {"compression": self.compression, "tile": self._tile(pixels)}
        if self.level is not None:
            arguments["compressionargs"] = {"level": self.level}
        if self.predictor and pixels.stored_dtype.kind in "iu":
            arguments["predictor"] = 2
        return arguments

    def _tile(self, pixels: PixelFormat) -> tuple[int, int] | None:
        """Return the tile for pages of a format."""
        if self.tile is None or all(
            size <= side for size, side in zip(pixels.stored_shape, self.tile, strict=False)
        ):
            return None
        return self.tile
