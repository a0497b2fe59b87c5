"""Acquisitions of every shape: their images, and all readers see every frame."""

import itertools

import numpy as np
import pytest
from ome_types import from_tiff

from acquisitions import AXES, ORDERS, frames_at, nested, put_all, shuffled
from exengine_ome_tiff import TiffStorage
from frames import assert_same, frame
from readers.check import assert_readers_agree

TARGETS = ["run.ome.tiff", "run"]
pytestmark = pytest.mark.usefixtures("bioformats")


def assert_stored(path, caplog, put, images=None, **options):
    """Put frames; assert the images by name: planes along T, C and Z, and the number of acquired ones."""
    with TiffStorage(path, **options) as storage:
        put_all(storage, put)
        found = {image.name: (*image.sizes.values(), image.n_frames) for image in storage.images}
        assert len(found) == len(storage.images)
        if images is not None:
            assert {name: (*size[:3], size[-1]) for name, size in found.items()} == images
    with TiffStorage.open(path) as storage:
        assert len(storage.get_image_coordinates_list()) == len({tuple(sorted(c.items())) for c, _ in put})
        for coordinates, array in {tuple(c.items()): (c, array) for c, array in put}.values():
            assert_same(storage[coordinates], array)
    return assert_readers_agree(path, put, caplog)


@pytest.mark.parametrize("nesting", list(itertools.permutations(AXES)), ids=" > ".join)
@pytest.mark.parametrize("name", TARGETS)
def test_every_nesting(tmp_path, caplog, name, nesting):
    put = frames_at(nested(**{axis: AXES[axis] for axis in nesting}))
    (document, *_) = assert_stored(
        tmp_path / name, caplog, put, {"left": (3, 2, 3, 18), "right": (3, 2, 3, 18)}
    )
    letters = {"time": "T", "channel": "C", "z": "Z"}
    fast_to_slow = "".join(letters[axis] for axis in reversed(nesting) if axis in letters)
    for image in document.images:
        assert image.pixels.dimension_order.value == f"XY{fast_to_slow}"
        assert len(image.pixels.tiff_data_blocks) == 1


GAPS = {
    "without a rule": {"left": (3, 2, 3, 18), "right": (3, 2, 3, 18)},
    "stopped in an inner loop": {"left": (3, 2, 3, 18), "right": (2, 2, 3, 10)},
    "every fourth skipped": {"left": (3, 2, 3, 13), "right": (3, 2, 3, 14)},
    "a channel at some times": {"left": (3, 2, 3, 15), "right": (3, 2, 3, 15)},
    "other z ranges": {"left": (3, 2, 2, 12), "right": (3, 2, 2, 12)},
    "other lengths": {"left": (3, 2, 3, 18), "right": (1, 2, 3, 6)},
}


@pytest.mark.parametrize("order", GAPS)
@pytest.mark.parametrize("name", TARGETS)
def test_runs_with_gaps(tmp_path, caplog, name, order):
    assert_stored(tmp_path / name, caplog, frames_at(ORDERS[order]), GAPS[order])


def test_channels_with_different_z_ranges(tmp_path, caplog):
    places = nested(channel=("DAPI",), z=range(5)) + nested(channel=("GFP",), z=(2, 3))
    assert_stored(tmp_path / "run.ome.tiff", caplog, frames_at(places), {"run": (1, 2, 5, 7)})


EXTRA_AXES = {
    "one axis": (nested(angle=(0, 45), time=(0, 1)), ["angle 0", "angle 45"]),
    "negative numbers": (nested(angle=(-10, -1), z=(-3, 3)), ["angle -10", "angle -1"]),
    "two axes": (
        nested(position=("p", 7), round=("first", 2)),
        ["p, round first", "p, round 2", "position 7, round first", "position 7, round 2"],
    ),
    "five axes": (
        nested(a=(0, 1), b=("x", "y"), g=(-1, 0), d=("1", 1), e=(0,), time=(0, 1)),
        [
            f"a {a}, b {b}, g {g}, d {d}, e 0"
            for a, b, g, d in itertools.product((0, 1), "xy", (-1, 0), ('"1"', 1))
        ],
    ),
    "mixed on an axis inside": (nested(time=(3, "later", -1, "bleached")), ["run"]),
    "axes that come and go": (
        [{"time": 0}, {"angle": 1}, {"time": 1, "angle": 1}],
        ["run", "angle 1", "angle 1 without time"],
    ),
}


