"""The numbers of frames by their coordinates, while frames are added."""

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.columns import Column, CoordinateTable, Numbers, Part, smallest, split
from exengine_ome_tiff.coordinates.keys import Axes, FrameNumber, Key

_BLOCK_BITS = 4
_BLOCK = 1 << _BLOCK_BITS
"""How many values along the counting axis a block has."""
_LANE = _BLOCK - 1
_EMPTY_BLOCK = array("q", [-1]) * _BLOCK
_FIRST_CHECK = 1024
"""A dataset of fewer frames has no blocks."""
_SAMPLE = 4096
_LEAST_FILLED = 4
"""How many frames a block has on average, at least: an empty block takes as much memory as two keys."""
_PART = 4096
"""How many blocks are read at a time."""
_ALL = 1 << 62
"""More frames than there are."""

Lanes: TypeAlias = "array[int]"
"""Numbers of frames, block by block; in a block by the lower bits of the value along the counting axis; -1
for no frame. All blocks are in one array, because Python's garbage collector visits every array."""


class _Books(NamedTuple):
    """The collections of numbers, replaced at once, so that other threads never see half of a change."""

    by_key: dict[Key, FrameNumber]
    blocks: dict[Key, int]
    """Index of the first lane of a block, by keys that have the upper bits of the value along that axis."""
    lanes: Lanes
    slots: Mapping[int, int]
    """By the number of a set of axes: the item of its keys that is the value along the counting axis."""


class _Replaced(NamedTuple):
    """A frame that a later one has replaced."""

    number: FrameNumber
    by: FrameNumber
    key: Key


