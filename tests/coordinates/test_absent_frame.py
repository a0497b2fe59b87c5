"""The error about a frame that is not there names what no frame has."""

import numpy as np
import pytest

from exengine_ome_tiff import TiffStorage

PIXELS = np.zeros((4, 4), np.uint8)
PLACES = [{"time": t, "channel": c} for t in (0, 1, 2, 5) for c in ("DAPI", "GFP")][:-1]


@pytest.mark.parametrize("is_finished", [False, True])
@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"time": 7, "channel": "GFP"}, "time 7 is not in 0 to 5"),
        ({"time": -1, "channel": "GFP"}, "time -1 is not in 0 to 5"),
        (
            {"time": 3, "channel": "gfp"},
            "time 3 is one of the gaps from 0 to 5; channel gfp is not one of DAPI, GFP",
        ),
        ({"time": "1", "channel": "GFP"}, 'time "1" is not in 0 to 5'),
        (
            {"time": 5, "channel": "GFP"},
            "there are frames with each of these values, but none with all of them",
        ),
        ({"time": 0, "zed": 1}, "no frame has an axis zed; the axes are time, channel"),
        ({"time": 0}, "the axes of frames are time and channel"),
        ({}, "the axes of frames are time and channel"),
    ],
)
def test_the_error_names_what_no_frame_has(tmp_path, is_finished, wanted, why):
    storage = TiffStorage(tmp_path / "run.ome.tiff")
    for place in PLACES:
        storage.put(place, PIXELS)
    if is_finished:
        storage.close()
        storage = TiffStorage.open(storage.path)
    for read in (storage.get_data, storage.get_metadata, storage.__getitem__):
        with pytest.raises(KeyError) as caught:
            read(wanted)
        assert caught.value.args[0].partition(": ")[2] == why
        assert caught.value.args[0].startswith("no frame at ")
    storage.close()


def test_an_empty_dataset(tmp_path):
    storage = TiffStorage(tmp_path / "run.ome.tiff")
    with pytest.raises(KeyError, match="no frame at time=0: there is no frame yet"):
        storage[{"time": 0}]
    storage.close()


def test_the_message_is_short_and_takes_no_time_in_a_long_run(tmp_path):
    storage = TiffStorage(tmp_path / "run.ome.tiff")
    for number in range(1200):
        storage.put({"name " * 50: "value " * 50 + str(number)}, PIXELS)
    with pytest.raises(KeyError) as caught:
        storage[{"name " * 50: "another " * 1000}]
    assert caught.value.args[0].partition(": ")[2] == ""  # nobody looks at all values while frames arrive
    storage.close()
    with TiffStorage.open(storage.path) as reader:
        for wanted in ({"name " * 50: "another " * 1000}, {f"{number}" * 100: 1 for number in range(1000)}):
            with pytest.raises(KeyError) as caught:
                reader[wanted]
            assert len(caught.value.args[0]) < 2000
            assert "not one of" in str(caught.value) or "no frame has an axis" in str(caught.value)
