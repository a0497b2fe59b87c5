"""Readers that are Python packages."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import warnings
from collections.abc import Callable

import numpy as np
import tifffile
from ome_types import from_tiff

from demos import Demo
from interoperability.seen import Seen, only, sizes_text


def lacks(*modules: str) -> Callable[[], str | None]:
    """Return a check for modules that can be installed with the extra `interop`."""

    def missing() -> str | None:
        absent = [module for module in modules if importlib.util.find_spec(module) is None]
        return f"not installed: {', '.join(absent)}" if absent else None

    return missing


def read_tifffile(demo: Demo) -> Seen:
    with tifffile.TiffFile(demo.path) as tif:
        assert {series.kind for series in tif.series} == {"ome"}
        axes = {sizes_text(series.axes, series.shape) for series in tif.series}
        equal = [np.array_equal(series.asarray(), demo.stack(series.name)) for series in tif.series]
        return Seen(
            images=tuple(series.name for series in tif.series),
            sizes=only(axes),
            exact=all(equal),
            version=tifffile.__version__,
        )


def read_ome_types(demo: Demo) -> Seen:
    images = from_tiff(demo.path).images
    every = [image.pixels for image in images]
    planes = [plane for pixels in every for plane in pixels.planes]
    assert {pixels.time_increment_unit.value for pixels in every} == {"s"}
    assert {pixels.physical_size_x_unit.value for pixels in every} == {"µm"}
    assert {pixels.physical_size_z_unit.value for pixels in every} == {"µm"}
    assert {plane.exposure_time_unit.value for plane in planes} == {"s"}
    return Seen(
        images=tuple(image.name for image in images),
        sizes=only(f"T{p.size_t} C{p.size_c} Z{p.size_z} Y{p.size_y} X{p.size_x}" for p in every),
        channels=only(tuple(channel.name for channel in pixels.channels) for pixels in every),
        colors=only(
            tuple(channel.color.as_rgb_tuple(alpha=False) for channel in pixels.channels) for pixels in every
        ),
        voxel_um=only((p.physical_size_x, p.physical_size_y, p.physical_size_z) for p in every),
        interval_s=only(pixels.time_increment for pixels in every),
        exposure_s=only(plane.exposure_time for plane in planes),
        stage_x_um=tuple(only(plane.position_x for plane in pixels.planes) for pixels in every),
        version=importlib.metadata.version("ome-types"),
    )


def read_bioio(demo: Demo) -> Seen:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses deprecated parts of ome-types and others
        import bioio_ome_tiff
        from bioio import BioImage

        image = BioImage(demo.path, reader=bioio_ome_tiff.Reader)
        sizes, channels, voxels, equal = [], [], [], []
        for scene, position in zip(image.scenes, demo.positions, strict=True):
            image.set_scene(scene)
            sizes.append(sizes_text(image.dims.order, image.dims.shape))
            channels.append(tuple(image.channel_names))
            voxels.append(image.physical_pixel_sizes)
            equal.append(np.array_equal(image.get_image_data("TCZYX"), demo.stack(position)))
        voxel, interval = only(voxels), image.time_interval
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("bioio", "bioio-ome-tiff")]
    return Seen(
        images=image.scenes,
        sizes=only(sizes),
        exact=all(equal),
        channels=only(channels),
        voxel_um=(voxel.X, voxel.Y, voxel.Z),
        interval_s=None if interval is None else interval.total_seconds(),
        version=", ".join(versions),
    )


def read_skimage(demo: Demo) -> Seen:
    import skimage.io

    pixels = skimage.io.imread(demo.path)
    return Seen(
        images=1,
        sizes=sizes_text("TCYXZ", pixels.shape),
        exact=np.array_equal(np.moveaxis(pixels, -1, 2), demo.stack("Pos0")),
        version=skimage.__version__,
    )


def read_pillow(demo: Demo) -> Seen:
    from PIL import Image, ImageSequence, __version__

    with Image.open(demo.path) as image:
        pages = np.stack([np.asarray(page) for page in ImageSequence.Iterator(image)])
    return Seen(1, sizes_text("NYX", pages.shape), _are_pages_of(pages, demo), version=__version__)


def read_zarr(demo: Demo) -> Seen:
    import zarr

    def array(store: object) -> np.ndarray:
        opened = zarr.open(store, mode="r")
        assert opened.attrs["_ARRAY_DIMENSIONS"] == list("TCZYX")
        return opened[:]

    return _through_store(array, demo, zarr.__version__)


def read_dask(demo: Demo) -> Seen:
    import dask
    import dask.array

    return _through_store(
        lambda store: dask.array.from_zarr(store).compute(scheduler="synchronous"), demo, dask.__version__
    )


def _through_store(read: Callable[[object], np.ndarray], demo: Demo, version: str) -> Seen:
    """Read all images through tifffile's store for zarr."""
    sizes, equal = set(), []
    for series, position in enumerate(demo.positions):
        with tifffile.imread(demo.path, aszarr=True, series=series) as store:
            pixels = read(store)
        sizes.add(sizes_text("TCZYX", pixels.shape))
        equal.append(np.array_equal(pixels, demo.stack(position)))
    return Seen(len(equal), only(sizes), all(equal), version=version)


def _are_pages_of(pages: np.ndarray, demo: Demo) -> bool:
    """Whether pages, shape (N, Y, X), are all frames: by position, time, channel and z."""
    every = np.stack([demo.stack(position) for position in demo.positions])
    return np.array_equal(pages, every.reshape(-1, *every.shape[-2:]))
