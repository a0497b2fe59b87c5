"""Frames that are hard to store come back exact; frames that cannot be stored change nothing."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import tifffile
from exengine.kernel.data_coords import DataCoordinates

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.coordinates.keys import coordinates_text, read_coordinates
from exengine_ome_tiff.writing import recorder
from frames import SHAPE, assert_same, frame, in_file, stored_planes

GRAY_DTYPES = ["?", "i1", "u1", "<i2", "<u2", "<i4", "<u4", "<f2", "<f4", "<f8", "<c8", "<c16"]
BIG_ENDIAN_DTYPES = [">i2", ">u2", ">i4", ">u4", ">f2", ">f4", ">f8", ">c8", ">c16"]
RGB_DTYPES = ["u1", "<u2", ">u2"]
LARGE = (1100, 1000)
"""More pixels than fit into a block of frames, as uint16."""


@pytest.fixture(params=["run.ome.tiff", "run"], ids=["file", "folder"])
def path(request, tmp_path):
    return tmp_path / request.param


def tiff_of(path):
    """Return the only TIFF file of a dataset."""
    if path.is_dir():
        (path,) = path.glob("*.ome.tiff")
    return path


def check_with_tifffile(path, put):
    planes = list(stored_planes(tiff_of(path)))
    assert sorted(plane.coordinates["time"] for plane in planes) == list(range(len(put)))
    for plane in planes:
        expected = in_file(put[plane.coordinates["time"]])
        assert plane.pixels.shape == expected.shape
        np.testing.assert_array_equal(plane.pixels, expected)
    return planes


def check_round_trip(path, arrays):
    """Put arrays at times 0, 1, ..., and read them in every state of the storage and with tifffile."""
    put = [array.copy() for array in arrays]
    for original, array in zip(arrays, put, strict=True):
        assert array.dtype.str == original.dtype.str

    def check(storage):
        for time, array in enumerate(put):
            assert_same(storage.get_data({"time": time}), array)
            assert_same(storage[{"time": time}], array)

    with TiffStorage(path) as storage:
        for time, array in enumerate(arrays):
            storage.put({"time": time}, array, {})
            assert_same(storage[{"time": time}], put[time])
        check(storage)
        storage.flush()
        check(storage)
        storage.finish()
        check(storage)
    with TiffStorage.open(path) as storage:
        check(storage)
    return check_with_tifffile(path, put)


def check_with_bioformats(bioformats, path, put):
    """Compare every plane with the frame that was put; a Bio-Formats warning is an error."""
    planes = check_with_tifffile(path, put)
    with bioformats(tiff_of(path)) as file:
        for plane in planes:
            expected = in_file(put[plane.coordinates["time"]])
            np.testing.assert_array_equal(file.plane(plane.image, plane.z, plane.c, plane.t), expected)
        assert file.format == "OME-TIFF"
        assert file.warnings == []


def frames_of(dtype, shape=SHAPE, count=3):
    return [frame({"time": time}, shape, dtype) for time in range(count)]


@pytest.mark.parametrize("dtype", GRAY_DTYPES + BIG_ENDIAN_DTYPES)
def test_every_pixel_type(path, dtype):
    arrays = frames_of(dtype)
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}
    check_round_trip(path, arrays)


@pytest.mark.parametrize("dtype", ["f4", "f8", ">f4", ">f8", "c8", ">c16"])
def test_every_bit_of_floats(path, dtype):
    arrays = [
        np.frombuffer(
            frame({"time": time}, (8, 8 * np.dtype(dtype).itemsize), "u1").tobytes(), dtype
        ).reshape(8, 8)
        for time in range(2)
    ]
    special = np.zeros((2, 4), dtype)
    special.flat = [np.nan, np.inf, -np.inf, -0.0, np.finfo(dtype).tiny / 4, np.finfo(dtype).max, 1, 0]
    check_round_trip(path, [*arrays, special])


@pytest.mark.parametrize("dtype", ["?", "f2", ">f2"])
def test_converted_types_keep_their_limits(path, dtype):
    values = [0, 1] if dtype == "?" else [np.inf, -np.inf, -0.0, 65504, 6e-8, 1]
    check_round_trip(path, [np.array([values] * 2, dtype)])


SHAPES = [(1, 1), (1, 9), (9, 1), (2, 2), (3, 32), (4, 4), (32, 3), (3, 3), (17, 31), (1, 257), (257, 1)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["u1", ">u2"])
def test_gray_shapes(path, shape, dtype):
    check_round_trip(path, frames_of(dtype, shape, 5))


@pytest.mark.parametrize("dtype", RGB_DTYPES)
@pytest.mark.parametrize("samples", [3, 4])
@pytest.mark.parametrize("size", [(32, 32), (1, 1), (1, 5), (5, 1), (3, 3), (4, 3)], ids=str)
def test_rgb_shapes(path, size, samples, dtype):
    check_round_trip(path, frames_of(dtype, (*size, samples), 3))


def test_gray_and_rgb_with_the_same_bytes(path):
    check_round_trip(
        path,
        [
            frame({"time": 0}, (32, 32, 3), "u1"),
            frame({"time": 1}, (32, 96), "u1"),
            frame({"time": 2}, (96, 32), "u1"),
            frame({"time": 3}, (24, 32, 4), "u1"),
            frame({"time": 4}, (32, 24, 4), "u1"),
            frame({"time": 5}, (32, 48), "u2"),
            frame({"time": 6}, (32, 48), ">u2"),
        ],
    )


def read_only(pixels):
    pixels.flags.writeable = False
    return pixels


def spaced(pixels):
    """Return a view with gaps between rows and between pixels."""
    wide = np.zeros((2 * pixels.shape[0], 3 * pixels.shape[1], *pixels.shape[2:]), pixels.dtype)
    wide[::2, ::3] = pixels
    return wide[::2, ::3]


def unaligned(pixels):
    """Return a view with pixels at odd addresses."""
    memory = np.zeros(pixels.nbytes + 1, "u1")
    view = memory[1:].view(pixels.dtype).reshape(pixels.shape)
    view[:] = pixels
    return view


LAYOUTS = {
    "Fortran order": np.asfortranarray,
    "transposed": lambda pixels: pixels.swapaxes(0, 1),
    "rows reversed": lambda pixels: pixels[::-1],
    "columns reversed": lambda pixels: pixels[:, ::-1],
    "both reversed": lambda pixels: pixels[::-1, ::-1],
    "spaced": spaced,
    "cropped": lambda pixels: pixels[1:-1, 2:-1],
    "read-only": read_only,
    "one pixel for all": lambda pixels: np.broadcast_to(pixels[:1, :1], pixels.shape),
    "one row for all": lambda pixels: np.broadcast_to(pixels[:1], pixels.shape),
    "unaligned": unaligned,
}
RGB_LAYOUTS = {
    "channels first": lambda pixels: np.moveaxis(np.ascontiguousarray(np.moveaxis(pixels, -1, 0)), 0, -1),
    "BGR": lambda pixels: pixels[..., ::-1],
    "without alpha": lambda pixels: np.concatenate([pixels, pixels[..., :1]], axis=-1)[..., :3],
}


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", ">f8"])
@pytest.mark.parametrize("shape", [(16, 24), LARGE], ids=["small", "large"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_memory_layouts(tmp_path, layout, shape, dtype):
    count = 3 if shape != LARGE else 1
    arrays = [LAYOUTS[layout](array) for array in frames_of(dtype, shape, count)]
    check_round_trip(tmp_path / "run.ome.tiff", arrays)


@pytest.mark.parametrize("dtype", RGB_DTYPES)
@pytest.mark.parametrize("layout", [*LAYOUTS, *RGB_LAYOUTS])
def test_memory_layouts_of_rgb(tmp_path, layout, dtype):
    arrays = [(LAYOUTS | RGB_LAYOUTS)[layout](array) for array in frames_of(dtype, (16, 24, 3))]
    check_round_trip(tmp_path / "run.ome.tiff", arrays)


@pytest.mark.parametrize("shape", [(16, 24), LARGE], ids=["small", "large"])
def test_memory_mapped_arrays(path, tmp_path, shape):
    file = tmp_path / "pixels"
    file.write_bytes(frame({"time": 0}, shape, ">u2").tobytes())
    mapped = np.memmap(file, ">u2", "r", shape=shape)
    put = np.array(mapped)
    with TiffStorage(path) as storage:
        storage.put({"time": 0}, mapped)
        assert_same(storage[{"time": 0}], put)
    with TiffStorage.open(path) as storage:
        assert type(storage[{"time": 0}]) is np.ndarray
        assert_same(storage[{"time": 0}], put)
    mapped._mmap.close()


@pytest.mark.parametrize(("shape", "count"), [((16, 24), 150), (LARGE, 3)], ids=["small", "large"])
def test_one_array_for_all_frames(path, shape, count):
    buffer = np.zeros(shape, "u2")
    with TiffStorage(path) as storage:
        for time in range(count):
            buffer[:] = frame({"time": time}, shape)
            storage.put({"time": time}, buffer)
            buffer[:] = 0
            assert_same(storage[{"time": time}], frame({"time": time}, shape))
        for end in (storage.flush, storage.finish):
            for time in range(count):
                assert_same(storage[{"time": time}], frame({"time": time}, shape))
            end()
    check_with_tifffile(path, [frame({"time": time}, shape) for time in range(count)])


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 66, 128, 129, 200])
def test_many_small_frames(path, count):
    check_round_trip(path, frames_of("u2", (4, 5), count))


def test_many_frames_of_alternating_kinds(path):
    kinds = [("u1", (4, 5)), (">u2", (4, 5)), ("u1", (4, 5, 3)), ("f4", (5, 4))]
    arrays = [frame({"time": time}, kinds[time % 4][1], kinds[time % 4][0]) for time in range(300)]
    check_round_trip(path, arrays)


@pytest.mark.parametrize("kinds", [17, 40])
def test_more_kinds_than_there_are_buffers(path, kinds):
    arrays = [frame({"time": time}, (3, 3 + time % kinds), "u1") for time in range(3 * kinds)]
    check_round_trip(path, arrays)


def test_large_frames(path):
    check_round_trip(path, frames_of("u2", LARGE, 3) + frames_of("u1", (1000, 900, 3), 1))


def test_lists_are_arrays_too(path):
    with TiffStorage(path) as storage:
        storage.put({"time": 0}, [[0.5, 1.5], [2.5, 3.5]])
        assert_same(storage[{"time": 0}], np.array([[0.5, 1.5], [2.5, 3.5]]))


def test_returned_arrays_can_be_modified(path):
    pixels = frame({"time": 0})
    with TiffStorage(path) as storage:
        for time in range(3):
            storage.put({"time": time}, pixels)
        for end in (storage.flush, storage.finish):
            for time in range(3):
                storage[{"time": time}][:] = 0
                assert_same(storage[{"time": time}], pixels)
            end()


@pytest.mark.parametrize("dtype", ["i1", "u1", "<i2", ">u2", "<i4", ">u4", "<f4", ">f8", ">f2"])
def test_bioformats_reads_the_pixel_types(bioformats, path, dtype):
    put = frames_of(dtype, (7, 9), 4)
    with TiffStorage(path) as storage:
        for time, array in enumerate(put):
            storage.put({"time": time}, array)
    check_with_bioformats(bioformats, path, put)


@pytest.mark.parametrize("dtype", ["u1", ">u2"])
@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 9), (9, 1), (3, 32), (32, 32, 3), (5, 3, 4), (1, 1, 3)], ids=str
)
def test_bioformats_reads_the_shapes(bioformats, path, shape, dtype):
    put = frames_of(dtype, shape, 3)
    with TiffStorage(path) as storage:
        for time, array in enumerate(put):
            storage.put({"time": time}, array)
    check_with_bioformats(bioformats, path, put)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_bioformats_reads_the_memory_layouts(bioformats, path, layout):
    put = [LAYOUTS[layout](array) for array in frames_of(">u2", (16, 24))]
    with TiffStorage(path) as storage:
        for time, array in enumerate(put):
            storage.put({"time": time}, array)
    check_with_bioformats(bioformats, path, put)


def test_bioformats_reads_gray_rgb_and_several_shapes_in_one_dataset(bioformats, path):
    put = [
        frame({"time": time}, shape, dtype)
        for time, (shape, dtype) in enumerate(
            [((32, 32, 3), "u1"), ((3, 32), "u1"), ((32, 32), ">u2"), ((9, 7, 4), ">u2"), ((3, 32), "f4")] * 2
        )
    ]
    with TiffStorage(path) as storage:
        for time, array in enumerate(put):
            storage.put({"time": time}, array)
    check_with_bioformats(bioformats, path, put)


def test_bioformats_reads_blocks_and_large_frames(bioformats, path):
    put = frames_of("u2", (4, 5), 130) + frames_of("u2", LARGE, 1)
    put[-1] = frame({"time": 130}, LARGE)
    with TiffStorage(path) as storage:
        for time, array in enumerate(put):
            storage.put({"time": time}, array)
    check_with_bioformats(bioformats, path, put)


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ({"time": np.int64(3), "channel": np.str_("µ")}, {"time": 3, "channel": "µ"}),
        ({"time": np.uint8(200)}, {"time": 200}),
        (DataCoordinates(time=np.int32(-4), channel="A"), {"time": -4, "channel": "A"}),
        ({"time": 2**62}, {"time": 2**62}),
        ({"time": -(2**63)}, {"time": -(2**63)}),
        ({}, {}),
        ({"?": ""}, {"?": ""}),
        (
            {"copy": 1, "json": "x", "items": 2, "time (T)": 3},
            {"copy": 1, "json": "x", "items": 2, "time (T)": 3},
        ),
    ],
    ids=repr,
)
def test_coordinates_that_are_accepted(path, given, plain):
    def check(storage):
        for asked in (given, plain):
            assert asked in storage
            assert_same(storage[asked], frame(plain))
        (listed,) = storage.get_image_coordinates_list()
        assert listed == plain
        assert {type(value) for item in listed.items() for value in item} <= {int, str}

    with TiffStorage(path) as storage:
        storage.put(given, frame(plain))
        check(storage)
    with TiffStorage.open(path) as storage:
        check(storage)


def test_channels_keep_the_order_of_first_appearance(path):
    with TiffStorage(path) as storage:
        for channel in ("late in the alphabet", "early", "late in the alphabet"):
            storage.put({"channel": channel}, frame({"channel": channel}))
    planes = {plane.c: plane.coordinates["channel"] for plane in stored_planes(tiff_of(path))}
    assert planes == {0: "late in the alphabet", 1: "early"}


def test_a_long_axis_with_a_gap(path):
    times = [*range(25), 10**15]
    storage = TiffStorage(path)
    for time in times:
        storage.put({"time": time}, frame({"time": time}))
    try:
        storage.close()
    except MemoryError:
        pytest.fail("the axis was written out value by value", pytrace=False)
    planes = list(stored_planes(tiff_of(path)))
    assert [plane.coordinates["time"] for plane in planes] == times


def test_a_long_axis_of_even_steps(path):
    times = [*range(3, 53, 2)]
    with TiffStorage(path) as storage:
        for time in times:
            storage.put({"time": time}, frame({"time": time}))
    with tifffile.TiffFile(tiff_of(path)) as tif:
        assert "range(3, 52, 2)" in tif.ome_metadata
    assert [plane.coordinates["time"] for plane in stored_planes(tiff_of(path))] == times


GOOD = {"time": 0, "channel": "A"}
BAD_COORDINATES = {
    "float": ({"time": 1.0}, TypeError),
    "numpy float": ({"time": np.float64(1)}, TypeError),
    "None": ({"channel": None}, TypeError),
    "tuple": ({"well": (1, 2)}, TypeError),
    "bool": ({"time": True}, TypeError),
    "numpy bool": ({"time": np.bool_(True)}, TypeError),
    "bytes": ({"channel": b"A"}, TypeError),
    "axis int": ({5: 1}, TypeError),
    "axis None": ({None: 1}, TypeError),
    "axis tuple": ({("a",): 1}, TypeError),
}
PLAIN = np.zeros((4, 5), "u2")
BAD_ARRAYS = {
    "scalar": (np.uint16(3), ValueError, ["()", "(Y, X)"]),
    "1-D": (np.zeros(5, "u2"), ValueError, ["(5,)", "(Y, X)"]),
    "4-D": (np.zeros((2, 3, 4, 3), "u1"), ValueError, ["(2, 3, 4, 3)", "(Y, X)"]),
    "two samples": (np.zeros((4, 5, 2), "u1"), ValueError, ["(4, 5, 2)", "(Y, X, 3)"]),
    "one sample": (np.zeros((4, 5, 1), "u1"), ValueError, ["(4, 5, 1)", "(Y, X, 3)"]),
    "five samples": (np.zeros((4, 5, 5), "u1"), ValueError, ["(4, 5, 5)", "(Y, X, 4)"]),
    "stack": (np.zeros((3, 4, 5), "u2"), ValueError, ["(3, 4, 5)", "(Y, X)"]),
    "no rows": (np.zeros((0, 5), "u2"), ValueError, ["(0, 5)", "pixel"]),
    "no columns": (np.zeros((5, 0), "u2"), ValueError, ["(5, 0)", "pixel"]),
    "no RGB": (np.zeros((0, 5, 3), "u1"), ValueError, ["(0, 5, 3)", "pixel"]),
    "object": (np.full((4, 5), None), TypeError, ["object", "uint8"]),
    "str": (np.full((4, 5), "x"), TypeError, ["str", "uint8"]),
    "bytes": (np.full((4, 5), b"x"), TypeError, ["bytes", "uint8"]),
    "int64": (np.zeros((4, 5), "i8"), TypeError, ["int64", "uint8"]),
    "uint64": (np.zeros((4, 5), "u8"), TypeError, ["uint64", "uint8"]),
    "big-endian int64": (np.zeros((4, 5), ">i8"), TypeError, ["int64", "uint8"]),
    "datetime": (np.zeros((4, 5), "M8[ns]"), TypeError, ["datetime64", "uint8"]),
    "structured": (np.zeros((4, 5), "u1,u1"), TypeError, ["void", "uint8"]),
    "RGB of floats": (np.zeros((4, 5, 3), "f4"), TypeError, ["float32", "uint8"]),
    "RGB of int8": (np.zeros((4, 5, 3), "i1"), TypeError, ["int8", "uint8"]),
    "None": (None, (TypeError, ValueError), ["expected"]),
}


def digest(path):
    """Return the names and contents of the files of a dataset."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def check_nothing_changes(path, bad_put, error, parts):
    """Put two frames, then fail; assert that files and reads are unchanged and the next frame is stored."""
    put = {0: frame({"time": 0}), 1: frame({"time": 1})}
    with TiffStorage(path) as storage:
        for time, array in put.items():
            storage.put({"time": time}, array, {"n": time})
        storage.flush()
        before = digest(path)
        with pytest.raises(error) as caught:
            bad_put(storage)
        for part in parts:
            assert part in str(caught.value)
        storage.flush()
        assert digest(path) == before
        assert storage.get_image_coordinates_list() == [{"time": 0}, {"time": 1}]
        for time, array in put.items():
            assert_same(storage[{"time": time}], array)
            assert storage.get_metadata({"time": time}) == {"n": time}
        put[2] = frame({"time": 2})
        storage.put({"time": 2}, put[2])
    check_with_tifffile(path, put)
    with TiffStorage.open(path) as reopened:
        assert reopened.get_image_coordinates_list() == [{"time": time} for time in put]


