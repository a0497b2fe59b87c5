"""Metadata of Squid and Bluesky, and display settings of NDTiff and Micro-Manager."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import ClassVar

from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.translator import Dialect, Note, Rule, Tags, dicts, flat
from exengine_ome_tiff.translate.values import UNKNOWN, SummaryValues

_SQUID_STAMP = re.compile(r"(\d{4}-\d{2}-\d{2})_(\d{2})-(\d{2})-(\d{2})(\.\d{1,6})?")
_CONTRAST = ("Min", "Max", "Gamma", "ContrastMin", "ContrastMax")
_ACQUIRE_TIME = "_cam_acquire_time"


def squid_clock(value: object) -> float:
    """Parse a stamp such as ``2026-03-04_05-06-07.25``; seconds since 1970-01-01 on its clock."""
    match = _SQUID_STAMP.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return UNKNOWN
    day, hour, minute, second, fraction = match.groups()
    try:
        stamp = datetime.fromisoformat(f"{day}T{hour}:{minute}:{second}").replace(tzinfo=UTC)
    except ValueError:
        return UNKNOWN
    return stamp.timestamp() + float(fraction or 0)


class Squid(Dialect):
    """Octopi and Squid: rows of ``coordinates.csv``, and ``acquisition parameters.json``."""

    name = "Squid"
    is_general = False
    keys = frozenset({"fov", "z_level", "sensor_pixel_size_um"})
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("time", "local_clock_s", squid_clock, "Plane DeltaT", needs_dialect=True),
    )
    summary_notes: ClassVar[tuple[Note, ...]] = (
        Note("sensor_pixel_size_um", "Pixels PhysicalSizeX, PhysicalSizeY, by magnification and tube lens"),
        Note("objective.magnification", "Pixels PhysicalSizeX, PhysicalSizeY; Objective"),
        Note("objective.NA", "Objective LensNA"),
    )

    def summary_values(self, tags: Tags) -> SummaryValues:
        sensor_um, magnification, lens_mm, nominal_mm = (
            parse.number(tags.get(key))
            for key in (
                *("sensor_pixel_size_um", "objective.magnification"),
                *("tube_lens_mm", "objective.tube_lens_f_mm"),
            )
        )
        actual = magnification * lens_mm / nominal_mm if nominal_mm else UNKNOWN
        return SummaryValues(
            pixel_size_um=parse.known(parse.size_um(sensor_um / actual)) if actual > 0 else None
        )


class Bluesky(Dialect):
    """Bluesky event documents, and start documents as the summary."""

    name = "Bluesky, ophyd"
    is_general = False
    containers = ("event.", "start.")
    keys = frozenset({"descriptor", "seq_num", "plan_name", "scan_id"})
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("time", "utc_s", parse.unix_s, "Plane DeltaT, Image AcquisitionDate", needs_dialect=True),
        Rule(f"data.<camera>{_ACQUIRE_TIME}", "exposure_s", parse.exposure_s, "Plane ExposureTime"),
    )
    summary_notes: ClassVar[tuple[Note, ...]] = (Note("time", "Image AcquisitionDate"),)

    def plane_rules(self, tags: Tags, *, is_recognised: bool) -> Iterator[Rule]:
        yield from super().plane_rules(tags, is_recognised=is_recognised)
        for key in tags:
            if key.endswith(_ACQUIRE_TIME) and not key.rpartition(".")[0].endswith("timestamps"):
                yield Rule(key, "exposure_s", parse.exposure_s, "Plane ExposureTime")

    def summary_values(self, tags: Tags) -> SummaryValues:
        stamps = (parse.moment(tags[key]) for key in self.spelled("time", tags))
        return SummaryValues(started=next(stamps, None))


class DisplaySettings(Dialect):
    """Display settings of NDTiff and Micro-Manager in a summary; contrast remains an annotation."""

    name = "display settings"
    keys = frozenset({"ChannelSettings", "Channels"})
    containers = ("DisplaySettings.", "display_settings.")
    summary_notes: ClassVar[tuple[Note, ...]] = (
        Note("DisplaySettings.<channel>.Color", "Channel Color"),
        Note("ChannelSettings[].Color", "Channel Color"),
        Note("Channels[].Color", "Channel Color"),
    )

    def matches(self, tags: Tags) -> bool:
        return super().matches(tags) or any(key.endswith(".Color") for key in tags)

    def summary_values(self, tags: Tags) -> SummaryValues:
        colors = {}
        for key in tags:
            channel = key.removesuffix(".Color")
            if channel != key and any(f"{channel}.{name}" in tags for name in _CONTRAST):
                for container in self.containers:
                    channel = channel.removeprefix(container)
                colors[channel] = tags[key]
        for name in sorted(self.keys):
            for key in self.spelled(name, tags):
                value = tags[key]
                for settings in map(flat, dicts(value.get("array") if isinstance(value, Mapping) else value)):
                    label = parse.text(settings.get("Channel", settings.get("Name")))
                    if label is not None:
                        colors.setdefault(label, settings.get("Color"))
        found = {name: parse.argb(color) for name, color in colors.items()}
        return SummaryValues(channel_colors={name: rgb for name, rgb in found.items() if rgb is not None})
