"""Why there is no frame at some coordinates, for the message of an error."""

from collections.abc import Iterator, Sequence

from exengine_ome_tiff.coordinates.columns import Column, CoordinateTable
from exengine_ome_tiff.coordinates.keys import Coordinates, place_text, value_text
from exengine_ome_tiff.text_format import list_text, shortened

_LONG_PLACE, _LONG_VALUE = 200, 40
_MOST_AXES, _MOST_VALUES = 3, 20


def absent_frame_text(
    wanted: Coordinates, axes: Sequence[tuple[str, ...]], table: CoordinateTable | None
) -> str:
    """Describe what no frame has: an axis, a value along an axis, or the values together.

    Parameters
    ----------
    wanted
        Coordinates without a frame.
    axes
        Axis names of each set of axes that frames have.
    table
        Coordinates of the frames; None to leave out values, which takes no time.
    """
    reasons = [*_reasons(wanted, axes, table)]
    why = f": {'; '.join(reasons)}" if reasons else ""
    return f"no frame at {shortened(place_text(wanted), _LONG_PLACE)}{why}"


def _reasons(
    wanted: Coordinates, axes: Sequence[tuple[str, ...]], table: CoordinateTable | None
) -> Iterator[str]:
    if not axes:
        yield "there is no frame yet"
        return
    if frozenset(wanted) not in map(frozenset, axes):
        known = dict.fromkeys(name for names in axes for name in names)
        unknown = [axis for axis in wanted if axis not in known]
        if unknown:
            yield f"no frame has an axis {_listed(unknown)}; the axes are {_listed([*known]) or 'none'}"
            return
        sets = [" and ".join(map(_short, names)) or "none" for names in axes]
        yield f"the axes of frames are {list_text([*dict.fromkeys(sets)])}"
        return
    part = None if table is None else next((each for each in table.parts if {*each.names} == {*wanted}), None)
    if part is None:
        return
    columns = dict(zip(part.names, part.columns, strict=True))
    unknown = [axis for axis in wanted if not _is_in(columns[axis], wanted[axis])]
    for axis in unknown[:_MOST_AXES]:
        yield f"{_short(axis)} {_not_there_text(wanted[axis], columns[axis])}"
    if not unknown:
        yield "there are frames with each of these values, but none with all of them"


def _is_in(column: Column, value: int | str) -> bool:
    if column.values is not None:
        return value in column.values
    return isinstance(value, int) and bool((column.data == value).any())


def _not_there_text(value: int | str, column: Column) -> str:
    """Compare a value with those along an axis: a range of integers, or the first few values."""
    text = _short(value_text(value))
    if column.values is not None:
        return f"{text} is not one of {_listed([value_text(each) for each in column.values[:_MOST_VALUES]])}"
    low, high = int(column.data.min()), int(column.data.max())
    if isinstance(value, int) and low < value < high:
        return f"{text} is one of the gaps from {low} to {high}"
    return f"{text} is not in {low} to {high}"


def _listed(texts: Sequence[str]) -> str:
    return list_text([*map(_short, texts)])


def _short(text: str) -> str:
    return shortened(text, _LONG_VALUE)
