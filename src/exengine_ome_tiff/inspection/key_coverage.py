"""Metadata keys of the frames: how many frames have each, and where the file stores its values."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from exengine_ome_tiff.dataset.records import decode_tags
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.inspection.open_dataset import OpenDataset
from exengine_ome_tiff.ome.text import OTHER_KEYS, RECORDS_ONLY, valid_key
from exengine_ome_tiff.ome.xml_reader import ImageElement
from exengine_ome_tiff.translate.translator import flat

Place: TypeAlias = Literal["ome", "annotation", "annotation by plane", "record"]
PLACES: tuple[Place, ...] = ("ome", "annotation", "annotation by plane", "record")


@dataclass(frozen=True, slots=True)
class KeyCoverage:
    """A key in the frames' metadata.

    Parameters
    ----------
    key
        Name of the key; dots join the keys of nested dicts.
    frames
        Number of frames that have the key.
    written_to
        Where its values are in addition to the exact record: "ome" (OME elements), "annotation" or
        "annotation by plane" (annotations of images). "record" alone: nowhere else, according to the
        installed translators.
    """

    key: str
    frames: int
    written_to: tuple[Place, ...]


def coverage(data: OpenDataset) -> tuple[KeyCoverage, ...]:
    """Count the keys of all frames, in order of first appearance."""
    counts: Counter[str] = Counter()
    places: dict[str, set[Place]] = {}
    for element, keys, tags, frames in _kinds(data):
        counts.update(dict.fromkeys(keys, frames))
        for key, where in key_places(element, tags).items():
            places.setdefault(key, set()).update(where)
    found = []
    for key, frames in counts.items():
        where = places[key] - ({"record"} if len(places[key]) > 1 else set())
        found.append(KeyCoverage(key, frames, tuple(place for place in PLACES if place in where)))
    return tuple(found)


def key_places(element: ImageElement | None, metadata: object) -> dict[str, set[Place]]:
    """Find where the values of a frame's keys are, using the OME-XML of its image if there is one."""
    if not isinstance(metadata, Mapping):
        return {}
    keys = dict.fromkeys(flat(metadata))
    if element is None:
        return {key: {"record"} for key in keys}
    only_records = _keys_in_records_only(element)
    annotated: dict[Place, set[str]] = {
        "annotation": {*element.annotations.get("metadata", {})} - {RECORDS_ONLY},
        "annotation by plane": {*element.annotations.get("metadata-by-plane", {})} - {RECORDS_ONLY},
    }
    places: dict[str, set[Place]] = {}
    for key in keys:
        found = {place for place, known in annotated.items() if valid_key(key) in known}
        found |= {"record"} if key in only_records else set()
        places[key] = found or {"record" if OTHER_KEYS in only_records else "ome"}
    return places


def _keys_in_records_only(element: ImageElement) -> set[str]:
    """Return the keys that the annotations list as too long for them."""
    keys: set[str] = set()
    for name in ("metadata", "metadata-by-plane"):
        text = element.annotations.get(name, {}).get(RECORDS_ONLY, "[]")
        try:
            keys.update(str(key) for key in json.loads(text))
        except (ValueError, TypeError, RecursionError) as error:
            raise OmeTiffError(f"the OME-XML contains {text[:80]!r} instead of a list of keys") from error
    return keys


def _kinds(
    data: OpenDataset,
) -> Iterator[tuple[ImageElement | None, tuple[str, ...], Mapping[str, object], int]]:
    """Yield one frame's metadata for each image and set of keys, with the number of such frames."""
    for image in data.images:
        counts: Counter[tuple[str, ...]] = Counter()
        examples: dict[tuple[str, ...], Mapping[str, object]] = {}
        numbers = image.layout.frames
        for number in np.sort(numbers[numbers >= 0]).tolist():
            tags: Mapping[str, object] = decode_tags(data.frames.note(number))
            keys = tuple(flat(tags))
            counts[keys] += 1
            examples.setdefault(keys, tags)
        for keys, tags in examples.items():
            yield image.element, keys, tags, counts[keys]
