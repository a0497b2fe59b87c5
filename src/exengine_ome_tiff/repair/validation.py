"""Validation of a dataset: whether pages, records, OME-XML and companion are intact and consistent."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from exengine_ome_tiff.coordinates.keys import place_text
from exengine_ome_tiff.dataset.loader import (
    DamagedFileError,
    FoundFrame,
    Loaded,
    NoDatasetError,
    check_positions,
    find_companion,
    find_dataset,
    load,
    root_uuid,
)
from exengine_ome_tiff.dataset.location import Location, absolute_path
from exengine_ome_tiff.dataset.recording import Recording, read_indexed_frames
from exengine_ome_tiff.dataset.records import decode_metadata
from exengine_ome_tiff.dataset.stored_images import StoredImage
from exengine_ome_tiff.errors import NoFrameError, OmeTiffError
from exengine_ome_tiff.ome.image_values import OME_TYPES
from exengine_ome_tiff.ome.xml_reader import ImageElement, TiffData, read_ome, schema_errors
from exengine_ome_tiff.repair.page_consistency import Expected, check_pages
from exengine_ome_tiff.text_format import command_text, count_text
from exengine_ome_tiff.tiff import PageHandle, read_description, read_head

_ELSEWHERE = "give the path of a dataset"
_COPY = "restore the file from a backup"
_SPOILED = "restore the file from a backup; TiffStorage.open() still reads all other frames"
_BY_RECORDS = "restore the file from a backup; it still opens by its records, which takes longer"
_TWICE = "move one of the two somewhere else"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a dataset.

    Parameters
    ----------
    file
        The affected file.
    page
        Index of the affected page in the file, from 0; None if the problem concerns no single page.
    what
        What is wrong.
    advice
        What to do.
    """

    file: Path
    page: int | None
    what: str
    advice: str


def validate(path: str | PathLike[str]) -> list[Problem]:
    """Check a finished dataset for damage.

    The checks cover the page chains; the records and their checksums; whether each page is the one in the
    records and can be decoded; pixel checksums, if the dataset has them; whether the OME-XML is valid under
    the 2016-06 schema, which is bundled, and agrees with the records on images and planes; UUIDs; and whether
    the companion of a folder names the files that are there.

    Parameters
    ----------
    path
        A single file, a folder, or any file of a folder.

    Returns
    -------
    list of Problem
        Empty if nothing is wrong.

    Raises
    ------
    FileNotFoundError
        `path` does not exist.
    ImportError
        lxml is not installed: install the extra `validate`.
    OSError
        A file cannot be read.
    """
    absolute = absolute_path(path)
    try:
        return _problems(absolute)
    except OmeTiffError as error:
        is_empty, is_other = isinstance(error, NoFrameError), isinstance(error, NoDatasetError)
        advice = "delete the file" if is_empty else _ELSEWHERE if is_other else _COPY
        return [Problem(absolute, None, str(error).removeprefix(f"{absolute}: "), advice)]


def _problems(absolute: Path) -> list[Problem]:
    paths, header = find_dataset(absolute)
    unfinished = [each for each in paths if not read_head(each).is_finished]
    if unfinished:
        return [Problem(each, None, "not finished", _recover_text(absolute)) for each in unfinished]
    try:
        loaded = load(paths)
    except DamagedFileError as error:
        return [Problem(error.path, None, str(error), _SPOILED)]
    location = Location.of_files(paths, is_folder=header.is_folder)
    check = _Check(Recording(location, header, index=loaded.index), loaded)
    try:
        return list(check.problems())
    finally:
        loaded.index.close()


def _recover_text(path: Path) -> str:
    return f"run {command_text('exengine-ome-tiff', 'recover', path)}"


