"""Make the README's picture: what the demo's first commands leave, read back through tifffile."""

import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.demo.acquisition import DemoPlan, run

PICTURE = Path(__file__).parent / "images" / "demo.jpg"
COLOURS = {"DAPI": (0.25, 0.45, 1.0), "GFP": (0.1, 1.0, 0.3), "mCherry": (1.0, 0.25, 0.35)}


def merge(channels: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """Colour and add channels, shape (C, Y, X), to an RGB picture, shape (Y, X, 3)."""
    picture = np.zeros((*channels.shape[1:], 3))
    for plane, colour in zip(channels, COLOURS.values(), strict=True):
        low, high = np.percentile(plane, (2, 99.8))
        picture += np.clip((plane - low) / (high - low), 0, 1)[..., None] * colour
    return (np.clip(picture, 0, 1) * 255).astype(np.uint8)


def main() -> None:
    """Acquire, read, and lay out positions as rows and time points as columns."""
    plan = DemoPlan(channels=tuple(COLOURS), time_points=4, z_slices=3, size=320)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "demo.ome.tiff"
        with TiffStorage(path) as storage:
            run(plan, storage)
        with tifffile.TiffFile(path) as tif:
            positions = [series.asarray()[:, :, 1] for series in tif.series]
    rows = [np.hstack([merge(channels) for channels in position]) for position in positions]
    PICTURE.parent.mkdir(exist_ok=True)
    Image.fromarray(np.vstack(rows)).save(PICTURE, quality=85)


if __name__ == "__main__":
    main()
