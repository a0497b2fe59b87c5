"""The same analysis from OME-TIFF and from OME-Zarr, on a cluster. Needs the extra `zarr`, and distributed.

`Client()` starts workers on this machine; `Client("tcp://scheduler:8786")` uses those of many machines, which
must see both paths.
"""

import dask.array as da
import numpy as np
from distributed import Client

from exengine_ome_tiff import TiffStorage, export_ome_zarr

TIFF, ZARR = "cluster_analysis.ome.tiff", "cluster_analysis.zarr"


def acquire() -> None:
    """Write what is to be analysed: leave this out and name your own dataset above."""
    noise = np.random.default_rng(1)
    with TiffStorage(TIFF, overwrite=True, pixel_size_um=0.25, time_interval_s=10) as storage:
        for time in range(8):
            for channel in ("DAPI", "GFP"):
                storage.put(
                    {"time": time, "channel": channel}, noise.integers(0, 4000, (256, 256), np.uint16)
                )


def brightness(image: da.Array) -> da.Array:
    """Return the mean of each time point and channel of an image with axes T, C, then others."""
    means: da.Array = image.mean(axis=tuple(range(2, image.ndim)))
    return means


def main() -> None:
    """Analyse both, and compare."""
    acquire()
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None):
        with TiffStorage.open(TIFF) as storage:
            from_tiff = brightness(storage.images[0].asdask()).compute()
        done = export_ome_zarr(TIFF, ZARR, overwrite=True)
        (path,) = done.images
        from_zarr = brightness(da.from_zarr(f"{ZARR}/{path}/0")).compute()
    print(f"{done.n_planes} planes, mean brightness by channel: {from_zarr.mean(axis=0).round(1)}")
    print("OME-TIFF and OME-Zarr agree:", bool((from_tiff == from_zarr).all()))


if __name__ == "__main__":
    main()