@pytest.mark.parametrize("case", EXTRA_AXES)
@pytest.mark.parametrize("name", TARGETS)
def test_extra_axes(tmp_path, caplog, name, case):
    places, names = EXTRA_AXES[case]
    assert_stored(tmp_path / name, caplog, frames_at(shuffled(places)))
    with TiffStorage.open(tmp_path / name) as storage:
        assert sorted(image.name for image in storage.images) == sorted(names)


LABELS = [
    "two words",
    "a/b\\c",
    "../outside",
    "CON",
    "nul.txt",
    "µm → ß 細胞 🔬",
    "x" * 300,
    "x" * 299 + "y",
    "left",
    "Left",
    "LEFT",
    "a:b",
    "a?b",
    "a_b",
    "",
    " ",
    "trailing.",
    "<&>\"'",
    "1",
]


@pytest.mark.parametrize("axis", ["position", "sample"])
@pytest.mark.parametrize("name", TARGETS)
def test_labels_that_are_invalid_in_file_names(tmp_path, caplog, name, axis):
    put = frames_at(nested(**{axis: [*LABELS, 1, -1], "time": (0, 1)}))
    assert_stored(tmp_path / name, caplog, put)
    with TiffStorage.open(tmp_path / name) as storage:
        assert {image.coordinates[axis] for image in storage.images} == {*LABELS, 1, -1}
        assert {image.n_frames for image in storage.images} == {2}
    if name == "run" and axis == "position":
        files = [path.name for path in (tmp_path / name).iterdir()]
        assert len(files) == len({file.casefold() for file in files}) == len(LABELS) + 2 + 1
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", TARGETS)
def test_tiles_with_stage_positions(tmp_path, caplog, name, bioformats):
    path = tmp_path / name
    places = nested(position=("left", "right"), row=(0, 1), column=(0, 1, 2), time=(0, 1))
    put = frames_at(places)
    with TiffStorage(path) as storage:
        for place, array in put:
            tags = {"XPositionUm": place["column"] * 90.5, "YPositionUm": str(-80.25 * place["row"])}
            storage.put(place, array, tags)
    assert_readers_agree(path, put, caplog)
    with TiffStorage.open(path) as storage:
        assert len(storage.images) == 12
        assert storage.images[5].coordinates == {"position": "left", "row": 1, "column": 2}
        assert storage.images[5].name == "left, row 1, column 2"
    with bioformats(path if path.is_file() else path / "run_left.ome.tiff") as reader:
        for plane in reader.series[5].planes:
            assert (plane["position_x"], plane["position_y"]) == ((181.0, "µm"), (-80.25, "µm"))


@pytest.mark.parametrize("name", TARGETS)
def test_two_cameras(tmp_path, caplog, name):
    kinds = {"Camera-1": ((12, 10), "u2"), "Camera-2": ((5, 7), "u1")}
    put = [
        (place, frame(place, *kinds[place["camera"]]))
        for place in nested(time=(0, 1, 2), position=("a", "b"), camera=kinds)
        if place != {"time": 1, "position": "b", "camera": "Camera-2"}
    ]
    images = {f"{p}, camera {camera}": (3, 1, 1, 3) for p in "ab" for camera in kinds}
    images["b, camera Camera-2"] = (2, 1, 1, 2)
    assert_stored(tmp_path / name, caplog, put, images)


