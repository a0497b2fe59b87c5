"""A running acquisition in napari: layers that grow, and sliders that follow the newest frame."""

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from exengine_ome_tiff.dataset.growth import Growth
from exengine_ome_tiff.dataset.location import absolute_path
from exengine_ome_tiff.dataset.recording import open_dataset
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.inspection.open_dataset import OpenDataset
from exengine_ome_tiff.viewers.napari_reader import Layer, layers_of, newest_place

if TYPE_CHECKING:
    import napari

logger = logging.getLogger(__name__)

_LOOK_S = 0.5
_PAUSES = 2
"""Shortest pause between two refreshes, as a multiple of their duration."""


def follow(viewer: "napari.Viewer", path: Path) -> None:
    """Show a dataset in napari, and update it until its writer finishes.

    Sliders move to the newest frame unless the user has moved one away. Removing a layer ends the updates.

    Parameters
    ----------
    viewer
        Viewer for the layers.
    path
        A single file, a folder, or any file of a folder, with at least one frame.

    Raises
    ------
    FileNotFoundError
        There is nothing at `path`.
    OmeTiffError
        `path` was not written by `TiffStorage`, or contains no frame.
    """
    _Follower(viewer, absolute_path(path)).begin()


class _Follower:
    """The layers of a dataset in a viewer."""

    def __init__(self, viewer: "napari.Viewer", path: Path) -> None:
        self._viewer = viewer
        self._growth = Growth(open_dataset(path, allow_unfinished=True))
        self._kinds: list[object] = []
        self._newest: tuple[int, ...] = ()

    def begin(self) -> None:
        """Show the frames, and check for new ones from time to time."""
        self._shown: list[napari.layers.Layer] = []
        self._show()
        self._look_later(_LOOK_S)

    def _look_later(self, pause_s: float) -> None:
        from qtpy.QtCore import QTimer

        # a function keeps this object alive; Qt does not for a bound method
        QTimer.singleShot(round(1000 * pause_s), lambda: self._look())  # noqa: PLW0108

    def _look(self) -> None:
        """Show new frames."""
        start_s = time.monotonic()
        is_shown = all(layer in self._viewer.layers for layer in self._shown)
        try:
            if is_shown and (self._growth.refresh() or self._growth.recording.is_finished):
                self._show()
        except (OSError, OmeTiffError, RuntimeError) as error:
            logger.warning("%s: stopped following: %s", self._growth.recording.location.path, error)
            is_shown = False
        if is_shown and not self._growth.recording.is_finished:
            self._look_later(max(_LOOK_S, _PAUSES * (time.monotonic() - start_s)))
        else:
            self._growth.close()

    def _show(self) -> None:
        """Update the layers, and go to the newest frame."""
        data = OpenDataset.of(self._growth.recording)
        layers = layers_of(data)
        kinds = [_kind(layer) for layer in layers]
        was_at_newest = not self._shown or self._place() == self._newest
        if kinds == self._kinds:
            for layer, (pixels, _, _) in zip(self._shown, layers, strict=True):
                layer.data = pixels
        else:
            for layer in self._shown:
                self._viewer.layers.remove(layer)
            self._shown = [self._viewer.add_image(pixels, **settings) for pixels, settings, _ in layers]
            self._kinds = kinds
        self._newest = newest_place(data)
        if was_at_newest:
            for slider, number in enumerate(self._newest):
                self._viewer.dims.set_current_step(slider, number)

    def _place(self) -> tuple[int, ...]:
        return tuple(self._viewer.dims.current_step[: len(self._newest)])


def _kind(layer: Layer) -> object:
    """Return the settings of a layer that napari cannot change."""
    _, settings, _ = layer
    return settings["name"], tuple(settings["axis_labels"]), settings["multiscale"], settings["rgb"]
