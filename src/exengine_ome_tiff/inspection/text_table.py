"""The text output of `exengine-ome-tiff info`, sized for a terminal."""

import textwrap
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from exengine_ome_tiff.inspection.dataset_info import DatasetInfo, ImageSummary
from exengine_ome_tiff.inspection.key_coverage import PLACES, KeyCoverage, Place
from exengine_ome_tiff.inspection.preview_plate import row_name
from exengine_ome_tiff.ome.user_values import ObjectiveInfo
from exengine_ome_tiff.text_format import count_text, duration_text, escaped, shortened, size_text
from exengine_ome_tiff.translate.translator import flat

WIDTH, _LEAST_WIDTH = 96, 40
_NAME_WIDTH = 28
_NUMBERS_WIDTH = 56
"""Columns of the table of images beside their names."""
_MANY_IMAGES = 24
_MANY_KEYS = 24
_MANY_FACTS = 12
_LONG_TEXT, _LONG_VALUE = 160, 40
_UNKNOWN = "not known"
_WHITE = "#FFFFFF"
_ALONG = {"duration": "T", "time interval": "T", "z step": "Z", "channels": "C"}
"""Facts that only images with several planes along an axis can lack."""
_PLACES: dict[Place, str] = {
    "ome": "in OME elements",
    "annotation": "in annotations",
    "annotation by plane": "in annotations, by plane",
    "record": "in records only",
}
_UNTIL_FINISHED = "in records, until the dataset is finished"


def table(info: DatasetInfo, *, everything: bool = False, width: int = WIDTH) -> list[str]:
    """Describe a dataset in lines of at most `width` columns; shorten long lists unless `everything` is set.

    Lines may be longer where a path or a name does not fit, and below 40 columns.
    """
    width = max(width, _LEAST_WIDTH)
    return [escaped(line.replace("\n", "\\n")) for line in _lines(info, width, everything=everything)]


def _lines(info: DatasetInfo, width: int, *, everything: bool) -> Iterator[str]:
    state = "finished" if info.is_finished else "not finished: still being written, or left by a crash"
    yield str(info.path)
    yield _line("state", state)
    yield _line("on disk", f"{size_text(info.size_bytes)} in {count_text(info.n_files, 'TIFF file')}")
    again = f", overwriting {info.n_overwritten} earlier ones" if info.n_overwritten else ""
    yield _line("frames", f"{info.n_frames}{again}")
    if info.n_planned is not None:
        came = f"{info.n_missing:,} missing" if info.n_missing else "all recorded"
        yield _line("planned", f"{count_text(info.n_planned, 'frame')}, {came}")
    missing = sum(image.n_planes - image.n_frames for image in info.images)
    yield _line("missing planes", f"{missing:,}, never acquired" if missing else "none")
    images = info.images
    if not images:
        return
    yield from _facts(images, width)
    if info.description:
        text = info.description if everything else shortened(info.description, _LONG_TEXT)
        yield from _wrapped(width, "description", text)
    if info.summary:
        yield from _wrapped(width, "summary", _summary_text(info.summary, everything=everything))
    yield ""
    yield from _image_table(images if everything else images[:_MANY_IMAGES], width)
    if len(images) > _MANY_IMAGES and not everything:
        yield f"  ... and {len(images) - _MANY_IMAGES} more: --all lists them"
    yield ""
    yield from _plate(info, width)
    yield from _coverage(info, width, everything=everything)
    options = [f"{name}: {_plain(value)}" for name, value in info.options.items()]
    yield from _section("options used when writing", options, width)
    yield from _section("Check", [*map(str, info.check)], width)


def _line(title: str, text: str) -> str:
    return f"  {title:<15}{text}"


