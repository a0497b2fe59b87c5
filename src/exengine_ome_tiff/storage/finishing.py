"""From frames to OME-TIFF: lay out the images, describe them, give each file its order and its OME-XML."""

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates import ImageLayout, PlateInfo
from exengine_ome_tiff.ome import ExperimenterInfo, ImageValues, OmeImage, describe
from exengine_ome_tiff.storage.claiming import sync_names
from exengine_ome_tiff.storage.dataset import Dataset
from exengine_ome_tiff.storage.header import Header
from exengine_ome_tiff.storage.images import StoredImage, stored_images
from exengine_ome_tiff.storage.opening import root_uuid
from exengine_ome_tiff.storage.records import decode_tags
from exengine_ome_tiff.storage.target import Target
from exengine_ome_tiff.tiff import PageFinisher, read_description, write_whole
from exengine_ome_tiff.translate import FrameValues, Interpreter, PlaneTable, delta_t_s
from exengine_ome_tiff.version import __version__

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

    columns = planes.columns()
    columns["delta_t_s"] = delta_t_s(columns)
    facts = _Facts(header, dataset, columns, interpreter)
    plate, experimenter = facts.plate(), facts.experimenter()
    images = stored_images(dataset, target.name, header.modulo, header.given.image_name)
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
            ome_image = OmeImage(layout, name, *pixels.stored, facts.values(layout, name), columns)
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
    if errors:
        raise errors[0]
    if target.is_folder and not waiting:
        xml = ome_xml(target.name, companion, plate, experimenter, header.dataset, CREATOR)
        write_whole(target.companion, xml, fsync=fsync)
    if fsync:
        sync_names(target, new_folders)


class _Facts:
    """What is known of a dataset beside its pixels."""

    def __init__(
        self,
        header: Header,
        dataset: Dataset,
        columns: Mapping[str, npt.NDArray[np.float64]],
        interpreter: Interpreter,
    ) -> None:
        self._header = header
        self._dataset = dataset
        self._columns = columns
        self._interpreter = interpreter
        self._summary = interpreter.summary(json.loads(header.summary_json))
        clocks = ~(np.isnan(columns["utc_s"]) & np.isnan(columns["local_clock_s"]))
        self._started = self._frame(int(np.argmax(clocks))).acquired  # 0 where no frame has a clock

    def values(self, layout: ImageLayout, name: str) -> ImageValues:
        """Find out what is known of an image."""
        frames = [self._frame(number) for number in _first_of_channels(layout)]
        values = describe(
            layout, name, self._columns, frames, self._summary, self._header.given, self._started
        )
        tags, columns = self._interpreter.rest(layout.frames[layout.frames >= 0])
        return replace(values, tags=tags, columns=columns)

    def plate(self) -> PlateInfo:
        """Fill in what the summary says of the plate."""
        plate, summary = self._header.plate, self._summary
        try:
            return replace(
                plate,
                name=plate.name or summary.plate_name,
                rows=plate.rows or summary.plate_rows,
                columns=plate.columns or summary.plate_columns,
            )
        except ValueError as error:
            logger.warning("the summary metadata's plate is left out: %s", error)
            return plate

    def experimenter(self) -> ExperimenterInfo | None:
        """Return the experimenter, with the user name of the summary where one was asked for by no name."""
        experimenter = self._header.given.experimenter
        if experimenter == ExperimenterInfo():
            return replace(experimenter, user_name=self._summary.user_name)
        return experimenter

    def _frame(self, number: int) -> FrameValues:
        file, handle = self._dataset.place(number)
        tags = decode_tags(self._dataset.files[file].note(handle))
        return self._interpreter.frame(tags) if tags else FrameValues()


def _first_of_channels(layout: ImageLayout) -> list[int]:
    """Return for each value along C the number of the frame that came first."""
    there = layout.frames >= 0
    inside = len(layout.modulo["C"][1]) if "C" in layout.modulo else 1
    channels, numbers = layout.zct()[there, 1] // inside, layout.frames[there]
    return [int(numbers[channels == channel].min()) for channel in range(len(layout.values["C"]))]


def _pages(image: StoredImage, dataset: Dataset, file: PageFinisher) -> npt.NDArray[np.int64]:
    """Return the handles of an image's planes; those never put share one blank page."""
    layout = image.layout
    acquired = layout.frames >= 0
    pages = np.empty(len(layout.frames), np.int64)
    _, pages[acquired] = dataset.places(layout.frames[acquired])
    if not acquired.all():
        pages[~acquired] = file.append_blank(image.pixels)
    return pages
