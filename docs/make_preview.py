"""Make the picture for README and documentation: a demo, drawn by `exengine-ome-tiff preview`."""

import tempfile
from pathlib import Path

from exengine_ome_tiff import TiffStorage, preview
from exengine_ome_tiff.demo.acquisition import DemoPlan, run

PICTURE = Path(__file__).parent / "images" / "preview.jpg"


def main() -> None:
    """Acquire and draw."""
    plan = DemoPlan(channels=("DAPI", "GFP", "mCherry"), time_points=4, z_slices=3, size=320)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "demo.ome.tiff"
        with TiffStorage(path) as storage:
            run(plan, storage)
        PICTURE.write_bytes(preview(path, cell_px=224, format="JPEG").encoded)


if __name__ == "__main__":
    main()
