"""JSON of metadata of which most is the same as in the frame before."""

from itertools import compress, count
from json.encoder import encode_basestring_ascii as encode_text
from operator import is_not
from typing import NamedTuple

from exengine_ome_tiff.storage.records import encode_json, to_json

_SCALARS = frozenset((str, int, float, bool, type(None)))
"""Types whose values never change."""


class _Last(NamedTuple):
    """Metadata that was encoded: each value has a head with its key, and a part of the text."""

    keys: tuple[object, ...]
    values: list[object]
    heads: list[str]
    parts: list[str]
    text: str


class RepeatedMetadata:
    """Encodes metadata of one frame after the other; for one thread at a time.

    Of a dict of plain values that has the keys of the one before only the values are encoded that are other
    objects than those before. All else goes to `to_json`, which gives the same text.
    """

    def __init__(self) -> None:
        self._last = _Last((), [], [], [], "")

    def to_json(self, metadata: object) -> tuple[str, object]:
        """Turn metadata into JSON; see `records.to_json`."""
        if type(metadata) is not dict or not metadata:
            return to_json(metadata)
        last, keys, values = self._last, tuple(metadata), list(metadata.values())
        if keys == last.keys:
            others = [*compress(count(), map(is_not, values, last.values))]
            if not others:
                return last.text, metadata
            heads, parts = last.heads, last.parts.copy()
        elif all(type(key) is str for key in keys):
            heads, parts = [f"{encode_json(key)}:" for key in keys], [""] * len(values)
            others = list(range(len(values)))
        else:
            return to_json(metadata)
        if not _SCALARS.issuperset([type(values[index]) for index in others]):
            return to_json(metadata)
        try:
            for index in others:
                value = values[index]
                parts[index] = heads[index] + (
                    encode_text(value) if type(value) is str else encode_json(value)
                )
        except ValueError:  # an integer of thousands of digits
            return to_json(metadata)
        text = f"{{{','.join(parts)}}}"
        self._last = _Last(keys, values, heads, parts, text)  # at once, whatever interrupts us
        return text, metadata
