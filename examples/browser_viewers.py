"""Record a folder that Viv, Avivator and Vitessce open by its companion: two positions, tiles, pyramids."""

import numpy as np
from ome_types import from_xml

from exengine_ome_tiff import TiffStorage

with TiffStorage("browser_viewers", numbered=True, tile=(256, 256), pyramid_levels=1) as storage:
    for position in ("left", "right"):
        for channel, level in (("DAPI", 100), ("GFP", 200)):
            frame = np.full((512, 512), level, np.uint16)
            storage.put({"position": position, "channel": channel}, frame)

(companion,) = storage.path.glob("*.companion.ome")
images = from_xml(companion.read_text("utf-8")).images
pages = sum(len(image.pixels.tiff_data_blocks) for image in images)
print(
    f"{companion} lists the files and pages of {pages} planes at {len(images)} positions: open it in Avivator"
)
