"""Arrays and groups of an OME-Zarr dataset. Importing it needs zarr, dask and yaozarrs."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.export.ngff_metadata import Attributes, NgffVersion
from exengine_ome_tiff.tiff import StoredPage, halved

try:
    import yaozarrs
    import zarr
    from dask.base import compute
    from dask.delayed import delayed
except ImportError as error:
    raise ImportError('OME-Zarr needs an extra: pip install "exengine-ome-tiff[zarr]"') from error

_CHUNK_PX = 1024


class PlaneToWrite(NamedTuple):
    """A plane of an image: number of its frame, its page, and its indices along T, C and Z."""

    frame: int
    page: StoredPage
    place: tuple[int, int, int]


def create_group(path: Path, attributes: Attributes, version: NgffVersion) -> None:
    """Create a group, or give one that is there its attributes."""
    group = zarr.open_group(path, mode="a", zarr_format=2 if version == "0.4" else 3)
    group.attrs.put(attributes)


def open_levels(
    path: Path, shapes: Sequence[tuple[int, ...]], dtype: np.dtype[Any], version: NgffVersion
) -> list[Any]:
    """Open the arrays of an image, or create them.

    Parameters
    ----------
    path
        Of the group of the image.
    shapes
        Along T, C, Z, Y and X, of each resolution.
    dtype
        Of the pixels.
    version
        Of NGFF.
    """
    is_old = version == "0.4"
    options: dict[str, Any] = {"zarr_format": 2 if is_old else 3, "dtype": dtype, "fill_value": 0}
    options["chunk_key_encoding"] = {"name": "v2" if is_old else "default", "separator": "/"}
    if not is_old:
        options["dimension_names"] = [*"tczyx"]
    arrays = []
    for level, shape in enumerate(shapes):
        where = path / str(level)
        if (where / (".zarray" if is_old else "zarr.json")).exists():
            arrays.append(zarr.open_array(where, mode="r+"))
            continue
        chunks = (1, 1, 1, *(min(side, _CHUNK_PX) for side in shape[3:]))
        arrays.append(zarr.create_array(where, shape=shape, chunks=chunks, **options))
    return arrays


def write_planes(planes: Iterable[PlaneToWrite], levels: Sequence[Any]) -> None:
    """Write planes and their smaller copies, with the scheduler of dask: on all cores, or on a cluster."""
    compute(  # type: ignore[no-untyped-call]
        *[delayed(partial(_write_plane, plane, levels), pure=False)() for plane in planes]
    )


def _write_plane(plane: PlaneToWrite, levels: Sequence[Any]) -> None:
    """Write a plane; samples become channels."""
    t, c, z = plane.place
    pixels: npt.NDArray[Any] = plane.page.read()
    for number, level in enumerate(levels):
        if number:
            pixels = halved(pixels)
        if pixels.ndim == 2:
            level[t, c, z] = pixels
            continue
        for sample in range(pixels.shape[2]):
            level[t, c * pixels.shape[2] + sample, z] = pixels[..., sample]


def check_store(path: Path) -> None:
    """Check all groups and arrays against the models of NGFF; ValueError if one is not as it must be."""
    yaozarrs.validate_zarr_store(path)
