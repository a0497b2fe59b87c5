"""The numbers of frames by their coordinates, while frames are added."""

from array import array
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import NamedTuple, TypeAlias

import numpy as np

from exengine_ome_tiff.coordinates.columns import Column, CoordinateTable, Numbers, Part, smallest, split
from exengine_ome_tiff.coordinates.keys import Axes, FrameNumber, Key

_BLOCK_BITS = 4
_BLOCK = 1 << _BLOCK_BITS
"""How many values along the counting axis a block has."""
_LANE = _BLOCK - 1
_EMPTY_BLOCK = array("q", [-1]) * _BLOCK
_FIRST_CHECK = 4096
"""A dataset of fewer frames has no blocks."""
_SAMPLE = 1024
_LEAST_FILLED = 4
"""How many frames a block has on average, at least: an empty block takes as much memory as two keys."""

Block: TypeAlias = "array[int]"
"""Numbers of frames by the lower bits of their value along the counting axis; -1 for no frame."""


class _Books(NamedTuple):
    """The collections of numbers, replaced at once, so that other threads never see half of a change."""

    by_key: dict[Key, FrameNumber]
    blocks: dict[Key, Block]
    """By keys that have the upper bits of the value along the counting axis."""
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

    One thread at a time may add frames. Any thread may read, also while frames are added.

    Parameters
    ----------
    axes
        Makes the keys.
    """

    def __init__(self, axes: Axes) -> None:
        self._axes = axes
        self._books = _Books({}, {}, {})
        self._replaced: list[_Replaced] = []
        self._next_check = _FIRST_CHECK

    @property
    def n_replaced(self) -> int:
        """Number of frames that later ones have replaced."""
        return len(self._replaced)

    def put(self, key: Key, number: FrameNumber) -> bool:
        """Note the number of the next frame; return whether it replaces another one."""
        by_key, blocks, slots = self._books
        slot = slots.get(key[0])  # type: ignore[arg-type] # an int; no call for each frame
        if slot is not None and type(at := key[slot]) is int:
            where: Key = (*key[:slot], at >> _BLOCK_BITS, *key[slot + 1 :])  # type: ignore[assignment]
            block = blocks.get(where)
            if block is None:
                block = _EMPTY_BLOCK[:]
                block[at & _LANE] = number
                blocks[where] = block  # last: another thread may look for the frame
                return False
            before = block[at & _LANE]
            if before >= 0:
                self._replaced.append(_Replaced(FrameNumber(before), number, key))
            block[at & _LANE] = number
            return before >= 0
        before = by_key.setdefault(key, number)
        if before != number:
            self._replaced.append(_Replaced(before, number, key))
            by_key[key] = number
            return True
        if len(by_key) >= self._next_check:
            self._look_for_counting_axes()
        return False

    def get(self, key: Key) -> FrameNumber | None:
        """Return the number of the latest frame with a key; None if there is none."""
        by_key, blocks, slots = self._books
        place = _place(key, slots) if slots else None
        if place is None:
            return by_key.get(key)
        block = blocks.get(place[0])
        number = -1 if block is None else block[place[1]]
        return None if number < 0 else FrameNumber(number)

    def until(self, count: int) -> "FrameNumbers":
        """Return a copy with the first `count` frames only; no frame may be added meanwhile."""
        other = FrameNumbers(self._axes)
        by_key, blocks, slots = self._books
        other._books = _Books(by_key.copy(), {where: block[:] for where, block in blocks.items()}, slots)
        other._next_check = self._next_check
        other._replaced = [each for each in self._replaced if each.by < count]
        later = self._replaced[len(other._replaced) :]
        for number, _, key in reversed(later):
            other._set(key, number)
        other._remove_from(count)
        return other

    def latest(self, start: int = 0) -> tuple[CoordinateTable, Numbers]:
        """Return coordinates and numbers of the latest frames at all coordinates, in order of first arrival.

        Parameters
        ----------
        start
            How many of the first ones to leave out.
        """
        first_of = _first_of(self._replaced[:])
        by_key, blocks, slots = self._books
        # copies, because another thread may add a frame
        by_key, blocks = by_key.copy(), blocks.copy()
        least = 0 if first_of else start  # without replaced frames, numbers count the different coordinates
        tables = [
            _sorted_table(*each, first_of) for each in _tables_of_blocks(blocks, slots, self._axes, least)
        ]
        if by_key:
            keys, numbers = [*by_key], np.fromiter(by_key.values(), np.int64, len(by_key))
            kept = np.flatnonzero(numbers >= least)
            if len(kept) < len(keys):
                keys, numbers = [keys[at] for at in kept.tolist()], numbers[kept]
            tables.append((CoordinateTable.of(keys, self._axes), numbers))
        if not tables:
            return CoordinateTable(0, []), np.zeros(0, np.int64)
        numbers = np.concatenate([each for _, each in tables])
        order = np.argsort(_first_numbers(numbers, first_of))
        table = CoordinateTable.joined([table for table, _ in tables], order)
        kept = np.arange(start - least, len(order))
        return table if len(kept) == len(order) else table.take(kept), numbers[order[kept]]

    def replaced(self) -> tuple[CoordinateTable, Numbers]:
        """Return coordinates and numbers of the frames that later ones have replaced."""
        keys = [each.key for each in self._replaced]
        return CoordinateTable.of(keys, self._axes), np.array([each.number for each in self._replaced])

    def _set(self, key: Key, number: FrameNumber) -> None:
        by_key, blocks, slots = self._books
        place = _place(key, slots)
        if place is None:
            by_key[key] = number
        else:
            blocks[place[0]][place[1]] = number

    def _remove_from(self, count: int) -> None:
        """Remove all numbers from `count` on."""
        by_key, blocks, slots = self._books
        for where, block in [*blocks.items()]:
            if max(block) >= count:
                blocks[where] = array("q", [number if number < count else -1 for number in block])
        self._books = _Books({key: each for key, each in by_key.items() if each < count}, blocks, slots)

    def _look_for_counting_axes(self) -> None:
        """Move frames from the dict into blocks, where their sets of axes have an axis for that."""
        by_key, blocks, slots = self._books
        self._next_check = 2 * len(by_key)
        sample: dict[int, list[Key]] = {}
        for key in islice(reversed(by_key), _SAMPLE):
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
                blocks.setdefault(place[0], _EMPTY_BLOCK[:])[place[1]] = number
        self._books = _Books(rest, blocks, {**slots, **new})


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


def _tables_of_blocks(
    blocks: Mapping[Key, Block], slots: Mapping[int, int], axes: Axes, least: int
) -> list[tuple[CoordinateTable, Numbers]]:
    """Return coordinates and numbers of the frames in blocks, by their sets of axes, from a number on."""
    wheres = [*blocks]
    data = b"".join([block.tobytes() for block in blocks.values()])
    numbers = np.frombuffer(data, np.int64).reshape(-1, _BLOCK)
    tables = []
    for set_number, rows in split(np.fromiter((where[0] for where in wheres), np.int64, len(wheres))):
        at, lanes = np.nonzero(numbers[rows] >= least)
        columns = []
        for slot, values in enumerate(zip(*(wheres[row] for row in rows.tolist()), strict=True)):
            column = Column.of(values).take(at)
            if slot == slots[set_number]:
                column = Column(column.data << _BLOCK_BITS | lanes)
            columns.append(Column(smallest(column.data), column.values))
        part = Part(axes.names[set_number], np.arange(len(at)), tuple(columns[1:]))
        tables.append((CoordinateTable(len(at), [part]), numbers[rows[at], lanes]))
    return tables


def _sorted_table(
    table: CoordinateTable, numbers: Numbers, first_of: Mapping[int, int]
) -> tuple[CoordinateTable, Numbers]:
    """Sort frames by first arrival."""
    order = np.argsort(_first_numbers(numbers, first_of))
    return table.take(order), numbers[order]


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
