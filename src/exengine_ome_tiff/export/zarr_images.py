"""Images of a dataset as an OME-Zarr hierarchy. Importing this module needs zarr, dask and yaozarrs."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.keys import FrameNumber
from exengine_ome_tiff.export import ngff_metadata as ngff
from exengine_ome_tiff.export.zarr_export import PartialZarr
from exengine_ome_tiff.inspection.open_dataset import OpenDataset, OpenImage
from exengine_ome_tiff.inspection.preview_cells import display_limits, magnitudes, thinned
from exengine_ome_tiff.ome.xml_reader import parse_ome, read_images
from exengine_ome_tiff.reading.image_pages import stored_pages
from exengine_ome_tiff.tiff import StoredPage, halved, smaller_shapes, write_whole

try:
    import yaozarrs
    import zarr
    from dask.base import compute
    from dask.delayed import delayed
except ImportError as error:
    raise ImportError('OME-Zarr needs an extra: pip install "exengine-ome-tiff[zarr]"') from error

_SMALLEST_PX = 512
"""A resolution whose longer side is at most this long needs no smaller copy."""
_BATCH = 64
"""Number of planes after which progress is recorded."""
_MOST_SAMPLED = 4
_CHUNK_PX = 1024


class _Plane(NamedTuple):
    """A plane of an image: number of its frame, its page, and its indices along T, C and Z."""

    frame: int
    page: StoredPage
    place: tuple[int, int, int]


class ZarrImages:
    """Images of a dataset and the Zarr hierarchy they are written to; planes written earlier stay."""

    def __init__(self, data: OpenDataset, part: PartialZarr, version: ngff.NgffVersion) -> None:
        self._data, self._part, self._version = data, part, version
        self._images = data.images_of_document()
        self._xml = data.document()
        root = parse_ome(self._xml)
        self._elements = read_images(root)
        self._plate = ngff.plate_groups(root, version)
        fields = self._plate.fields if self._plate else {}
        self.paths = [fields.get(number, str(number)) for number in range(len(self._images))]
        """Paths of the images' groups, in the order of the OME-XML."""
        self.n_planes = sum(len(image.layout.acquired) for image in self._images)

    def names(self) -> dict[str, str]:
        """Return the names of the images by their paths."""
        return {path: image.name for path, image in zip(self.paths, self._images, strict=True)}

    def write(self, progress: Callable[[int, int], object]) -> int:
        """Write missing planes and validate the result; return the number of planes written earlier."""
        self._write_groups()
        done = self._part.done()
        n_done = len(done)
        for number, image in enumerate(self._images):
            levels = self._levels(number)
            left = [plane for plane in self._planes(image) if (number, plane.frame) not in done]
            for start in range(0, len(left), _BATCH):
                progress(n_done, self.n_planes)
                batch = left[start : start + _BATCH]
                tasks = [delayed(partial(_write_plane, plane, levels), pure=False)() for plane in batch]
                compute(*tasks)  # type: ignore[no-untyped-call]
                self._part.add_done(number, [plane.frame for plane in batch])
                n_done += len(batch)
        progress(n_done, self.n_planes)
        yaozarrs.validate_zarr_store(self._part.path)
        return len(done)

    def _write_groups(self) -> None:
        """Write all groups with their attributes, and the OME-XML."""
        plate, version, root = self._plate, self._version, self._part.path
        _create_group(root, ngff.collection_attributes(plate, version), version)
        _create_group(root / "OME", ngff.series_attributes(self.paths, version), version)
        write_whole(root / "OME" / "METADATA.ome.xml", self._xml, fsync=False)
        for path, attributes in (plate.wells if plate else {}).items():
            _create_group((root / path).parent, {}, version)
            _create_group(root / path, attributes, version)
        for path, image, element in zip(self.paths, self._images, self._elements, strict=True):
            windows = [window for channel in self._samples(image) for window in _windows(channel)]
            attributes = ngff.image_attributes(element, len(_shapes(image)), windows, version)
            _create_group(root / path, attributes, version)

    def _levels(self, number: int) -> list[Any]:
        """Open or create the arrays of an image, one for each resolution."""
        image, path = self._images[number], self._part.path / self.paths[number]
        is_old = self._version == "0.4"
        options: dict[str, Any] = {"zarr_format": 2 if is_old else 3, "fill_value": 0}
        options["dtype"] = image.pixels.stored_dtype.newbyteorder("=")
        options["chunk_key_encoding"] = {"name": "v2" if is_old else "default", "separator": "/"}
        if not is_old:
            options["dimension_names"] = [*"tczyx"]
        arrays = []
        for level, shape in enumerate(_shapes(image)):
            where = path / str(level)
            if (where / (".zarray" if is_old else "zarr.json")).exists():
                arrays.append(zarr.open_array(where, mode="r+"))
                continue
            chunks = (1, 1, 1, *(min(side, _CHUNK_PX) for side in shape[3:]))
            arrays.append(zarr.create_array(where, shape=shape, chunks=chunks, **options))
        return arrays

    def _planes(self, image: OpenImage) -> list[_Plane]:
        """Return the acquired planes of an image."""
        cube = image.layout.cube()
        frames, indices = cube[cube >= 0], np.argwhere(cube >= 0).tolist()
        pages = stored_pages(self._data.frames, frames)
        return [
            _Plane(frame, page, (t, c, z))
            for frame, page, (t, c, z) in zip(frames.tolist(), pages, indices, strict=True)
        ]

    def _samples(self, image: OpenImage) -> Iterator[list[npt.NDArray[Any]]]:
        """Yield some planes of each channel, as stored in the file."""
        for channel in range(image.layout.sizes["C"]):
            frames = image.layout.cube()[:, channel]
            there = frames[frames >= 0]
            some = there[thinned(len(there), _MOST_SAMPLED)] if len(there) else there
            planes = [self._data.frames.stored(FrameNumber(frame)) for frame in some.tolist()]
            yield planes or [np.zeros(image.pixels.stored_shape, image.pixels.stored_dtype)]


def _create_group(path: Path, attributes: ngff.Attributes, version: ngff.NgffVersion) -> None:
    """Create a group, or set the attributes of an existing one."""
    group = zarr.open_group(path, mode="a", zarr_format=2 if version == "0.4" else 3)
    group.attrs.put(attributes)


def _write_plane(plane: _Plane, levels: Sequence[Any]) -> None:
    """Write a plane and its smaller copies; samples become channels."""
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


def _windows(planes: Sequence[npt.NDArray[Any]]) -> Iterator[ngff.Window]:
    """Yield the display limits of a channel, or of each of its samples, from some of its planes."""
    stack = np.stack(planes)
    for values in [stack] if stack.ndim == 3 else np.moveaxis(stack, -1, 0):
        start, end = display_limits(magnitudes(values))
        if values.dtype.kind in "iu":
            limits = np.iinfo(values.dtype)
            yield ngff.Window(start, end, float(limits.min), float(limits.max))
        else:
            yield ngff.Window(start, end, min(start, 0.0), end)


def _shapes(image: OpenImage) -> list[tuple[int, ...]]:
    """Return the shape of each resolution along T, C, Z, Y and X."""
    sizes, pixels = image.layout.sizes, image.pixels
    planes = sizes["T"], sizes["C"] * pixels.samples, sizes["Z"]
    whole = pixels.stored_shape[:2]
    count = max(0, math.ceil(math.log2(max(whole) / _SMALLEST_PX)))
    return [(*planes, *shape) for shape in (whole, *smaller_shapes(whole, count))]