@pytest.mark.parametrize("bad", BAD_COORDINATES)
def test_bad_coordinates_are_refused(path, bad):
    coordinates, error = BAD_COORDINATES[bad]
    coordinates = {"z": 17, **coordinates}
    ((axis, value),) = BAD_COORDINATES[bad][0].items()
    culprit = value if isinstance(axis, str) else axis
    parts = ["'z': 17", repr(culprit), type(culprit).__name__, "expected"]
    check_nothing_changes(path, lambda storage: storage.put(coordinates, PLAIN, {}), error, parts)


@pytest.mark.parametrize("name", ["", " \t"], ids=repr)
def test_blank_axis_names_are_refused_and_those_of_earlier_versions_open(path, monkeypatch, name):
    parts = ["'z': 17", f"axis name {name!r} is blank", "expected a name such as 'time'"]
    bad = {"z": 17, name: 1}
    check_nothing_changes(path, lambda storage: storage.put(bad, PLAIN), ValueError, parts)
    earlier = path.with_name(f"earlier_{path.name}")
    with monkeypatch.context() as patch:
        patch.setattr(recorder, "read_new_coordinates", read_coordinates)
        with TiffStorage(earlier) as storage:
            storage.put(bad, frame({"z": 17}), {"n": 1})
    with TiffStorage.open(earlier) as storage:
        assert storage.get_image_coordinates_list() == [bad]
        assert_same(storage[bad], frame({"z": 17}))
        assert storage.get_metadata(bad) == {"n": 1}


