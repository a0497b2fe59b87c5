"""The contents of the files of a dataset: images and OME-XML."""

import traceback
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.keys import FrameNumber
from exengine_ome_tiff.coordinates.layout import ValueNames
from exengine_ome_tiff.coordinates.wells import PlateInfo
from exengine_ome_tiff.dataset.facts import Facts
from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.dataset.loader import root_uuid
from exengine_ome_tiff.dataset.names import encode_names
from exengine_ome_tiff.dataset.recording import Recording
from exengine_ome_tiff.dataset.stored_images import StoredImage
from exengine_ome_tiff.ome.image_values import DatasetValues, OmeImage
from exengine_ome_tiff.ome.planes import QUANTITIES
from exengine_ome_tiff.tiff import (
    JournalFile,
    PageHandle,
    PixelFormat,
    PixelSize,
    has_sha1,
    read_description,
    sha1_digests,
)
from exengine_ome_tiff.version import __version__
from exengine_ome_tiff.writing.preloader import is_loaded

CREATOR = f"exengine-ome-tiff {__version__}"

Blank = Callable[[JournalFile, PixelFormat], PageHandle]
"""Returns the page of zeros for missing planes."""


@dataclass(frozen=True, slots=True, eq=False)
class FileContents:
    """The contents of one file.

    Parameters
    ----------
    number
        Number of the file in the dataset.
    file
        The file.
    uuid
        UUID of the file.
    images, described
        Its images in order.
    """

    number: int
    file: JournalFile
    uuid: str
    images: Sequence[StoredImage]
    described: Sequence[OmeImage]

    @property
    def starts(self) -> list[int]:
        """Number of the first page of each image."""
        ends = np.cumsum([len(image.layout.frames) for image in self.images]).tolist()
        return [0, *ends[:-1]]

    @property
    def sizes(self) -> list[tuple[int, PixelSize]]:
        """Number of pages and pixel size of each image."""
        return [
            (len(image.layout.frames), (image.values.pixel_size_x_um, image.values.pixel_size_y_um))
            for image in self.described
        ]

    def pages(self, index: FrameIndex, blank: Blank) -> npt.NDArray[np.int64]:
        """Return the handles of all planes in order; missing planes share one blank page."""
        pages = [_pages(image, index, self.file, blank) for image in self.images]
        return pages[0] if len(pages) == 1 else np.concatenate(pages)


class Contents:
    """The contents of the files of a dataset.

    Parameters
    ----------
    recording
        The dataset.
    left_out
        Numbers of files to skip.
    """

    def __init__(self, recording: Recording, left_out: Collection[int] = ()) -> None:
        unnamed = recording.unnamed_images()
        recording.index.forget()  # the layouts have what is needed of it
        facts = recording.facts()
        recording.index.forget()
        names: ValueNames = facts.names([image.layout for image in unnamed])
        images = recording.named(unnamed, names)
        layouts = [image.layout for image in images]
        facts.check(layouts)
        self.names = names
        self._recording = recording
        self._plate: PlateInfo | None = facts.plate(layouts)
        self._about: DatasetValues = facts.about()
        self.files: list[FileContents] = []
        images_of_file: dict[int, list[StoredImage]] = {}
        for image in images:
            images_of_file.setdefault(image.file, []).append(image)
        hashes: npt.NDArray[np.bytes_] | None = None
        for number, file in enumerate(recording.index.files):
            if number not in left_out:
                inside = images_of_file[number]
                described = [describe_image(image, facts) for image in inside]
                frames = np.concatenate([image.layout.frames for image in inside])
                frames = frames[frames >= 0]
                if _are_hashed(recording.index, file, frames):
                    hashes = np.zeros(len(recording.index), "S40") if hashes is None else hashes
                    _, handles = recording.index.places(frames)
                    hashes[frames] = sha1_digests(file.file, file.pages, handles)
                    described = [replace(image, hashes=hashes) for image in described]
                self.files.append(FileContents(number, file, _uuid(recording, file), inside, described))
        self.findings = facts.findings

    @property
    def names_json(self) -> bytes:
        """Names of channels and positions, as JSON for a file."""
        return encode_names(self.names)

    def xml(self, contents: FileContents) -> Iterable[bytes]:
        """Return the OME-XML of a file in pieces."""
        # ome-types takes 0.3 s to import, and is not needed before
        from exengine_ome_tiff.ome.document import Place, ome_xml

        placed = list(zip(contents.described, map(Place, contents.starts), strict=True))
        name = self._recording.location.name
        return ome_xml(name, placed, self._plate, self._about, contents.uuid, CREATOR)

    def companion_xml(self) -> Iterable[bytes]:
        """Return the OME-XML of all files for the companion, in pieces."""
        from exengine_ome_tiff.ome.document import Place, ome_xml

        placed = [
            (image, Place(start, each.file.path.name, each.uuid))
            for each in self.files
            for image, start in zip(each.described, each.starts, strict=True)
        ]
        location, dataset = self._recording.location, self._recording.header.dataset
        return ome_xml(location.name, placed, self._plate, self._about, dataset, CREATOR)


def _uuid(recording: Recording, file: JournalFile) -> str:
    """Return the UUID of a file; a finished file may have been renamed since it was written."""
    written = root_uuid(read_description(file.path)) if file.is_finished else None
    return written or recording.header.file_uuid(file.path.name)


def describe_image(image: StoredImage, facts: Facts) -> OmeImage:
    """Combine an image with the facts about it."""
    values = facts.values(image.layout, image.name)
    planes = {name: facts.columns[name] for name in QUANTITIES}  # the other columns are not kept in memory
    return OmeImage(image.layout, image.name, *image.pixels.stored, values, planes)


def _are_hashed(index: FrameIndex, file: JournalFile, frames: npt.NDArray[np.int64]) -> bool:
    """Whether the first or the last frame in a file has an SHA-1 checksum of its pixels."""
    ends = (FrameNumber(int(frames.min())), FrameNumber(int(frames.max())))
    return has_sha1(file.file, file.pages, [index.place(frame)[1] for frame in ends])


def _pages(image: StoredImage, index: FrameIndex, file: JournalFile, blank: Blank) -> npt.NDArray[np.int64]:
    layout = image.layout
    acquired = layout.frames >= 0
    if acquired.all():
        return index.places(layout.frames)[1]
    pages = np.full(len(layout.frames), blank(file, image.pixels))
    _, pages[acquired] = index.places(layout.frames[acquired])
    return pages


def needs_import_inside_import() -> bool:
    """Whether `Contents.xml` would import modules while this thread is importing another one."""
    if is_loaded():
        return False
    names = (frame.f_globals.get("__name__") for frame, _ in traceback.walk_stack(None))
    return "importlib._bootstrap" in names
