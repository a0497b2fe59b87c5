"""The simulated sample: an endless field of cells, and how a camera images part of it.

The sample is a pure function of seed, place, time and channel. No blur filter is applied: edges, fibres and
spots are drawn as wide as they appear at their distance from the focal plane. Lengths are in um, times in s,
and pictures are float32 of shape (height, width). The constants were chosen by eye.
"""

import cmath
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Picture: TypeAlias = npt.NDArray[Any]

TILE_UM = 25.0
MAX_COUNTS = 4095
OFFSET_COUNTS = 100.0
_REACH_UM = 34.0
"""No cell is drawn farther from the middle of its tile."""
_BACKGROUND_COUNTS, _HAZE_COUNTS = 14.0, 70.0
_READ_NOISE_COUNTS, _COUNTS_PER_ELECTRON = 2.5, 0.55
_LINKS = np.array([[-0.9], [-0.3], [0.3], [0.9]])
"""Places of the spots that make a mitochondrion, along it."""


@dataclass(frozen=True)
class Look:
    """Appearance of a channel: counts of nuclei, cell bodies and mitochondria, and the spacing of fibres."""

    nucleus: float = 0.0
    body: float = 0.0
    mitochondria: float = 0.0
    fibre_um: float = 1.6


_LOOKS = {"DAPI": Look(nucleus=1150.0), "GFP": Look(body=950.0), "mCherry": Look(mitochondria=1300.0)}


def look_of(channel: str) -> Look:
    """Return the look of a channel; the look of an unknown channel is derived from its name."""
    if channel in _LOOKS:
        return _LOOKS[channel]
    counts = np.random.default_rng(zlib.crc32(channel.encode())).uniform(
        (0, 300, 0, 1.5), (800, 700, 900, 2.6)
    )
    return Look(*counts.tolist())


@dataclass(frozen=True)
class View:
    """The field of view of a camera, and the time.

    Parameters
    ----------
    shape
        Height and width in pixels.
    x_um, y_um
        Stage coordinates of the frame's centre.
    z_um
        Focus height.
    time_s
        Time in the scene.
    """

    shape: tuple[int, int]
    x_um: float = 0.0
    y_um: float = 0.0
    z_um: float = 0.0
    time_s: float = 0.0


@dataclass(frozen=True, eq=False)
class Cell:
    """A cell: its mean position, height, size and individual shape."""

    x_um: float
    y_um: float
    z_um: float
    radius_um: float
    brightness: float
    phases: list[float]
    mitochondria: npt.NDArray[np.float64]

    def pose(self, time_s: float) -> tuple[complex, float]:
        """Return the position, x + iy, and the angle of the long axis: a slow drift with a quick jitter."""
        drift, jitter = 2 * math.pi * time_s / 1100, 2 * math.pi * time_s / 190
        x_um, y_um = (
            4.5 * math.sin(drift + phase) + 0.35 * math.sin(jitter + 2 * phase) for phase in self.phases[:2]
        )
        angle = 0.5 + 0.5 * math.sin(self.phases[2]) + 0.25 * math.sin(time_s / 140 + self.phases[3])
        return complex(self.x_um + x_um, self.y_um + y_um), angle

    def blur_um(self, z_um: float) -> float:
        """Return the standard deviation of the point spread function for a focus height."""
        return math.hypot(0.28, 0.28 * (z_um - self.z_um))


@lru_cache(maxsize=4096)
def cell_in_tile(seed: int, column: int, row: int) -> Cell | None:
    """Return the cell in the tile of the stage plane that is centred at (column, row) * TILE_UM."""
    rng = np.random.default_rng([seed, column % 2**32, row % 2**32])
    if rng.random() > 0.85:
        return None
    x_um, y_um = ((np.array([column, row]) + rng.uniform(-0.32, 0.32, 2)) * TILE_UM).tolist()
    return Cell(
        x_um=x_um,
        y_um=y_um,
        z_um=min(max(float(rng.normal(0.0, 1.1)), -2.5), 2.5),
        radius_um=float(rng.uniform(11.5, 15.0)),
        brightness=float(rng.uniform(0.6, 1.2)),
        phases=rng.uniform(0, 2 * math.pi, 8).tolist(),
        mitochondria=rng.uniform((0, 0.1, 0), (2 * math.pi, 0.9, 2 * math.pi), (28, 3)).T,
    )


