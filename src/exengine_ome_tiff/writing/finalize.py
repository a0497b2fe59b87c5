"""From frames to OME-TIFF: lay out the images, describe them, give each file its order and its OME-XML."""

import logging
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.dataset.facts import Facts
from exengine_ome_tiff.dataset.frame_index import Dataset
from exengine_ome_tiff.dataset.header import Header
from exengine_ome_tiff.dataset.images import StoredImage, stored_images
from exengine_ome_tiff.dataset.loader import root_uuid
from exengine_ome_tiff.dataset.location import Target
from exengine_ome_tiff.ome import OmeImage
from exengine_ome_tiff.tiff import PageFinisher, read_description, write_whole
from exengine_ome_tiff.translate import Interpreter, PlaneTable
from exengine_ome_tiff.version import __version__
from exengine_ome_tiff.writing.claim import sync_names

logger = logging.getLogger(__name__)

CREATOR = f"exengine-ome-tiff {__version__}"


def finish_files(
    target: Target,
    header: Header,
    dataset: Dataset,
    files: Sequence[PageFinisher],
    planes: PlaneTable,
    interpreter: Interpreter,
    *,
    fsync: bool,
    new_folders: Sequence[Path] = (),
    waiting: Collection[int] = (),
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
    files
        Its files, in the order of the dataset's; those that are finished already stay as they are.
    planes
        What the metadata says of each frame, by its number.
    interpreter
        Has read the metadata of each frame.
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

    facts = Facts(header, dataset, planes, interpreter)
    plate, experimenter = facts.plate(), facts.experimenter()
    images = stored_images(dataset, target.name, header.fold_axes, header.given.image_name)
    companion: list[tuple[OmeImage, Place]] = []
    errors = []
    for number, file in enumerate(files):
        if number in waiting:
            continue
        if not file.has_pages:
            file.discard()  # not even its first frame could be written
            continue
        uuid = header.file_uuid(file.path.name)
        if file.is_finished:
            uuid = root_uuid(read_description(file.path)) or uuid  # it may have been renamed since
        contents: list[tuple[OmeImage, Place]] = []
        inside = [image for image in images if image.file == number]
        for layout, name, _, pixels in inside:
            ome_image = OmeImage(layout, name, *pixels.stored, facts.values(layout, name), facts.columns)
            first_ifd = sum(len(image.layout.frames) for image, _ in contents)
            contents.append((ome_image, Place(first_ifd)))
            companion.append((ome_image, Place(first_ifd, file.path.name, uuid)))
        if file.is_finished:
            continue
        xml = ome_xml(target.name, contents, plate, experimenter, uuid, CREATOR)
        try:
            pages = [_pages(image, dataset, file) for image in inside]
            dataset.files[number] = file.finish(np.concatenate(pages), xml, CREATOR, fsync=fsync)
        except OSError as error:
            errors.append(error)  # that of one position; the others are finished all the same
    facts.findings.log(logger, target.name)
    if errors:
        raise errors[0]
    if target.is_folder and not waiting:
        xml = ome_xml(target.name, companion, plate, experimenter, header.dataset, CREATOR)
        write_whole(target.companion, xml, fsync=fsync)
    if fsync:
        sync_names(target, new_folders)


def _pages(image: StoredImage, dataset: Dataset, file: PageFinisher) -> npt.NDArray[np.int64]:
    """Return the handles of an image's planes; those never put share one blank page."""
    layout = image.layout
    acquired = layout.frames >= 0
    pages = np.empty(len(layout.frames), np.int64)
    _, pages[acquired] = dataset.places(layout.frames[acquired])
    if not acquired.all():
        pages[~acquired] = file.append_blank(image.pixels)
    return pages