class _Check:
    """One run of `validate` over the finished files of a dataset."""

    def __init__(self, recording: Recording, loaded: Loaded) -> None:
        self._recording = recording
        self._header = recording.header
        self._loaded = loaded
        self._paths = [file.path for file in loaded.index.files]

    def problems(self) -> Iterator[Problem]:
        """Yield all problems."""
        location = self._recording.location
        try:
            check_positions(self._loaded, self._header)
        except OmeTiffError as error:
            yield Problem(location.path, None, str(error), _TWICE)
            return
        images = self._recording.images()
        frames_of: dict[int, list[FoundFrame]] = defaultdict(list)
        images_of: dict[int, list[StoredImage]] = defaultdict(list)
        for frame in self._loaded.frames:
            frames_of[frame.file].append(frame)
        for image in images:
            images_of[image.file].append(image)
        for number in range(len(self._paths)):
            yield from self._of_records(number, frames_of[number])
            yield from self._of_index(number, frames_of[number])
            yield from self._of_file(number, frames_of[number], images_of[number])
        if location.is_folder:
            yield from self._of_companion(images)

    def _of_records(self, number: int, frames: Sequence[FoundFrame]) -> Iterator[Problem]:
        path, file = self._paths[number], self._loaded.index.files[number]
        changed: dict[int, list[FoundFrame]] = {}
        for frame in frames:
            if frame.page.is_intact is False:
                changed.setdefault(file.pages.ifd_at(frame.page.handle), []).append(frame)
            elif frame.page.is_intact is None:
                try:
                    decode_metadata(file.note(frame.page.handle))
                except OmeTiffError as error:
                    yield Problem(
                        path, None, f"frame at {place_text(frame.head.coordinates)}: {error}", _SPOILED
                    )
        for block in changed.values():
            what = f"the records of {count_text(len(block), 'frame')}, the first of them at "
            what += f"{place_text(block[0].head.coordinates)}, do not match their checksum"
            yield Problem(path, None, what, _COPY)

    def _of_index(self, number: int, frames: Sequence[FoundFrame]) -> Iterator[Problem]:
        """Compare the index of a file with its records."""
        path, file = self._paths[number], self._loaded.index.files[number]
        try:
            indexed = read_indexed_frames(file)
        except OmeTiffError as error:
            yield Problem(path, None, f"its index is damaged: {error}", _BY_RECORDS)
            return
        if indexed is None:
            return
        recorded = [(head.number, head.coordinates, *file.pages.row(page.handle)) for head, _, page in frames]
        rows = zip(indexed.arrivals.tolist(), indexed.coordinates.coordinates(), strict=True)
        found = [
            (arrival, coordinates, *indexed.pages.row(PageHandle(handle)))
            for handle, (arrival, coordinates) in enumerate(rows)
        ]
        if found != recorded:
            yield Problem(path, None, "its index and its records list different frames", _COPY)

    def _of_file(
        self, number: int, frames: Sequence[FoundFrame], images: Sequence[StoredImage]
    ) -> Iterator[Problem]:
        path, file = self._paths[number], self._loaded.index.files[number]
        pixel_checksums = [(frame.page.handle, frame.page.checksum) for frame in frames]
        checksums = {handle: checksum for handle, checksum in pixel_checksums if checksum is not None}
        pages = [page for image in images for page in self._pages(image)]
        for page, what in check_pages(file, self._header.coding, pages, checksums):
            yield Problem(path, page, what, _SPOILED)
        try:
            xml = read_description(path)
            errors = schema_errors(xml)
            written = [] if errors else read_ome(xml)
        except OmeTiffError as error:
            yield Problem(path, None, str(error), _SPOILED)
            return
        if root_uuid(xml) is None:
            errors = [*errors, "the OME-XML lacks the UUID of its file"]
        for what in errors or _differences(written, images, [(None, None)] * len(images)):
            yield Problem(path, None, what, _SPOILED)

    def _pages(self, image: StoredImage) -> Iterator[Expected]:
        for number in image.layout.frames.tolist():
            handle = None if number < 0 else self._loaded.index.place(number)[1]
            page_table = self._loaded.index.files[image.file].pages
            pixels = image.pixels if handle is None else page_table.format(handle)
            yield Expected(handle, self._header.coding.encoded(pixels))

    def _of_companion(self, images: Sequence[StoredImage]) -> Iterator[Problem]:
        path = find_companion(self._recording.location.path, self._header.dataset)
        recover = _recover_text(self._recording.location.path)
        if path is None:
            yield self._without_companion(recover)
            return
        try:
            xml = path.read_bytes()
            errors = schema_errors(xml)
            written = [] if errors else read_ome(xml)
            uuids = [root_uuid(read_description(file)) for file in self._paths]
        except OmeTiffError as error:
            yield Problem(path, None, str(error), f"delete it, then {recover}")
            return
        # the companion lists the files in the order of creation, which their names do not reveal
        names = [block.file_name for image in written for block in image.tiff_data]
        missing = {name or "" for name in names} - {file.name for file in self._paths}
        if missing:
            what = f"it names files that are not in its folder, or not of this dataset: {sorted(missing)}"
            yield Problem(path, None, what, f"restore them, or delete it, then {recover}")
            return
        rank = {name: at for at, name in enumerate(dict.fromkeys(names))}
        images = sorted(images, key=lambda image: rank.get(self._paths[image.file].name, len(rank)))
        places = [(file.name, uuid) for file, uuid in zip(self._paths, uuids, strict=True)]
        for what in errors or _differences(written, images, [places[image.file] for image in images]):
            yield Problem(path, None, what, f"delete it, then {recover}")

    def _without_companion(self, recover: str) -> Problem:
        """Return the problem of a folder that lost its companion, or of files that left their folder."""
        what = "the folder has no companion with the UUID of its files"
        elsewhere = max(frame.head.number for frame in self._loaded.frames) + 1 - len(self._loaded.frames)
        if elsewhere <= 0 and len(self._paths) > 1:
            return Problem(self._recording.location.companion, None, what, recover)
        if elsewhere > 0:
            frames = count_text(elsewhere, "frame")
            what = f"part of a dataset: neither the companion nor {frames} of its other files are here"
        advice = f"move it back to the other files of its dataset; if there are none, {recover}"
        return Problem(self._paths[0], None, what, advice)


