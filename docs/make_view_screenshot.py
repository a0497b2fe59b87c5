"""Make the picture of `view` with a demo acquisition; needs the extra `view` and a separate display."""

import tempfile
import time
from pathlib import Path

import ndv
from qtpy.QtWidgets import QApplication

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.demo.acquisition import DemoPlan, run
from exengine_ome_tiff.viewers import ndv_viewer

PICTURE = Path(__file__).parent / "images" / "view.png"


def main() -> None:
    """Acquire, open a window, and take a picture of it."""
    ndv_viewer.run_app = lambda: None
    plan = DemoPlan(channels=("DAPI", "GFP", "mCherry"), time_points=4, z_slices=3, size=320)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "demo.ome.tiff"
        with TiffStorage(path) as storage:
            run(plan, storage)
        with TiffStorage.open(path) as storage:
            viewer = storage.view()
            viewer.widget().resize(760, 720)
            end_s = time.monotonic() + 5
            while time.monotonic() < end_s:
                ndv.process_events()
            corner = viewer.widget().geometry()
            place = corner.x(), corner.y(), corner.width(), corner.height()
            QApplication.primaryScreen().grabWindow(0, *place).save(str(PICTURE))
            viewer.close()


if __name__ == "__main__":
    main()
