"""Tags of frames with the same keys: constant tags are stored once, the others in columns."""

import json
import math
from array import array
from collections.abc import Collection, Iterable, Mapping
from copy import copy, deepcopy
from itertools import accumulate
from json.encoder import encode_basestring_ascii as encode_text
from operator import itemgetter
from sys import getsizeof
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.pieces import pieces
from exengine_ome_tiff.translate.translator import Tags

_MAX_CHARACTERS = 1 << 22
"""Total length of the values of a tag beyond 64 characters a frame; longer ones stay in the records."""
_CHARACTERS_A_FRAME = 64
_CHUNK_ROWS, _CHUNK_BYTES = 1024, 1 << 22
_MOST_BOUND = 1 << 32
_SAMPLE = 8
"""One row out of this many is measured."""
NULL = "null"
"""The JSON of a missing value."""
_SCALARS = frozenset((str, int, float, bool, type(None)))


class _Texts(NamedTuple):
    """The JSON of values, joined, and the bounds of each."""

    joined: str
    bounds: "array[int]"


Rows: TypeAlias = npt.NDArray[np.integer[Any]]
"""Rows of frames among those with the same keys."""

_Packed: TypeAlias = "array[float] | array[int] | _Texts | str | None"
"""Values of a chunk: numbers, the JSON of each, or one JSON of equal values; None if too long."""


class TagColumns:
    """Tags of frames whose metadata has the same keys.

    Parameters
    ----------
    tags
        Tags of the first frame.
    """

    def __init__(self, tags: Tags) -> None:
        self.keys = tuple(tags)
        # a copy, because the caller may change a list
        self._epochs = [_Epoch(0, {key: deepcopy(value) for key, value in tags.items()}, ())]
        self._too_long: set[str] = set()
        self._characters = dict.fromkeys(tags, 0)

    def add(self, tags: Tags, changed: Collection[str] | None = None) -> int:
        """Keep the tags of the next frame; return its row.

        Parameters
        ----------
        tags
            Flat metadata with the keys of the first frame.
        changed
            Keys of the values that differ from those of the previous frame; None if unknown.
        """
        epoch = self._epochs[-1]
        if (changed is None or not epoch.constant.keys().isdisjoint(changed)) and epoch.differs(tags):
            epoch = self._begin(tags)
        if epoch.get is None:
            epoch.count += 1
            return epoch.first + epoch.count - 1
        row = epoch.get(tags)
        if changed is None:
            row = tuple([value if type(value) in _SCALARS else _Json(strict_json(value)) for value in row])
        rows = epoch.rows
        rows.append(row)
        last = len(rows)
        number = epoch.first + epoch.count + last - 1
        if not last % _SAMPLE:
            epoch.size += _SAMPLE * sum(map(getsizeof, row))
            if last == _CHUNK_ROWS or epoch.size > _CHUNK_BYTES:
                self._pack(epoch)
        return number

    def snapshot(self) -> "TagColumns":
        """Return a copy that later frames do not change; do not add frames meanwhile."""
        other = TagColumns({})
        other.keys = self.keys
        other._epochs = [*self._epochs[:-1], self._epochs[-1].snapshot()]
        other._too_long, other._characters = {*self._too_long}, dict(self._characters)
        return other

    def constant_text(self, key: str) -> str | None:
        """Return the JSON of a tag that is the same in all frames, else None."""
        constant = self._epochs[-1].constant
        return strict_json(constant[key]) if key in constant else None

    def texts(self, key: str, rows: Rows) -> npt.NDArray[np.object_]:
        """Return the JSON of a tag in rows, shape (rows,)."""
        text = self.constant_text(key)
        if text is not None:
            return repeated_text(text, len(rows))
        self._pack(self._epochs[-1])
        chunks = [chunk for epoch in self._epochs for chunk in epoch.column(key)]
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        bounds = np.searchsorted(ordered, [first for first, _ in chunks]).tolist()
        texts = np.empty(len(rows), object)
        for (first, packed), start, stop in zip(chunks, bounds, [*bounds[1:], len(rows)], strict=True):
            if start < stop:
                texts[order[start:stop]] = _unpacked(packed, ordered[start:stop] - first)
        return texts

    def distinct(self, keys: Iterable[str], rows: Rows) -> tuple[npt.NDArray[np.int32], list[dict[str, str]]]:
        """Group frames by the values of some tags.

        Parameters
        ----------
        keys
            Keys of the tags.
        rows
            Rows of the frames, shape (n,).

        Returns
        -------
        ndarray
            For each frame the number of its set of values; shape (n,).
        list of dict
            The JSON of each set, by number, in order of first frames.
        """
        constant, varying = {}, []
        for key in keys:
            text = self.constant_text(key)
            if text is None:
                varying.append(key)
            else:
                constant[key] = text
        if not varying:
            return np.broadcast_to(np.int32(0), len(rows)), [constant]
        numbers: dict[tuple[str, ...], int] = {}
        which = np.empty(len(rows), np.int32)
        for part in pieces(len(rows)):
            columns = [self.texts(key, rows[part]).tolist() for key in varying]
            which[part] = [numbers.setdefault(values, len(numbers)) for values in zip(*columns, strict=True)]
        return which, [constant | dict(zip(varying, values, strict=True)) for values in numbers]

    def tags(self, row: int) -> dict[str, Any]:
        """Return the tags of a frame after a round trip through JSON, except those that are too long."""
        rows = np.array([row])
        return {key: json.loads(self.texts(key, rows)[0]) for key in self.keys if not self.is_too_long(key)}

    def is_too_long(self, key: str) -> bool:
        """Whether the values of a tag are too long to be kept."""
        self._pack(self._epochs[-1])
        return key in self._too_long

    def _begin(self, tags: Tags) -> "_Epoch":
        """Begin an epoch, because a tag that was constant differs."""
        last = self._epochs[-1]
        self._pack(last)
        same = {
            key: value
            for key, value in last.constant.items()
            if tags[key] == value and type(tags[key]) is type(value)
        }
        epoch = _Epoch(last.first + last.count, same, tuple(key for key in self.keys if key not in same))
        self._epochs.append(epoch)
        return epoch

    def _pack(self, epoch: "_Epoch") -> None:
        """Pack the last rows of an epoch into a chunk."""
        if not epoch.rows:
            return
        packed: list[_Packed] = []
        for key, column in zip(epoch.varying, zip(*epoch.rows, strict=True), strict=True):
            each = None if key in self._too_long else _packed(column)
            if isinstance(each, _Texts):
                self._characters[key] += len(each.joined) - _CHARACTERS_A_FRAME * len(column)
                if self._characters[key] > _MAX_CHARACTERS:
                    self._too_long.add(key)
                    each = None
            packed.append(each)
        chunks, count = [*epoch.chunks, (epoch.first + epoch.count, packed)], epoch.count + len(epoch.rows)
        # in one statement, so that an interrupt leaves a consistent state
        epoch.chunks, epoch.count, epoch.rows, epoch.size = chunks, count, [], 0


