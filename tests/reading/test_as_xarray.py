"""`as_xarray` has the frames that were put, with the names and units of the OME-XML."""

import pickle

import dask
import numpy as np
import pytest
import tifffile
import xarray as xr
from ome_types import from_xml

from acquisitions import frames_at, nested
from exengine_ome_tiff import TiffStorage
from frames import assert_same, frame

KNOWN = {"pixel_size_um": 0.25, "z_step_um": 0.5}


@pytest.fixture(autouse=True)
def _in_this_thread():
    with dask.config.set(scheduler="synchronous"):
        yield


def metadata(at):
    """Return metadata with time and position of a plane, as a user's script would."""
    return {"elapsed_s": 10.0 + 2.5 * at["time"] + 0.25 * at["z"], "z_um": 0.5 * at["z"], "exposure_ms": 20}


def assert_planes(array, put):
    """Assert that each frame is at its coordinates."""
    for at, pixels in put:
        plane = array
        for axis, value in at.items():
            values = array[f"{axis}_value"] if f"{axis}_value" in array.coords else array[axis]
            if values.dims:
                plane = plane.isel({axis: values.values.tolist().index(value)})
            else:
                assert values.item() == value
        assert_same(plane.values, pixels)


@pytest.mark.parametrize("name", ["run.ome.tiff", "a plate"])
def test_the_xarray_is_the_same_at_each_stage(tmp_path, name):
    put = frames_at(nested(time=(3, 4, 7), z=(-1, 0, 1), position=("A1", "B2"), channel=("GFP", "DAPI")))
    storage = TiffStorage(tmp_path / name, **KNOWN)
    for at, pixels in put:
        storage.put(at, pixels, metadata(at))
    first = storage.as_xarray("B2")
    assert first.name == "B2"
    assert first.dims == ("time", "channel", "z", "y", "x")
    assert first.shape == (3, 2, 3, 5, 7)
    assert first.chunksizes["time"] == (3,)
    with TiffStorage.open(tmp_path / name, allow_unfinished=True) as reader:
        followed = reader.as_xarray({"position": "B2"})
        xr.testing.assert_identical(followed, first)
    storage.finish()
    arrays = [first, storage.as_xarray("B2"), pickle.loads(pickle.dumps(first))]  # noqa: S301
    storage.close()
    with TiffStorage.open(tmp_path / name) as reader:
        arrays.append(reader.as_xarray(1))
        for array in arrays:
            xr.testing.assert_identical(array, first)
            assert_planes(array, [(at, pixels) for at, pixels in put if at["position"] == "B2"])
    file = tmp_path / name if name.endswith("tiff") else min((tmp_path / name).glob("*B2*"))
    image = from_xml(tifffile.tiffcomment(file)).images[-1]
    pixels, times = image.pixels, first["delta_t"]
    assert first["channel"].values.tolist() == [channel.name for channel in pixels.channels]
    for plane in pixels.planes:
        told = times[plane.the_t, plane.the_c, plane.the_z]
        assert (told.item(), times.attrs["units"]) == (plane.delta_t, plane.delta_t_unit.value)
    assert first["y"].values.tolist() == [pixels.physical_size_y * row for row in range(5)]


