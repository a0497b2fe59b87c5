"""Calibration of an image, from the OME-XML of a finished file or else from the metadata of its frames."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.layout import ImageLayout
from exengine_ome_tiff.dataset.facts import Facts
from exengine_ome_tiff.dataset.loader import read_elements
from exengine_ome_tiff.dataset.recording import Recording
from exengine_ome_tiff.dataset.stored_images import StoredImage
from exengine_ome_tiff.ome.planes import QUANTITIES
from exengine_ome_tiff.ome.xml_reader import ImageElement
from exengine_ome_tiff.tiff import read_head


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Distances and times of an image; None if unknown.

    Parameters
    ----------
    pixel_size_um
        Height and width of a pixel.
    z_step_um, time_interval_s
        Spacing of slices and of time points.
    planes
        Values of each plane by their names in `QUANTITIES`, NaN if unknown; shape (T, C, Z).
    """

    pixel_size_um: tuple[float | None, float | None]
    z_step_um: float | None
    time_interval_s: float | None
    planes: Mapping[str, npt.NDArray[np.float64]]

    def time_points_s(self) -> npt.NDArray[np.float64]:
        """Return the time of the first plane of each time point, NaN if unknown; shape (T,)."""
        times_s = self.planes["delta_t_s"]
        first: npt.NDArray[np.float64] = np.fmin.reduce(times_s.reshape(len(times_s), -1), axis=1)
        return first

    def stage_um(self) -> tuple[float, float] | None:
        """Return X and Y of the first plane with a stage position; None if there is none."""
        x_um, y_um = (self.planes[name].ravel() for name in ("x_um", "y_um"))
        known = np.flatnonzero(~(np.isnan(x_um) | np.isnan(y_um)))
        return (float(x_um[known[0]]), float(y_um[known[0]])) if known.size else None

    @classmethod
    def from_facts(cls, facts: Facts, layout: ImageLayout, name: str) -> "Calibration":
        """Read the calibration from the metadata, as `finish` will."""
        values = facts.described(layout, name)
        cube = layout.cube()
        planes = {}
        for quantity in QUANTITIES:
            planes[quantity] = facts.columns[quantity][cube]
            planes[quantity][cube < 0] = np.nan
        sizes = values.pixel_size_y_um, values.pixel_size_x_um
        return cls(sizes, values.z_step_um, values.time_interval_s, planes)

    @classmethod
    def from_element(cls, element: ImageElement, layout: ImageLayout) -> "Calibration":
        """Read the calibration from the OME-XML."""
        shape = tuple(layout.sizes[axis] for axis in "TCZ")
        planes = {quantity: np.full(shape, np.nan) for quantity in QUANTITIES}
        for quantity, (attribute, unit) in QUANTITIES.items():
            for z, c, t in [zct for zct, attributes in element.planes.items() if attribute in attributes]:
                value = element.plane_quantity((z, c, t), attribute, unit)
                planes[quantity][t, c, z] = np.nan if value is None else value
        sizes = element.length_um("PhysicalSizeY"), element.length_um("PhysicalSizeX")
        return cls(sizes, element.length_um("PhysicalSizeZ"), element.time_interval_s(), planes)


def image_elements(recording: Recording, images: Sequence[StoredImage]) -> list[ImageElement | None]:
    """Read the OME-XML elements of all images in some files; None if the file is not finished."""
    elements: dict[int, Iterator[ImageElement | None]] = {}
    for file, count in Counter(image.file for image in images).items():
        path = recording.index.files[file].path
        is_finished = read_head(path).is_finished
        elements[file] = iter(read_elements(path, count) if is_finished else [None] * count)
    return [next(elements[image.file]) for image in images]


def calibration_of(
    image: StoredImage, images: Sequence[StoredImage], recording: Recording, facts: Facts | None
) -> Calibration:
    """Return the calibration of an image; during a run, `facts` contain it.

    For an image that is not in `images`, because frames have arrived since, the metadata counts.
    """
    if facts is None:
        inside = [each for each in images if each.file == image.file]
        at = next((number for number, each in enumerate(inside) if each is image), None)
        element = None if at is None else image_elements(recording, inside)[at]
        if element is not None:
            return Calibration.from_element(element, image.layout)
    return Calibration.from_facts(facts or recording.facts(), image.layout, image.name)