@pytest.mark.parametrize("bad", [None, 3, "time", [("time", 1)]], ids=repr)
def test_coordinates_that_are_not_a_mapping_are_refused(path, bad):
    check_nothing_changes(
        path, lambda storage: storage.put(bad, PLAIN, {}), TypeError, [repr(bad), "expected"]
    )


@pytest.mark.parametrize("bad", BAD_ARRAYS)
def test_bad_arrays_are_refused(path, bad):
    array, error, parts = BAD_ARRAYS[bad]
    check_nothing_changes(
        path,
        lambda storage: storage.put({"time": 7, "q": "x"}, array, {}),
        error,
        ["time=7,q=x", *parts],
    )


@pytest.mark.parametrize("bad", BAD_COORDINATES)
def test_storage_works_after_a_bad_first_frame(path, bad):
    with TiffStorage(path) as storage:
        with pytest.raises(BAD_COORDINATES[bad][1]):
            storage.put(BAD_COORDINATES[bad][0], PLAIN)
        with pytest.raises(ValueError, match="shape"):
            storage.put({"position": 5}, np.zeros(3, "u1"))
        storage.put(GOOD, frame(GOOD))
    ((_, _, _, _, coordinates, pixels, _),) = stored_planes(tiff_of(path))
    assert coordinates == GOOD
    np.testing.assert_array_equal(pixels, frame(GOOD))


