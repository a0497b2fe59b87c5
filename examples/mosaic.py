"""Overlapping tiles of a scene on a stage, put together again into one image with a pyramid."""

import numpy as np

from exengine_ome_tiff import TiffStorage, export_mosaic

TILE, STEP, PIXEL_SIZE_UM = 256, 230, 0.5

rows, columns = np.indices((TILE + STEP, TILE + 2 * STEP))
scene = (1000 + 500 * np.sin(rows / 40) * np.cos(columns / 60)).astype(np.uint16)  # put your own camera here
with TiffStorage("mosaic_tiles.ome.tiff", overwrite=True, pixel_size_um=PIXEL_SIZE_UM) as storage:
    for row in range(2):
        for column in range(3):
            top, left = row * STEP, column * STEP
            tile = scene[top : top + TILE, left : left + TILE]
            stage = {"x_um": left * PIXEL_SIZE_UM, "y_um": top * PIXEL_SIZE_UM}
            storage.put({"row": row, "column": column}, tile, stage)

done = export_mosaic("mosaic_tiles.ome.tiff", "mosaic.ome.tiff", pyramid_levels=1, overwrite=True)
with TiffStorage.open(done.path) as storage:
    mosaic = storage.images[0].asarray()
print(f"{done.tiles[0]} tiles make {mosaic.shape[0]} x {mosaic.shape[1]} pixels")
print("as the scene was:", bool((mosaic == scene).all()))
