"""The plan of an acquisition: which frames are to come."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import prod
from typing import Any, NamedTuple, Self, TypeAlias

from exengine_ome_tiff.coordinates.axis_names import standard_name
from exengine_ome_tiff.coordinates.axis_text import coordinates_text
from exengine_ome_tiff.coordinates.event_coordinates import EventCoordinates
from exengine_ome_tiff.coordinates.keys import Coordinates, read_coordinates

Values: TypeAlias = tuple[int | str, ...]
_Product: TypeAlias = tuple[tuple[int | str, ...], ...]

_MOST_EVENTS = 10_000_000
_MOST_VALUES = 1_000_000
"""Of an axis. A file that was damaged may tell any number."""
_ACQUIRES = "acquire_image"


class MissingFrames(NamedTuple):
    """What of a plan did not come."""

    n_planned: int
    n_missing: int
    values: list[str]
    """Such as "time=8": values along an axis of which no frame came at all."""


@dataclass(frozen=True, slots=True)
class AcquisitionPlan:
    """The frames that are to come, as few products of values along axes.

    Parameters
    ----------
    products
        Axis to its values, each combination of which is a frame.
    """

    products: tuple[Mapping[str, Values], ...]

    @classmethod
    def of(cls, plan: object) -> Self | None:
        """Read what a user gives as a plan.

        Parameters
        ----------
        plan
            Axis to the number of its values or to the values; or a `useq.MDASequence`, or any other sequence
            of its events. None, and a sequence without events, is no plan.

        Raises
        ------
        TypeError
            It is something else, or an axis has values that are none.
        ValueError
            An axis has no value, or the plan has no axis or no end.
        """
        if plan is None:
            return None
        if isinstance(plan, Mapping):
            if not plan:
                raise ValueError("got plan={}, expected axes with the numbers of their values")
            return cls(({axis: _values(axis, along) for axis, along in plan.items()},))
        if isinstance(plan, Iterator) or not isinstance(plan, Iterable):
            kind = type(plan).__name__
            raise TypeError(f"got a plan of type {kind}, expected a dict of sizes or a useq.MDASequence")
        events = [*islice(plan, _MOST_EVENTS + 1)]
        if len(events) > _MOST_EVENTS:
            raise ValueError(f"the plan has more than {_MOST_EVENTS} events")
        coordinates = EventCoordinates()
        try:
            frames = [coordinates.of(event) for event in events if _acquires(event)]
        except AttributeError as error:
            raise TypeError(f"got a plan of {events[0]!r}, expected events of useq") from error
        return cls(tuple(_products(frames))) if frames else None

    @property
    def n_frames(self) -> int:
        """How many frames are planned."""
        return sum(prod(map(len, product.values())) for product in self.products)

    def missing(self, frames: Iterable[Coordinates], names: Mapping[str, str]) -> MissingFrames:
        """Compare the plan with the frames that came; axes that it does not have do not count.

        Parameters
        ----------
        frames
            Their coordinates.
        names
            Spellings of axes in these, to the standard names.
        """
        came: list[set[Values]] = [set() for _ in self.products]
        wanted = [
            [(standard_name(axis), frozenset(along)) for axis, along in product.items()]
            for product in self.products
        ]
        for frame in frames:
            place = {names.get(axis, axis): value for axis, value in frame.items()}
            for product, found in zip(wanted, came, strict=True):
                if all(place.get(axis) in along for axis, along in product):
                    found.add(tuple([place[axis] for axis, _ in product]))
        n_missing = self.n_frames - sum(map(len, came))
        values = [text for pair in zip(self.products, came, strict=True) for text in _absent(*pair)]
        return MissingFrames(self.n_frames, n_missing, [*dict.fromkeys(values)])

    def to_json(self) -> list[dict[str, int | list[int | str]]]:
        """Return what JSON keeps: an axis of 0, 1, 2, ... as the number of its values."""
        return [
            {axis: len(along) if along == (*range(len(along)),) else [*along] for axis, along in each.items()}
            for each in self.products
        ]

    @classmethod
    def from_json(cls, written: list[dict[str, Any]]) -> Self:
        """Read what `to_json` made; errors as for `of`."""
        return cls(tuple({axis: _values(axis, along) for axis, along in each.items()} for each in written))


def _values(axis: str, given: object) -> Values:
    """Return the values along an axis, from how many they are or from themselves."""
    along: Values
    if hasattr(given, "__index__") and not isinstance(given, bool):
        count = int(given)
        if count > _MOST_VALUES:
            raise ValueError(f"plan: axis {axis!r} has {count} values, expected at most {_MOST_VALUES}")
        along = (*range(count),)
    elif isinstance(given, Sequence) and not isinstance(given, str):
        along = (*dict.fromkeys(read_coordinates({axis: each})[axis] for each in given),)
    else:
        raise TypeError(f"plan: axis {axis!r} has {given!r}, expected the number of its values, or these")
    if not along:
        raise ValueError(f"plan: axis {axis!r} has no value")
    return along


def _acquires(event: object) -> bool:
    """Whether an event records a frame; one of autofocus does not."""
    return getattr(getattr(event, "action", None), "type", _ACQUIRES) == _ACQUIRES


def _products(frames: Sequence[Coordinates]) -> Iterator[dict[str, Values]]:
    """Yield products that are the frames, each of them once."""
    by_axes: dict[frozenset[str], dict[_Product, None]] = {}
    axes_of: dict[frozenset[str], tuple[str, ...]] = {}
    for frame in frames:
        axes = axes_of.setdefault(frozenset(frame), tuple(frame))
        by_axes.setdefault(frozenset(frame), {})[tuple([(frame[axis],) for axis in axes])] = None
    for key, axes in axes_of.items():
        products: Iterable[_Product] = by_axes[key]
        for number in reversed(range(len(axes))):
            products = _joined(products, number)
        yield from (dict(zip(axes, product, strict=True)) for product in products)


def _joined(products: Iterable[_Product], number: int) -> Iterator[_Product]:
    """Join products that differ only along the axis of a number."""
    joined: dict[_Product, list[int | str]] = {}
    for product in products:
        joined.setdefault((*product[:number], *product[number + 1 :]), []).extend(product[number])
    for others, along in joined.items():
        yield (*others[:number], (*along,), *others[number:])


def _absent(product: Mapping[str, Values], came: set[Values]) -> Iterator[str]:
    """Yield the values of a product that no frame has; not those of all frames where none came."""
    for number, (axis, along) in enumerate(product.items()):
        seen = {values[number] for values in came}
        if len(along) > 1 and seen:
            yield from (coordinates_text({axis: value}) for value in along if value not in seen)
    if not came:
        fixed = {axis: along[0] for axis, along in product.items() if len(along) == 1}
        yield coordinates_text(fixed) if fixed else "all of it"
