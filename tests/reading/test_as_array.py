"""`as_array` arranges frames as ndstorage does, during a run and later."""

import pickle
import subprocess
import sys
import textwrap

import dask
import numpy as np
import pytest
from ndstorage import NDRAMDataset

from acquisitions import ORDERS, Coordinates, frames_at, nested, put_all, shuffled
from exengine_ome_tiff import OmeTiffError, TiffStorage
from exengine_ome_tiff.reading import dask_array
from exengine_ome_tiff.tiff import read_bytes
from frames import assert_same, frame

GRID = {"GridPixelOverlapY": 2, "GridPixelOverlapX": 3}
CODED = {"compression": "zlib", "tile": (16, 16)}


@pytest.fixture(autouse=True)
def _in_this_thread():
    with dask.config.set(scheduler="synchronous"):
        yield


class Peer(NDRAMDataset):
    """ndstorage's dataset in memory, with the axis order of its files, and an overlap."""

    def __init__(self, put, overlap=None):
        super().__init__()
        for coordinates, array in put:
            self.put_image(coordinates, array, {})
        self._parse_image_keys([])
        self._overlap = None if overlap is None else np.array(overlap)
        self._full_resolution = True


def stored(path, put, **options):
    storage = TiffStorage(path, **options)
    for coordinates, array in put:
        storage.put(coordinates, array)
    return storage


def assert_equal(array, expected):
    """Assert the same shape, type and values, and one chunk per page."""
    got = array.compute()
    assert (array.shape, array.dtype) == (got.shape, got.dtype)
    assert_same(got, np.asarray(expected))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", ["run.ome.tiff", "a plate ✓"])
def test_the_array_equals_that_of_ndstorage_at_each_stage(tmp_path, name, order):
    put = frames_at(ORDERS[order])
    peer = Peer(put)
    expected = peer.as_array().compute()
    storage = stored(tmp_path / name, put)
    during = storage.as_array()
    assert during.shape == (2, 3, 2, 3, 5, 7)
    assert during.chunks[-2:] == ((5,), (7,))
    assert {*during.chunks[:-2]} == {(2,), (3,)}  # small pages share a chunk
    assert_equal(during, expected)
    some = {"time": 1, "channel": "GFP"}
    assert_equal(storage.as_array(**some), peer.as_array(**some).compute())
    assert_equal(
        storage.as_array(["z", "position"], **some), peer.as_array(["z", "position"], **some).compute()
    )
    storage.close()
    assert_equal(during, expected)
    with TiffStorage.open(tmp_path / name) as reader:
        assert_equal(reader.as_array(), expected)
        assert reader.as_array().name == during.name


def test_waiting_overwritten_and_later_frames(tmp_path):
    storage = stored(tmp_path / "run.ome.tiff", frames_at(nested(time=(0, 1), z=(0, 1))))
    for number in range(200):  # fast enough that some wait in memory
        storage.put({"time": 2, "z": number % 2}, np.full((5, 7), number, np.uint16))
    array = storage.as_array()
    storage.put({"time": 3, "z": 0}, np.full((5, 7), 9, np.uint16))
    storage.put({"time": 2, "z": 1}, np.full((5, 7), 3, np.uint16))
    got = array.compute()
    assert got.shape == (3, 2, 5, 7)
    assert (got[2, 0] == 198).all()
    assert (got[2, 1] == 199).all()
    assert storage.as_array()[3, 0, 0, 0].compute() == 9
    assert storage.as_array()[2, 1, 0, 0].compute() == 3
    assert storage.as_array()[3, 1].compute().max() == 0
    storage.close()


@pytest.mark.parametrize("method", ["as_array", "as_xarray"])
def test_another_thread_may_put_frames_meanwhile(tmp_path, monkeypatch, method):
    storage = stored(tmp_path / "run.ome.tiff", [({"time": 0}, np.zeros((9, 9), np.uint16))])
    latest = storage._recording.index.latest

    def latest_a_moment_later():
        for number in range(1, 30):
            storage.put({"time": number}, np.full((9, 9), number, np.uint16))
        return latest()

    monkeypatch.setattr(storage._recording.index, "latest", latest_a_moment_later)
    array = getattr(storage, method)()
    monkeypatch.undo()
    assert np.asarray(array[:, 8, 8]).tolist() == list(range(30))
    storage.close()


