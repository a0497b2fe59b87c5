"""Encodes metadata as JSON, reusing the text of values that have not changed."""

import json
import logging
from collections.abc import Collection
from itertools import compress, count
from json.encoder import encode_basestring_ascii as encode_text
from math import isfinite
from operator import is_not
from pathlib import Path
from typing import TypeAlias

from exengine_ome_tiff.dataset.privacy import PRIVATE, without
from exengine_ome_tiff.dataset.records import encode_json, to_json

logger = logging.getLogger(__name__)

_SCALARS = frozenset((str, int, float, bool, type(None)))
"""Types with immutable values."""


Encoded: TypeAlias = tuple[str, object, Collection[str] | None]
"""Metadata of a frame as JSON; the same as JSON types; and the keys of values that differ from the previous
frame if both are dicts with the same keys, otherwise None."""


class MetadataEncoder:
    """Encodes the metadata of consecutive frames; for one thread at a time.

    If a dict of plain values has the same keys as the previous one, only texts that differ and other values
    that are different objects are encoded. All other metadata is passed to `to_json`, which returns the same
    text.

    Parameters
    ----------
    exclude
        Names of keys to remove; see `privacy.without`.
    excluded
        Names of which keys have been removed already.
    """

    def __init__(self, exclude: Collection[str] = (), excluded: Collection[str] = ()) -> None:
        self._exclude = exclude
        self._excluded = {*excluded}
        self._logged: set[str] = set()
        """Types without a JSON form that have been logged."""
        self.forget()

    def log_unused(self, path: Path) -> None:
        """Log names to exclude, except `PRIVATE`, that no metadata of the dataset at `path` had."""
        for name in sorted({*self._exclude} - self._excluded - PRIVATE):
            logger.warning("%s: exclude_metadata= has %r, a key that no metadata has", path, name)

    def forget(self) -> None:
        """Encode the next frame like the first one."""
        self._last: tuple[tuple[object, ...], list[object], list[str], list[str]] = (), [], [], []
        """Keys and values of the last frame, the text of each key, and of each key with its value."""

    def encode(self, metadata: object) -> Encoded:
        """Convert metadata to JSON, without the excluded keys; see `records.to_json`."""
        if self._exclude:
            metadata = without(json.loads(to_json(metadata, self._logged)[0]), self._exclude, self._excluded)
        if type(metadata) is not dict or not metadata:
            return self._encode_any(metadata)
        last_keys, last_values, heads, last_parts = self._last
        keys, values = tuple(metadata), list(metadata.values())
        is_like_last = keys == last_keys
        if is_like_last:
            others = [
                index
                for index in compress(count(), map(is_not, values, last_values))
                if type(values[index]) is not str or values[index] != last_values[index]
            ]
            parts = last_parts.copy()
        elif all(type(key) is str for key in keys):
            heads, parts = [f"{encode_json(key)}:" for key in keys], [""] * len(values)
            others = list(range(len(values)))
        else:
            return self._encode_any(metadata)
        if not _SCALARS.issuperset([type(values[index]) for index in others]):
            return self._encode_any(metadata)
        try:
            for index in others:
                value = values[index]
                text = encode_text(value) if type(value) is str else _encode_scalar(value)
                parts[index] = heads[index] + text
        except ValueError:  # an integer of thousands of digits
            return self._encode_any(metadata)
        self._last = keys, values, heads, parts  # at once, whatever interrupts us
        changed = [keys[index] for index in others] if is_like_last else None
        return f"{{{','.join(parts)}}}", metadata, changed

    def _encode_any(self, metadata: object) -> Encoded:
        self.forget()
        return *to_json(metadata, self._logged), None


def _encode_scalar(value: object) -> str:
    """Do what `encode_json` does, in a tenth of the time for most numbers."""
    if type(value) is int or (type(value) is float and isfinite(value)):
        return repr(value)
    return encode_json(value)
