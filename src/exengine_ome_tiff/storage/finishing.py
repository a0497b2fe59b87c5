"""From frames to OME-TIFF: lay out the images, describe them, give each file its order and its OME-XML."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates import ImageLayout
from exengine_ome_tiff.ome import OmeImage
from exengine_ome_tiff.storage.dataset import Dataset
from exengine_ome_tiff.storage.header import Header
from exengine_ome_tiff.storage.images import stored_images
from exengine_ome_tiff.storage.records import decode_metadata
from exengine_ome_tiff.storage.target import Target
from exengine_ome_tiff.tiff import PageWriter
from exengine_ome_tiff.translate import ImageValues, PlaneTable, acquired, delta_t_s, image_values
from exengine_ome_tiff.version import __version__

CREATOR = f"exengine-ome-tiff {__version__}"


def finish_files(
    target: Target, header: Header, dataset: Dataset, writers: Sequence[PageWriter], planes: PlaneTable
) -> None:
    """Make OME-TIFF of all files, and the companion of a folder; the dataset reads the finished files then.

    Parameters
    ----------
    target
        Where the dataset lives.
    header
        What its files say of the dataset.
    dataset
        All frames.
    writers
        Its files.
    planes
        What the metadata says of each frame, by its number.

    Raises
    ------
    OSError
        A file could not be finished. All stay readable, and this may be called again.
    """
    # ome-types takes 0.3 s to import, and nobody needs it before
    from exengine_ome_tiff.ome.document import Place, ome_xml

    columns = planes.columns()
    columns["delta_t_s"] = delta_t_s(columns)
    images = stored_images(dataset, target.name, header.modulo)
    companion: list[tuple[OmeImage, Place]] = []
    for file, writer in enumerate(writers):
        if not len(writer):
            writer.discard()  # not even its first frame could be written
            continue
        uuid = header.file_uuid(writer.path.name)
        contents: list[tuple[OmeImage, Place]] = []
        pages: list[npt.NDArray[np.int64]] = []
        for layout, name, _, pixels in (image for image in images if image.file == file):
            values = _values(dataset, layout, columns)
            ome_image = OmeImage(layout, name, *pixels.stored, values, columns)
            first_ifd = sum(map(len, pages))
            contents.append((ome_image, Place(first_ifd)))
            companion.append((ome_image, Place(first_ifd, writer.path.name, uuid)))
            pages.append(_pages(layout, dataset, writer))
        dataset.files[file] = writer.finish(
            np.concatenate(pages), ome_xml(target.name, contents, header.plate, uuid, CREATOR), CREATOR
        )
    if target.is_folder:
        xml = ome_xml(target.name, companion, header.plate, header.dataset, CREATOR)
        target.companion.write_bytes(xml)


def _values(
    dataset: Dataset, layout: ImageLayout, columns: Mapping[str, npt.NDArray[np.float64]]
) -> ImageValues:
    """Find out what holds for all planes of an image."""
    frames = layout.frames[layout.frames >= 0]
    file, handle = dataset.place(layout.first_frame)
    metadata = decode_metadata(dataset.files[file].note(handle))
    taken = acquired(metadata) if isinstance(metadata, dict) else None
    return image_values({name: column[frames] for name, column in columns.items()}, taken)


def _pages(layout: ImageLayout, dataset: Dataset, writer: PageWriter) -> npt.NDArray[np.int64]:
    """Return the handles of an image's planes; those never put share one blank page."""
    acquired = layout.frames >= 0
    handles = np.array([dataset.place(number)[1] for number in layout.frames[acquired].tolist()], np.int64)
    pages = np.empty(len(layout.frames), np.int64)
    pages[acquired] = handles
    if len(handles) < len(pages):
        pages[~acquired] = writer.append_blank(writer.format(int(handles[0])))
    return pages
