"""OME-TIFF of other programs: one file, or several files that name each other."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy.typing as npt

from exengine_ome_tiff.conversion.image_stacks import distinct_names
from exengine_ome_tiff.conversion.ome_values import (
    ForeignDocument,
    frame_metadata,
    ome_options,
    read_foreign_ome,
    summary_metadata,
)
from exengine_ome_tiff.conversion.sources import FileSource, SkippedFrame, file_name, files_in, require_own
from exengine_ome_tiff.coordinates.keys import Coordinates
from exengine_ome_tiff.dataset.loader import SeveralDatasetsError
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.ome.xml_reader import ImageElement
from exengine_ome_tiff.text_format import count_text, size_text
from exengine_ome_tiff.tiff import ForeignTiff

_SUFFIXES = (".ome.tif", ".ome.tiff", ".ome.tf2", ".ome.tf8", ".ome.btf", ".ome")
_MOST_XML_BYTES = 1 << 30
_MOST_VISITS = 3
"""How often OME-XML may name each page, on average."""


class _Page(NamedTuple):
    """File and page number of a plane, and its metadata from the OME-XML."""

    path: Path
    number: int
    metadata: dict[str, Any]


class OmeTiffSource(FileSource[_Page]):
    """A dataset of OME-TIFF; its TiffData elements locate the planes.

    Parameters
    ----------
    path
        A file of the dataset, its companion, or a folder with no other dataset.

    Raises
    ------
    OmeTiffError
        There is no readable OME-XML, or the folder has several datasets.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, ForeignTiff)
        self._n_pages: dict[Path, int] = {}
        self._steps = 0
        self._refused: list[SkippedFrame] = []
        self._folder = path if path.is_dir() else path.parent
        try:
            self._document_file, xml, self._document = self._find(path)
            self.summary_metadata = summary_metadata(self._document, xml)
            self.options = ome_options(self._document)
            self.notes = [f"{count_text(count, name)}" for name, count in self._document.left_out.items()]
            named = _file_names(self._document)  # these files are reported plane by plane
            self.skipped += [each for each in self._refused if each.what not in named]
            self._add_planes()
        except BaseException:
            self.close()
            raise

    def _find(self, path: Path) -> tuple[Path, bytes, ForeignDocument]:
        """Find the file with the OME-XML of the whole dataset."""
        if path.is_dir():
            paths = files_in(path, _SUFFIXES, self._refused)
            paths.sort(key=lambda each: each.suffix.lower() != ".ome")
        else:
            paths = [path]
        found: list[tuple[Path, bytes, ForeignDocument]] = []
        named: set[str] = set()
        for each in paths:
            if each.name in named:
                continue
            try:
                found.append(self._read_document(each))
            except (OmeTiffError, OSError) as error:
                if not path.is_dir():
                    raise
                self._refused.append(SkippedFrame(each.name, str(error), None))
                continue
            named |= _file_names(found[-1][2]) | {found[-1][0].name}
        if len(found) > 1:
            raise SeveralDatasetsError(path, [each.name for each, _, _ in found])
        if not found:
            raise OmeTiffError(f"{path} has no readable OME-TIFF")
        return found[0]

    def _read_document(self, path: Path, *, is_master: bool = False) -> tuple[Path, bytes, ForeignDocument]:
        """Read the OME-XML in a file, or in the metadata file that it names."""
        if path.suffix.lower() == ".ome":
            if path.stat().st_size > _MOST_XML_BYTES:
                raise OmeTiffError(
                    f"{path.name} is too large for OME-XML: expected at most {size_text(_MOST_XML_BYTES)}"
                )
            xml = path.read_bytes()
        else:
            xml = self.file(path).description()
        if b"<OME" not in xml and b":OME" not in xml:
            raise OmeTiffError(f"{path.name} has no OME-XML")
        document = read_foreign_ome(xml)
        if document.metadata_file is None or is_master:
            return path, xml, document
        return self._read_document(self._sibling(document.metadata_file), is_master=True)

    def _sibling(self, name: str) -> Path:
        """Return a file in the folder of the dataset; raises OmeTiffError if it must not be opened."""
        path = self._folder / file_name(name)
        require_own(self._folder, path)
        return path

    def _add_planes(self) -> None:
        """Add the planes of all images, and report those without a page of their own."""
        images = self._document.images
        names = _image_labels([image.name for image in images])
        used: set[tuple[Path, int]] = set()
        for number, image in enumerate(images):
            position = names[number]
            channels = distinct_names([channel.get("Name") for channel in image.channels])
            placed, sharing = set[tuple[int, int, int]](), set[tuple[int, int, int]]()
            for zct, path, page in self._places(image):
                if (path, page) in used:
                    sharing.add(zct)
                    continue
                used.add((path, page))
                placed.add(zct)
                z, c, t = zct
                coordinates: Coordinates = {"time": t}
                if len(images) > 1:
                    coordinates["position"] = position
                if image.n_channels > 1 or channels:
                    coordinates["channel"] = channels[c] if c < len(channels) else c
                coordinates["z"] = z
                self.add(coordinates, _Page(path, page, frame_metadata(image, zct)))
            sharing -= placed
            for count, reason in (
                (len(sharing), "they share a page with another plane"),
                (image.n_planes - len(placed) - len(sharing), "no page holds them"),
            ):
                if count:
                    what = f'{count_text(count, "plane")} of image "{image.name}"'
                    self.skipped.append(SkippedFrame(what, reason, count))
        if not self.frames:
            raise OmeTiffError(f"{self.path} has no readable plane")

    def _places(self, image: ImageElement) -> Iterator[tuple[tuple[int, int, int], Path, int]]:
        """Yield Z, C, T, file and page number of each plane of an image that has a page."""
        sizes = {"Z": image.sizes["Z"], "C": image.n_channels, "T": image.sizes["T"]}
        if sorted(image.order) != ["C", "T", "Z"] or min(sizes.values()) < 1:
            raise OmeTiffError(
                f'{self._document_file}: image "{image.name}" has no plane order, or no planes'
            )
        for block in image.tiff_data:
            try:
                path = self._file_of(block.file_name, block.file_uuid)
                if path not in self._n_pages:
                    self._n_pages[path] = self.file(path).n_pages
            except (OmeTiffError, OSError) as error:
                self.skipped.append(SkippedFrame(f'planes of image "{image.name}"', str(error)))
                continue
            stop = block.first_ifd + block.n_pages if block.n_pages else self._n_pages[path]
            first = dict(zip("ZCT", block.first_zct, strict=True))
            rank, stride = 0, 1
            for axis in image.order:
                rank += first[axis] * stride
                stride *= sizes[axis]
            for page in range(max(block.first_ifd, 0), min(stop, self._n_pages[path])):
                place, rest = {}, rank + page - block.first_ifd
                for axis in image.order:
                    rest, place[axis] = divmod(rest, sizes[axis])
                if rest:
                    break  # the image ends here
                self._steps += 1
                if self._steps > _MOST_VISITS * (sum(self._n_pages.values()) + len(image.tiff_data)):
                    raise OmeTiffError(f"{self._document_file}: its OME-XML names pages over and over again")
                yield (place["Z"], place["C"], place["T"]), path, page

    def _file_of(self, name: str | None, uuid: str | None) -> Path:
        """Return the file that a TiffData names; the document's own file may have been renamed."""
        own = self._document_file
        if name is None or (uuid is not None and uuid == self._document.uuid and own.suffix != ".ome"):
            return own
        return self._sibling(name)

    def read_frame(self, frame: _Page) -> tuple[npt.NDArray[Any], Any]:
        """Read pixels and metadata of a plane."""
        return self.file(frame.path).read(frame.number), frame.metadata


def _image_labels(names: list[str]) -> list[int | str]:
    """Return a distinct label for each image: its name, if need be with a number, or else its index."""
    labels: list[int | str] = []
    for number, name in enumerate(names):
        label, count = name, 1
        while label in labels:
            count += 1
            label = f"{name} ({count})"
        labels.append(label if name else number)
    return labels


def _file_names(document: ForeignDocument) -> set[str]:
    """Return the names of the files that a document names."""
    blocks = (block for image in document.images for block in image.tiff_data)
    return {file_name(block.file_name) for block in blocks if block.file_name}


def has_ome_tiff(path: Path) -> bool:
    """Whether a path may be OME-TIFF: a TIFF file with OME-XML, a companion, or a folder with either."""
    if path.is_dir():
        return any(each.name.lower().endswith(_SUFFIXES) for each in path.iterdir())
    if path.suffix.lower() == ".ome":
        return True
    try:
        with closing(ForeignTiff(path)) as tiff:
            return b"OME" in tiff.description()
    except (OmeTiffError, OSError):
        return False