class FrameNumbers:
    """Finds the number of the latest frame at each coordinates.

    A dict entry with a tuple takes almost 200 bytes per frame. In most acquisitions, integers count along at
    least one axis. Therefore, once there are many frames, the numbers of 16 neighbours along such an axis are
    in one array, which takes about 20 bytes per frame. Frames without such an axis stay in the dict.

    One thread at a time may add frames. Any thread may read, also while frames are added. Methods with the
    parameter `stop` return what they would have returned when there were `stop` frames.

    Parameters
    ----------
    axes
        Makes the keys.
    """

    def __init__(self, axes: Axes) -> None:
        self._axes = axes
        self._books = _Books({}, {}, array("q"), {})
        self._replaced: list[_Replaced] = []
        self._next_check = _FIRST_CHECK

    def n_replaced(self, stop: int = _ALL) -> int:
        """Return the number of frames that later ones have replaced."""
        return _n_before(self._replaced, stop)

    def put(self, key: Key, number: FrameNumber) -> bool:
        """Note the number of the next frame; return whether it replaces another one."""
        by_key, blocks, lanes, slots = self._books
        slot = slots.get(key[0])  # type: ignore[arg-type] # an int; no call for each frame
        if slot is not None and type(at := key[slot]) is int:
            where: Key = (*key[:slot], at >> _BLOCK_BITS, *key[slot + 1 :])  # type: ignore[assignment]
            start = blocks.get(where)
            if start is None:
                start = len(lanes)
                lanes.extend(_EMPTY_BLOCK)
                lanes[start | at & _LANE] = number
                blocks[where] = start  # last: another thread may look for the frame
                return False
            lane = start | at & _LANE
            before = lanes[lane]
            if before >= 0:
                self._replaced.append(_Replaced(FrameNumber(before), number, key))
            lanes[lane] = number
            return before >= 0
        before = by_key.setdefault(key, number)
        if before != number:
            self._replaced.append(_Replaced(before, number, key))
            by_key[key] = number
            return True
        if len(by_key) >= self._next_check:
            self._look_for_counting_axes()
        return False

    def get(self, key: Key, stop: int = _ALL) -> FrameNumber | None:
        """Return the number of the latest frame with a key; None if there is none."""
        by_key, blocks, lanes, slots = self._books
        place = _place(key, slots) if slots else None
        if place is None:
            number = by_key.get(key, -1)
        else:
            start = blocks.get(place[0])
            number = -1 if start is None else lanes[start | place[1]]
        if number >= stop:
            number = next((old for old, _, of in self._replaced[::-1] if old < stop and of == key), -1)
        return None if number < 0 else FrameNumber(number)

    def until(self, count: int) -> "FrameNumbers":
        """Return a copy with the first `count` frames only; no frame may be added meanwhile."""
        other = FrameNumbers(self._axes)
        by_key, blocks, lanes, slots = self._books
        other._books = _Books(by_key.copy(), blocks.copy(), lanes[:], slots)
        other._next_check = self._next_check
        n_replaced = self.n_replaced(count)
        other._replaced, later = self._replaced[:n_replaced], self._replaced[n_replaced:]
        for number, _, key in reversed(later):
            other._set(key, number)
        other._remove_from(count)
        return other

    def latest(self, start: int = 0, stop: int = _ALL) -> tuple[CoordinateTable, Numbers]:
        """Return coordinates and numbers of the latest frames at all coordinates, in order of first arrival.

        Parameters
        ----------
        start
            How many of the first ones to leave out.
        stop
            How many frames to consider.
        """
        by_key, blocks, lanes, slots = self._books
        # lists, because another thread may add a frame
        keys, wheres = [*by_key], [*blocks]
        numbers_of_keys, starts = [*by_key.values()], np.array([*blocks.values()], np.int64)
        n_replaced = self.n_replaced(stop)
        first_of = _first_of(self._replaced[:n_replaced])
        least = 0 if first_of else start  # without replaced frames, numbers count the different coordinates
        found = _tables_of_blocks(wheres, starts, lanes, slots, self._axes, range(least, stop))
        found += _tables_of_keys(keys, numbers_of_keys, self._axes, range(least, stop))
        # after all blocks were read, so that this has each number that another thread replaced meanwhile
        old = {number: key for number, _, key in self._replaced[n_replaced:] if least <= number < stop}
        for _, numbers in found if old else ():  # another thread may be replacing them
            for number in numbers[np.isin(numbers, [*old])].tolist():
                del old[number]
        if old:
            found.append((CoordinateTable.of([*old.values()], self._axes), np.array([*old])))
        table, numbers = _joined([_sorted_table(*each, first_of) for each in found], first_of)
        kept = np.arange(start - least, len(numbers))
        return (table, numbers) if len(kept) == len(numbers) else (table.take(kept), numbers[kept])

    def replaced(self, stop: int = _ALL) -> tuple[CoordinateTable, Numbers]:
        """Return coordinates and numbers of the frames that later ones have replaced."""
        replaced = self._replaced[: self.n_replaced(stop)]
        keys = [each.key for each in replaced]
        return CoordinateTable.of(keys, self._axes), np.array([each.number for each in replaced], np.int64)

    def _set(self, key: Key, number: FrameNumber) -> None:
        by_key, blocks, lanes, slots = self._books
        place = _place(key, slots)
        if place is None:
            by_key[key] = number
        else:
            lanes[blocks[place[0]] | place[1]] = number

    def _remove_from(self, count: int) -> None:
        """Remove all numbers from `count` on."""
        by_key, blocks, lanes, slots = self._books
        numbers = np.frombuffer(lanes, np.int64)
        numbers[numbers >= count] = -1
        self._books = _Books(
            {key: each for key, each in by_key.items() if each < count}, blocks, lanes, slots
        )

    def _look_for_counting_axes(self) -> None:
        """Move frames from the dict into blocks, where their sets of axes have an axis for that."""
        by_key, blocks, lanes, slots = self._books
        self._next_check = 2 * len(by_key)
        sample: dict[int, list[Key]] = {}
        for key in islice(reversed(by_key), _SAMPLE):
            if key[0] not in slots:  # otherwise its value along the counting axis is a text
                sample.setdefault(int(key[0]), []).append(key)
        found = {number: _counting_slot(keys) for number, keys in sample.items()}
        new = {number: slot for number, slot in found.items() if slot is not None}
        if not new:
            return
        rest, blocks = {}, blocks.copy()
        for key, number in by_key.items():
            place = _place(key, new)
            if place is None:
                rest[key] = number
            else:
                start = blocks.setdefault(place[0], len(lanes))
                if start == len(lanes):
                    lanes.extend(_EMPTY_BLOCK)
                lanes[start | place[1]] = number
        self._books = _Books(rest, blocks, lanes, {**slots, **new})


def _place(key: Key, slots: Mapping[int, int]) -> tuple[Key, int] | None:
    """Return the key of the block of a frame, and its place there; None if it belongs in the dict."""
    slot = slots.get(int(key[0]))
    if slot is None or not isinstance(at := key[slot], int):
        return None
    return _block_key(key, slot), at & _LANE


def _block_key(key: Key, slot: int) -> Key:
    return Key((*key[:slot], int(key[slot]) >> _BLOCK_BITS, *key[slot + 1 :]))


def _counting_slot(keys: Sequence[Key]) -> int | None:
    """Return the item of keys that leads to the fewest blocks; None if even these would be too many."""
    n_blocks = {
        slot: len({_block_key(key, slot) for key in keys})
        for slot, column in enumerate(zip(*keys, strict=True))
        if slot and len(distinct := {*column}) > 1 and all(isinstance(each, int) for each in distinct)
    }
    slot = min(n_blocks, key=n_blocks.__getitem__, default=None)
    return None if slot is None or n_blocks[slot] * _LEAST_FILLED > len(keys) else slot


