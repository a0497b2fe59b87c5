"""Copying frames from a source to a partial result, and comparing the two."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

import numpy as np

from exengine_ome_tiff.conversion.partial_result import PartialResult
from exengine_ome_tiff.conversion.sources import SkippedFrame, Source, UnreadableFrameError
from exengine_ome_tiff.coordinates.keys import coordinates_text, read_coordinates
from exengine_ome_tiff.dataset.records import to_json
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.text_format import count_text
from exengine_ome_tiff.tiff_storage import TiffStorage

Progress: TypeAlias = Callable[[Literal["converting", "verifying"], int, int], object]
"""Called with the activity, the number of frames done, and the number of all frames."""


class Conversion:
    """One run of `convert`: copies frames from a source to a partial result, and compares the two."""

    def __init__(
        self, source: Source, part: PartialResult, options: Mapping[str, Any], progress: Progress | None
    ) -> None:
        self._source = source
        self._part = part
        self._options = options
        self._progress = progress
        self._places = source.coordinates()
        self._skipped: dict[int, SkippedFrame] = {}
        """Frames that could not be copied, by their index in the source."""
        self.copied_bytes = 0
        """Bytes of pixel data that this run has copied."""
        self.n_resumed = 0
        """Number of frames that an earlier run had copied."""

    @property
    def n_source_frames(self) -> int:
        """Number of frames in the source, including known ones that could not be found."""
        return len(self._places) + sum(each.n_frames or 0 for each in self._source.skipped)

    @property
    def skipped(self) -> tuple[SkippedFrame, ...]:
        """What could not be converted."""
        return (*self._source.skipped, *self._skipped.values())

    def copy(self) -> None:
        """Copy the missing frames and finish; after an error, the copied frames are kept."""
        storage = self._part.begin(self._source.summary_metadata, self._options)
        try:
            self._check_last(storage)
            self.n_resumed = len(storage.get_image_coordinates_list())
            if storage.is_finished() and any(self._readable_but_missing(storage)):
                # an earlier process finished the result before all frames were copied
                storage.close()
                storage = self._part.start_over(self._source.summary_metadata, self._options)
                self.n_resumed = 0
                self._skipped.clear()
            for number in range(len(self._places)):
                self._report("converting", number)
                if not storage.is_finished():
                    self._copy(number, storage)
            if not storage.get_image_coordinates_list():
                storage.suspend()
                self._part.discard()
                reason = self.skipped[0].reason if self.skipped else "it contains none"
                source = self._source.path or "the storage"
                raise OmeTiffError(f"{source}: no frame can be read: {reason}")
            storage.finish()
            self._report("converting", len(self._places))
        finally:
            storage.suspend()

    def _copy(self, number: int, storage: TiffStorage) -> None:
        place = self._places[number]
        try:
            if read_coordinates(place) in storage:
                return
            pixels, metadata = self._source.read(place)
            storage.put(place, pixels, metadata)
        except (UnreadableFrameError, TypeError, ValueError) as error:
            self._skip(number, error)
            return
        self.copied_bytes += pixels.nbytes

    def _skip(self, number: int, error: Exception) -> None:
        """Record that a frame is skipped; raise an error if the source itself is gone."""
        path = self._source.path
        if path is not None and not path.exists():
            raise FileNotFoundError(f"{path} does not exist any more") from error
        self._skipped[number] = SkippedFrame(coordinates_text(self._places[number]), str(error), 1)

    def _readable_but_missing(self, storage: TiffStorage) -> Iterator[bool]:
        for number, place in enumerate(self._places):
            try:
                if read_coordinates(place) not in storage:
                    self._source.read(place)
                    yield True
            except (UnreadableFrameError, TypeError, ValueError) as error:
                self._skip(number, error)

    def _check_last(self, storage: TiffStorage) -> None:
        """Refuse a partial result whose summary metadata or last frame differ from the source."""
        is_other = _is_other_json(self._source.summary_metadata, storage.summary_metadata)
        for place in storage.get_image_coordinates_list()[-1:]:
            is_other |= place not in self._places or any(_differing(place, self._source, storage))
        if is_other:
            raise FileExistsError(
                f"{self._part.folder} contains an interrupted conversion of another dataset: "
                "delete it to start over"
            )

    def differences(self, result: TiffStorage) -> Iterator[str]:
        """Compare source and result and yield the differences."""
        if _is_other_json(self._source.summary_metadata, result.summary_metadata):
            yield "summary metadata"
        for number, place in enumerate(self._places):
            self._report("verifying", number)
            if number not in self._skipped:
                name = coordinates_text(place)
                yield from (f"{name}: {what}" for what in _differing(place, self._source, result))
        self._report("verifying", len(self._places))
        more = len(result.get_image_coordinates_list()) - len(self._places)
        if more > 0:
            yield f"{count_text(more, 'frame')} that the source does not have"

    def _report(self, what: Literal["converting", "verifying"], done: int) -> None:
        if self._progress is not None:
            self._progress(what, done, len(self._places))


def _differing(place: Mapping[str, int | str], source: Source, result: TiffStorage) -> Iterator[str]:
    """Yield the differences between a frame in the source and in the result."""
    try:
        pixels, metadata = source.read(dict(place))
        copy, copied = result[place], result.get_metadata(place)
    except (OmeTiffError, KeyError) as error:
        yield str(error)
        return
    if (pixels.shape, pixels.dtype) != (copy.shape, copy.dtype):
        yield f"{pixels.shape} {pixels.dtype} became {copy.shape} {copy.dtype}"
    elif not np.array_equal(pixels.view(f"V{pixels.itemsize}"), copy.view(f"V{copy.itemsize}")):
        yield "pixels"
    if _is_other_json(metadata, copied):
        yield "metadata"


def _is_other_json(metadata: object, copied: object) -> bool:
    return to_json(metadata)[0] != to_json(copied)[0]
