"""Record overlapping tiles, and assemble them into one image with a pyramid."""

import numpy as np

from exengine_ome_tiff import TiffStorage, export_mosaic

TILE, STEP, PIXEL_SIZE_UM = 256, 230, 0.5

rows, columns = np.indices((TILE + STEP, TILE + 2 * STEP))
scene = (1000 + 500 * np.sin(rows / 40) * np.cos(columns / 60)).astype(np.uint16)  # put your own camera here
with TiffStorage("mosaic_tiles.ome.tiff", numbered=True, pixel_size_um=PIXEL_SIZE_UM) as storage:
    for row in range(2):
        for column in range(3):
            top, left = row * STEP, column * STEP
            tile = scene[top : top + TILE, left : left + TILE]
            stage = {"x_um": left * PIXEL_SIZE_UM, "y_um": top * PIXEL_SIZE_UM}
            storage.put({"row": row, "column": column}, tile, stage)

name = storage.path.name.replace("_tiles", "")
done = export_mosaic(storage.path, storage.path.with_name(name), pyramid_levels=1)
with TiffStorage.open(done.path) as finished:
    mosaic = finished.images[0].asarray()
same = "equal to" if (mosaic == scene).all() else "different from"
print(f"{done.path}: {done.tiles[0]} tiles, {mosaic.shape[0]} x {mosaic.shape[1]} pixels, {same} the scene")
