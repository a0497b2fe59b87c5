"""Read a dataset with bioio, first during the run: images are scenes with names, channels and units."""

import numpy as np
from bioio import BioImage

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.adapters.bioio_reader import Reader

with TiffStorage("bioio_scenes.ome.tiff", numbered=True, pixel_size_um=0.325) as storage:
    for position, level in (("left", 100), ("right", 200)):
        for channel in ("DAPI", "GFP"):
            storage.put({"position": position, "channel": channel}, np.full((64, 64), level, np.uint16))
    storage.flush()
    running = BioImage(storage.path, reader=Reader)
    print("during the run:", running.scenes, running.channel_names)

image = BioImage(storage.path, reader=Reader)
for scene in image.scenes:
    image.set_scene(scene)
    print(scene, image.shape, image.channel_names, image.physical_pixel_sizes)
