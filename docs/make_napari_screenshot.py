"""Make the picture of napari with a demo acquisition; needs the extra `napari` and a display."""

import tempfile
from pathlib import Path

import napari

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.demo.acquisition import DemoPlan, run

PICTURE = Path(__file__).parent / "images" / "napari.png"


def main() -> None:
    """Acquire, open in napari, and take a picture of its window."""
    plan = DemoPlan(channels=("DAPI", "GFP", "mCherry"), time_points=4, z_slices=3, size=320)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "demo.ome.tiff"
        with TiffStorage(path) as storage:
            run(plan, storage)
        viewer = napari.Viewer()
        viewer.open(path, plugin="exengine-ome-tiff")
        viewer.scale_bar.visible = True
        viewer.window.resize(1100, 760)
        viewer.screenshot(PICTURE, canvas_only=False, flash=False)
        viewer.close()


if __name__ == "__main__":
    main()
