"""The record of a frame and its OME elements, compared with ome-types."""

import numpy as np
import pytest
from ome_types import from_tiff

from exengine_ome_tiff import TiffStorage, read_frame_metadata
from exengine_ome_tiff.coordinates.keys import coordinates_text
from exengine_ome_tiff.inspection import NoSuchFrameError, read_dataset_metadata
from exengine_ome_tiff.inspection.frame_metadata import read_coordinates_text
from frames import frame

PLACES = [
    {"position": p, "time": t, "channel": c, "z": z}
    for p in ("A", "B")
    for t in (5, 7)
    for c in ("DAPI", "GFP")
    for z in range(3)
]


@pytest.fixture(params=["run.ome.tiff", "run"])
def path(request, tmp_path):
    with TiffStorage(tmp_path / request.param, {"who": "me"}) as storage:
        for number, place in enumerate(PLACES):
            tags = {"Exposure-ms": 1 + number, "XPositionUm": 2.0 * number, "odd": [number], "same": "µ"}
            storage.put(place, frame(place), tags)
    return tmp_path / request.param


def test_each_frame_has_the_plane_that_ome_types_finds(path):
    for number, place in enumerate(PLACES):
        record = read_frame_metadata(path, dict(reversed(place.items())))
        assert (record.coordinates, record.number) == (place, number)
        tags = {"Exposure-ms": 1 + number, "XPositionUm": 2.0 * number, "odd": [number], "same": "µ"}
        assert record.metadata == tags
        image = from_tiff(record.file).images[record.image_index]
        assert image.name == record.image_name == place["position"]
        (plane,) = [p for p in image.pixels.planes if (p.the_z, p.the_c, p.the_t) == record.zct]
        assert plane.exposure_time == pytest.approx((1 + number) / 1000)
        assert float(record.ome.plane["ExposureTime"]) == plane.exposure_time
        assert float(record.ome.plane["PositionX"]) == plane.position_x == 2.0 * number
        assert record.ome.channel["Name"] == image.pixels.channels[plane.the_c].name == place["channel"]
        assert record.ome.pixels["SizeZ"] == "3"
        assert record.ome.keys == {
            "Exposure-ms": ("ome",),
            "XPositionUm": ("ome",),
            "odd": ("annotation by plane",),
            "same": ("annotation",),
        }


def test_coordinates_without_a_frame(path):
    with pytest.raises(NoSuchFrameError) as caught:
        read_frame_metadata(path, {"time": 6, "position": "B", "channel": "GFP", "z": 2})
    first, _, near = str(caught.value).partition("; near it: ")
    assert first == "no frame at time=6,position=B,channel=GFP,z=2"
    assert near.split("; ")[:2] == ["position=B,time=5,channel=GFP,z=2", "position=B,time=7,channel=GFP,z=2"]
    with pytest.raises(NoSuchFrameError, match="near it: position=A,time=5,channel=DAPI,z=0;"):
        read_frame_metadata(path, {"time": 5})


def test_frames_with_the_same_axes_are_nearest(tmp_path):
    places = [{"time": 9}, {"time": 9, "channel": "GFP"}, {"time": 2, "channel": "DAPI"}]
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for place in places:
            storage.put(place, frame(place))
    with pytest.raises(NoSuchFrameError) as caught:
        read_frame_metadata(storage.path, {"time": 8, "channel": "DAPI"})
    near = str(caught.value).partition("; near it: ")[2]
    assert near == "time=2,channel=DAPI; time=9,channel=GFP; time=9"


def test_a_frame_without_coordinates(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({}, np.zeros((4, 4), "u1"), {"n": 1})
    assert read_frame_metadata(storage.path, read_coordinates_text("")).metadata == {"n": 1}
    with pytest.raises(NoSuchFrameError, match=r"no frame at time=1; near it: no coordinates$"):
        read_frame_metadata(storage.path, {"time": 1})


def test_the_metadata_of_a_dataset(path):
    whole = read_dataset_metadata(path)
    assert whole.summary_metadata == {"who": "me"}
    assert whole.header["is_folder"] is path.is_dir()
    assert whole.header["coding"]["compression"] is None


def test_before_a_dataset_is_finished(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({"time": 0}, frame({"time": 0}), {"a": 1})
        storage.flush()
        record = read_frame_metadata(tmp_path / "run.ome.tiff", {"time": 0})
    assert (record.metadata, record.ome, record.zct) == ({"a": 1}, None, (0, 0, 0))


@pytest.mark.parametrize(
    ("text", "coordinates"),
    [
        ("time=3,channel=DAPI", {"time": 3, "channel": "DAPI"}),
        ("z=-2", {"z": -2}),
        ('well="12"', {"well": "12"}),
        ('well="-5"', {"well": "-5"}),
        ("name=a, b,z=1", {"name": "a, b", "z": 1}),
        ("name=", {"name": ""}),
        ("", {}),
        ("name=x=y", {"name": "x=y"}),
        ("名=細胞", {"名": "細胞"}),
    ],
)
def test_coordinates_as_text(text, coordinates):
    assert read_coordinates_text(text) == coordinates
    assert read_coordinates_text(coordinates_text(coordinates)) == coordinates


@pytest.mark.parametrize("text", ["time", "=3", "time=1,time=2"])
def test_text_that_is_not_coordinates(text):
    with pytest.raises(ValueError, match="got the coordinates"):
        read_coordinates_text(text)
