"""Checksums of the pixels of a page."""

import hashlib
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff.pixels import as_bytes

Algorithm = Literal["crc32", "sha256"]

_MAKE: Mapping[str, Callable[[memoryview], str]] = {
    "crc32": lambda pixels: f"{zlib.crc32(pixels):08x}",
    "sha256": lambda pixels: hashlib.sha256(pixels).hexdigest(),
}


def algorithm_of(option: object) -> Algorithm | None:
    """Read the option `checksums`: True for the fast one.

    Raises
    ------
    ValueError
        There is no such algorithm.
    """
    if option is False:
        return None
    if option is True:
        return "crc32"
    for algorithm in get_args(Algorithm):
        if option == algorithm:
            return algorithm  # type: ignore[no-any-return]
    raise ValueError(f"got checksums={option!r}, expected True, False or one of {', '.join(_MAKE)}")


def checksum(algorithm: str, stored: npt.NDArray[Any]) -> str:
    """Return ``algorithm:hexadecimal digits`` of pixels as they lie in the file, before any compression.

    Raises
    ------
    OmeTiffError
        There is no such algorithm.
    """
    if algorithm not in _MAKE:
        raise OmeTiffError(f"there is no checksum {algorithm!r}")
    return f"{algorithm}:{_MAKE[algorithm](as_bytes(np.ascontiguousarray(stored)))}"


def is_right(expected: str, stored: npt.NDArray[Any]) -> bool:
    """Whether pixels have a checksum that `checksum` made; errors as for that."""
    return checksum(expected.partition(":")[0], stored) == expected
