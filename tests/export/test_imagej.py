"""ImageJ hyperstacks, as tifffile reads them."""

from unittest.mock import patch

import numpy as np
import pytest
import tifffile

from acquisitions import nested
from exengine_ome_tiff import ChannelInfo, TiffStorage, export_imagej
from frames import frame

PLACES = nested(position=("A1", "B2"), time=range(3), channel=("DAPI", "mine"), z=(-1, 0, 1))
MISSING = {"position": "B2", "time": 1, "channel": "mine", "z": 0}


@pytest.fixture
def dataset(tmp_path):
    options = {
        "pixel_size_um": 0.25,
        "z_step_um": 2.0,
        "time_interval_s": 30.0,
        "channels": {"mine": ChannelInfo(color=(255, 128, 0))},
    }
    with TiffStorage(tmp_path / "run", **options, fsync=False) as storage:
        for place in PLACES:
            if place != MISSING:
                storage.put(place, frame(place, (40, 48)))
    return tmp_path / "run"


def one(path, pixels, **options):
    with TiffStorage(path, fsync=False, **options) as storage:
        for time, plane in enumerate(pixels):
            storage.put({"time": time}, plane)
    return path


@pytest.mark.parametrize("image", ["B2", 1, "1"])
def test_an_image_with_everything_that_imagej_supports(tmp_path, dataset, image):
    seen = []
    done = export_imagej(dataset, tmp_path / "µ b.tif", image, progress=lambda *told: seen.append(told))
    assert (done.image, done.gaps, done.dtype, done.notes) == ("B2", 1, "uint16", ())
    assert done.sizes == {"T": 3, "C": 2, "Z": 3, "Y": 40, "X": 48}
    assert seen == [(count, 18) for count in range(19)]
    with tifffile.TiffFile(tmp_path / "µ b.tif") as tif:
        assert tif.is_imagej
        assert not tif.is_bigtiff
        (series,) = tif.series
        assert (series.kind, series.axes, series.shape) == ("imagej", "TZCYX", (3, 3, 2, 40, 48))
        pixels, told = series.asarray(), tif.imagej_metadata
        assert tif.pages[0].tags["XResolution"].value == tif.pages[0].tags["YResolution"].value == (4, 1)
    expected = {
        "channels": 2,
        "slices": 3,
        "frames": 3,
        "hyperstack": True,
        "mode": "composite",
        "unit": "um",
    }
    assert expected | {"spacing": 2.0, "finterval": 30.0} | told == told
    np.testing.assert_array_equal([lut[:, 255] for lut in told["LUTs"]], [(0, 0, 255), (255, 128, 0)])
    labels = iter(told["Labels"])
    for t in range(3):
        for rank, z in enumerate((-1, 0, 1)):
            for c, channel in enumerate(("DAPI", "mine")):
                place = {"position": "B2", "time": t, "channel": channel, "z": z}
                is_there = place != MISSING
                expected = frame(place, (40, 48)) if is_there else np.zeros((40, 48))
                np.testing.assert_array_equal(pixels[t, rank, c], expected)
                assert next(labels) == f"{channel} z={z} t={t}" + ("" if is_there else " not acquired")
    for c, channel in enumerate(("DAPI", "mine")):
        planes = [
            frame(place, (40, 48))
            for place in PLACES
            if (place["channel"], place["position"]) == (channel, "B2") and place != MISSING
        ]
        assert told["Ranges"][2 * c : 2 * c + 2] == (np.min(planes), np.max(planes))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "µ b.tif"]


def test_an_image_without_gaps_that_has_the_first_frame(tmp_path, dataset):
    assert export_imagej(dataset, tmp_path / "a.tif", "A1").gaps == 0


TYPES = {
    "u1": ("u1", False),
    "u2": ("u2", False),
    "i2": ("i2", False),
    "f4": ("f4", False),
    "i1": ("i2", False),
    "?": ("u1", False),
    "f2": ("f4", False),
    "i4": ("f4", True),
    "u4": ("f4", True),
    "f8": ("f4", True),
}


@pytest.mark.parametrize(("dtype", "became", "is_rounded"), [(key, *value) for key, value in TYPES.items()])
def test_pixel_types(tmp_path, dtype, became, is_rounded):
    pixels = [frame({"time": time}, (30, 20), dtype) for time in range(2)]
    done = export_imagej(one(tmp_path / "a.ome.tiff", pixels), tmp_path / "a.tif")
    assert bool(done.notes) is is_rounded
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        got = tif.series[0].asarray()
        assert tif.imagej_metadata.get("mode") == "grayscale"
    assert got.dtype == np.dtype(became)
    np.testing.assert_array_equal(got, np.array(pixels).astype(became))


