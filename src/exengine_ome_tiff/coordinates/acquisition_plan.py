"""The plan of an acquisition: the frames to expect, and the coordinates of useq events."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from math import prod
from typing import Any, NamedTuple, Self, TypeAlias

from exengine_ome_tiff.coordinates.keys import (
    Coordinates,
    check_axis_names,
    coordinates_text,
    read_coordinates,
    standard_name,
)

Values: TypeAlias = tuple[int | str, ...]
_Product: TypeAlias = tuple[tuple[int | str, ...], ...]

_MOST_EVENTS = 10_000_000
_MOST_VALUES = 1_000_000
"""Maximum number of values along an axis, because a damaged file may have any number."""
_ACQUIRES = "acquire_image"

_AXES = {"t": "time", "c": "channel", "p": "position", "g": "tile", "cam": "camera"}


class MissingFrames(NamedTuple):
    """The frames of a plan that are missing."""

    n_planned: int
    n_missing: int
    values: list[str]
    """Values without any frame, such as "time=8"."""


@dataclass(frozen=True, slots=True)
class AcquisitionPlan:
    """The frames to expect, as a few products of values along axes.

    Parameters
    ----------
    products
        Values by axis; each combination is a frame.
    """

    products: tuple[Mapping[str, Values], ...]

    @classmethod
    def of(cls, plan: object) -> Self | None:
        """Read the plan of a user.

        Parameters
        ----------
        plan
            The values of each axis, or their number; or a `useq.MDASequence`, or another sequence of its
            events. None and a sequence without events are no plan.

        Raises
        ------
        TypeError
            The plan or the values of an axis have another type.
        ValueError
            An axis has no value or a blank name, or the plan has no axis or no end.
        """
        if plan is None:
            return None
        if isinstance(plan, Mapping):
            if not plan:
                raise ValueError("got plan={}, expected the values of each axis or their number")
            check_axis_names("plan", plan)
            return cls(({axis: _values(axis, along) for axis, along in plan.items()},))
        if isinstance(plan, Iterator) or not isinstance(plan, Iterable):
            kind = type(plan).__name__
            raise TypeError(f"got a plan of type {kind}, expected a dict of sizes or a useq.MDASequence")
        events = [*islice(plan, _MOST_EVENTS + 1)]
        if len(events) > _MOST_EVENTS:
            raise ValueError(f"the plan has more than {_MOST_EVENTS:,} events: leave the plan out")
        coordinates = EventCoordinates()
        try:
            frames = [coordinates.of(event) for event in events if _acquires(event)]
        except AttributeError as error:
            raise TypeError(f"got a plan of {events[0]!r}, expected useq events") from error
        return cls(tuple(_products(frames))) if frames else None

    @property
    def n_frames(self) -> int:
        """Number of planned frames."""
        return sum(prod(map(len, product.values())) for product in self.products)

    def missing(self, frames: Iterable[Coordinates], names: Mapping[str, str]) -> MissingFrames:
        """Compare the plan with the frames of a dataset, ignoring axes that the plan lacks.

        Parameters
        ----------
        frames
            Coordinates of the frames.
        names
            Standard names of axes by spelling.
        """
        products = [
            ([standard_name(axis) for axis in product], _Came([*product.values()]))
            for product in self.products
        ]
        for frame in frames:
            place = {names.get(axis, axis): value for axis, value in frame.items()}
            for axes, came in products:
                came.add(place.get(axis) for axis in axes)
        n_missing = self.n_frames - sum(len(came.frames) for _, came in products)
        pairs = zip(self.products, products, strict=True)
        values = [text for product, (_, came) in pairs for text in _absent(product, came)]
        return MissingFrames(self.n_frames, n_missing, [*dict.fromkeys(values)])

    def to_json(self) -> list[dict[str, int | list[int | str]]]:
        """Return the plan for JSON; an axis of 0, 1, 2, ... becomes the number of its values."""
        return [
            {axis: len(along) if along == (*range(len(along)),) else [*along] for axis, along in each.items()}
            for each in self.products
        ]

    @classmethod
    def from_json(cls, written: list[dict[str, Any]]) -> Self:
        """Read the result of `to_json`; raises the errors of `of`."""
        return cls(tuple({axis: _values(axis, along) for axis, along in each.items()} for each in written))


def _values(axis: str, given: object) -> Values:
    """Return the values along an axis, given as such or as their number."""
    along: Values
    if hasattr(given, "__index__") and not isinstance(given, bool):
        count = int(given)
        if count > _MOST_VALUES:
            raise ValueError(f"plan: axis {axis!r} has {count} values, expected at most {_MOST_VALUES}")
        along = (*range(count),)
    elif isinstance(given, Sequence) and not isinstance(given, str):
        along = (*dict.fromkeys(read_coordinates({axis: each})[axis] for each in given),)
    else:
        raise TypeError(f"plan: axis {axis!r} has {given!r}, expected its values or their number")
    if not along:
        raise ValueError(f"plan: axis {axis!r} has no value")
    return along


def _acquires(event: object) -> bool:
    """Whether an event records a frame, unlike one of autofocus."""
    return getattr(getattr(event, "action", None), "type", _ACQUIRES) == _ACQUIRES


def _products(frames: Sequence[Coordinates]) -> Iterator[dict[str, Values]]:
    """Yield products that cover each frame once."""
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
    """Join products that differ only along one axis, given by its index."""
    joined: dict[_Product, list[int | str]] = {}
    for product in products:
        joined.setdefault((*product[:number], *product[number + 1 :]), []).extend(product[number])
    for others, along in joined.items():
        yield (*others[:number], (*along,), *others[number:])


class _Came:
    """The frames of a product that came.

    Parameters
    ----------
    values
        The values of the product along each axis.
    """

    def __init__(self, values: Sequence[Values]) -> None:
        self._numbers: list[dict[int | str | None, int]] = []
        """What each value along an axis adds to the number of a frame; the first axis counts fastest."""
        step = 1
        for along in values:
            self._numbers.append({value: number * step for number, value in enumerate(along)})
            step *= len(along)
        self.frames = set[int]()
        """Numbers of the frames in the product."""

    def add(self, place: Iterable[int | str | None]) -> None:
        """Note a frame if it is one of the product."""
        with suppress(KeyError):
            self.frames.add(
                sum([numbers[value] for value, numbers in zip(place, self._numbers, strict=True)])
            )

    def along(self) -> Iterator[set[int]]:
        """Yield the numbers of the values along each axis that any frame has."""
        step = 1
        for numbers in self._numbers:
            yield {frame // step % len(numbers) for frame in self.frames}
            step *= len(numbers)


def _absent(product: Mapping[str, Values], came: _Came) -> Iterator[str]:
    """Yield the values of a product that no frame has; only its fixed values if it has no frame at all."""
    for (axis, along), seen in zip(product.items(), came.along(), strict=True):
        if len(along) > 1 and seen:
            absent = (value for number, value in enumerate(along) if number not in seen)
            yield from (coordinates_text({axis: value}) for value in absent)
    fixed = {axis: along[0] for axis, along in product.items() if len(along) == 1}
    if fixed and not came.frames:
        yield coordinates_text(fixed)


class EventCoordinates:
    """Turns the events of one run into coordinates.

    A channel becomes its preset, a position its name, and a tile of a grid its number. If two channels or two
    positions share a name, the second one keeps its number. Events without an index are numbered along
    ``time``.
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._n_unnumbered = 0

    def of(self, event: Any, camera: str | None = None) -> dict[str, int | str]:
        """Return the coordinates of a frame.

        Parameters
        ----------
        event
            `useq.MDAEvent`, or any object with `index`, `channel` and `pos_name`.
        camera
            Label of the camera; used only for events that number their cameras.
        """
        index: Mapping[Any, int] = event.index
        numbers = {str(getattr(axis, "value", axis)): int(number) for axis, number in index.items()}
        coordinates: dict[str, int | str] = {_AXES.get(axis, axis): each for axis, each in numbers.items()}
        if not coordinates:
            coordinates["time"] = self._n_unnumbered
            self._n_unnumbered += 1
        channel = None if event.channel is None else event.channel.config
        for axis, name in (("channel", channel), ("position", event.pos_name)):
            if name and self._is_free(axis, name, coordinates.get(axis)):
                coordinates[axis] = name
        if camera and "camera" in coordinates:
            coordinates["camera"] = camera
        return coordinates

    def _is_free(self, axis: str, name: str, number: int | str | None) -> bool:
        """Whether no other number along the axis has this name."""
        return not isinstance(number, int) or self._numbers.setdefault((axis, name), number) == number