@dataclass(frozen=True)
class Scene:
    """A sample of cells under an objective.

    Parameters
    ----------
    seed
        Selects the sample; not negative.
    pixel_size_um
        Size of a camera pixel in the sample plane.
    """

    seed: int = 1
    pixel_size_um: float = 0.325

    def light(self, view: View, channel: str) -> Picture:
        """Return the light from the sample in counts, before the camera, in the shape of the view."""
        look, (xs, ys) = look_of(channel), self._axes(view)
        cells = list(self._cells_near(view))
        places = np.array([cell.pose(view.time_s)[0] for cell in cells], complex)
        widths = np.array([math.hypot(0.5 * cell.radius_um, cell.blur_um(view.z_um)) for cell in cells])
        haze = _blobs(xs, ys, places, widths, np.array([cell.brightness for cell in cells]))
        picture = haze * _HAZE_COUNTS + _BACKGROUND_COUNTS
        for cell in cells:
            _draw(cell, look, view, xs, ys, picture)
        return picture

    def frame(self, view: View, channel: str, noise_seed: int) -> npt.NDArray[np.uint16]:
        """Return the image of a 12-bit camera: offset, uneven illumination, shot noise and read noise.

        Equal arguments give equal frames; use a different seed for the noise of each exposure.
        """
        signal = self.light(view, channel) * _illumination(view.shape)
        noise = np.random.default_rng([self.seed, noise_seed]).standard_normal(view.shape, dtype=np.float32)
        signal += noise * np.sqrt(signal * _COUNTS_PER_ELECTRON + _READ_NOISE_COUNTS**2)
        return np.clip(signal + (OFFSET_COUNTS + 0.5), 0, MAX_COUNTS).astype("u2")

    def _axes(self, view: View) -> tuple[Picture, Picture]:
        """Return the stage coordinates of columns and rows."""
        height, width = view.shape
        xs = (np.arange(width) - (width - 1) / 2) * self.pixel_size_um + view.x_um
        ys = (np.arange(height) - (height - 1) / 2) * self.pixel_size_um + view.y_um
        return xs, ys

    def _cells_near(self, view: View) -> Iterator[Cell]:
        """Yield the cells that may reach into a view."""
        (first_row, last_row), (first_column, last_column) = (
            (round((middle - reach) / TILE_UM), round((middle + reach) / TILE_UM))
            for middle, pixels in zip((view.y_um, view.x_um), view.shape, strict=True)
            for reach in (pixels * self.pixel_size_um / 2 + _REACH_UM,)
        )
        for row in range(first_row, last_row + 1):
            for column in range(first_column, last_column + 1):
                cell = cell_in_tile(self.seed, column, row)
                if cell is not None:
                    yield cell


def _draw(cell: Cell, look: Look, view: View, xs: Picture, ys: Picture, picture: Picture) -> None:
    """Add a cell to a picture."""
    place, angle = cell.pose(view.time_s)
    blur = cell.blur_um(view.z_um)
    body_um = cell.radius_um * 1.45 if look.body or look.mitochondria else 0.5 * cell.radius_um
    reach = min(body_um + 3.5 * blur, _REACH_UM)
    columns = slice(*np.searchsorted(xs, (place.real - reach, place.real + reach)))
    rows = slice(*np.searchsorted(ys, (place.imag - reach, place.imag + reach)))
    target = picture[rows, columns]
    if not target.size:
        return
    x = (xs[columns] - place.real).astype(np.float32)
    y = (ys[rows] - place.imag).astype(np.float32)
    turned: Picture = (x + 1j * y[:, np.newaxis]) * cmath.exp(-1j * angle)
    if look.nucleus:
        target += look.nucleus * cell.brightness * _chromatin(cell, turned, blur)
    if look.body:
        target += look.body * cell.brightness * _body(cell, turned, blur, look.fibre_um)
    if look.mitochondria:
        spots, width = _mitochondria(cell, view.time_s) * cmath.exp(1j * angle), math.hypot(0.32, blur)
        strength = look.mitochondria * cell.brightness * 0.4 * (0.32 / width) ** 2
        target += _blobs(x, y, spots, width, strength)