def _n_before(replaced: Sequence[_Replaced], stop: int) -> int:
    """Return how many of the replaced frames were replaced when there were `stop` frames."""
    return bisect_left(replaced, stop, key=attrgetter("by"))


def _tables_of_blocks(
    wheres: Sequence[Key],
    starts: Numbers,
    lanes: Lanes,
    slots: Mapping[int, int],
    axes: Axes,
    numbers: range,
) -> list[tuple[CoordinateTable, Numbers]]:
    """Return coordinates and numbers of the frames in blocks, by their sets of axes."""
    tables = []
    for set_number, rows in split(np.fromiter((where[0] for where in wheres), np.int64, len(wheres))):
        chosen = rows.tolist()
        places, found = _filled(starts[rows], lanes, numbers)
        at = places >> _BLOCK_BITS
        columns = []
        for slot, _ in enumerate(axes.names[set_number], 1):
            column = Column.of([wheres[row][slot] for row in chosen])
            if slot == slots[set_number]:
                firsts = column.data << _BLOCK_BITS
                kind = smallest(np.array([firsts.min(), firsts.max() + _LANE])).dtype
                column = Column(firsts.astype(kind)[at] + (places & _LANE).astype(kind))
            else:
                column = Column(smallest(column.data)[at], column.values)
            columns.append(column)
        part = Part(axes.names[set_number], np.arange(len(at)), tuple(columns))
        tables.append((CoordinateTable(len(at), [part]), found))
    return tables


def _filled(starts: Numbers, lanes: Lanes, numbers: range) -> tuple[npt.NDArray[np.integer[Any]], Numbers]:
    """Return the places of the frames with the given numbers in consecutive blocks, and their numbers."""
    kind = np.int32 if len(starts) < 1 << 31 - _BLOCK_BITS else np.int64
    places, found = [np.zeros(0, kind)], [np.zeros(0, np.int64)]
    for first in range(0, len(starts), _PART):
        some = starts[first : first + _PART]
        low, high = int(some.min()), int(some.max()) + _BLOCK
        # a copy, because an array with a view cannot grow
        blocks = np.frombuffer(lanes[low:high], np.int64).reshape(-1, _BLOCK)[some - low >> _BLOCK_BITS]
        there = np.flatnonzero((blocks >= numbers.start) & (blocks < numbers.stop))
        places.append((there + (first << _BLOCK_BITS)).astype(kind))
        found.append(blocks.ravel()[there])
    return np.concatenate(places), np.concatenate(found)


def _tables_of_keys(
    keys: Sequence[Key], numbers_of_keys: Sequence[FrameNumber], axes: Axes, numbers: range
) -> list[tuple[CoordinateTable, Numbers]]:
    """Return coordinates and numbers of the frames in the dict; there may be more numbers than keys."""
    tables = []
    for first in range(0, len(keys), _PART * _BLOCK):
        some = keys[first : first + _PART * _BLOCK]
        found = np.array(numbers_of_keys[first : first + len(some)], np.int64)
        kept = np.flatnonzero((found >= numbers.start) & (found < numbers.stop))
        some = some if len(kept) == len(some) else [some[at] for at in kept.tolist()]
        tables.append((CoordinateTable.of(some, axes), found[kept]))
    return tables


def _sorted_table(
    table: CoordinateTable, numbers: Numbers, first_of: Mapping[int, int]
) -> tuple[CoordinateTable, Numbers]:
    """Sort frames by first arrival."""
    firsts = _first_numbers(numbers, first_of)
    if (firsts[1:] > firsts[:-1]).all():
        return table, numbers
    order = np.argsort(firsts)
    return table.take(order), numbers[order]


def _joined(
    tables: Sequence[tuple[CoordinateTable, Numbers]], first_of: Mapping[int, int]
) -> tuple[CoordinateTable, Numbers]:
    """Merge tables of frames, each in order of first arrival."""
    if len(tables) == 1:
        return tables[0]
    numbers = np.concatenate([np.zeros(0, np.int64), *(each for _, each in tables)])
    order = np.argsort(_first_numbers(numbers, first_of))
    return CoordinateTable.joined([table for table, _ in tables], order), numbers[order]


def _first_of(replaced: Sequence[_Replaced]) -> dict[int, int]:
    """Return for each frame that replaces another one the number of the first frame at its coordinates."""
    first_of: dict[int, int] = {}
    for number, by, _ in replaced:
        first_of[by] = first_of.get(number, number)
    return first_of


def _first_numbers(numbers: Numbers, first_of: Mapping[int, int]) -> Numbers:
    """Return for the latest frame at each coordinates the number of the first one there."""
    if not first_of:
        return numbers
    firsts = numbers.copy()
    at = np.flatnonzero(np.isin(numbers, [*first_of]))
    firsts[at] = [first_of[number] for number in numbers[at].tolist()]
    return firsts
