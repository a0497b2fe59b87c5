"""A dataset in an ndv viewer that follows it as it grows. Importing this module needs ndv."""

import itertools
import logging
import math
import os
import sys
import time
import warnings
from collections.abc import Hashable, Mapping
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.coordinates.keys import Coordinates, standard_name, value_text
from exengine_ome_tiff.coordinates.layout import AxisValue
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.inspection.preview_cells import distinct_colors, magnitudes
from exengine_ome_tiff.ome.colors import GREY, hex_color, read_color
from exengine_ome_tiff.reading.channel_look import ChannelLook
from exengine_ome_tiff.text_format import count_text
from exengine_ome_tiff.viewers.frame_axes import FrameAxes
from exengine_ome_tiff.viewers.viewed_dataset import ViewedDataset

try:
    import ndv
    from cmap import Colormap
    from ndv import run_app
    from ndv.models import ArrayDisplayModel, LUTModel
except ImportError as error:
    raise ImportError('view needs ndv: pip install "exengine-ome-tiff[view]"') from error

__all__ = ["open_viewer", "run_app"]

logger = logging.getLogger(__name__)

_PERCENTILES = {"clim_type": "percentile", "min_percentile": 0.5, "max_percentile": 99.8}
_NAMED = {name: read_color(name) for name in ("red", "green", "blue", "cyan", "magenta", "yellow", "gray")}
_POLL_S = 0.2
"""Shortest pause between two refreshes; each pause lasts at least as long as the refresh."""