class _Json(str):
    """The JSON of a mutable value."""

    __slots__ = ()


class _Epoch:
    """Consecutive frames with the same constant tags."""

    def __init__(self, first: int, constant: Mapping[str, object], varying: tuple[str, ...]) -> None:
        self.first = first
        """Row of the first frame."""
        self.constant = constant
        self.varying = varying
        self.get = _getter(varying)
        self.chunks: list[tuple[int, list[_Packed]]] = []
        """First row of each chunk, and its columns of varying tags."""
        self.rows: list[tuple[object, ...]] = []
        """Varying tags of the last frames, not packed yet."""
        self.size = 0
        self.count = 0
        """Number of frames before the rows."""
        self._get_constant = _getter(tuple(constant))
        self._expected = self._get_constant(constant) if self._get_constant is not None else ()

    def snapshot(self) -> "_Epoch":
        """Return a copy without later frames."""
        other = copy(self)
        other.rows = [*self.rows]
        return other

    def differs(self, tags: Tags) -> bool:
        """Whether any of the constant tags differs in a frame."""
        if self._get_constant is None:
            return False
        values = self._get_constant(tags)
        return values != self._expected or [*map(type, values)] != [*map(type, self._expected)]

    def column(self, key: str) -> list[tuple[int, _Packed]]:
        """Return the first row and the values of a tag in each chunk."""
        if key in self.constant:
            return [(self.first, strict_json(self.constant[key]))]
        index = self.varying.index(key)
        return [(first, packed[index]) for first, packed in self.chunks]


def _getter(keys: tuple[str, ...]) -> Any:
    """Return a function that takes a tuple of values from tags; None without keys."""
    if len(keys) == 1:
        (key,) = keys
        return lambda tags: (tags[key],)
    return itemgetter(*keys) if keys else None


def _packed(values: tuple[Any, ...]) -> _Packed:
    kinds = {*map(type, values)}
    try:
        if kinds == {float}:
            return array("d", values)
        if kinds == {int}:
            return array("q", values)
    except OverflowError:
        pass
    if kinds == {str}:
        texts = [*map(encode_text, values)]
    else:
        texts = [value if isinstance(value, _Json) else strict_json(value) for value in values]
    joined = "".join(texts)
    kind = "I" if len(joined) < _MOST_BOUND else "Q"
    return _Texts(joined, array(kind, accumulate(map(len, texts), initial=0)))


def _unpacked(packed: _Packed, rows: Rows) -> list[str]:
    """Return the JSON of values by their rows in a chunk."""
    if packed is None or isinstance(packed, str):
        return [packed or NULL] * len(rows)
    if isinstance(packed, _Texts):
        bounds = np.frombuffer(packed.bounds, packed.bounds.typecode)
        spans = zip(bounds[rows].tolist(), bounds[rows + 1].tolist(), strict=True)
        return [packed.joined[start:stop] for start, stop in spans]
    values = np.frombuffer(packed, packed.typecode)[rows]
    return [*map(repr if np.isfinite(values).all() else strict_json, values.tolist())]


def strict_json(value: object) -> str:
    """Encode JSON, with NaN and infinities as text."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(_without_nan(value))


def _without_nan(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    return [_without_nan(item) for item in value] if isinstance(value, list | tuple) else value


def json_list(texts: Iterable[str]) -> str:
    """Join the JSON of values to the JSON of a list, which takes a fifth of their memory."""
    return f"[{','.join(texts)}]"


def repeated_text(text: str, count: int) -> npt.NDArray[np.object_]:
    """Repeat one text, shape (count,); `numpy.full` would copy it."""
    texts = np.empty(count, object)
    texts.fill(text)
    return texts
