"""A folder that Viv, Avivator and Vitessce open by its companion: two positions with tiles and pyramids."""

from pathlib import Path

import numpy as np
from ome_types import from_xml

from exengine_ome_tiff import TiffStorage

with TiffStorage("browser_viewers", overwrite=True, tile=(256, 256), pyramid_levels=1) as storage:
    for position in ("left", "right"):
        for channel, level in (("DAPI", 100), ("GFP", 200)):
            frame = np.full((512, 512), level, np.uint16)
            storage.put({"position": position, "channel": channel}, frame)

companion = Path("browser_viewers") / "browser_viewers.companion.ome"
for image in from_xml(companion.read_text("utf-8")).images:
    for page in image.pixels.tiff_data_blocks:
        file_name = page.uuid and page.uuid.file_name
        print(f"{image.name}, channel {page.first_c}: page {page.ifd} of {file_name}")