def test_coordinates_are_physical_and_the_put_values_are_kept(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff", **KNOWN) as storage:
        for at in nested(time=(3, 4, 7), z=(-1, 0, 1), angle=(45,)):
            storage.put(at, frame(at), metadata(at))
        for _ in range(2):
            array = storage.as_xarray()
            assert array["time"].values.tolist() == [0.0, 2.5, 10.0]
            assert array["time_value"].values.tolist() == [3, 4, 7]
            assert array["z"].values.tolist() == [0, 0.5, 1]
            assert array["z_value"].values.tolist() == [-1, 0, 1]
            assert array["x"].values.tolist() == [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5]
            assert array["stage_z"].sel(time=2.5).values.tolist() == [-0.5, 0, 0.5]
            assert (array["exposure"] == 0.02).all()
            assert array["angle"].item() == 45
            units = {name: array[name].attrs.get("units") for name in array.coords}
            assert units == {
                "time": "s",
                "time_value": None,
                "z": "um",
                "z_value": None,
                "delta_t": "s",
                "exposure": "s",
                "stage_z": "um",
                "y": "um",
                "x": "um",
                "angle": None,
            }
            storage.finish()


def test_nothing_is_invented(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for at in nested(time=(5, 7), channel=("DAPI",), z=(10, 20)):
            storage.put(at, frame(at))
        for _ in range(2):
            array = storage.as_xarray()
            assert {*array.coords} == {"time", "time_value", "channel", "z", "z_value"}
            assert array["time"].values.tolist() == [5, 7]
            assert array["z"].values.tolist() == [10, 20]
            assert not any(array[name].attrs for name in array.coords)
            storage.finish()


def test_the_planned_interval_is_used_without_plane_times(tmp_path):
    places = nested(time=(0, 1, 2))
    with TiffStorage(tmp_path / "run.ome.tiff", time_interval_s=1.5) as storage:
        for at in places:
            storage.put(at, frame(at), {"elapsed_s": 4.0} if at["time"] == 1 else {})
        for _ in range(2):
            array = storage.as_xarray()
            assert array["time"].values.tolist() == [0, 1.5, 3]
            assert np.isnan(array["delta_t"].values).tolist() == [True, False, True]
            storage.finish()


def test_missing_planes_have_no_time(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for at in ({"time": 0, "z": 0}, {"time": 1, "z": 1}):
            storage.put(at, frame(at), metadata(at))
        for _ in range(2):
            known = ~np.isnan(storage.as_xarray()["delta_t"].values)
            assert known.tolist() == [[True, False], [False, True]]
            storage.finish()


def test_folded_axes_have_their_own_dimensions(tmp_path):
    put = frames_at(nested(time=(0, 5), angle=(0, 45, 90), channel=("a", "b"), x=(1, 2)))
    modulo = {"angle": "T", "x": "C"}
    with TiffStorage(tmp_path / "run.ome.tiff", fold_axes=modulo, time_interval_s=3) as storage:
        for at, pixels in put:
            storage.put(at, pixels)
        array = storage.as_xarray()
        assert array.dims == ("time", "angle", "channel", "x_axis", "y", "x")
        assert array["time"].values.tolist() == [0, 15]  # four of them were left out
        assert array["angle"].values.tolist() == [0, 45, 90]
        named = [
            ({name.replace("x", "x_axis"): value for name, value in at.items()}, each) for at, each in put
        ]
        assert_planes(array, named)
        axes = {"time": (0, 5), "angle": (0, 45, 90), "channel": ("a", "b"), "x": (1, 2)}
        assert storage.images[0].axes == axes


def test_missing_frames_are_black_and_values_can_be_mixed(tmp_path):
    places = [
        {"time": 0, "channel": "a"},
        {"time": 0, "channel": 3},
        {"time": 1, "channel": "a"},
        {"time": 2},
    ]
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for at, pixels in frames_at(places):
            storage.put(at, pixels)
        array = storage.as_xarray()
        assert array["channel"].values.tolist() == [3, "a"]  # the last frame shares the first place
        assert_planes(array, frames_at(places[:-1]))
        assert_same(array.values[2, 0], frame(places[-1]))
        assert not array.values[2, 1:].any()


def test_colour_and_several_pixel_types(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for number, dtype in enumerate(("?", "u1")):
            storage.put({"camera": "gray", "time": number}, frame({"time": number}, (4, 4), dtype))
        storage.put({"camera": "colour"}, frame({}, (4, 4, 3), "u1"))
        gray, colour = storage.as_xarray("camera gray"), storage.as_xarray({"camera": "colour"})
        assert gray.dtype == np.uint8
        assert_same(gray.values[0], frame({"time": 0}, (4, 4), "?").astype("u1"))
        assert colour.dims == ("y", "x", "sample")
        assert colour["sample"].values.tolist() == ["R", "G", "B"]
        assert_same(colour.values, frame({}, (4, 4, 3), "u1"))


def test_labels_whose_names_are_taken(tmp_path):
    at = {"time": 0, "y": "up", "x": 3, "sample": "HeLa"}
    with TiffStorage(tmp_path / "run.ome.tiff", pixel_size_um=1) as storage:
        storage.put(at, frame(at))
        array = storage.as_xarray()
        assert (array["y_label"].item(), array["x_label"].item(), array["sample"].item()) == ("up", 3, "HeLa")
        assert_same(array.values[0], frame(at))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (None, "there are 2 images, choose one: 0 'A1', 1 'B2'"),
        ("C3", "there is no image 'C3', choose one: 0 'A1', 1 'B2'"),
        (2, "there is no image 2, choose one"),
        (-1, "no image"),
        ({"position": "C3"}, "no image"),
        ({"well": "A1"}, "no image"),
        ({}, "several images"),
    ],
)
def test_an_image_must_be_chosen(tmp_path, image, message):
    with TiffStorage(tmp_path / "run") as storage:
        for at, pixels in frames_at(nested(position=("A1", "B2"))):
            storage.put(at, pixels)
        with pytest.raises(ValueError, match=message):
            storage.as_xarray(image)


def test_a_choice_is_a_number_a_name_or_labels(tmp_path):
    with TiffStorage(tmp_path / "run") as storage:
        with pytest.raises(ValueError, match="no frame yet"):
            storage.as_xarray()
        for at, pixels in frames_at(nested(position=("A1", "B2"))):
            storage.put(at, pixels)
        assert storage.as_xarray(np.int64(1))["position"].item() == "B2"
        for wrong in (True, [0], storage.images[0]):
            with pytest.raises(TypeError, match="expected a number, a name or coordinates"):
                storage.as_xarray(wrong)


def test_a_name_of_digits_takes_precedence_over_an_index(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for value, position in enumerate(("1", "0")):
            storage.put({"position": position}, np.full((4, 5), value, "u1"))
        assert storage.as_xarray("1").values.max() == 0
        assert storage.as_xarray(1).values.max() == 1
