"""What the demo's microscope looks at: a sample without end, and how a camera sees a part of it.

The sample is anchored in stage coordinates (um): the same place always has the same cells, whatever was
looked at before. It is a pure function of a seed, a view and a channel.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.demo.cells import REACH_UM, TILE_UM, Cell, blur_um, cell_in_tile, pose
from exengine_ome_tiff.demo.structures import Patch, Picture, body, mitochondria, nucleus

MAX_COUNTS = 4095
OFFSET_COUNTS = 100.0
_READ_NOISE_COUNTS = 2.5
_COUNTS_PER_ELECTRON = 0.55
_BACKGROUND_COUNTS = 14.0


@dataclass(frozen=True)
class Look:
    """What a channel shows; brightness of each structure in camera counts.

    Attributes
    ----------
    nucleus, body, spots, haze : float
        Counts of the nuclei, cell bodies, mitochondria and out-of-focus light; 0 leaves one out.
    fibres : float
        How fibrous bodies are, 0 to 1.
    fibre_spacing_um, spot_um : float
        Distance between fibres; standard deviation of a spot.
    """

    nucleus: float = 0.0
    body: float = 0.0
    spots: float = 0.0
    haze: float = 60.0
    fibres: float = 0.0
    fibre_spacing_um: float = 2.0
    spot_um: float = 0.32


@dataclass(frozen=True)
class View:
    """What a camera is looking at, and when.

    Attributes
    ----------
    shape : tuple of int
        Height and width in pixels.
    x_um, y_um : float
        Stage coordinates of the middle of the frame.
    z_um : float
        Focus height.
    time_s : float
        Time in the scene.
    """

    shape: tuple[int, int]
    x_um: float = 0.0
    y_um: float = 0.0
    z_um: float = 0.0
    time_s: float = 0.0


_LOOKS = {
    "DAPI": Look(nucleus=1150.0, haze=45.0),
    "GFP": Look(body=950.0, fibres=0.8, fibre_spacing_um=1.6, haze=70.0),
    "mCherry": Look(spots=1300.0, haze=110.0),
}


@lru_cache(maxsize=64)
def look_of(channel: str) -> Look:
    """Return the look of a channel: a known one, or else one that follows from the name alone."""
    if channel in _LOOKS:
        return _LOOKS[channel]
    rng = np.random.default_rng(zlib.crc32(channel.encode()))
    kind = int(rng.integers(3))
    return Look(
        nucleus=float(rng.uniform(500, 900)) if kind == 0 else 0.0,
        body=float(rng.uniform(250, 600)),
        spots=float(rng.uniform(600, 900)) if kind == 1 else 0.0,
        fibres=float(rng.uniform(0.3, 0.9)) if kind == 2 else 0.0,
        fibre_spacing_um=float(rng.uniform(1.5, 2.6)),
        spot_um=float(rng.uniform(0.28, 0.5)),
    )


@dataclass(frozen=True)
class Scene:
    """A sample of cells under an objective.

    Attributes
    ----------
    seed : int
        Which sample; not negative.
    pixel_size_um : float
        Size of a camera pixel in the sample.
    """

    seed: int = 1
    pixel_size_um: float = 0.325

    def light(self, view: View, channel: str) -> Picture:
        """Return the light from the sample in counts, without camera: float32 of shape `view.shape`."""
        look = look_of(channel)
        cells = list(self._cells_near(view))
        picture = _haze(cells, view, self.pixel_size_um)
        picture *= np.float32(look.haze)
        picture += np.float32(_BACKGROUND_COUNTS)
        for cell in cells:
            _draw(cell, look, view, self.pixel_size_um, picture)
        return picture

    def frame(self, view: View, channel: str, noise_seed: int) -> npt.NDArray[np.uint16]:
        """Return what a 12-bit camera makes of the light: offset, uneven illumination, shot and read noise.

        Parameters
        ----------
        view : View
            What to look at.
        channel : str
            Name of the channel; any is fine.
        noise_seed : int
            Frames with equal arguments are equal; take another seed for every exposure.

        Returns
        -------
        ndarray, uint16, shape `view.shape`
            From 0 to `MAX_COUNTS`.
        """
        signal = self.light(view, channel)
        signal *= _illumination(view.shape)
        rng = np.random.default_rng([self.seed, noise_seed])
        noise = rng.standard_normal(view.shape, dtype=np.float32)
        noise *= np.sqrt(signal * np.float32(_COUNTS_PER_ELECTRON) + np.float32(_READ_NOISE_COUNTS**2))
        signal += noise
        signal += np.float32(OFFSET_COUNTS + 0.5)
        return np.clip(signal, 0, MAX_COUNTS, out=signal).astype(np.uint16)

    def _cells_near(self, view: View) -> Iterator[Cell]:
        """Yield the cells that may reach into a view."""
        height, width = view.shape
        reach_x = width * self.pixel_size_um / 2 + REACH_UM
        reach_y = height * self.pixel_size_um / 2 + REACH_UM
        columns = range(round((view.x_um - reach_x) / TILE_UM), round((view.x_um + reach_x) / TILE_UM) + 1)
        rows = range(round((view.y_um - reach_y) / TILE_UM), round((view.y_um + reach_y) / TILE_UM) + 1)
        for row in rows:
            for column in columns:
                cell = cell_in_tile(self.seed, column, row)
                if cell is not None:
                    yield cell


def _draw(cell: Cell, look: Look, view: View, pixel_size_um: float, picture: Picture) -> None:
    """Add one cell to a picture (float32 counts of shape `view.shape`)."""
    x_um, y_um, angle_rad = pose(cell, view.time_s)
    blur = blur_um(cell, view.z_um)
    left_um = view.x_um - (view.shape[1] - 1) / 2 * pixel_size_um - x_um
    top_um = view.y_um - (view.shape[0] - 1) / 2 * pixel_size_um - y_um

    def patch(radius_um: float) -> tuple[Patch, Picture] | None:
        columns = _window(left_um, radius_um, pixel_size_um, view.shape[1])
        rows = _window(top_um, radius_um, pixel_size_um, view.shape[0])
        target = picture[rows, columns]
        if not target.size:
            return None
        xs = np.arange(columns.start, columns.stop) * pixel_size_um + left_um
        ys = np.arange(rows.start, rows.stop) * pixel_size_um + top_um
        x, y = xs.astype(np.float32)[np.newaxis, :], ys.astype(np.float32)[:, np.newaxis]
        return Patch(x, y, angle_rad, blur, view.time_s), target

    body_um = cell.radius_um * (1 + float(np.abs(cell.lobes).sum())) + 2 * blur
    if (look.body or look.spots) and (found := patch(min(body_um, REACH_UM))):
        window, target = found
        if look.body:
            drawn = body(cell, window, look.fibre_spacing_um, look.fibres)
            target += np.float32(look.body * cell.brightness) * drawn
        if look.spots:
            target += np.float32(look.spots * cell.brightness) * mitochondria(cell, window, look.spot_um)
    if look.nucleus and (found := patch(cell.nucleus_um[0] + 3.5 * blur)):
        window, target = found
        target += np.float32(look.nucleus * cell.brightness) * nucleus(cell, window)


def _haze(cells: list[Cell], view: View, pixel_size_um: float) -> Picture:
    """Return the light from out of focus, about 1 in the middle of a cell, shape `view.shape`."""
    places = np.array([pose(cell, view.time_s)[:2] for cell in cells]).reshape(-1, 2)
    widths_um = np.array([np.hypot(0.5 * cell.radius_um, blur_um(cell, view.z_um)) for cell in cells])
    brightness = np.array([cell.brightness for cell in cells])
    ys, xs = (
        ((np.arange(pixels) - (pixels - 1) / 2) * pixel_size_um + middle_um)[:, np.newaxis]
        for pixels, middle_um in zip(view.shape, (view.y_um, view.x_um), strict=True)
    )
    columns = np.exp(-0.5 * ((xs - places[:, 0]) / widths_um) ** 2)
    rows = np.exp(-0.5 * ((ys - places[:, 1]) / widths_um) ** 2) * brightness
    haze: Picture = rows.astype(np.float32) @ columns.astype(np.float32).T
    return haze


def _window(start_um: float, radius_um: float, pixel_size_um: float, pixels: int) -> slice:
    """Return the pixels, of a row that starts at `start_um`, within `radius_um` of 0."""
    first = int(np.ceil((-radius_um - start_um) / pixel_size_um))
    last = int(np.floor((radius_um - start_um) / pixel_size_um))
    return slice(min(max(first, 0), pixels), min(max(last + 1, 0), pixels))


@lru_cache(maxsize=8)
def _illumination(shape: tuple[int, int]) -> Picture:
    """Return how evenly the lamp lights the field, 0.8 to 1, shape (height, width)."""
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, np.newaxis]
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[np.newaxis, :]
    return np.float32(1) - np.float32(0.1) * (x * x + y * y)
