"""From frames to OME-TIFF: lay out the images, describe them, give each file its order and its OME-XML."""

import logging
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.dataset.facts import Facts
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.dataset.loader import root_uuid
from exengine_ome_tiff.dataset.recording import Recording
from exengine_ome_tiff.dataset.stored_images import StoredImage
from exengine_ome_tiff.dataset.told_names import encode_names
from exengine_ome_tiff.ome import OmeImage
from exengine_ome_tiff.text_format import count_text
from exengine_ome_tiff.tiff import JournalFile, PixelSize, finish_journal, read_description, write_whole
from exengine_ome_tiff.version import __version__
from exengine_ome_tiff.writing.claim import sync_names

logger = logging.getLogger(__name__)

CREATOR = f"exengine-ome-tiff {__version__}"


def finish_files(
    recording: Recording,
    *,
    fsync: bool,
    new_folders: Sequence[Path] = (),
    waiting: Collection[int] = (),
) -> None:
    """Make OME-TIFF of all files, and the companion of a folder.

    Parameters
    ----------
    recording
        The dataset; those of its files that are finished already stay as they are.
    fsync
        Whether to wait until all is safe on the disk.
    new_folders
        Folders that were made for the dataset.
    waiting
        Numbers of files that cannot be finished, as some of their frames could not be written yet.

    Raises
    ------
    OSError
        A file could not be finished; the others are. All stay readable, and this may be called again.
    """
    # ome-types takes 0.3 s to import, and nobody needs it before
    from exengine_ome_tiff.ome.document import Place, ome_xml

    location, facts, unnamed = recording.location, recording.facts(), recording.unnamed_images()
    names = recording.names = facts.names([image.layout for image in unnamed])
    images = recording.named(unnamed, names)
    layouts = [image.layout for image in images]
    facts.check(layouts)
    plate = facts.plate(layouts)
    about = facts.about()
    companion: list[tuple[OmeImage, Place]] = []
    errors = []
    for number, file in enumerate(recording.index.files):
        if number in waiting:
            continue
        if not len(file.pages):
            file.discard()  # not even its first frame could be written
            continue
        uuid, inside = _uuid(recording, file), [image for image in images if image.file == number]
        described = [describe_image(image, facts) for image in inside]
        ends = np.cumsum([len(image.layout.frames) for image in inside]).tolist()
        starts = [0, *ends[:-1]]
        companion += zip(described, [Place(start, file.path.name, uuid) for start in starts], strict=True)
        if file.is_finished:
            continue
        contents = list(zip(described, map(Place, starts), strict=True))
        xml = ome_xml(location.name, contents, plate, about, uuid, CREATOR)
        try:
            pages = np.concatenate([_pages(image, recording.index, file) for image in inside])
            finish_journal(
                file, pages, xml, CREATOR, sizes=_sizes(described), names=encode_names(names), fsync=fsync
            )
        except OSError as error:
            errors.append(error)  # that of one position; the others are finished all the same
    logger.info("%s: %s", location.name, _outline([image for image, _ in companion]))
    facts.findings.log(logger, location.name)
    if errors:
        raise errors[0]
    if location.is_folder and not waiting:
        xml = ome_xml(location.name, companion, plate, about, recording.header.dataset, CREATOR)
        write_whole(location.companion, xml, fsync=fsync)
    if fsync:
        sync_names(location, new_folders)


def _uuid(recording: Recording, file: JournalFile) -> str:
    """Return the UUID of a file; a finished one may have been renamed since it got its own."""
    written = root_uuid(read_description(file.path)) if file.is_finished else None
    return written or recording.header.file_uuid(file.path.name)


def _outline(images: Sequence[OmeImage]) -> str:
    """Describe in one line what readers will show: sizes and calibration of the first image, and how many."""
    if not images:
        return "no image"
    image = images[0]
    sizes = " ".join(f"{axis}={image.layout.sizes[axis]}" for axis in "TCZ")
    known = {
        "pixel size": (image.values.pixel_size_x_um, "um"),
        "z step": (image.values.z_step_um, "um"),
        "time interval": (image.values.time_interval_s, "s"),
    }
    calibration = [
        f"{name} {value:.4g} {unit}" if isinstance(value, float) else f"no {name}"
        for name, (value, unit) in known.items()
    ]
    return ", ".join([count_text(len(images), "image"), f"the first of {sizes}", *calibration])


def _sizes(images: Sequence[OmeImage]) -> list[tuple[int, PixelSize]]:
    """Return how many pages have pixels of which size, image by image."""
    return [
        (len(image.layout.frames), (image.values.pixel_size_x_um, image.values.pixel_size_y_um))
        for image in images
    ]


def describe_image(image: StoredImage, facts: Facts) -> OmeImage:
    """Bring an image together with what is known of it."""
    values = facts.values(image.layout, image.name)
    return OmeImage(image.layout, image.name, *image.pixels.stored, values, facts.columns)


def _pages(image: StoredImage, index: FrameIndex, file: JournalFile) -> npt.NDArray[np.int64]:
    """Return the handles of an image's planes; those never put share one blank page."""
    layout = image.layout
    acquired = layout.frames >= 0
    pages = np.empty(len(layout.frames), np.int64)
    _, pages[acquired] = index.places(layout.frames[acquired])
    if not acquired.all():
        pages[~acquired] = file.append_blank(image.pixels)
    return pages
