"""Acquire until something happens, at positions of which nobody knew before: no shape is ever announced."""

import numpy as np

from exengine_ome_tiff import TiffStorage

rng = np.random.default_rng(seed=3)
positions = ["overview"]

with TiffStorage("unknown_length.ome.tiff", overwrite=True) as storage:
    for time in range(6):
        for position in list(positions):
            frame = rng.poisson(40, (128, 128)).astype(np.uint16)
            storage.put({"position": position, "time": time, "channel": "GFP"}, frame, {"Exposure-ms": 20})
            if frame.max() > 68:  # an event: look closer, as a position of its own
                positions.append(f"event {len(positions)}")
    for image in storage.images:
        print(image.name, image.sizes)
