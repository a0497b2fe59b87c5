"""From frames to OME-TIFF: lay out the images, describe them, give each file its order and its OME-XML."""

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates import Frame, ImageLayout, lay_out
from exengine_ome_tiff.storage.dataset import Dataset
from exengine_ome_tiff.storage.records import decode_metadata
from exengine_ome_tiff.storage.target import Target
from exengine_ome_tiff.tiff import PageWriter
from exengine_ome_tiff.translate import ImageValues, PlaneTable, delta_t_s, image_values
from exengine_ome_tiff.version import __version__

if TYPE_CHECKING:
    from exengine_ome_tiff.ome import OmeImage

CREATOR = f"exengine-ome-tiff {__version__}"
_MICROSECOND_DIGITS = 6


class _Image(NamedTuple):
    """An OME image and the handles of its planes in the file that has them."""

    ome: "OmeImage"
    file: int
    pages: npt.NDArray[np.int64]


def finish_files(target: Target, dataset: Dataset, writers: Sequence[PageWriter], planes: PlaneTable) -> None:
    """Make OME-TIFF of all files, and the companion of a folder; the dataset reads the finished files then.

    Parameters
    ----------
    target
        Where the dataset lives.
    dataset
        All frames.
    writers
        Its files, those that are not finished yet.
    planes
        What the metadata says of each frame, by its number.

    Raises
    ------
    OSError
        A file could not be finished. All stay readable, and this may be called again.
    """
    from exengine_ome_tiff import ome

    images = _images(dataset, writers, planes)
    file_uuids = {file: uuid.uuid4().urn for file in range(len(writers))}
    companion: list[tuple[ome.OmeImage, ome.Place]] = []
    for file, writer in enumerate(writers):
        own = [image for image in images if image.file == file]
        first_ifds = np.cumsum([0, *(len(image.pages) for image in own)]).tolist()
        places = [ome.Place(first_ifd) for first_ifd in first_ifds[:-1]]
        contents = [(image.ome, place) for image, place in zip(own, places, strict=True)]
        xml = ome.ome_xml(target.name, contents, uuid=file_uuids[file], creator=CREATOR)
        pages = np.concatenate([image.pages for image in own])
        dataset.files[file] = writer.finish(pages, xml, CREATOR)
        companion += [
            (image.ome, ome.Place(place.first_ifd, writer.path.name, file_uuids[file]))
            for image, place in zip(own, places, strict=True)
        ]
    if target.is_folder:
        xml = ome.ome_xml(target.name, companion, uuid=uuid.uuid4().urn, creator=CREATOR)
        target.companion.write_bytes(xml)


def _images(dataset: Dataset, writers: Sequence[PageWriter], planes: PlaneTable) -> list[_Image]:
    """Lay out all frames; gray images first, as ImageJ shows a gray one black behind an RGB one."""
    from exengine_ome_tiff import ome

    columns = planes.columns()
    columns["delta_t_s"] = np.round(delta_t_s(columns), _MICROSECOND_DIGITS)
    frames = []
    for number, key in sorted((number, key) for key, number in dataset.numbers.items()):
        file, handle = dataset.place(number)
        frames.append(Frame(number, key, writers[file].format(handle).stored))
    images = []
    for layout in lay_out(frames, dataset.axes):
        first = int(layout.frames[layout.frames >= 0].min())
        file, handle = dataset.place(first)
        shape, dtype = writers[file].format(handle).stored
        values = _values_of(dataset, first)
        images.append(
            _Image(
                ome.OmeImage(layout, shape, dtype, values, columns),
                file,
                _pages(layout, dataset, writers[file]),
            )
        )
    return sorted(images, key=lambda image: image.ome.samples > 1)


def _values_of(dataset: Dataset, number: int) -> ImageValues:
    """Translate the metadata of a frame for the image that it begins."""
    file, handle = dataset.place(number)
    metadata = decode_metadata(dataset.files[file].note(handle))
    return image_values(metadata) if isinstance(metadata, dict) else ImageValues()


def _pages(layout: ImageLayout, dataset: Dataset, writer: PageWriter) -> npt.NDArray[np.int64]:
    """Return the handles of an image's planes; those never put share one blank page."""
    acquired = layout.frames >= 0
    handles = np.array([dataset.place(number)[1] for number in layout.frames[acquired].tolist()], np.int64)
    pages = np.empty(len(layout.frames), np.int64)
    pages[acquired] = handles
    if len(handles) < len(pages):
        pages[~acquired] = writer.append_blank(writer.format(int(handles[0])))
    return pages
