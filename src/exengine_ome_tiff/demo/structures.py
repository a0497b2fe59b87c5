"""What the structures of a cell look like, in and out of focus.

They are drawn analytically: nothing is ever blurred, every edge, fibre and spot knows how wide it is at a
given defocus. All lengths are um; pictures are float32 of shape (height, width). The numbers were chosen by
eye.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.demo.cells import Cell

Picture: TypeAlias = npt.NDArray[np.float32]

_LINKS = 5  # spots that make one mitochondrion
_LINK_UM = 0.5


@dataclass(frozen=True, eq=False)
class Patch:
    """The window of a frame in which one cell is drawn, in the cell's own coordinates.

    Attributes
    ----------
    x_um : ndarray, shape (1, width)
        Distance of each column from the cell's middle.
    y_um : ndarray, shape (height, 1)
        Distance of each row from the cell's middle.
    angle_rad : float
        The cell's orientation at this time.
    blur_um : float
        Standard deviation of the point spread at the cell's defocus.
    time_s : float
        Time in the scene.
    """

    x_um: Picture
    y_um: Picture
    angle_rad: float
    blur_um: float
    time_s: float

    def along_and_across(self) -> tuple[Picture, Picture]:
        """Return coordinates (um) along and across the cell's long axis, each of shape (height, width)."""
        cos, sin = np.float32(np.cos(self.angle_rad)), np.float32(np.sin(self.angle_rad))
        return self.x_um * cos + self.y_um * sin, self.y_um * cos - self.x_um * sin


def nucleus(cell: Cell, patch: Patch) -> Picture:
    """Return the nucleus, shape (height, width): a soft ellipse with chromatin, grains and nucleoli."""
    along, across = patch.along_and_across()
    mask = _ellipse(cell, patch, along, across)
    phases = cell.phases_rad
    damping = np.float32(_damping(1.9, patch.blur_um))
    chromatin = (
        np.cos(2.3 * along + 1.9 * np.sin(0.9 * across + phases[7]) + phases[5])
        * np.cos(2.6 * across + 1.7 * np.sin(0.8 * along + phases[8]) + phases[6])
    ) * (np.float32(0.30) * damping)
    turns = phases[np.newaxis, 5:11] + np.float32(patch.angle_rad)
    reach = np.linspace(0.15, 0.72, 6, dtype=np.float32) * np.float32(cell.nucleus_um[1])
    strength = np.array([[0.75, -0.6, 0.9, 0.6, -0.5, 0.8]], dtype=np.float32)
    grains = _spots(patch, reach * np.cos(turns), reach * np.sin(turns), strength, 0.5)
    drawn: Picture = mask * np.maximum(np.float32(0.75) + chromatin + grains, np.float32(0.1))
    return drawn


def body(cell: Cell, patch: Patch, fibre_spacing_um: float, fibres: float) -> Picture:
    """Return the cell body, shape (height, width): lobed, thick in the middle, with fibres along it.

    Parameters
    ----------
    cell, patch : Cell, Patch
        What to draw, and where.
    fibre_spacing_um : float
        Distance between fibres in focus.
    fibres : float
        How bright fibres are, from 0 (none) to 1 (hardly anything else).
    """
    along, across = patch.along_and_across()
    distance = np.sqrt(along * along + across * across) + np.float32(1e-3)
    outline = _outline_um(cell, ((along + 1j * across) / distance).astype(np.complex64), patch.time_s)
    softness = np.float32(1.5 / np.hypot(0.7, patch.blur_um))
    inside = _rise((outline - distance) * softness)
    thickness = np.float32(0.28) + np.float32(0.72) * np.exp(-((distance / (np.float32(0.6) * outline)) ** 2))
    hollow = np.float32(1) - np.float32(0.6) * _ellipse(cell, patch, along, across)
    smooth = thickness * hollow
    if not fibres:
        return np.asarray(inside * smooth, dtype=np.float32)
    lines = _fibres(cell, along, across, fibre_spacing_um) - np.float32(0.3)
    strength = np.float32(fibres * _damping(fibre_spacing_um, patch.blur_um))
    drawn = inside * (smooth * np.float32(1 - 0.45 * fibres) + strength * lines * hollow)
    return np.asarray(np.maximum(drawn, np.float32(0)), dtype=np.float32)


