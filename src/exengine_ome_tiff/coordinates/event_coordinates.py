"""Coordinates of useq events, with names for numbers where there are any."""

from collections.abc import Mapping
from typing import Any

_AXES = {"t": "time", "c": "channel", "p": "position", "g": "tile", "cam": "camera"}


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