def _nucleus(cell: Cell, place: Picture, blur: float) -> Picture:
    """Return the nucleus, 0 to 1: an ellipse with a soft edge."""
    minor = 0.36 * cell.radius_um
    major = minor * (1.3 + 0.15 * math.sin(cell.phases[4]))
    distance = np.sqrt((place.real / major) ** 2 + (place.imag / minor) ** 2)
    return _rise((1 - distance) * (1.2 * minor / math.hypot(0.35, blur)))


def _chromatin(cell: Cell, place: Picture, blur: float) -> Picture:
    """Return the nucleus with its grains, 0 to about 1."""
    along, across = place.real, place.imag
    waves = np.cos(2.3 * along + 1.9 * np.sin(0.9 * across + cell.phases[5]) + cell.phases[6]) * np.cos(
        2.6 * across + 1.7 * np.sin(0.8 * along + cell.phases[7])
    )
    return _nucleus(cell, place, blur) * (0.85 + 0.4 * _damping(2.1, blur) * waves)


def _body(cell: Cell, place: Picture, blur: float, fibre_um: float) -> Picture:
    """Return the body, 0 to about 1: lobed, thick in the middle, dim at the nucleus, with bent fibres."""
    along, across, distance = place.real, place.imag, np.abs(place) + 1e-3
    direction = place / distance
    lobes = direction**2 * (
        0.24 * cmath.exp(0.3j * cell.phases[4]) + direction * (0.16 * cmath.exp(1j * cell.phases[5]))
    )
    outline = cell.radius_um * (1 + lobes.real)
    inside = _rise((outline - distance) * (1.5 / math.hypot(0.7, blur)))
    thickness = 0.28 + 0.72 * np.exp(-((distance / (0.6 * outline)) ** 2))
    bent = (
        across + 1.1 * np.sin(0.17 * along + cell.phases[6]) + 0.55 * np.sin(1.05 * across + cell.phases[7])
    )
    uneven = 0.8 + 0.5 * np.sin(0.3 * along + 0.7 * bent + cell.phases[4])
    fibres = uneven * np.exp(4 * (np.cos(2 * math.pi / fibre_um * bent) - 1)) - 0.25
    inside *= 1 - 0.6 * _nucleus(cell, place, blur)
    body: Picture = inside * np.maximum(0.64 * thickness + 0.9 * _damping(fibre_um, blur) * fibres, 0)
    return body


def _mitochondria(cell: Cell, time_s: float) -> Picture:
    """Return spot positions: short chains that wriggle and travel around the nucleus."""
    angle, share, phase = cell.mitochondria
    radius = cell.radius_um * (0.45 + 0.38 * share + 0.03 * np.sin(time_s / 29 + 2 * phase))
    middle = radius * np.exp(1j * (angle + 0.16 * np.sin(time_s / 41 + phase)))
    heading = angle + 0.9 * np.sin(phase + time_s / 67) + 0.45 * _LINKS * np.sin(3 * phase + time_s / 23)
    spots: Picture = (middle + _LINKS * np.exp(1j * heading)).ravel()
    return spots


def _blobs(xs: Picture, ys: Picture, places: Picture, width: Any, strength: Any) -> Picture:
    """Return gaussian spots on columns and rows: the product of two thin matrices."""
    columns, rows = (
        np.exp(-0.5 * (((at[:, np.newaxis] - middles) / width) ** 2).astype(np.float32))
        for at, middles in ((xs, places.real), (ys, places.imag))
    )
    blobs: Picture = (rows * np.float32(strength)) @ columns.T
    return blobs


def _rise(x: Picture) -> Picture:
    """Return a smooth step from 0 to 1."""
    return 0.5 + 0.5 * np.tanh(x)


def _damping(period_um: float, sigma_um: float) -> float:
    """Return the fraction of a wave's amplitude that remains after a Gaussian blur."""
    return math.exp(-0.5 * (2 * math.pi * sigma_um / period_um) ** 2)


@lru_cache(maxsize=8)
def _illumination(shape: tuple[int, int]) -> Picture:
    """Return the illumination of the field, from 0.8 to 1."""
    y, x = (np.linspace(-1, 1, pixels, dtype=np.float32) for pixels in shape)
    return 1 - 0.1 * (x * x + y[:, np.newaxis] ** 2)