def _facts(images: Sequence[ImageSummary], width: int) -> Iterator[str]:
    """Show the facts of images: once if all share a fact, else the most common values with their counts."""
    facts: dict[str, Sequence[str | None]] = {
        "acquired": [image.acquired for image in images],
        "duration": [_durations(images)],
        "time interval": _intervals(images),
        "pixel size": [_pixel_size(image) for image in images],
        "z step": [_um(image.z_step_um) for image in images],
        "objective": [_objective(image.objective) for image in images],
        "channels": [_channels(image) for image in images],
    }
    unknown = []
    for title, values in facts.items():
        if not any(values):
            if title not in _ALONG or any(image.sizes[_ALONG[title]] > 1 for image in images):
                unknown.append("acquisition date" if title == "acquired" else title)
            continue
        counts = Counter(values)
        parts = [
            str(value or _UNKNOWN) + (f" ({count_text(count, 'image')})" if len(counts) > 1 else "")
            for value, count in counts.most_common(3)
        ]
        if len(counts) > len(parts):
            parts.append(f"and {count_text(len(counts) - len(parts), 'other value')}")
        yield from _wrapped(width, title, "; ".join(parts))
    if unknown:
        yield from _wrapped(width, _UNKNOWN, ", ".join(unknown))


def _wrapped(width: int, title: str, text: str) -> Iterator[str]:
    lines = textwrap.wrap(text, width - 17, break_on_hyphens=False) or [_UNKNOWN]
    yield _line(title, lines[0])
    for line in lines[1:]:
        yield _line("", line)


def _summary_text(summary: object, *, everything: bool) -> str:
    """List the keys of the summary metadata with their values, the first ones of many."""
    if not isinstance(summary, Mapping):
        return _plain(summary) if everything else shortened(_plain(summary), _LONG_TEXT)
    known = {key: _plain(value) for key, value in flat(summary).items() if value not in (None, "", [], {})}
    parts = [f"{key} {text if everything else shortened(text, _LONG_VALUE)}" for key, text in known.items()]
    return _listed(parts, len(parts) if everything else _MANY_FACTS)


