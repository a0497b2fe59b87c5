"""The images of a dataset on their way into OME-Zarr. Importing it needs zarr, dask and yaozarrs."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates import FrameNumber
from exengine_ome_tiff.export.ngff_metadata import (
    NgffVersion,
    Window,
    collection_attributes,
    image_attributes,
    plate_groups,
    series_attributes,
)
from exengine_ome_tiff.export.partial_zarr import PartialZarr
from exengine_ome_tiff.export.zarr_writer import (
    PlaneToWrite,
    check_store,
    create_group,
    open_levels,
    write_planes,
)
from exengine_ome_tiff.inspection.contrast import display_limits
from exengine_ome_tiff.inspection.dataset_document import dataset_document, images_of_document
from exengine_ome_tiff.inspection.open_dataset import OpenDataset, OpenImage
from exengine_ome_tiff.inspection.preview_cells import thinned
from exengine_ome_tiff.ome.xml_reader import parse_ome, read_images
from exengine_ome_tiff.reading.image_pages import stored_pages
from exengine_ome_tiff.tiff import smaller_shapes, write_whole

_SMALLEST_PX = 512
"""A resolution of no longer side needs no smaller copy."""
_BATCH = 64
"""Planes that are written before that is noted."""
_MOST_SAMPLED = 4


class ZarrImages:
    """The images of a dataset on their way into a Zarr hierarchy; planes that are there already stay."""

    def __init__(self, data: OpenDataset, part: PartialZarr, version: NgffVersion) -> None:
        self._data, self._part, self._version = data, part, version
        self._images = images_of_document(data)
        self._xml = dataset_document(data)
        root = parse_ome(self._xml)
        self._elements = read_images(root)
        self._plate = plate_groups(root, version)
        fields = self._plate.fields if self._plate else {}
        self.paths = [fields.get(number, str(number)) for number in range(len(self._images))]
        """Of the groups of the images, in the order of the OME-XML."""
        self.n_planes = sum(int((image.layout.frames >= 0).sum()) for image in self._images)

    def names(self) -> dict[str, str]:
        """Return the names of the images by the paths of their groups."""
        return {path: image.name for path, image in zip(self.paths, self._images, strict=True)}

    def write(self, progress: Callable[[int, int], object]) -> int:
        """Write what is missing, and check all; return how many planes were there before."""
        self._write_groups()
        done = self._part.done()
        n_done = len(done)
        for number, image in enumerate(self._images):
            levels = self._levels(number)
            left = [plane for plane in self._planes(image) if (number, plane.frame) not in done]
            for start in range(0, len(left), _BATCH):
                progress(n_done, self.n_planes)
                batch = left[start : start + _BATCH]
                write_planes(batch, levels)
                self._part.add_done(number, [plane.frame for plane in batch])
                n_done += len(batch)
        progress(n_done, self.n_planes)
        check_store(self._part.path)
        return len(done)

    def _write_groups(self) -> None:
        """Write all groups with their attributes, and the OME-XML."""
        plate, version, root = self._plate, self._version, self._part.path
        create_group(root, collection_attributes(plate, version), version)
        create_group(root / "OME", series_attributes(self.paths, version), version)
        write_whole(root / "OME" / "METADATA.ome.xml", self._xml, fsync=False)
        for path, attributes in (plate.wells if plate else {}).items():
            create_group((root / path).parent, {}, version)
            create_group(root / path, attributes, version)
        for path, image, element in zip(self.paths, self._images, self._elements, strict=True):
            windows = [window for channel in self._samples(image) for window in _windows(channel)]
            attributes = image_attributes(element, len(_shapes(image)), windows, version)
            create_group(root / path, attributes, version)

    def _levels(self, number: int) -> list[Any]:
        """Open the arrays of an image."""
        image = self._images[number]
        dtype = image.pixels.stored_dtype.newbyteorder("=")
        return open_levels(self._part.path / self.paths[number], _shapes(image), dtype, self._version)

    def _planes(self, image: OpenImage) -> list[PlaneToWrite]:
        """Return what there is to write of an image."""
        cube = image.layout.cube()
        frames, indices = cube[cube >= 0], np.argwhere(cube >= 0).tolist()
        pages = stored_pages(self._data.frames, frames)
        return [
            PlaneToWrite(frame, page, (t, c, z))
            for frame, page, (t, c, z) in zip(frames.tolist(), pages, indices, strict=True)
        ]

    def _samples(self, image: OpenImage) -> Iterator[list[npt.NDArray[Any]]]:
        """Yield some planes of each channel as they lie in the file."""
        for channel in range(image.layout.sizes["C"]):
            frames = image.layout.cube()[:, channel]
            there = frames[frames >= 0]
            some = there[thinned(len(there), _MOST_SAMPLED)] if len(there) else there
            planes = [self._data.frames.stored(FrameNumber(frame)) for frame in some.tolist()]
            yield planes or [np.zeros(image.pixels.stored_shape, image.pixels.stored_dtype)]


def _windows(planes: Sequence[npt.NDArray[Any]]) -> Iterator[Window]:
    """Yield the display limits of a channel, or of each sample of it, from some of its planes."""
    stack = np.stack(planes)
    for values in [stack] if stack.ndim == 3 else np.moveaxis(stack, -1, 0):
        start, end = display_limits(np.abs(values) if values.dtype.kind == "c" else values)
        if values.dtype.kind in "iu":
            limits = np.iinfo(values.dtype)
            yield Window(start, end, float(limits.min), float(limits.max))
        else:
            yield Window(start, end, min(start, 0.0), end)


def _shapes(image: OpenImage) -> list[tuple[int, ...]]:
    """Return the shape of each resolution along T, C, Z, Y and X."""
    sizes, pixels = image.layout.sizes, image.pixels
    planes = sizes["T"], sizes["C"] * pixels.samples, sizes["Z"]
    whole = pixels.stored_shape[:2]
    count = max(0, math.ceil(math.log2(max(whole) / _SMALLEST_PX)))
    return [(*planes, *shape) for shape in (whole, *smaller_shapes(whole, count))]