class FrameArray(ndv.DataWrapper[FrameAxes]):
    """The frames as an array for ndv; missing frames are black."""

    def __init__(self, frames: FrameAxes, pixel_size_um: float | None) -> None:
        super().__init__(frames)
        self.index: Mapping[Any, Any] = {}
        """The indices shown."""
        self._pixel_size_um = pixel_size_um
        self._pixels = ("y", "x", "sample")[: len(frames.shape)]

    @classmethod
    def supports(cls, obj: Any) -> TypeGuard[FrameAxes]:
        """Whether this class wraps an object."""
        return isinstance(obj, FrameAxes)

    @property
    def dims(self) -> tuple[Hashable, ...]:
        """Names of the axes; pixel axes are marked if the dataset has axes with their names."""
        names = self.data.axes
        return (*names, *(f"{name} of pixels" if name in names else name for name in self._pixels))

    @property
    def coords(self) -> Mapping[Hashable, Any]:
        """Indices along each axis, the only values that ndv supports in notebooks."""
        lengths = (*map(len, self.data.axes.values()), *self.data.shape)
        return dict(zip(self.dims, map(range, lengths), strict=True))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels shown."""
        dtype = self.data.dtype.newbyteorder("=")
        return np.empty(0, dtype).real.dtype if dtype.kind == "c" else dtype

    @property
    def channel(self) -> str | None:
        """The axis of channels."""
        frames: FrameAxes = self.data
        return frames.standard("channel")

    def isel(self, index: Mapping[int, int | slice]) -> npt.NDArray[Any]:
        """Read a part of the array; all of `dims` stay."""
        axes = self.data.axes
        lengths = [*map(len, axes.values()), *self.data.shape]
        slices = [index.get(number, slice(None)) for number in range(len(lengths))]
        slices = [slice(each, each + 1) if isinstance(each, int) else each for each in slices]
        window = tuple(slices[len(axes) :])
        chosen = [values[part] for values, part in zip(axes.values(), slices, strict=False)]
        found: npt.NDArray[Any] = np.zeros(
            (*map(len, chosen), *np.empty(self.data.shape, np.bool_)[window].shape), self.dtype
        )
        for at in itertools.product(*(range(len(values)) for values in chosen)):
            values = [along[number] for along, number in zip(chosen, at, strict=True)]
            plane = self.data.plane(dict(zip(axes, values, strict=True)))
            if plane is not None:
                found[at] = magnitudes(plane)[window]
        return found

    def summary_info(self) -> str:
        """Return the line above the picture: what is shown."""
        parts = []
        for name, values in self.data.axes.items():
            number = self.index.get(name, 0)
            if name != self.channel and isinstance(number, int) and len(values) > 1:
                parts.append(f"{name} {value_text(values[min(number, len(values) - 1)])}")
        height, width = self.data.shape[:2]
        parts.append(f"{width} x {height} {self.dtype}")
        if self._pixel_size_um is not None:
            parts.append(f"{self._pixel_size_um:g} µm per pixel")
        return ", ".join(parts)


class _Window:
    """A viewer, and what it shows of a dataset."""

    def __init__(self, frames: FrameAxes, dataset: ViewedDataset) -> None:
        self._frames, self._dataset = frames, dataset
        self._calibration = dataset.calibration(frames.shape, frames.dtype)
        self._array = FrameArray(frames, self._calibration.pixel_size_um[1])
        self._colored: list[AxisValue] = []
        self._newest: dict[str, int] = {}
        self._model = ArrayDisplayModel(visible_axes=self._array.dims[len(frames.axes) :][:2])
        if len(frames.shape) > 2:
            self._model.channel_axis, self._model.channel_mode = self._array.dims[-1], "rgba"
            is_plain = frames.dtype.itemsize == 1
            self._model.luts["RGB"] = LUTModel(clims=(0, 255) if is_plain else _PERCENTILES)
        elif self._array.channel is not None:
            self._model.channel_axis, self._model.channel_mode = self._array.channel, "composite"
        self._model.default_lut.clims = _PERCENTILES
        name = next((each for each in frames.selection if standard_name(each) == "channel"), None)
        if name is not None and len(frames.shape) == 2:
            look = dataset.looks().get(frames.selection[name])
            self._model.default_lut.cmap = _colormap(GREY if look is None else look.rgb)
        self._set_scales()
        self._color()
        self._go_to_start()
        self._array.index = self._model.current_index
        with warnings.catch_warnings():  # without the internet, buttons have plain signs
            warnings.filterwarnings("ignore", "Error fetching icon")
            self.viewer = ndv.ArrayViewer(self._array, display_model=self._model)

    def follow(self) -> None:
        """Show the newest frame unless the user has moved away from it; stop when the dataset is finished."""
        if not self._is_shown():
            return
        start_s = time.perf_counter()
        is_over = self._dataset.is_over()  # ask before the last refresh
        axes = self._frames.axes
        try:
            self._dataset.refresh()
            has_come = self._frames.update()
        except (OSError, OmeTiffError, RuntimeError) as error:
            logger.warning(f"{self._dataset.name}: stopped following: {error}")
            return
        if has_come:
            self._show_what_came(axes)
        if not is_over:
            pause_s = max(_POLL_S, time.perf_counter() - start_s)
            self.follow_in(pause_s)

    def _show_what_came(self, axes_before: Mapping[str, tuple[AxisValue, ...]]) -> None:
        is_followed = self._is_at(self._newest)
        self._newest = self._place_of_newest()
        if self._frames.axes != axes_before:
            self._color()
            self._array.dims_changed.emit()
        if is_followed and not self._is_at(self._newest):
            self._model.current_index.update(self._newest)
        else:
            self._array.data_changed.emit()  # there may be new frames at these indices

    def follow_in(self, pause_s: float) -> None:
        """Follow after a pause. The function keeps this object alive; Qt would not for a bound method."""
        ndv.call_later(round(pause_s * 1000), lambda: self.follow())  # noqa: PLW0108

    def _go_to_start(self) -> None:
        """Select the newest frame, or the middle of z if the dataset is finished."""
        if not self._dataset.is_over():
            self._newest = self._place_of_newest()
            self._model.current_index.update(self._newest)
            return
        z = self._frames.standard("z")
        if z is not None:
            self._model.current_index[z] = len(self._frames.axes[z]) // 2

    def _place_of_newest(self) -> dict[str, int]:
        """Return the indices of the newest frame, except along the axis of channels."""
        newest, channel = self._frames.newest, self._array.channel
        hidden = channel if self._model.channel_axis == channel else None
        return {
            name: values.index(newest.get(name))
            for name, values in self._frames.axes.items()
            if name != hidden
        }

    def _is_at(self, place: Mapping[str, int]) -> bool:
        return all(self._model.current_index.get(name, 0) == number for name, number in place.items())

    def _is_shown(self) -> bool:
        """Whether the window is open; in a notebook, always."""
        is_visible = getattr(self.viewer.widget(), "isVisible", None)
        return is_visible is None or bool(is_visible())

    def _color(self) -> None:
        """Set the colours of channels that do not have theirs yet."""
        channel = self._array.channel
        values = self._frames.axes.get(channel, ()) if channel is not None else ()
        if self._model.channel_axis != channel or self._colored == [*values]:
            return
        known = self._dataset.looks()
        looks = [known.get(value, ChannelLook(value_text(value), GREY)) for value in values]
        colors = distinct_colors([look.rgb for look in looks])
        for number, (value, look, color) in enumerate(zip(values, looks, colors, strict=True)):
            if self._colored[number : number + 1] == [value]:
                continue
            lut = self._model.luts.get(number)
            colormap = _colormap(color)
            if lut is None:
                self._model.luts[number] = LUTModel(name=look.name, cmap=colormap, clims=_PERCENTILES)
            else:
                lut.name, lut.cmap, lut.clims = look.name, colormap, _PERCENTILES
        self._colored = [*values]

    def _set_scales(self) -> None:
        height, width = self._calibration.pixel_size_um
        z, z_step_um = self._frames.standard("z"), self._calibration.z_step_um
        if height is None or width is None:
            return
        self._model.scales.update(zip(self._model.visible_axes, (height, width), strict=True))
        if z is not None and z_step_um is not None:
            self._model.scales[z] = z_step_um


def open_viewer(dataset: ViewedDataset, selection: Coordinates) -> ndv.ArrayViewer:
    """Open a window, or a widget in a notebook; `ndv.run_app` waits until the window is closed.

    Raises
    ------
    OSError
        There is no display.
    ValueError
        No frame has the selected coordinates.
    """
    has_display = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
    if sys.platform == "linux" and not has_display and not _is_notebook():
        raise OSError("no display to open a window on: set DISPLAY, or use ssh -X")
    frames = FrameAxes(dataset.frames, selection)
    if frames.n_others:
        what = "x".join(map(str, frames.shape))
        logger.warning(
            f"{dataset.name}: only {what} {frames.dtype.name} frames are shown, without "
            f"{count_text(frames.n_others, 'frame')} of another shape or type: select their coordinates"
        )
    window = _Window(frames, dataset)
    widget = window.viewer.widget()
    if hasattr(widget, "setWindowTitle"):
        widget.setWindowTitle(dataset.name)
    window.viewer.show()
    if not dataset.is_over():
        window.follow_in(0)
    return window.viewer


def _colormap(rgb: tuple[int, int, int]) -> Colormap:
    """Go from black to a colour; in notebooks to the nearest named one, as ndv supports no others there."""
    if not _is_notebook():
        text = hex_color(rgb)
        return Colormap(["#000000", text], name=text)
    distances = {name: math.dist(rgb, named) for name, named in _NAMED.items()}
    return Colormap(min(distances, key=lambda name: distances[name]))


def _is_notebook() -> bool:
    """Whether this runs in a notebook kernel, which has its own display."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return type(shell).__name__ == "ZMQInteractiveShell"