@pytest.mark.parametrize("options", [{}, CODED], ids=["plain", "encoded"])
def test_another_process_reads_a_pickled_array_during_a_run(tmp_path, options):
    put = frames_at(nested(time=range(20), channel=("a", "b")), (40, 33))
    storage = stored(tmp_path / "run.ome.tiff", put, **options)
    array = storage.as_array()
    (tmp_path / "array").write_bytes(pickle.dumps(array))
    script = """
        import dask, numpy, pathlib, pickle
        array = pickle.loads(pathlib.Path("array").read_bytes())
        numpy.save("seen", array.compute(scheduler="synchronous"))
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=tmp_path, check=True)
    expected = np.stack([pixels for _, pixels in put]).reshape(20, 2, 40, 33)
    assert_same(np.load(tmp_path / "seen.npy"), expected)
    storage.close()
    assert_equal(array, expected)


KINDS = {
    "bool": ((5, 7), "?"),
    "big-endian": ((5, 7), ">u2"),
    "half": ((5, 7), "<f2"),
    "complex": ((5, 7), "<c8"),
    "RGB": ((5, 7, 3), "u1"),
    "RGBA": ((5, 7, 4), "<u2"),
}


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@pytest.mark.parametrize("options", [{}, CODED], ids=["plain", "encoded"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_pixel_type(tmp_path, kind, options):
    put = frames_at(nested(time=(0, 1, 2))[::2], *KINDS[kind])
    with stored(tmp_path / "run.ome.tiff", put, **options) as storage:
        array = storage.as_array()
        pixels = np.stack([each for _, each in put])
        assert_equal(array, pixels.astype(pixels.dtype.newbyteorder("=")))


def test_packed_pixels_are_as_put(tmp_path):
    words = frame({"time": 0}, (5, 7), "u4") & 0xFFFFFF
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({"time": 0}, words, {"PixelType": "RGB32"})
        assert_equal(storage.as_array(time=0), words)
        colour = storage.as_xarray()
        assert colour.dims == ("time", "y", "x", "sample")
        assert_same(colour.values[0, ..., 0], (words >> 16).astype("u1"))


@pytest.mark.parametrize("overlap", [(2, 3), (1, 1), (0, 0)])
@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 3)])
def test_tiles_are_stitched_as_ndstorage_does(tmp_path, shape, overlap):
    places = [
        place for place in nested(row=(0, 1, 3), column=(2, 3), time=(0, 1)) if place["row"] or place["time"]
    ]
    put = frames_at(places, shape, "u1")
    summary = {"GridPixelOverlapY": overlap[0], "GridPixelOverlapX": overlap[1]}
    with stored(tmp_path / "run", put, summary_metadata=summary) as storage:
        array = storage.as_array(stitched=True)
        assert array.shape == (2, 4 * (6 - overlap[0]), 2 * (8 - overlap[1]), *shape[2:])
        assert_equal(array, Peer(put, overlap).as_array(stitched=True).compute())
        assert [len(chunks) for chunks in array.chunks][:3] == [1, 4, 2]


def test_stitching_cases_that_ndstorage_gets_wrong(tmp_path):
    put = frames_at(nested(row=(0, 1), column=(0, 1)), (6, 8))
    summary = {"GridPixelOverlapY": 0, "GridPixelOverlapX": 4}
    with stored(tmp_path / "run.ome.tiff", put, summary_metadata=summary) as storage:
        pixels = {(at["row"], at["column"]): array[:, 2:6] for at, array in put}
        lower = np.hstack([pixels[1, 0], pixels[1, 1]])
        assert_equal(storage.as_array(stitched=True)[6:], lower)
        assert_equal(storage.as_array(stitched=True, row=1), lower)


@pytest.mark.parametrize(
    ("summary", "places", "message"),
    [
        ({}, nested(row=(0, 1), column=(0, 1)), "GridPixelOverlapY and GridPixelOverlapX"),
        ({"GridPixelOverlapX": 1}, nested(row=(0, 1), column=(0, 1)), "GridPixelOverlapY"),
        (GRID, nested(position=(0, 1)), "no frame has an axis 'row'"),
        (GRID, nested(row=("a", "b"), column=(0, 1)), "'row': stitching needs numbers, got a, b"),
        (GRID, [{"row": 0, "column": 0}, {"column": 1}], r"'row': stitching needs numbers, got \(none\), 0"),
        (GRID, nested(row=(0, 1 << 40), column=(0,)), "an array of 1099511627777 planes"),
        (GRID | {"GridPixelOverlapX": 7}, nested(row=(0, 1), column=(0,)), "cannot overlap by 2 rows and 7"),
    ],
)
def test_the_error_says_what_cannot_be_stitched(tmp_path, summary, places, message):
    with (
        stored(tmp_path / "run.ome.tiff", frames_at(places), summary_metadata=summary) as storage,
        pytest.raises(ValueError, match=message),
    ):
        storage.as_array(stitched=True)


def test_axes_are_in_ndstorages_order_and_others_beside_channels(tmp_path):
    names = ("angle", "z", "channel", "row", "time", "column", "position")
    lengths = dict(zip(names, (2, 3, 2, 1, 2, 1, 2), strict=True))
    put = frames_at(shuffled(nested(**{name: range(length) for name, length in lengths.items()})))
    put = [({name: at[name] for name in names}, array) for at, array in put]
    with stored(tmp_path / "run.ome.tiff", put) as storage:
        assert_equal(storage.as_array(), Peer(put).as_array().compute())
        assert storage.as_array().shape == (1, 1, 2, 2, 2, 2, 3, 5, 7)


def test_an_axis_of_numbers_and_text_that_some_frames_lack(tmp_path):
    places: list[Coordinates] = [{"gain": "low"}, {"gain": 10}, {"gain": -3}, {"gain": "high"}, {}]
    put = [(place, np.full((2, 2), number, np.uint8)) for number, place in enumerate(places)]
    with stored(tmp_path / "run.ome.tiff", put) as storage:
        assert storage.as_array()[:, 0, 0].compute().tolist() == [4, 2, 1, 3, 0]
        assert storage.as_array(gain=None).compute()[0, 0] == 4
        assert storage.as_array(gain=10).compute()[0, 0] == 1


def test_text_values_can_be_selected_by_number(tmp_path):
    put = frames_at(nested(channel=("GFP", "DAPI"), z=(0, 1)))
    with stored(tmp_path / "run.ome.tiff", put) as storage:
        peer = Peer(put)
        for channel in (0, 1, "GFP", "DAPI", np.int64(1), np.str_("GFP")):
            plain = channel.item() if isinstance(channel, np.generic) else channel
            assert_equal(storage.as_array(channel=channel), peer.as_array(channel=plain).compute())
        assert_equal(storage.as_array(channel=0, z=1), frame({"channel": "GFP", "z": 1}))


def test_axes_of_unselected_frames_are_ignored(tmp_path):
    put = frames_at([*nested(time=(0, 1), channel=("a", "b")), {"snap": 0}, {"snap": 1}])
    with stored(tmp_path / "run.ome.tiff", put) as storage:
        assert storage.as_array(snap=1).shape == (5, 7)
        assert_equal(storage.as_array(snap=1), frame({"snap": 1}))
        assert storage.as_array(snap=None).shape == (2, 2, 5, 7)
        assert_equal(storage.as_array(snap=None)[1, 0], frame({"time": 1, "channel": "a"}))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"channel": "DPAI"}, "no frame has channel='DPAI': expected one of DAPI, GFP"),
        ({"channel": 2}, "no frame has channel=2"),
        ({"channel": -1}, "no frame has channel=-1"),
        ({"angle": 3}, "no frame has an axis 'angle': expected time, channel, z"),
        ({"axes": ["angle"]}, "no frame has an axis 'angle'"),
        ({"axes": ["time", "time"], "channel": 0, "z": 0}, "each axis once"),
        ({"axes": ["time"], "channel": "GFP"}, "'z' has several values, 0, 5: name it .* as z=5"),
    ],
)
def test_missing_values_raise_instead_of_giving_zeros(tmp_path, arguments, message):
    places = nested(time=(0, 1), channel=("DAPI", "GFP"), z=(0, 5))
    with (
        stored(tmp_path / "run.ome.tiff", frames_at(places)) as storage,
        pytest.raises(ValueError, match=message),
    ):
        storage.as_array(**arguments)


def test_the_error_for_different_frames_says_what_to_select(tmp_path):
    put = frames_at(nested(camera=("a",), time=(0, 1))) + frames_at(
        nested(camera=("b",), time=(0, 1)), (4, 4), "u1"
    )
    with stored(tmp_path / "run.ome.tiff", put) as storage:
        message = "5x7 uint16 at time=0, camera=a; 4x4 uint8 at time=0, camera=b; select a value of 'camera'$"
        with pytest.raises(ValueError, match=message):
            storage.as_array()
        assert storage.as_array(camera="b").shape == (2, 4, 4)
        assert storage.as_array(camera="a").shape == (2, 5, 7)


def test_empty_and_closed_storages_are_refused(tmp_path):
    storage = TiffStorage(tmp_path / "run.ome.tiff")
    with pytest.raises(ValueError, match="no frame yet"):
        storage.as_array()
    storage.put({"time": 0}, frame({"time": 0}))
    with pytest.raises(TypeError, match="axes: expected a list of names, got 'time'"):
        storage.as_array("time")
    array = storage.as_array()
    storage.close()
    with pytest.raises(RuntimeError, match="closed"):
        storage.as_array()
    assert_equal(array[0], frame({"time": 0}))


@pytest.mark.parametrize("is_shuffled", [False, True])
def test_small_pages_that_follow_each_other_are_read_at_once(tmp_path, monkeypatch, is_shuffled):
    times = [*range(100), *range(120, 200)]
    arrived = shuffled(times) if is_shuffled else times
    put = [
        ({"time": time, "channel": channel}, frame({"time": time, "channel": channel}, (16, 8)))
        for time in arrived
        for channel in ("A", "B")
    ]
    stored(tmp_path / "run.ome.tiff", put).close()
    reads = []
    monkeypatch.setattr(dask_array, "read_bytes", lambda *given: (reads.append(given), read_bytes(*given)))
    with TiffStorage.open(tmp_path / "run.ome.tiff") as storage:
        got = storage.as_array(axes=("time", "channel")).compute()
    for place, pixels in put:
        assert_same(got[sorted(times).index(place["time"]), "AB".index(place["channel"])], pixels)
    assert (len(reads) < 10) == (not is_shuffled)


def test_scattered_frames_do_not_exhaust_memory(tmp_path):
    put = frames_at([{"a": n, "b": -n, "c": n * n} for n in range(101)])
    with stored(tmp_path / "run.ome.tiff", put) as storage:
        with pytest.raises(ValueError, match="101 frames would make an array of 1030301 planes"):
            storage.as_array()
        assert storage.as_array(["a"], b=-3, c=9).shape == (101, 5, 7)


def test_a_replaced_file_is_noticed(tmp_path):
    path = tmp_path / "run.ome.tiff"
    storage = stored(path, frames_at(nested(time=(0, 1))))
    array = storage.as_array()
    storage.close()
    with TiffStorage(path, overwrite=True) as other:
        put_all(other, frames_at(nested(time=(0, 1))))
    with pytest.raises(OmeTiffError, match="another file has taken its place"):
        array.compute()
    path.unlink()
    with pytest.raises(FileNotFoundError):
        array.compute()


def test_without_dask_the_error_names_the_extra(tmp_path):
    script = """
        import sys, numpy
        sys.modules["dask"] = sys.modules["dask.array"] = None
        from exengine_ome_tiff import TiffStorage
        with TiffStorage("run.ome.tiff") as storage:
            storage.put({"time": 0}, numpy.zeros((2, 2), "u1"))
            for read in (storage.as_array, storage.as_xarray):
                try:
                    read()
                except ImportError as error:
                    print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.count('pip install "exengine-ome-tiff[dask]"') == 2


def test_the_import_waits_for_another_thread_that_imports_dask(tmp_path):
    script = """
        import sys, threading, time
        import exengine_ome_tiff.reading

        class Finder:
            def find_spec(self, name, path=None, target=None):
                if name == "dask.config":
                    has_begun.set()
                    time.sleep(0.2)
                if name == "dask.array":
                    print("initializing:", sys.modules["dask"].__spec__._initializing)

        has_begun = threading.Event()
        sys.meta_path.insert(0, Finder())
        threading.Thread(target=__import__, args=("dask",)).start()
        has_begun.wait()
        import exengine_ome_tiff.reading.dask_array
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert done.stdout == "initializing: False\n"


def test_a_number_is_a_value_if_the_axis_has_numbers_and_text(tmp_path):
    put = [({"stage": value}, np.full((2, 2), value == 0, np.uint8)) for value in ("left", 0, 5)]
    with stored(tmp_path / "run.ome.tiff", put) as storage:
        assert storage.as_array(stage=0).compute().tolist() == [[1, 1], [1, 1]]
        with pytest.raises(ValueError, match="no frame has stage=1"):
            storage.as_array(stage=1)