def mitochondria(cell: Cell, patch: Patch, spot_um: float) -> Picture:
    """Return the mitochondria, shape (height, width): short bent chains of spots that wriggle and travel.

    Parameters
    ----------
    cell, patch : Cell, Patch
        What to draw, and where.
    spot_um : float
        Standard deviation of a spot in focus, before the point spread.
    """
    angle, share, phase, brightness = cell.mitochondria.T
    t = np.float32(patch.time_s)
    angle = angle + np.float32(0.16) * np.sin(t / 41 + phase)
    inner = np.float32(sum(cell.nucleus_um) / 2 + 0.5)
    outer = _outline_um(cell, np.exp(1j * angle).astype(np.complex64), patch.time_s)
    middle = inner + (share**1.4 + np.float32(0.08) * np.sin(t / 29 + 2 * phase)) * np.maximum(
        outer - inner, 1
    )
    heading = angle + np.float32(0.9) * np.sin(phase + t / 67)
    steps = np.arange(_LINKS, dtype=np.float32)[:, np.newaxis] - np.float32((_LINKS - 1) / 2)
    bend = heading + steps * np.float32(0.45) * np.sin(3 * phase + t / 23)
    turned = np.float32(patch.angle_rad)
    x = middle * np.cos(angle + turned) + steps * np.float32(_LINK_UM) * np.cos(bend + turned)
    y = middle * np.sin(angle + turned) + steps * np.float32(_LINK_UM) * np.sin(bend + turned)
    overlap = max(1.0, np.sqrt(2 * np.pi) * spot_um / _LINK_UM)
    strength = np.broadcast_to(brightness * brightness / np.float32(overlap), x.shape)
    return _spots(patch, x, y, strength, spot_um)


def _outline_um(cell: Cell, direction: npt.NDArray[np.complex64], time_s: float) -> Picture:
    """Return the body's radius (um) in each direction, given as unit complex numbers of any shape."""
    breath = np.exp(0.35j * np.sin(time_s / np.array([310, 170, 110, 90]) + cell.phases_rad[0:4]))
    second, third, fourth, fifth = (cell.lobes * breath).astype(np.complex64)
    series = direction * direction * (second + direction * (third + direction * (fourth + direction * fifth)))
    outline: Picture = np.float32(cell.radius_um) * (np.float32(1) + series.real)
    return outline


def _ellipse(cell: Cell, patch: Patch, along: Picture, across: Picture) -> Picture:
    """Return the nucleus' mask, 0 to 1, with the edge and the loss of light that the blur gives."""
    major, minor = cell.nucleus_um
    ratio = np.sqrt((along / np.float32(major)) ** 2 + (across / np.float32(minor)) ** 2)
    mean_um = np.sqrt(major * minor)
    width_um = np.hypot(0.35, patch.blur_um)
    left = 1 - np.exp(-(mean_um**2) / (2 * width_um**2))
    return np.float32(left) * _rise((np.float32(1) - ratio) * np.float32(1.2 * mean_um / width_um))


def _fibres(cell: Cell, along: Picture, across: Picture, spacing_um: float) -> Picture:
    """Return two families of gently bent parallel fibres, 0 to 2, shape (height, width)."""
    phases = cell.phases_rad
    turns = np.float32(2 * np.pi / spacing_um)
    bent = across + np.float32(1.1) * np.sin(np.float32(0.17) * along + phases[9])
    uneven = np.float32(0.55) * np.sin(np.float32(1.05) * bent + phases[7])
    first = np.cos(turns * (bent + uneven) + phases[10])
    second = np.cos(turns * np.float32(0.71) * (bent - uneven + np.float32(0.3) * along) + phases[11])
    strength = np.float32(0.75) + np.float32(0.6) * np.sin(
        np.float32(0.3) * along + np.float32(0.7) * bent + phases[6]
    )
    drawn: Picture = strength * np.exp(4 * (first - 1)) + np.float32(0.55) * np.exp(3 * (second - 1))
    return drawn


def _spots(
    patch: Patch, x_um: npt.ArrayLike, y_um: npt.ArrayLike, strength: npt.ArrayLike, spot_um: float
) -> Picture:
    """Return gaussian spots that keep their light when blurred: one product of two thin matrices."""
    width = np.float32(np.hypot(spot_um, patch.blur_um))
    columns = (patch.x_um - np.asarray(x_um, dtype=np.float32).reshape(-1, 1)) / width
    rows = (patch.y_um - np.asarray(y_um, dtype=np.float32).reshape(1, -1)) / width
    light = np.asarray(strength, dtype=np.float32).reshape(1, -1) * (np.float32(spot_um) / width) ** 2
    drawn: Picture = (np.exp(-0.5 * rows * rows) * light) @ np.exp(-0.5 * columns * columns)
    return drawn


def _rise(x: Picture) -> Picture:
    """Return a smooth step from 0 to 1."""
    return np.float32(0.5) + np.float32(0.5) * np.tanh(x)


def _damping(period_um: float, sigma_um: float) -> float:
    """Return what a gaussian blur leaves of a sine wave's amplitude."""
    return float(np.exp(-0.5 * (2 * np.pi * sigma_um / period_um) ** 2))