@pytest.mark.parametrize("name", TARGETS)
def test_region_and_binning_change_during_a_run(tmp_path, caplog, name):
    shapes = [(12, 16), (12, 16), (6, 8), (6, 8), (12, 16), (5, 5)]
    put = [({"time": time}, frame({"time": time}, shape)) for time, shape in enumerate(shapes)]
    put += [({"time": 6}, frame({"time": 6}, (12, 16), "u1"))]
    images = {
        "run": (3, 1, 1, 3),
        "run (6x8 uint16)": (2, 1, 1, 2),
        "run (5x5 uint16)": (1, 1, 1, 1),
        "run (12x16 uint8)": (1, 1, 1, 1),
    }
    assert_stored(tmp_path / name, caplog, put, images)


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2"])
@pytest.mark.parametrize("samples", [3, 4])
@pytest.mark.parametrize("name", TARGETS)
def test_rgb_after_gray(tmp_path, caplog, name, samples, dtype):
    put = frames_at(nested(camera=("colour",), time=(0, 1), z=(0, 1)), (6, 8, samples), dtype)[:-1]
    put = [(place, array[::-1] if place["time"] else array) for place, array in put]
    put += frames_at(nested(camera=("gray",), time=(0, 1)), (6, 8), dtype)
    (document,) = assert_stored(tmp_path / name, caplog, put)
    assert [image.name for image in document.images] == ["camera gray", "camera colour"]


TYPES = ["i1", "i2", "i4", "u1", "u2", "u4", "f4", "f8", "?", "f2"]


@pytest.mark.parametrize("dtype", [*TYPES, *(f">{dtype}" for dtype in ("i2", "u4", "f4", "f8"))])
def test_pixel_types_with_gaps(tmp_path, caplog, dtype):
    put = frames_at(nested(time=(0, 1), z=(0, 1, 2))[1:], dtype=dtype)
    assert_stored(tmp_path / "run.ome.tiff", caplog, put, {"run": (2, 1, 3, 5)})


@pytest.mark.parametrize("dtype", ["c8", "c16"])
def test_complex_numbers_are_exact_in_tifffile(tmp_path, caplog, dtype):
    put = frames_at(nested(time=(0, 1), z=(0, 1, 2))[1:], dtype=dtype)
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        put_all(storage, put)
    complex_line, missing_line = sorted(record.getMessage() for record in caplog.records)
    assert complex_line == f"{tmp_path / 'run.ome.tiff'}: Bio-Formats cannot open files with complex pixels"
    assert missing_line.startswith("run: 1 of 6 planes are missing")
    assert_readers_agree(tmp_path / "run.ome.tiff", put, caplog, bioformats=False)


@pytest.mark.parametrize("dtype", ["i8", "u8"])
def test_64_bit_integers_are_refused(tmp_path, dtype):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        with pytest.raises(
            TypeError, match=r"frame at time=0: .*int64.*Bio-Formats reads no 64-bit integers"
        ):
            storage.put({"time": 0}, np.zeros((4, 4), dtype))
        storage.put({"time": 0}, np.zeros((4, 4), "u2"))


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("name", TARGETS)
def test_last_frame_at_the_same_coordinates_counts(tmp_path, caplog, name, count):
    places = nested(position=("a", "b"), time=(0, 1), z=(0, 1))[1:]
    put = frames_at(places)
    put += [
        (place, frame(place | {"round": again})) for again in range(1, count) for place in places[again::2]
    ]
    assert_stored(tmp_path / name, caplog, put, {"a": (2, 1, 2, 3), "b": (2, 1, 2, 4)})


@pytest.mark.parametrize("axis", ["time", "z"])
def test_extreme_axis_values(tmp_path, caplog, axis):
    places = [{axis: value} for value in (-(1 << 63), *range(-1, 25), (1 << 63) - 1)]
    assert_stored(tmp_path / "run.ome.tiff", caplog, frames_at(places))


def test_axis_names_that_differ_only_in_characters_invalid_in_xml(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({"a\0": 1, "a\1": 2}, frame({"time": 0}))
    (document,) = [from_tiff(tmp_path / "run.ome.tiff")]
    assert dict(document.structured_annotations.map_annotations[0].value) == {
        "a\\u0000": "1",
        "a\\u0001": "2",
    }


@pytest.mark.parametrize("name", ["t\tb", "n\nb", "d\x7f", "c\x85"])
def test_folder_names_with_characters_invalid_in_xml(tmp_path, caplog, name):
    assert_stored(tmp_path / name, caplog, frames_at(nested(position=("a", "b"), time=(0, 1))))


def test_path_that_is_not_valid_text_is_refused(tmp_path):
    for name in ("n\udcff.ome.tiff", "n\udcff"):
        with pytest.raises(ValueError, match="UTF-8"):
            TiffStorage(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
