"""Facts about a dataset, from the metadata of its frames, its summary metadata and the user."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.keys import FrameNumber
from exengine_ome_tiff.coordinates.layout import ImageLayout, ValueNames
from exengine_ome_tiff.coordinates.wells import PlateInfo
from exengine_ome_tiff.dataset.frame_index import FrameIndex, frame_order
from exengine_ome_tiff.dataset.header import Header
from exengine_ome_tiff.dataset.layout_findings import (
    add_filter_findings,
    add_findings,
    add_size_finding,
)
from exengine_ome_tiff.dataset.names import FRAME_FACTS, names_of
from exengine_ome_tiff.dataset.plate import PlateFinder
from exengine_ome_tiff.dataset.privacy import PRIVATE, without
from exengine_ome_tiff.dataset.records import decode_tags
from exengine_ome_tiff.dataset.written_facts import written_into
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.findings import Findings
from exengine_ome_tiff.ome.image_description import AgreedValues, describe
from exengine_ome_tiff.ome.image_values import DatasetValues, ImageValues
from exengine_ome_tiff.ome.text import OTHER_KEYS
from exengine_ome_tiff.ome.user_values import ExperimenterInfo
from exengine_ome_tiff.text_format import count_text
from exengine_ome_tiff.translate.clocks import PlaneTimes, plane_times
from exengine_ome_tiff.translate.frame_facts import Group, agreed, first_values
from exengine_ome_tiff.translate.interpreter import Interpreter
from exengine_ome_tiff.translate.tag_columns import json_list, strict_json
from exengine_ome_tiff.translate.translator import LABEL_FACT, Fact, flat
from exengine_ome_tiff.translate.values import UNKNOWN, Frames, FrameValues, PlaneTable

FactsOfGroups: TypeAlias = list[tuple[Fact, ...]]
"""The facts of groups of frames, in order of the first frames."""

_MOST_PEAKS = 32
"""Maximum number of frames in which pixels are compared with the bit depth."""
_ZONE_QUARTER = timedelta(minutes=15)
_SAME_TIME = timedelta(seconds=1.5)
"""Maximum difference between the time stamps of one frame."""


class Facts:
    """Facts about a dataset.

    Parameters
    ----------
    header
        Its header.
    dataset
        Its frames.
    planes
        Values from the metadata of each frame, by frame number.
    interpreter
        The interpreter that has read the metadata of all frames.
    """

    def __init__(
        self,
        header: Header,
        dataset: FrameIndex,
        planes: PlaneTable,
        interpreter: Interpreter,
    ) -> None:
        self.findings = Findings()
        """Metadata of the described images that was not understood or not used."""
        self._header = header
        self._dataset = dataset
        summary = json.loads(header.summary_json)
        self._interpreter = interpreter
        self._frames = interpreter.facts(summary)
        self._peaks_left = _MOST_PEAKS
        self._groups_of: dict[int, list[Group]] = {}
        self._facts_of_channels: dict[int, list[FactsOfGroups]] = {}
        """Facts from the frames of each image, by the number of its first frame."""
        self._summary = interpreter.summary(summary)
        columns = planes.columns()
        seen = {field for field, values in columns.items() if not np.isnan(values).any()}
        seen |= {each.name for each in fields(self._summary) if getattr(self._summary, each.name) is not None}
        interpreter.check_summary(summary, self.findings, seen)
        times = plane_times(columns, self._summary.started, partial(frame_order, dataset))
        self._of_frames: Mapping[str, npt.NDArray[np.float64]] = columns | {"delta_t_s": times.delta_t_s}
        self.columns = self._of_frames
        """Values of all frames, each of shape (frames,)."""
        if self._summary.exposure_s is not None and np.isnan(columns["exposure_s"]).all():
            exposures_s = np.broadcast_to(self._summary.exposure_s, len(columns["exposure_s"]))
            self.columns = {**self._of_frames, "exposure_s": exposures_s}
        self._started = self._origin(times)
        self._check_clocks(times)

    def values(self, layout: ImageLayout, name: str) -> ImageValues:
        """Return the values of an image."""
        values, groups = self._described(layout, name)
        frames = layout.acquired
        pixels = self._dataset.format(layout.first_frame)
        if values.significant_bits is not None and self._exceeds(values.significant_bits, frames, name):
            values = replace(values, significant_bits=None)
        add_size_finding(name, groups, pixels.stored_shape, self.findings)
        written = written_into(values, self._of_frames, frames, pixels.stored_shape, pixels.stored_dtype)
        tags, columns = self._frames.rest(frames, written, self.findings)
        if self._frames.has_unkept(frames):
            columns[OTHER_KEYS] = ""
        return replace(values, tags=tags, columns=_disputed(groups, frames) | columns)

    def _exceeds(self, bits: int, frames: Frames, name: str) -> bool:
        """Whether pixels in the first or last frame need more bits; only the first images are checked."""
        if bits == self._dataset.format(FrameNumber(int(frames[0]))).stored_dtype.itemsize * 8:
            return False
        for frame in map(FrameNumber, {int(frames.min()), int(frames.max())}):
            if self._peaks_left <= 0:
                break
            self._peaks_left -= 1
            try:
                peak = int(self._dataset.stored(frame).max())
            except (OmeTiffError, OSError):  # reading the frame reports this
                continue
            if peak >> bits:
                message = f"{name}: pixels reach {peak}, but the bit depth is {bits}"
                self.findings.add(
                    "bit depth", "", message, "no SignificantBits; put the bit_depth of the pixels"
                )
                return True
        return False

    def described(self, layout: ImageLayout, name: str) -> ImageValues:
        """Return the values of an image, without metadata that OME has no place for."""
        return self._described(layout, name)[0]

    def check(self, layouts: Sequence[ImageLayout]) -> None:
        """Find features of the images that the user may not have intended."""
        add_findings(layouts, self._header, self._dataset, self.findings)
        if self._header.given.filters:
            add_filter_findings(self._header.given, [*self._labels(layouts)], self.findings)

    def _labels(self, layouts: Sequence[ImageLayout]) -> Iterator[str]:
        """Yield the labels of wheels and turrets, channel by channel."""
        for layout in layouts:
            for facts in self._of_channels(layout):
                yield from agreed(facts).labels.values()

    def names(self, layouts: Sequence[ImageLayout]) -> ValueNames:
        """Find the names of numbered channels and positions; conflicting names are not used."""

        def names_in_frames(axis: str, value: int | str, having: Sequence[ImageLayout]) -> Iterator[str]:
            for layout in having:
                facts = [group.facts for group in self._groups(layout)]
                if axis == "channel":
                    facts = self._of_channels(layout)[layout.values["C"].index(value)]
                yield from (str(first_values(each).get(FRAME_FACTS[axis], "")) for each in facts)

        return names_of(layouts, self._summary, self._header.given, names_in_frames, self.findings)

    def _groups(self, layout: ImageLayout) -> list[Group]:
        """Return the facts from the frames of an image."""
        known = self._groups_of.get(layout.first_frame)
        if known is None:
            known = self._groups_of[layout.first_frame] = self._frames.groups(layout.acquired)
        return known

    def _of_channels(self, layout: ImageLayout) -> list[FactsOfGroups]:
        """Return the facts from the frames of each channel."""
        known = self._facts_of_channels.get(layout.first_frame)
        if known is None:
            known = facts_of_channels(layout, self._groups(layout))
            self._facts_of_channels[layout.first_frame] = known
        return known

    def _described(self, layout: ImageLayout, name: str) -> tuple[ImageValues, list[Group]]:
        groups = self._groups(layout)
        channels = self._of_channels(layout)
        values = describe(
            layout,
            name,
            self.columns,
            AgreedValues(agreed(group.facts for group in groups), [*map(agreed, channels)]),
            self._summary,
            self._header.given,
            self._started,
            self.findings,
            self._dataset.format(layout.first_frame).stored_dtype,
        )
        return values, groups

    def plate(self, layouts: Sequence[ImageLayout]) -> PlateInfo | None:
        """Return the plate of the images, from their labels and the metadata."""
        if self._header.plate is None:
            return None
        has_wells = self._frames.has_fact("well")
        finder = PlateFinder(self._summary, self._groups, self.findings, has_wells=has_wells)
        return finder.of(self._header.plate, layouts)

    def about(self) -> DatasetValues:
        """Return the values of the whole dataset."""
        started = self._started
        times_s = self.columns["delta_t_s"]
        last_s = UNKNOWN if np.isnan(times_s).all() else float(np.nanmax(times_s))
        summary = without(json.loads(self._header.summary_json), PRIVATE, set())
        tags = flat(summary) if isinstance(summary, Mapping) else {}
        return DatasetValues(
            given=replace(self._header.given, experimenter=self._experimenter()),
            summary={key: strict_json(value) for key, value in tags.items()},
            summary_values=self._summary,
            started=started,
            ended=None if started is None or np.isnan(last_s) else started + timedelta(seconds=last_s),
        )

    def _check_clocks(self, times: PlaneTimes) -> None:
        """Find frames with a time that is not used."""
        tells = np.any([~np.isnan(self.columns[name]) for name in ("elapsed_s", "utc_s", "local_clock_s")], 0)
        is_dropped = tells & np.isnan(times.delta_t_s)
        has_zone, has_none = (~np.isnan(self.columns[name]) for name in ("utc_s", "local_clock_s"))
        zoneless = int(np.count_nonzero(is_dropped & has_none & ~has_zone)) if has_zone.any() else 0
        dropped = int(np.count_nonzero(is_dropped)) - zoneless
        if zoneless:
            self.findings.add(
                "clock",
                "zone",
                f"the timestamps of {count_text(zoneless, 'frame')} have no time zone, unlike the others, "
                "so they have no DeltaT",
                "add the time zone to all timestamps",
            )
        if dropped:
            self.findings.add(
                "clock",
                "",
                f"the clock of {count_text(dropped, 'frame')} restarts, stops or is far from the others, "
                "so they have no DeltaT",
                "write the acquisition time of each frame, for example as timestamp",
            )

    def _experimenter(self) -> ExperimenterInfo | None:
        """Return the experimenter; if it is empty, with the user name of the summary."""
        experimenter = self._header.given.experimenter
        if experimenter == ExperimenterInfo():
            return replace(experimenter, user_name=self._summary.user_name)
        return experimenter

    def _origin(self, times: PlaneTimes) -> datetime | None:
        """Return the time from which DeltaT of planes counts."""
        delta_t_s = times.delta_t_s
        earliest = FrameNumber(0 if np.isnan(delta_t_s).all() else int(np.nanargmin(delta_t_s)))
        acquired = self._frame(earliest).acquired if len(self._dataset) else None
        if np.isnan(times.origin_s):
            first_s = 0.0 if np.isnan(delta_t_s).all() else float(delta_t_s[earliest])
            return self._summary.started if acquired is None else acquired - timedelta(seconds=first_s)
        origin = datetime.fromtimestamp(0, UTC) + timedelta(seconds=times.origin_s)
        if acquired is not None and not (acquired.microsecond == 0 and origin.microsecond):
            stamp = acquired.replace(tzinfo=acquired.tzinfo or UTC)
            zone = round((origin - stamp) / _ZONE_QUARTER) * _ZONE_QUARTER
            if abs(origin - stamp - zone) < _SAME_TIME and (acquired.tzinfo is not None or not zone):
                return acquired if acquired.tzinfo is not None or not times.has_zone else stamp
        return origin if times.has_zone else origin.replace(tzinfo=None)

    def _frame(self, number: FrameNumber) -> FrameValues:
        tags = decode_tags(self._dataset.note(number))
        return self._interpreter.frame(tags) if tags else FrameValues()


def _disputed(groups: Sequence[Group], frames: Frames) -> dict[str, str]:
    """Return JSON lists of device settings that differ between frames; each holds until it changes."""
    kept = {
        fact.name
        for group in groups
        for fact in group.facts
        if not fact.key and not fact.name.startswith(LABEL_FACT)
    }
    columns = {}
    for fact in sorted(kept & agreed(group.facts for group in groups).disputed):
        texts = dict.fromkeys(frames.tolist(), "null")
        for group in groups:
            value = first_values(group.facts).get(fact)
            texts |= dict.fromkeys(group.frames.tolist(), json.dumps(value))
        columns[fact] = json_list(texts.values())
    return columns


class MetadataTable:
    """Collects values from the metadata of frames.

    Parameters
    ----------
    interpreter
        An interpreter that has not read any metadata yet.
    """

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.planes = PlaneTable()

    @classmethod
    def read(cls, index: FrameIndex, interpreter: Interpreter) -> "MetadataTable":
        """Read the metadata of all frames from their records."""
        table = cls(interpreter)
        for number in map(FrameNumber, range(len(index))):
            table.append(decode_tags(index.note(number)))
        return table

    def snapshot(self) -> "MetadataTable":
        """Return a copy that later additions do not change; nothing may be added during this call."""
        other = MetadataTable(self.interpreter.snapshot())
        other.planes = self.planes.snapshot()
        return other

    def append(self, tags: Mapping[str, object], changed: Collection[str] | None = None) -> None:
        """Add the metadata of the next frame; see `Interpreter.read`."""
        self.planes.append(self.interpreter.read(tags, changed))


def facts_of_channels(layout: ImageLayout, groups: Sequence[Group]) -> list[FactsOfGroups]:
    """Return for each channel of an image the facts of those groups that have frames with it."""
    found: list[FactsOfGroups] = [[] for _ in layout.values["C"]]
    if 1 in (len(found), len(groups)):
        return [[group.facts for group in groups] for _ in found]
    numbers, channels = layout.channel_of_frames()
    for group in groups:
        is_there = np.zeros(len(found), np.bool_)
        is_there[channels[np.searchsorted(numbers, group.frames)]] = True
        for channel in np.flatnonzero(is_there).tolist():
            found[channel].append(group.facts)
    return found
