"""`TiffStorage.images` has the pixels of each image, by number, name and coordinates."""

import copy
import pickle

import dask
import numpy as np
import pytest
import tifffile

from acquisitions import frames_at, nested
from exengine_ome_tiff import ImageInfo, TiffStorage
from frames import assert_same, frame

PUT = frames_at(nested(position=("Pos0", "Pos1"), time=(0, 5), channel=("b", "a"), z=(3, -3)))


@pytest.fixture(params=["run.ome.tiff", "run"])
def storage(tmp_path, request):
    with dask.config.set(scheduler="synchronous"), TiffStorage(tmp_path / request.param) as storage:
        for at, pixels in PUT[:-1]:
            storage.put(at, pixels)
        yield storage


def test_all_arrays_of_an_image_agree_with_other_readers(storage):
    during = storage.images[0].asarray()
    assert during.shape == (2, 2, 2, 5, 7)
    second = storage.images[1]
    lazy, labelled = second.asdask(), second.asxarray()
    storage.finish()
    for images in (storage.images, TiffStorage.open(storage.path).images):
        for number, image in enumerate(images):
            file = storage.path if storage.path.is_file() else min(storage.path.glob(f"*{image.name}*"))
            with tifffile.TiffFile(file) as tif:
                series = tif.series[number if storage.path.is_file() else 0]
                expected = series.asarray().transpose([series.axes.index(axis) for axis in "TCZYX"])
            assert_same(image.asarray(), expected)
            assert_same(image.asdask().compute(), image.asarray())
            assert_same(image.asxarray().values, image.asarray())
    assert_same(storage.images[0].asarray(), during)
    assert_same(lazy.compute(), second.asarray())
    assert_same(labelled.values, second.asarray())
    assert_same(storage.as_xarray("Pos1").values, second.asarray())


def test_each_frame_is_in_its_place(storage):
    for image in storage.images:
        pixels = image.asarray()
        there = np.zeros(pixels.shape[:3], bool)
        for at, expected in PUT[:-1]:
            if at["position"] == image.coordinates["position"]:
                place = tuple(image.axes[axis].index(at[axis]) for axis in image.axes)
                assert_same(pixels[place], expected)
                there[place] = True
        assert there.sum() == image.n_frames
        assert not pixels[~there].any()


def test_images_are_a_sequence_with_names(storage):
    images = storage.images
    assert len(images) == 2
    assert [image.name for image in images] == ["Pos0", "Pos1"]
    assert images["Pos1"] == images[1] == images[-1] == images[{"position": "Pos1"}] == images["1"]
    assert images[1:] == (images[1],)
    assert "Pos0" in images
    assert images[0] in images
    assert "Pos2" not in images
    with pytest.raises(KeyError, match=r"there is no image 'Pos2', choose one: 0 'Pos0', 1 'Pos1'"):
        images["Pos2"]
    with pytest.raises(IndexError, match="there is no image 2: there are 2 images, numbered from 0"):
        images[2]


def test_a_pickled_image_is_a_description(storage):
    image = storage.images[0]
    for each in (pickle.loads(pickle.dumps(image)), copy.deepcopy(image)):  # noqa: S301
        assert type(each) is ImageInfo
        assert (each.name, each.axes, each.sizes) == (image.name, image.axes, image.sizes)
    storage.close()
    for read in (image.asarray, image.asdask, image.asxarray):
        with pytest.raises(RuntimeError, match="closed"):
            read()


def test_an_image_does_not_grow(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, pixel_size_um=0.5) as storage:
        storage.put({"time": 0}, frame({"time": 0}))
        before = storage.images[0]
        storage.put({"time": 1}, frame({"time": 1}))
        assert before.asarray().shape == (1, 5, 7)
        assert before.asxarray()["x"].values[1] == 0.5
        assert storage.images[0].asarray().shape == (2, 5, 7)
        storage.finish()
        assert before.asxarray().shape == (1, 5, 7)


def test_colour_packed_and_mixed_types_as_one_array(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        colour = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
        storage.put({"time": 0, "position": "rgb"}, colour)
        storage.put({"time": 0, "position": "bool"}, np.eye(4, dtype=bool))
        storage.put({"time": 1, "position": "bool"}, np.eye(4, dtype=np.uint8))
        assert_same(storage.images["rgb"].asarray(), colour[None])
        assert storage.images["bool"].asarray().shape == (2, 4, 4)


def test_reading_frames_by_keywords(storage):
    at, pixels = PUT[3]
    storage.put({"data": 1}, frame(at), {"key": 3})
    assert_same(storage.get_data(**at), pixels)
    assert_same(
        storage.get_data({"position": at["position"]}, time=0, channel="b", z=-3),
        storage.get_data(time=0, channel="b", z=-3, position="Pos0"),
    )
    assert storage.get_metadata(data=1) == {"key": 3}
    with pytest.raises(KeyError, match="no frame at time=99"):
        storage.get_data(time=99)
    with pytest.raises(TypeError, match="got time both in the mapping"):
        storage.get_data({"time": 0}, time=0)


def test_a_storage_iterates_over_coordinates(storage):
    assert [*storage] == [at for at, _ in PUT[:-1]] == storage.get_image_coordinates_list()
    assert all(at in storage for at in storage)
    seen = 0
    for at in storage:  # frames that come meanwhile are for the next one
        storage.put({**at, "z": 100 + seen}, frame(at))
        seen += 1
    assert seen == len(PUT) - 1