def test_integers_that_fit_float32_are_not_rounded(tmp_path):
    done = export_imagej(one(tmp_path / "a.ome.tiff", [np.full((4, 5), 1 << 24, "i4")]), tmp_path / "a.tif")
    assert (done.dtype, done.notes) == ("float32", ())


@pytest.mark.parametrize(("shape", "dtype"), [((30, 20, 3), "u1"), ((30, 20, 4), "u1"), ((30, 20, 3), "u2")])
def test_rgb(tmp_path, shape, dtype):
    pixels = [frame({"time": time}, shape, dtype) for time in range(2)]
    done = export_imagej(one(tmp_path / "a.ome.tiff", pixels), tmp_path / "a.tif")
    assert done.notes == (("transparency is omitted",) if shape[2] == 4 else ())
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        series, told = tif.series[0], tif.imagej_metadata
        got = series.asarray()
    if dtype == "u1":
        assert series.axes == "TYXS"
        np.testing.assert_array_equal(got, np.array(pixels)[..., :3])
    else:
        assert series.axes == "TCYX"
        np.testing.assert_array_equal(got, np.moveaxis(pixels, 3, 1))
        assert told["Labels"] == ["t=0 R", "t=0 G", "t=0 B", "t=1 R", "t=1 G", "t=1 B"]
        assert (told["mode"], told["channels"]) == ("composite", 3)


def test_the_mean_interval_if_none_is_known(tmp_path):
    with TiffStorage(tmp_path / "a.ome.tiff") as storage:
        for time, at_ms in enumerate((0, 900, 2000)):
            storage.put({"time": time}, np.zeros((4, 5), "u1"), {"ElapsedTime-ms": at_ms})
    export_imagej(tmp_path / "a.ome.tiff", tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert tif.imagej_metadata["finterval"] == pytest.approx(1.0)
    with TiffStorage(tmp_path / "b.ome.tiff") as storage:
        for time, tags in enumerate(({"ElapsedTime-ms": 0}, {}, {"ElapsedTime-ms": 3000})):
            storage.put({"time": time}, np.zeros((4, 5), "u1"), tags)
    export_imagej(tmp_path / "b.ome.tiff", tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as tif:
        assert tif.imagej_metadata["finterval"] == pytest.approx(1.5)


def test_an_unfinished_dataset(tmp_path):
    storage = TiffStorage(tmp_path / "a.ome.tiff", pixel_size_um=0.5)
    storage.put({"time": 0}, frame({}, (30, 20)))
    storage.flush()
    export_imagej(tmp_path / "a.ome.tiff", tmp_path / "a.tif")
    storage.close()
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), frame({}, (30, 20)))
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert tif.pages[0].resolution == (2.0, 2.0), "pixels in a micrometre"


def test_invalid_exports(tmp_path, dataset):
    dest = tmp_path / "a.tif"
    with pytest.raises(ValueError, match="there are 2 images, choose one: 0 'A1', 1 'B2'"):
        export_imagej(dataset, dest)
    for image in ("C3", 2, -1):
        with pytest.raises(ValueError, match="there is no image"):
            export_imagej(dataset, dest, image)
    with pytest.raises(ValueError, match="there is no image"):
        export_imagej(dataset, dest, {"position": "C3"})
    with pytest.raises(ValueError, match=r"must end in \.tif"):
        export_imagej(dataset, tmp_path / "a.png", 0)
    with pytest.raises(ValueError, match="is not OME-TIFF"):
        export_imagej(dataset, tmp_path / "a.ome.tif", 0)
    own = one(tmp_path / "own.tif", [np.zeros((4, 5), "u2")])
    with pytest.raises(FileExistsError):
        export_imagej(own, own)
    with pytest.raises(FileExistsError, match="the dataset itself"):
        export_imagej(own, own, overwrite=True)
    complex_pixels = one(tmp_path / "c.ome.tiff", [np.zeros((4, 5), "c8")])
    with pytest.raises(ValueError, match="does not support complex64 pixels"):
        export_imagej(complex_pixels, dest)
    with (
        patch("exengine_ome_tiff.tiff.hyperstack._MOST_BYTES", 18 * 40 * 48 * 2 - 1),
        pytest.raises(ValueError, match="ImageJ's own TIFF has room for"),
    ):
        export_imagej(dataset, dest, 0)
    assert not dest.exists()


def test_an_interrupt_leaves_nothing(tmp_path, dataset):
    def stop(done, _all):
        if done == 5:
            raise KeyboardInterrupt

    (tmp_path / "a.tif").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        export_imagej(dataset, tmp_path / "a.tif", 0, overwrite=True, progress=stop)
    assert (tmp_path / "a.tif").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "run"]