def _differences(
    written: Sequence[ImageElement],
    images: Sequence[StoredImage],
    places: Sequence[tuple[str | None, str | None]],
) -> Iterator[str]:
    """Yield the differences between the images in a document and in the records.

    `places` has the name and UUID of the file of each image; (None, None) for the document's own file.
    """
    if len(written) != len(images):
        yield f"expected {count_text(len(images), 'image')} in the OME-XML, found {len(written)}"
        return
    first_ifds: dict[str | None, int] = {}
    for image, stored, place in zip(written, images, places, strict=True):
        layout, pixels = stored.layout, stored.pixels
        first_ifd = first_ifds.get(place[0], 0)
        first_ifds[place[0]] = first_ifd + len(layout.frames)
        height, width = pixels.stored_shape[:2]
        sizes = {axis: layout.sizes[axis] for axis in "ZT"} | {"X": width, "Y": height}
        sizes["C"] = layout.sizes["C"] * pixels.samples
        pages = [
            (block.first_ifd, block.n_pages, block.first_zct, (block.file_name, block.file_uuid))
            for block in _joined(image.tiff_data, layout.zct().tolist())
        ]
        acquired = layout.zct(np.flatnonzero(np.asarray(layout.frames) >= 0))
        facts: Mapping[str, tuple[object, object]] = {
            "sizes": (image.sizes, sizes),
            "pixel type": (image.pixels.get("Type"), OME_TYPES[pixels.stored_dtype.str]),
            "order of planes": (image.order, layout.order),
            "pages": (pages, [(first_ifd, len(layout.frames), (0, 0, 0), place)]),
            "acquired planes": (frozenset(image.planes), frozenset(map(tuple, acquired.tolist()))),
        }
        for what, (found, expected) in facts.items():
            if found != expected:
                both = "" if what == "acquired planes" else f": {found!r} instead of {expected!r}"
                yield f"image {image.name!r}: the OME-XML and the records differ in {what}{both}"


def _joined(blocks: Sequence[TiffData], zct: list[list[int]]) -> Sequence[TiffData]:
    """Join one run of pages per plane, as companions have them, into one; return other runs unchanged.

    `zct` has the indices of the planes in page order.
    """
    if not blocks or len(blocks) != len(zct):
        return blocks
    first = blocks[0]
    one_by_one = [
        first._replace(first_ifd=first.first_ifd + number, n_pages=1, first_zct=(z, c, t))
        for number, (z, c, t) in enumerate(zct)
    ]
    return [first._replace(n_pages=len(blocks))] if one_by_one == [*blocks] else blocks