def _listed(texts: Sequence[str], most: int) -> str:
    """Join texts with commas, and count those beyond the first `most`."""
    more = f" and {len(texts) - most} more: --all lists them" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def _image_table(images: Sequence[ImageSummary], width: int) -> Iterator[str]:
    head = ("image", "T", "C", "Z", "Y", "X", "type", "frames", "missing")
    rows = [
        (
            shortened(_name(image.name), max(6, min(_NAME_WIDTH, width - _NUMBERS_WIDTH))),
            *(str(image.sizes[axis]) for axis in "TCZYX"),
            image.dtype + {3: " RGB", 4: " RGBA"}.get(image.sizes.get("S", 1), ""),
            str(image.n_frames),
            str(image.n_planes - image.n_frames or "-"),
        )
        for image in images
    ]
    widths = [max(map(_columns, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        name, *numbers = (
            text + " " * (room - _columns(text)) if column in (0, 6) else text.rjust(room)
            for column, (text, room) in enumerate(zip(row, widths, strict=True))
        )
        yield f"  {name}  {'  '.join(numbers)}".rstrip()


def _columns(text: str) -> int:
    """Return the number of terminal columns that a text takes."""
    marks = sum(unicodedata.combining(character) > 0 for character in text)
    return len(text) - marks + sum(unicodedata.east_asian_width(character) in "WF" for character in text)


def _coverage(info: DatasetInfo, width: int, *, everything: bool) -> Iterator[str]:
    yield f"  metadata: {count_text(len(info.metadata), 'key')}; each frame's exact JSON is in its record"
    groups: dict[tuple[tuple[Place, ...], int], list[KeyCoverage]] = {}
    for key in info.metadata:
        groups.setdefault((key.written_to, key.frames), []).append(key)
    order = sorted(groups, key=lambda group: (PLACES.index(group[0][0]), len(group[0]), -group[1]))
    for places, frames in order:
        keys = [key.key for key in groups[places, frames]]
        part = "all frames" if frames == info.n_frames else f"{frames} of {info.n_frames} frames"
        where = " and ".join(_PLACES[place] for place in places)
        if places == ("record",) and not info.is_finished:
            where = _UNTIL_FINISHED
        yield f"  {where}, {part}: {count_text(len(keys), 'key')}"
        listed = _listed(keys, len(keys) if everything else _MANY_KEYS)
        yield from (f"    {line}" for line in textwrap.wrap(listed, width - 4, break_on_hyphens=False))


def _section(title: str, lines: Sequence[str], width: int) -> Iterator[str]:
    """Show lines under a title, after an empty line; nothing without lines."""
    if lines:
        yield ""
        yield f"  {title}"
    for line in lines:
        yield from textwrap.wrap(line, width, initial_indent="    ", subsequent_indent="      ")


def _plain(value: object) -> str:
    """Format JSON without brackets and without empty values."""
    if isinstance(value, dict):
        parts = [f"{name} {_plain(item)}" for name, item in value.items() if item not in (None, [], {})]
        return ", ".join(parts)
    if isinstance(value, list):
        return "; ".join(map(_plain, value))
    return str(value)


def _pixel_size(image: ImageSummary) -> str | None:
    height, width = image.pixel_size_um
    if height is None or width is None:
        return _um(height or width)
    return f"{height:g} µm" if height == width else f"{height:g} µm high, {width:g} µm wide"


def _name(text: str) -> str:
    """Quote a blank name."""
    return text if text.strip() else f'"{text}"'


def _channels(image: ImageSummary) -> str | None:
    """List names and colours of channels; None for frames without a channel in the default colour."""
    if not image.channels and image.colors == (_WHITE,):
        return None
    pairs = zip_longest(map(_name, image.channels), image.colors)
    return ", ".join(filter(None, (" ".join(filter(None, pair)) for pair in pairs))) or None


def _um(value: float | None) -> str | None:
    return None if value is None else f"{value:g} µm"


def _objective(objective: ObjectiveInfo | None) -> str | None:
    if objective is None:
        return None
    aperture, power = objective.numerical_aperture, objective.magnification
    magnification = None if power is None else f"{power:g}x"
    is_in_model = magnification is not None and magnification in (objective.model or "").lower().split()
    parts = (
        objective.manufacturer,
        objective.model,
        None if is_in_model else magnification,
        None if aperture is None else f"NA {aperture:g}",
        objective.immersion,
    )
    return " ".join(filter(None, parts)) or None


def _intervals(images: Sequence[ImageSummary]) -> list[str | None]:
    """Return the interval between the time points of each image, or the range of all irregular ones."""
    known = [
        (image.time_interval_s,) * 2 if image.time_interval_s else image.time_intervals_s for image in images
    ]
    texts = [None if ends is None else tuple(map(duration_text, ends)) for ends in known]
    ranges = [ends for ends, text in zip(known, texts, strict=True) if ends and text and text[0] != text[1]]
    least, most = zip(*ranges, strict=True) if ranges else ((0.0,), (0.0,))
    irregular = f"irregular, {duration_text(min(least))} to {duration_text(max(most))}"
    return [None if text is None else text[0] if text[0] == text[1] else irregular for text in texts]


def _plate(info: DatasetInfo, width: int) -> Iterator[str]:
    """Draw the wells of a plate: o with all frames, ! with missing frames, . without frames."""
    plate = info.plate
    if plate is None:
        return
    marked = f", {len(plate.incomplete)} with missing frames (!)" if plate.incomplete else ""
    yield f"  plate of {plate.rows} x {plate.columns}: {count_text(len(plate.used), 'well')} used{marked}"
    between = " " if 6 + 2 * plate.columns <= width else ""
    step = 1 + len(between)
    heads = "".join(f"{column + 1:<{4 * step}}" for column in range(0, plate.columns, 4))
    yield f"      {heads[: plate.columns * step]}".rstrip()
    for row in range(plate.rows):
        wells = [(row, column) for column in range(plate.columns)]
        signs = ["!" if at in plate.incomplete else "o" if at in plate.used else "." for at in wells]
        yield f"    {row_name(row):<2}{between.join(signs)}"
    yield ""


def _durations(images: Sequence[ImageSummary]) -> str | None:
    known = [image.duration_s for image in images if image.duration_s is not None]
    ends = [duration_text(seconds) for seconds in (min(known), max(known))] if known else []
    text = " to ".join(dict.fromkeys(ends))
    return f"{text}, depending on the image" if len({*ends}) > 1 else text or None
