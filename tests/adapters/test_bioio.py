"""bioio reads all images, units, channel names and unfinished files, and other files as before."""

from importlib.metadata import entry_points

import numpy as np
import pytest
import tifffile

from exengine_ome_tiff import TiffStorage

pytestmark = [
    pytest.mark.thorough,  # importing bioio takes 3 s
    pytest.mark.filterwarnings("default"),  # of bioio's packages
]
OURS = "exengine_ome_tiff.adapters.bioio_reader"
PLACES = [
    (position, time, channel, z)
    for position in ("A", "B")
    for time in range(2)
    for channel in ("DAPI", "GFP")
    for z in range(3)
]


@pytest.fixture(scope="module")
def bioio():
    """Import bioio here, and not where tests are collected that do not run."""
    pytest.importorskip("bioio_ome_tiff", reason="bioio-ome-tiff is not installed")
    return pytest.importorskip("bioio", minversion="3", reason="bioio 3 is not installed")


def record(path):
    """Write frames filled with their numbers; return the unfinished storage."""
    storage = TiffStorage(path, pixel_size_um=0.5, z_step_um=2, time_interval_s=3, fsync=False)
    for number, (position, time, channel, z) in enumerate(PLACES):
        place = {"position": position, "time": time, "channel": channel, "z": z}
        storage.put(place, np.full((8, 12), number, np.uint16))
    return storage


def seen(bioio, path, **options):
    """Return the content of a path in bioio."""
    image = bioio.BioImage(path, **options)
    pixels = []
    for scene in image.scenes:
        image.set_scene(scene)
        pixels.append(image.get_image_dask_data("TCZ", Y=0, X=0).compute().ravel().tolist())
    return {
        "reader": type(image.reader).__module__,
        "scenes": [*image.scenes],
        "shape": image.shape,
        "channels": image.channel_names,
        "sizes": [*image.physical_pixel_sizes],
        "pixels": pixels,
    }


EXPECTED = {
    "reader": OURS,
    "scenes": ["A", "B"],
    "shape": (2, 2, 3, 8, 12),
    "channels": ["DAPI", "GFP"],
    "sizes": [2, 0.5, 0.5],
    "pixels": [[*range(12)], [*range(12, 24)]],
}


@pytest.mark.skipif(
    "exengine-ome-tiff" not in entry_points(group="bioio.readers").names,
    reason="the package is not installed",
)
def test_bioio_finds_the_plugin(bioio, tmp_path):
    unfinished, finished, foreign = (tmp_path / f"{name}.ome.tiff" for name in ("running", "done", "other"))
    with record(unfinished) as storage:
        storage.flush()
        assert seen(bioio, unfinished) == EXPECTED
    record(finished).close()
    record(tmp_path / "folder").close()
    tifffile.imwrite(foreign, np.zeros((2, 8, 12), np.uint16), metadata={"axes": "CYX"})
    assert (
        seen(bioio, tmp_path / "folder")
        == seen(bioio, tmp_path / "folder" / "folder.companion.ome")
        == EXPECTED
    )
    of_ome_tiff = {"reader": "bioio_ome_tiff.reader", "scenes": ["Image:0", "Image:1"]}
    assert seen(bioio, finished) == EXPECTED | of_ome_tiff
    assert seen(bioio, foreign)["reader"] == "bioio_ome_tiff.reader"


def test_the_reader_by_name(bioio, tmp_path):
    from bioio_base.exceptions import UnsupportedFileFormatError

    from exengine_ome_tiff.adapters.bioio_reader import Reader

    path = tmp_path / "run.ome.tiff"
    with record(path) as storage:
        storage.flush()
        running = bioio.BioImage(path, reader=Reader)
        assert [each.pixels.size_z for each in running.ome_metadata.images] == [3, 3]
        storage.put({"position": "colour"}, np.full((8, 12, 3), (1, 2, 3), np.uint8))
    assert seen(bioio, path, reader=Reader)["pixels"][:2] == EXPECTED["pixels"]
    image = bioio.BioImage(path, reader=Reader)
    assert image.scenes == ("A", "B", "colour")
    assert [each.name for each in image.ome_metadata.images] == ["A", "B", "colour"]
    units = image.dimension_properties
    assert [str(getattr(units, axis).unit) for axis in "TZYX"] == ["second", *["micrometer"] * 3]
    assert units.C.unit is None
    assert image.time_interval.total_seconds() == 3
    assert image.standard_metadata.image_size_z == 3
    image.set_scene("colour")
    assert (image.dims.order, image.shape) == ("TCZYXS", (1, 1, 1, 8, 12, 3))
    assert (image.data[0, 0, 0] == (1, 2, 3)).all()
    other = tmp_path / "other.ome.tiff"
    tifffile.imwrite(other, np.zeros((8, 12), np.uint16))
    with pytest.raises(UnsupportedFileFormatError, match="other"):
        Reader(other)
