"""The cells of the demo: what a cell is, which live where, and where one is at a time.

All lengths are um, all times s. The numbers below were chosen by eye.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Vector: TypeAlias = npt.NDArray[np.float32]

TILE_UM = 25.0
REACH_UM = 34.0  # no cell ever draws, or wanders, farther than this from the middle of its tile
_OCCUPIED = 0.85
_WANDER_UM = (4.5, 0.35)
_WANDER_PERIOD_S = (1100.0, 190.0)
_BLUR_IN_FOCUS_UM = 0.28
_BLUR_PER_DEFOCUS = 0.28
_MITOCHONDRIA = 34


@dataclass(frozen=True, eq=False)
class Cell:
    """A cell at rest; `pose` and the structures below derive everything else from it.

    Attributes
    ----------
    x_um, y_um, z_um : float
        Where it wanders about, in stage coordinates, and the height at which it is in focus.
    angle_rad : float
        How its long axis lies.
    radius_um : float
        Mean radius of the body.
    nucleus_um : tuple of float
        Semi-axes of the nucleus.
    brightness : float
        About 1.
    lobes : ndarray, complex64, shape (4,)
        Harmonics 2 to 5 of the outline.
    phases_rad : ndarray, float32, shape (12,)
        Whatever differs between cells besides.
    mitochondria : ndarray, float32, shape (_MITOCHONDRIA, 4)
        Polar angle (rad), distance as a fraction of the way from nucleus to outline, phase (rad), brightness.
    """

    x_um: float
    y_um: float
    z_um: float
    angle_rad: float
    radius_um: float
    nucleus_um: tuple[float, float]
    brightness: float
    lobes: npt.NDArray[np.complex64]
    phases_rad: Vector
    mitochondria: Vector


@lru_cache(maxsize=4096)
def cell_in_tile(seed: int, column: int, row: int) -> Cell | None:
    """Return the cell that lives in a tile of the stage plane, or None: the same for the same arguments.

    Parameters
    ----------
    seed : int
        Which sample this is.
    column, row : int
        The tile; its middle is at (column, row) * TILE_UM. May be negative.
    """
    rng = np.random.default_rng([seed, column % 2**32, row % 2**32])
    if rng.random() > _OCCUPIED:
        return None
    x_um, y_um = (np.array([column, row]) + rng.uniform(-0.32, 0.32, 2)) * TILE_UM
    amplitude = np.array([0.24, 0.16, 0.08, 0.05]) * rng.uniform(0.4, 1.2, 4)
    phase = np.concatenate(([0.0], rng.uniform(0, 2 * np.pi, 3)))
    minor_um = rng.uniform(4.3, 5.4)
    mitochondria = rng.uniform((0, 0.12, 0, 0.45), (2 * np.pi, 0.8, 2 * np.pi, 1.0), (_MITOCHONDRIA, 4))
    return Cell(
        x_um=float(x_um),
        y_um=float(y_um),
        z_um=float(np.clip(rng.normal(0.0, 1.1), -2.5, 2.5)),
        angle_rad=float(rng.normal(0.5, 0.7)),
        radius_um=float(rng.uniform(11.5, 15.0)),
        nucleus_um=(float(minor_um * rng.uniform(1.15, 1.5)), float(minor_um)),
        brightness=float(rng.uniform(0.6, 1.2)),
        lobes=(amplitude * np.exp(1j * phase)).astype(np.complex64),
        phases_rad=rng.uniform(0, 2 * np.pi, 12).astype(np.float32),
        mitochondria=mitochondria.astype(np.float32),
    )


def pose(cell: Cell, time_s: float) -> tuple[float, float, float]:
    """Return x_um, y_um and angle_rad of a cell at a time: a slow drift with a quick jitter on it."""
    swing = [
        sum(
            reach_um * np.sin(2 * np.pi * time_s / period_s + phase)
            for reach_um, period_s, phase in zip(_WANDER_UM, _WANDER_PERIOD_S, phases, strict=True)
        )
        for phases in (cell.phases_rad[0:2], cell.phases_rad[2:4])
    ]
    turn = 0.25 * np.sin(2 * np.pi * time_s / 900.0 + cell.phases_rad[4])
    return cell.x_um + float(swing[0]), cell.y_um + float(swing[1]), cell.angle_rad + float(turn)


def blur_um(cell: Cell, z_um: float) -> float:
    """Return the standard deviation (um) of the point spread for a cell seen from focus height `z_um`."""
    return float(np.hypot(_BLUR_IN_FOCUS_UM, _BLUR_PER_DEFOCUS * (z_um - cell.z_um)))
