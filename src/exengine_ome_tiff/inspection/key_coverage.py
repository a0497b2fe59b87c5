"""Which keys the metadata of frames has, how many frames have each, and where the values are in a file."""

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
from exengine_ome_tiff.translate.tags import flat

Place: TypeAlias = Literal["ome", "annotation", "annotation by plane", "record"]
PLACES: tuple[Place, ...] = ("ome", "annotation", "annotation by plane", "record")


@dataclass(frozen=True, slots=True)
class KeyCoverage:
    """A key of the metadata of frames.

    Parameters
    ----------
    key
        Keys of nested dicts are joined with dots.
    frames
        Number of frames that have it.
    places
        Places of its values beside the exact record: "ome" in elements of OME, "annotation" and "annotation
        by plane" in annotations of images. Only "record": nowhere else, as far as the translators know that
        are installed here.
    """

    key: str
    frames: int
    places: tuple[Place, ...]


def coverage(data: OpenDataset) -> tuple[KeyCoverage, ...]:
    """Count the keys of all frames, in the order in which they first came."""
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
    """Find the places of the values of a frame's keys, in the OME-XML of its image if there is any."""
    if not isinstance(metadata, Mapping):
        return {}
    keys = dict.fromkeys(flat(metadata))
    if element is None:
        return {key: {"record"} for key in keys}
    constant, by_plane = element.constant_keys, element.plane_keys
    only_records = _keys_in_records_only(element)
    places: dict[str, set[Place]] = {}
    for key in keys:
        escaped = valid_key(key)
        candidates: tuple[tuple[Place, bool], ...] = (
            ("annotation", escaped in constant),
            ("annotation by plane", escaped in by_plane),
            ("record", key in only_records),
        )
        found = {place for place, is_there in candidates if is_there}
        places[key] = found or {"record" if OTHER_KEYS in only_records else "ome"}
    return places


def _keys_in_records_only(element: ImageElement) -> set[str]:
    """Return the keys that the annotations name as too long for them."""
    keys: set[str] = set()
    for name in ("metadata", "metadata-by-plane"):
        text = element.annotations.get(name, {}).get(RECORDS_ONLY, "[]")
        try:
            keys.update(str(key) for key in json.loads(text))
        except (ValueError, TypeError, RecursionError) as error:
            raise OmeTiffError(f"the OME-XML has {text[:80]!r} in place of a list of keys") from error
    return keys


def _kinds(
    data: OpenDataset,
) -> Iterator[tuple[ImageElement | None, tuple[str, ...], Mapping[str, object], int]]:
    """Yield for each image and each set of keys in it the metadata of a frame, and how many there are."""
    for image in data.images:
        counts: Counter[tuple[str, ...]] = Counter()
        examples: dict[tuple[str, ...], Mapping[str, object]] = {}
        numbers = image.stored.layout.frames
        for number in np.sort(numbers[numbers >= 0]).tolist():
            tags: Mapping[str, object] = decode_tags(data.frames.note(number))
            keys = tuple(flat(tags))
            counts[keys] += 1
            examples.setdefault(keys, tags)
        for keys, tags in examples.items():
            yield image.element, keys, tags, counts[keys]
