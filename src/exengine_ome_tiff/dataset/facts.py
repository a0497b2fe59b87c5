"""What is known of a dataset from the metadata of its frames, its summary metadata, and its user."""

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates import ImageLayout, PlateInfo
from exengine_ome_tiff.dataset.frame_index import Dataset
from exengine_ome_tiff.dataset.header import Header
from exengine_ome_tiff.dataset.records import decode_tags
from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.ome import ExperimenterInfo, ImageValues, describe
from exengine_ome_tiff.translate import FrameValues, Interpreter, PlaneTable, delta_t_s


class Facts:
    """What is known of a dataset beside its pixels.

    Parameters
    ----------
    header
        What its files say of it.
    dataset
        Its frames.
    planes
        What the metadata says of each frame, by its number.
    interpreter
        Has read the metadata of each frame.
    """

    def __init__(
        self,
        header: Header,
        dataset: Dataset,
        planes: PlaneTable,
        interpreter: Interpreter,
    ) -> None:
        self.findings = Findings()
        """What was not understood, or left out, of the images that were asked about."""
        self._header = header
        self._dataset = dataset
        self.columns: Mapping[str, npt.NDArray[np.float64]] = _with_times(planes)
        """Of all frames what their metadata says, each of shape (frames,)."""
        self._interpreter = interpreter
        self._summary = interpreter.summary(json.loads(header.summary_json))
        clocks = ~(np.isnan(self.columns["utc_s"]) & np.isnan(self.columns["local_clock_s"]))
        self._started = self._frame(int(np.argmax(clocks))).acquired  # 0 where no frame has a clock

    def values(self, layout: ImageLayout, name: str) -> ImageValues:
        """Find out what is known of an image."""
        values = self.described(layout, name)
        tags, columns = self._interpreter.rest(layout.frames[layout.frames >= 0])
        return replace(values, tags=tags, columns=columns)

    def described(self, layout: ImageLayout, name: str) -> ImageValues:
        """Find out what is known of an image, but for the metadata that OME has no place for."""
        frames = [self._frame(number) for number in _first_of_channels(layout)]
        return describe(
            layout,
            name,
            self.columns,
            frames,
            self._summary,
            self._header.given,
            self._started,
            self.findings,
        )

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
            self.findings.add(
                "plate",
                "",
                f"the plate of the summary metadata is left out, as {error}",
                "say plate=PlateInfo(...)",
            )
            return plate

    def experimenter(self) -> ExperimenterInfo | None:
        """Return the experimenter, with the user name of the summary where one was asked for by no name."""
        experimenter = self._header.given.experimenter
        if experimenter == ExperimenterInfo():
            return replace(experimenter, user_name=self._summary.user_name)
        return experimenter

    def _frame(self, number: int) -> FrameValues:
        tags = decode_tags(self._dataset.note(number))
        return self._interpreter.frame(tags) if tags else FrameValues()


def read_planes(dataset: Dataset, interpreter: Interpreter) -> PlaneTable:
    """Read the metadata of all frames, in order of arrival, with an interpreter that has read none yet."""
    planes = PlaneTable()
    for number in range(len(dataset)):
        planes.append(interpreter.read(decode_tags(dataset.note(number))))
    return planes


def _first_of_channels(layout: ImageLayout) -> list[int]:
    """Return for each value along C the number of the frame that came first."""
    there = layout.frames >= 0
    inside = len(layout.modulo["C"][1]) if "C" in layout.modulo else 1
    channels, numbers = layout.zct()[there, 1] // inside, layout.frames[there]
    return [int(numbers[channels == channel].min()) for channel in range(len(layout.values["C"]))]


def _with_times(planes: PlaneTable) -> dict[str, npt.NDArray[np.float64]]:
    columns = planes.columns()
    return columns | {"delta_t_s": delta_t_s(columns)}
