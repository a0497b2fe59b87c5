"""Exports read by ome-zarr-py, ome-zarr-models and napari-ome-zarr, in a separate environment."""

import numpy as np
import pytest

from acquisitions import nested
from exengine_ome_tiff import ChannelInfo, PlateInfo, TiffStorage, export_ome_zarr
from frames import frame

ome_zarr_io = pytest.importorskip("ome_zarr.io", reason="ome-zarr is not installed")
ome_zarr_reader = pytest.importorskip("ome_zarr.reader")

pytestmark = pytest.mark.filterwarnings("default")  # of the readers

SHAPE = (30, 600)
AXES = {"time": range(2), "channel": ("DAPI", "mine"), "z": (0, 1, 2)}


def export(tmp_path, version, positions, **options):
    with TiffStorage(
        tmp_path / "run.ome.tiff",
        pixel_size_um=0.25,
        z_step_um=2.0,
        time_interval_s=30.0,
        channels={"mine": ChannelInfo(color=(255, 128, 0))},
        fsync=False,
        **options,
    ) as storage:
        for place in nested(position=positions, **AXES):
            storage.put(place, frame(place, SHAPE))
    return export_ome_zarr(tmp_path / "run.ome.tiff", tmp_path / "out.zarr", version=version)


def expected(position):
    places = nested(**AXES)
    planes = [frame({"position": position, **place}, SHAPE) for place in places]
    return np.stack(planes).reshape(2, 2, 3, *SHAPE)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_images(tmp_path, version):
    done = export(tmp_path, version, ("left", "right"))
    for path, name in done.images.items():
        (node, *_) = ome_zarr_reader.Reader(ome_zarr_io.parse_url(done.path / path))()
        assert node.metadata["name"] == name
        assert [axis["name"] for axis in node.metadata["axes"]] == [*"tczyx"]
        assert len(node.data) == 2
        np.testing.assert_array_equal(np.asarray(node.data[0]), expected(name))
        scale = node.metadata["coordinateTransformations"][0][0]["scale"]
        assert scale == [30.0, 1.0, 2.0, 0.25, 0.25]


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_plate(tmp_path, version):
    done = export(tmp_path, version, ("A1", "B2"), plate=PlateInfo(rows=2, columns=2))
    (node, *_) = ome_zarr_reader.Reader(ome_zarr_io.parse_url(done.path))()
    plate = np.asarray(node.data[0])
    assert plate.shape == (2, 2, 3, 2 * SHAPE[0], 2 * SHAPE[1])
    np.testing.assert_array_equal(plate[..., : SHAPE[0], : SHAPE[1]], expected("A1"))
    np.testing.assert_array_equal(plate[..., SHAPE[0] :, SHAPE[1] :], expected("B2"))
    assert not plate[..., : SHAPE[0], SHAPE[1] :].any()


@pytest.mark.parametrize(("version", "module"), [("0.4", "v04"), ("0.5", "v05")])
def test_models(tmp_path, version, module):
    models = pytest.importorskip(f"ome_zarr_models.{module}")
    zarr = pytest.importorskip("zarr")
    done = export(tmp_path, version, ("A1", "B2"), plate=PlateInfo())
    plate = models.HCS.from_zarr(zarr.open_group(done.path, mode="r"))
    about = getattr(plate.attributes, "ome", plate.attributes)
    assert [well.path for well in about.plate.wells] == ["A/1", "B/2"]
    for path in done.images:
        image = models.Image.from_zarr(zarr.open_group(done.path / path, mode="r"))
        about = getattr(image.attributes, "ome", image.attributes)
        assert len(about.multiscales[0].datasets) == 2


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_napari(tmp_path, version):
    napari_ome_zarr = pytest.importorskip("napari_ome_zarr", reason="napari-ome-zarr is not installed")
    done = export(tmp_path, version, ("left", "right"))
    layers = napari_ome_zarr.napari_get_reader(str(done.path))(str(done.path))
    assert len(layers) == 2
    for (pixels, about, kind), name in zip(layers, done.images.values(), strict=True):
        assert kind == "image"
        assert about["channel_axis"] == 1
        np.testing.assert_array_equal(np.asarray(pixels[0]), expected(name))
        assert about["name"] == [f"{name}: DAPI", f"{name}: mine"]
        assert [*about["scale"]] == [30.0, 2.0, 0.25, 0.25]
