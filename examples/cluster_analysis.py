"""Run one analysis from OME-TIFF and from OME-Zarr, on a cluster. Needs the extra `zarr`, and distributed.

`Client()` starts workers on this machine; `Client("tcp://scheduler:8786")` uses workers on many machines. All
workers must see both paths.
"""

from pathlib import Path

import dask.array as da
import numpy as np
from distributed import Client

from exengine_ome_tiff import TiffStorage, export_ome_zarr


def acquire() -> Path:
    """Write a dataset to analyse. Leave this out, and use the path of your own dataset below."""
    noise = np.random.default_rng(1)
    name = "cluster_analysis.ome.tiff"
    with TiffStorage(name, numbered=True, pixel_size_um=0.25, time_interval_s=10) as storage:
        for time in range(8):
            for channel in ("DAPI", "GFP"):
                storage.put(
                    {"time": time, "channel": channel}, noise.integers(0, 4000, (256, 256), np.uint16)
                )
    return storage.path


def brightness(image: da.Array) -> da.Array:
    """Return the mean of each time point and channel of an image with axes T, C, then others."""
    means: da.Array = image.mean(axis=tuple(range(2, image.ndim)))
    return means


def main() -> None:
    """Analyse both, and compare the results."""
    tiff = acquire()
    zarr = tiff.with_name(tiff.name.replace(".ome.tiff", ".zarr"))
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None):
        with TiffStorage.open(tiff) as storage:
            from_tiff = brightness(storage.images[0].asdask()).compute()
        done = export_ome_zarr(tiff, zarr)
        (path,) = done.images
        from_zarr = brightness(da.from_zarr(f"{zarr}/{path}/0")).compute()
    print(f"{done.n_planes} planes, mean brightness by channel: {from_zarr.mean(axis=0).round(1)}")
    print("OME-TIFF and OME-Zarr agree:", bool((from_tiff == from_zarr).all()))


if __name__ == "__main__":
    main()
