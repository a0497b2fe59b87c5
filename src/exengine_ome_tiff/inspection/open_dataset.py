"""A dataset open for reading: its frames and images, with their OME-XML and metadata."""

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Self

from exengine_ome_tiff.dataset.facts import Facts
from exengine_ome_tiff.dataset.loader import find_companion
from exengine_ome_tiff.dataset.location import absolute_path
from exengine_ome_tiff.dataset.recording import Recording, open_dataset
from exengine_ome_tiff.dataset.stored_images import StoredImage
from exengine_ome_tiff.ome.xml_reader import ImageElement, read_ome
from exengine_ome_tiff.reading.calibration import Calibration, image_elements
from exengine_ome_tiff.tiff import read_description

_TIFF_DATA = re.compile(rb"(?:<TiffData\b[^>]*(?:/>|>.*?</TiffData>)\s*)+", re.DOTALL)


@dataclass(frozen=True, slots=True, eq=False)
class OpenImage(StoredImage):
    """An image of an open dataset: its file and, if finished, its index and element in the OME-XML."""

    path: Path
    index: int
    element: ImageElement | None

    def color(self, channel: int) -> str | None:
        """Return the colour at an index along C as #RRGGBB, if the OME-XML has one."""
        return None if self.element is None else self.element.color(channel)


class OpenDataset:
    """A dataset open for reading, finished or not.

    Parameters
    ----------
    path
        A single file, a folder, or any file of a folder.

    Raises
    ------
    FileNotFoundError
        There is nothing at the path.
    OmeTiffError
        It is not a dataset, is a folder with several, or is damaged.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        with ExitStack() as on_error:
            recording = open_dataset(absolute_path(path), allow_unfinished=True)
            on_error.callback(recording.close)
            self._take(recording)
            on_error.pop_all()

    @classmethod
    def of(cls, recording: Recording) -> Self:
        """Wrap a dataset that is already open and stays open."""
        self = cls.__new__(cls)
        self._take(recording)
        return self

    def _take(self, recording: Recording) -> None:
        self.recording, self.header, self.location = recording, recording.header, recording.location
        self.frames, self.is_finished = recording.index, recording.is_finished
        self.paths = [file.path for file in self.frames.files]
        self.images = self._open_images()
        """In the order of `TiffStorage.images`."""

    def _open_images(self) -> list[OpenImage]:
        """Match the images with the OME-XML of their files."""
        stored, counts = self.recording.images(), Counter[int]()
        images = []
        for image, element in zip(stored, image_elements(self.recording, stored), strict=True):
            name = image.name if element is None else element.name
            known = image.layout, name, image.file, image.pixels
            images.append(OpenImage(*known, self.paths[image.file], counts[image.file], element))
            counts[image.file] += 1
        return images

    @property
    def companion(self) -> Path | None:
        """The companion file of a folder; None without one."""
        folder = self.location.folder
        return find_companion(folder, self.header.dataset) if self.location.is_folder else None

    @cached_property
    def facts(self) -> Facts:
        """Facts from the metadata of frames, the summary and the options."""
        return self.recording.facts()

    def calibration(self, image: OpenImage) -> Calibration:
        """Return pixel size, spacing and times of an image; from metadata if its file is unfinished."""
        layout = image.layout
        if image.element is None:
            return Calibration.from_facts(self.facts, layout, image.name)
        return Calibration.from_element(image.element, layout)

    def images_of_document(self) -> list[OpenImage]:
        """Return the images in the order of the document: file by file."""
        return sorted(self.images, key=lambda image: image.file)

    def document(self) -> bytes:
        """Return the OME-XML of all images, with MetadataOnly instead of each TiffData.

        It is the companion of a finished folder or the document in a finished file. Otherwise it is made from
        the metadata of the frames, as `TiffStorage.finish` would write it.
        """
        companion, written = self.companion, None
        if self.is_finished and not self.location.is_folder:
            written = read_description(self.paths[0])
        elif self.is_finished and companion is not None:
            written = companion.read_bytes()
        if written is None or not _describes(read_ome(written), self.images_of_document()):
            written = self._made_document()
        return _TIFF_DATA.sub(b"<MetadataOnly/>", written)

    def _made_document(self) -> bytes:
        # ome-types takes 0.3 s to import, and a finished dataset does not need it
        from exengine_ome_tiff.ome.document import Place, ome_xml
        from exengine_ome_tiff.writing.contents import CREATOR, describe_image

        facts, images = self.facts, self.images_of_document()
        plate = facts.plate([image.layout for image in images])
        contents = [(describe_image(image, facts), Place(0)) for image in images]
        about = facts.about()
        return b"".join(ome_xml(self.location.name, contents, plate, about, self.header.dataset, CREATOR))

    def close(self) -> None:
        """Close all files."""
        self.recording.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _describes(elements: Sequence[ImageElement], images: Sequence[OpenImage]) -> bool:
    """Whether the elements of a document match the images, in their order."""
    return [(each.name, each.sizes["X"], each.n_planes) for each in elements] == [
        (image.name, image.pixels.stored_shape[1], len(image.layout.frames)) for image in images
    ]