@pytest.mark.parametrize("method", ["get_data", "get_metadata", "__getitem__", "__contains__"])
@pytest.mark.parametrize("bad", BAD_COORDINATES)
def test_bad_coordinates_have_no_frame(path, bad, method):
    with TiffStorage(path) as storage:
        storage.put(GOOD, frame(GOOD))
        with pytest.raises(TypeError, match="expected"):
            getattr(storage, method)(BAD_COORDINATES[bad][0])


@pytest.mark.parametrize("method", ["get_data", "get_metadata", "__getitem__", "__contains__"])
@pytest.mark.parametrize("bad", [None, "time"], ids=repr)
def test_reading_refuses_coordinates_that_are_not_a_mapping(path, bad, method):
    with TiffStorage(path) as storage, pytest.raises(TypeError, match="expected"):
        getattr(storage, method)(bad)


@pytest.mark.parametrize("ended", ["finish", "close"])
def test_put_after_finish_is_refused(path, ended):
    storage = TiffStorage(path)
    storage.put(GOOD, frame(GOOD), {"n": 1})
    getattr(storage, ended)()
    before = digest(path)
    for coordinates in (GOOD, {"time": 1}, {"position": "new"}):
        with pytest.raises(RuntimeError) as caught:
            storage.put(coordinates, frame(coordinates))
        assert coordinates_text(coordinates) in str(caught.value)
    storage.flush()
    storage.finish()
    storage.close()
    storage.close()
    assert digest(path) == before
    with TiffStorage.open(path) as reopened:
        with pytest.raises(RuntimeError):
            reopened.put({"time": 1}, frame(GOOD))
        assert reopened.get_image_coordinates_list() == [GOOD]
    assert digest(path) == before


@pytest.mark.parametrize("method", ["get_data", "get_metadata", "__getitem__", "__contains__"])
def test_reading_after_close_is_refused(path, method):
    storage = TiffStorage(path)
    storage.put(GOOD, frame(GOOD))
    storage.close()
    with pytest.raises(RuntimeError, match="closed"):
        getattr(storage, method)(GOOD)
