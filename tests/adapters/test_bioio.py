"""bioio sees all images, units, channel names and unfinished files, and reads other files as before."""

import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import tifffile

from exengine_ome_tiff import TiffStorage

pytest.importorskip("bioio", minversion="3", reason="bioio 3 is not installed")
pytest.importorskip("bioio_ome_tiff", reason="bioio-ome-tiff is not installed")

pytestmark = pytest.mark.filterwarnings("default")  # of bioio's packages

PLACES = [
    (position, time, channel, z)
    for position in ("A", "B")
    for time in range(2)
    for channel in ("DAPI", "GFP")
    for z in range(3)
]
SEEN = """
import json, sys
from bioio import BioImage
for path in sys.argv[1:]:
    image = BioImage(path)
    seen = {"reader": type(image.reader).__module__, "scenes": image.scenes, "shape": image.shape}
    seen["channels"], seen["sizes"] = image.channel_names, list(image.physical_pixel_sizes)
    pixels = []
    for scene in image.scenes:
        image.set_scene(scene)
        pixels.append(image.get_image_dask_data("TCZ", Y=0, X=0).compute().ravel().tolist())
    print(json.dumps({**seen, "pixels": pixels}))
"""


def record(path):
    """Write frames that are filled with their numbers; return the storage, which is not finished."""
    storage = TiffStorage(path, pixel_size_um=0.5, z_step_um=2, time_interval_s=3)
    for number, (position, time, channel, z) in enumerate(PLACES):
        place = {"position": position, "time": time, "channel": channel, "z": z}
        storage.put(place, np.full((8, 12), number, np.uint16))
    return storage


def test_the_plugin_that_bioio_finds(tmp_path, wheel):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    unfinished, finished = tmp_path / "unfinished.ome.tiff", tmp_path / "finished.ome.tiff"
    record(unfinished).suspend()
    record(finished).close()
    record(tmp_path / "folder").close()
    foreign = tmp_path / "foreign.ome.tiff"
    tifffile.imwrite(foreign, np.zeros((2, 8, 12), np.uint16), metadata={"axes": "CYX"})
    done = subprocess.run(
        [sys.executable, "-c", SEEN, unfinished, finished, tmp_path / "folder", foreign],
        env=os.environ | {"PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    of_unfinished, of_finished, of_folder, of_foreign = map(json.loads, done.stdout.splitlines())
    assert of_unfinished == {
        "reader": "exengine_ome_tiff.adapters.bioio_reader",
        "scenes": ["A", "B"],
        "shape": [2, 2, 3, 8, 12],
        "channels": ["DAPI", "GFP"],
        "sizes": [2, 0.5, 0.5],
        "pixels": [[*range(12)], [*range(12, 24)]],
    }
    assert of_folder == of_unfinished
    assert of_finished == of_unfinished | {
        "reader": "bioio_ome_tiff.reader",
        "scenes": ["Image:0", "Image:1"],
    }
    assert of_foreign["reader"] == "bioio_ome_tiff.reader"


def test_the_reader_by_name(tmp_path):
    from bioio import BioImage
    from bioio_base.exceptions import UnsupportedFileFormatError

    from exengine_ome_tiff.adapters.bioio_reader import Reader

    with record(tmp_path / "run.ome.tiff") as storage:
        storage.put({"position": "colour"}, np.full((8, 12, 3), (1, 2, 3), np.uint8))
    image = BioImage(tmp_path / "run.ome.tiff", reader=Reader)
    assert image.scenes == ("A", "B", "colour")
    assert [each.name for each in image.ome_metadata.images] == ["A", "B", "colour"]
    units = image.dimension_properties
    assert [str(getattr(units, axis).unit) for axis in "TZYX"] == ["second", *["micrometer"] * 3]
    assert image.time_interval.total_seconds() == 3
    assert image.standard_metadata.image_size_z == 3
    image.set_scene("colour")
    assert (image.dims.order, image.shape) == ("TCZYXS", (1, 1, 1, 8, 12, 3))
    assert (image.data[0, 0, 0] == (1, 2, 3)).all()
    other = tmp_path / "other.ome.tiff"
    tifffile.imwrite(other, np.zeros((8, 12), np.uint16))
    with pytest.raises(UnsupportedFileFormatError):
        Reader(other)
