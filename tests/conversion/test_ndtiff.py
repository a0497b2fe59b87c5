"""Conversion of NDTiff datasets, compared with ndstorage frame by frame, and with OME-TIFF readers."""

import json
import shutil

import numpy as np
import pytest
from ndstorage import Dataset, NDTiffDataset
from ome_types import from_tiff

from acquisitions import nested
from exengine_ome_tiff import OmeTiffError, TiffStorage, convert, validate
from foreign import close, write_ndtiff, write_ndtiff_1, write_ndtiff_by_hand
from frames import assert_same, frame
from readers.bioformats import BioFormats
from readers.check import assert_readers_agree

SUMMARY = {
    "PixelType": "GRAY16",
    "Width": 48,
    "Height": 40,
    "PixelSize_um": 0.5,
    "µ": [1.5, None, {"a": True}],
}
CASES = {
    "positions by name": nested(position=("A1", "B2"), time=range(3), channel=("DAPI", "GFP")),
    "numbers": nested(position=range(2), time=range(2), channel=range(2), z=range(-1, 2)),
    "other axes": nested(row=range(2), column=range(3), angle=("left", "right"), time=(3, 7)),
    "one frame": [{"time": 0}],
}


def metadata(place):
    return {"Exposure-ms": 2.5, "Axes": dict(place), "text": 'λ " \\', "nested": {"a": [1, None, -1e-7]}}


def frames_at(places, dtype="u2"):
    return [(place, frame(place, (40, 48), dtype), metadata(place)) for place in places]


def assert_carried_over(source, dest, places, caplog, **reading):
    """Compare with what ndstorage reads, and open the result with Bio-Formats."""
    dataset = Dataset(str(source))
    with TiffStorage.open(dest) as result:
        assert [{*each.items()} for each in result.get_image_coordinates_list()] == [
            {*place.items()} for place in places
        ]
        assert result.summary_metadata == dataset.summary_metadata
        for place in places:
            assert_same(result[place], dataset.read_image(**place | reading))
            assert result.get_metadata(place) == dataset.read_metadata(**place | reading)
        put = [(place, result[place]) for place in places]
    for level in [dataset] if hasattr(dataset, "index") else dataset.res_levels.values():
        level.close()
    assert validate(dest) == []
    caplog.clear()
    assert_readers_agree(dest, put, caplog)


@pytest.mark.parametrize("form", ["run.ome.tiff", "run"])
@pytest.mark.parametrize("places", CASES.values(), ids=CASES)
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_what_ndstorage_wrote(tmp_path, form, places, dtype, caplog, capsys):
    source = write_ndtiff(tmp_path, "nd", SUMMARY, frames_at(places, dtype))
    dest = tmp_path / "new" / form
    seen = []
    capsys.readouterr()
    done = convert(source, dest, verify=True, fsync=False, progress=lambda *told: seen.append(told))
    assert capsys.readouterr().out == ""
    assert (done.n_frames, done.n_resumed, done.skipped, done.differences) == (len(places), 0, (), ())
    assert done.is_complete
    assert done.frame_bytes == len(places) * 40 * 48 * np.dtype(dtype).itemsize
    assert {(what, total) for what, _, total in seen} == {
        ("converting", len(places)),
        ("verifying", len(places)),
    }
    assert seen[-1] == ("verifying", len(places), len(places))
    assert_carried_over(source, dest, places, caplog)
    assert [path.name for path in dest.parent.iterdir()] == [form]


def test_only_the_full_resolution_of_pyramids_is_converted(tmp_path, caplog):
    places = nested(row=range(2), column=range(2), time=range(2))
    flat = write_ndtiff(
        tmp_path, "nd", SUMMARY | {"GridPixelOverlapX": 4, "GridPixelOverlapY": 4}, frames_at(places)
    )
    source = tmp_path / "pyramid"
    shutil.copytree(flat, source / "Full resolution")
    shutil.copytree(flat, source / "Downsampled_x2")
    done = convert(source, tmp_path / "run.ome.tiff", verify=True, fsync=False)
    assert done.is_complete
    assert_carried_over(source, tmp_path / "run.ome.tiff", places, caplog)


@pytest.mark.parametrize("version", [2, 3])
def test_rgb_and_version_2(tmp_path, version, caplog):
    places = nested(channel=range(2), time=range(2), view=range(2))
    frames = [
        (
            place,
            frame(place, (40, 48, 3) if place["channel"] else (40, 48), "u1"),
            metadata(place) | {"Channel": "c"},
        )
        for place in places
    ]
    source = write_ndtiff_by_hand(tmp_path / "nd", version, SUMMARY, frames)
    done = convert(source, tmp_path / "run.ome.tiff", verify=True, fsync=False)
    assert done.is_complete
    assert_carried_over(source, tmp_path / "run.ome.tiff", places, caplog)
    with TiffStorage.open(tmp_path / "run.ome.tiff") as result:
        for place, pixels, _ in frames:
            assert_same(result[place], pixels)


def test_version_2_without_channels(tmp_path, caplog):
    places = nested(time=range(3))
    source = write_ndtiff_by_hand(tmp_path / "nd", 2, SUMMARY, frames_at(places))
    assert convert(source, tmp_path / "run.ome.tiff", verify=True, fsync=False).is_complete
    assert_carried_over(source, tmp_path / "run.ome.tiff", places, caplog, channel=None)


def test_version_1(tmp_path, caplog):
    places = nested(position=range(2), time=range(2), channel=range(2), z=range(3))
    frames = [
        (place, frame(place, (20, 24)), metadata(place) | {"Channel": f"c{place['channel']}"})
        for place in places  # in less than 64 kB, behind which ndstorage fails with NumPy 2
    ]
    source = write_ndtiff_1(tmp_path / "nd", SUMMARY | {"Width": 24, "Height": 20}, frames)
    done = convert(source, tmp_path / "run.ome.tiff", verify=True, fsync=False)
    assert done.is_complete
    with TiffStorage.open(tmp_path / "run.ome.tiff") as result:
        order = [dict(each) for each in result.get_image_coordinates_list()]
        for place, pixels, _ in frames:
            assert_same(result[place], pixels)
    assert sorted(map(sorted, (each.items() for each in order))) == sorted(
        map(sorted, (p.items() for p in places))
    )
    assert_carried_over(source, tmp_path / "run.ome.tiff", order, caplog)


def test_the_last_of_several_frames_at_the_same_place_counts(tmp_path):
    places = nested(time=range(3))
    again = (places[1], np.full((40, 48), 7, "u2"), {"second": True})
    source = write_ndtiff(tmp_path, "nd", SUMMARY, [*frames_at(places), again])
    done = convert(source, tmp_path / "run.ome.tiff", verify=True, fsync=False)
    assert (done.n_frames, done.n_overwritten, done.is_complete) == (3, 1, True)
    with TiffStorage.open(tmp_path / "run.ome.tiff") as result:
        assert_same(result[places[1]], again[1])
        assert result.get_metadata(places[1]) == {"second": True}


class TestDamage:
    """Damage is reported, and everything else is converted."""

    places = nested(time=range(6))

    @pytest.fixture
    def source(self, tmp_path):
        return write_ndtiff(tmp_path, "nd", SUMMARY, frames_at(self.places))

    def skipped(self, source, left):
        """Convert; return what is skipped, in the order of the report."""
        dest = source.parent / "run.ome.tiff"
        done = convert(source, dest, verify=True, fsync=False)
        assert (done.n_frames, done.is_complete, done.differences) == (len(left), False, ())
        with TiffStorage.open(dest) as result:
            assert result.get_image_coordinates_list() == left
            for place in left:
                assert_same(result[place], frame(place, (40, 48)))
        assert done.n_overwritten == 0
        return done.skipped

    def test_a_truncated_index(self, source):
        index = source / "NDTiff.index"
        index.write_bytes(index.read_bytes()[:-50])
        (skipped,) = self.skipped(source, self.places[:5])
        assert (skipped.what, skipped.reason) == (
            "nd_NDTiffStack.tif",
            "frames that NDTiff.index does not name: 1",
        )

    def test_an_index_with_reserved_space(self, source):
        index = source / "NDTiff.index"
        entries = index.read_bytes()
        index.write_bytes(entries[: len(entries) * 4 // 6].ljust(1000, b"\0"))
        (skipped,) = self.skipped(source, self.places[:4])
        assert skipped.reason.endswith(": 2")

    def test_a_truncated_file(self, source):
        file = source / "nd_NDTiffStack.tif"
        file.write_bytes(file.read_bytes()[: -40 * 48 * 2 - 600])
        skipped = self.skipped(source, self.places[:4])
        assert [each.what for each in skipped] == ["time=4", "time=5"]
        assert "nd_NDTiffStack.tif: the pixels lie beyond the end of the file" in skipped[0].reason

    def test_invalid_metadata(self, source):
        file = source / "nd_NDTiffStack.tif"
        data = file.read_bytes()
        assert data.count(b'"Axes": {"time": 2}') == 1
        file.write_bytes(data.replace(b'"Axes": {"time": 2}', b'"Axes": {"time"  2}'))
        (skipped,) = self.skipped(source, [place for place in self.places if place["time"] != 2])
        assert skipped.what == "time=2"

    def test_an_index_entry_that_is_not_json(self, source):
        index = source / "NDTiff.index"
        index.write_bytes(index.read_bytes().replace(b'{"time": 3}', b'{"time", 3}'))
        (skipped,) = self.skipped(source, [place for place in self.places if place["time"] != 3])
        assert skipped.what == "NDTiff.index"

    def test_invalid_coordinates(self, source):
        index = source / "NDTiff.index"
        index.write_bytes(index.read_bytes().replace(b'{"time": 3}', b'{"time":0.}'.replace(b"0.", b"[]")))
        (skipped,) = self.skipped(source, [place for place in self.places if place["time"] != 3])
        assert skipped.reason

    def test_a_missing_file(self, source):
        (source / "nd_NDTiffStack.tif").unlink()
        with pytest.raises(OmeTiffError, match="none of its files can be read"):
            convert(source, source.parent / "run.ome.tiff")
        assert [path.name for path in source.parent.iterdir()] == ["nd_1"]

    def test_a_file_that_is_still_being_written(self, tmp_path):
        """The index lists the frames written so far; the file has 4 GB of reserved space after them."""
        dataset = NDTiffDataset(str(tmp_path), name="live", writable=True)
        dataset.initialize(SUMMARY)
        for place, pixels, more in frames_at(self.places):
            dataset.put_image(dict(place), pixels, more)
        dataset._index_file.flush()
        done = convert(tmp_path / "live_1", tmp_path / "run.ome.tiff", verify=True, fsync=False)
        close(dataset)
        assert (done.n_frames, done.skipped) == (6, ())


def test_a_folder_without_convertible_data(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.tif").write_bytes(b"II*\0")
    with pytest.raises(OmeTiffError, match="expected data of NDTiff, Micro-Manager, TiffStorage or OME-TIFF"):
        convert(tmp_path / "folder", tmp_path / "run.ome.tiff")
    with pytest.raises(FileNotFoundError):
        convert(tmp_path / "gone", tmp_path / "run.ome.tiff")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_any_file_identifies_its_dataset(tmp_path):
    places = nested(time=range(2))
    folder = write_ndtiff(tmp_path, "nd", {}, frames_at(places))
    files = sorted(folder.iterdir())
    assert {file.suffix for file in files} == {".tif", ".index"}
    for number, file in enumerate(files):
        assert convert(file, tmp_path / f"{number}.ome.tiff").n_frames == 2


@pytest.mark.parametrize(
    ("summary", "of_frame"),
    [
        ({}, ("Channel", "PositionName")),
        ({"ChNames": ["DAPI", "FITC"], "StagePositions": [{"Label": "left"}, {"Label": "right"}]}, ()),
        (
            {"ChNames": ["DAPI", "FITC"], "InitialPositionList": [{"Label": "left"}, {"Label": "right"}]},
            ("Channel", "PositionName"),
        ),
    ],
    ids=["frames", "summary", "both"],
)
def test_numbered_channels_and_positions_get_their_names(summary, of_frame, tmp_path):
    places = nested(time=range(2), position=range(2), channel=range(2))
    frames = []
    for place in places:
        names = {
            "Channel": ("DAPI", "FITC")[place["channel"]],
            "PositionName": ("left", "right")[place["position"]],
        }
        told = {key: names[key] for key in of_frame}
        frames.append((place, frame(place, (16, 16)), told))
    source = write_ndtiff(tmp_path, "nd", summary, frames)
    done = convert(source, tmp_path / "run.ome.tiff", verify=True)
    assert done.is_complete
    with BioFormats(done.path) as reader:
        assert [each.name for each in reader.series] == ["left", "right"]
        assert [each.channel_names for each in reader.series] == [["DAPI", "FITC"]] * 2
        for place in places:
            plane = reader.plane(place["position"], 0, place["channel"], place["time"])
            assert_same(plane, frame(place, (16, 16)))
    with TiffStorage.open(done.path) as result:
        assert result.summary_metadata == summary
        for place, _, told in frames:
            assert result.get_metadata(place) == told


@pytest.mark.parametrize("form", ["numbers", "names", "only names", "version 2"])
def test_comments_beside_the_files(form, tmp_path):
    """Micro-Manager 2 keeps them in a separate file: on the dataset, and on frames by their indices."""
    channels, positions = {
        "names": (("DAPI", "GFP"), ("left", "right")),
        "only names": (("DAPI",), ("left",)),
    }.get(form, (range(2), range(2)))
    places = nested(time=range(2), position=positions, channel=channels, z=range(2))
    summary = SUMMARY | {"ChNames": ["DAPI", "GFP"]}
    if form == "names":
        summary["StagePositions"] = [{"Label": "left"}, {"Label": "right"}]
    if form == "version 2":
        frames = [
            (place, pixels, tags | {"Channel": f"c{place['channel']}"})
            for place, pixels, tags in frames_at(places)
        ]
        source = write_ndtiff_by_hand(tmp_path / "old", 2, summary, frames)
    else:
        source = write_ndtiff(tmp_path, "demo", summary, frames_at(places))
    last = places[-1]
    numbers = {"time": 1, "z": 1} | ({} if form == "only names" else {"channel": 1, "position": 1})
    on_last = "Image coordinates" + "".join(f"{axis}={number}," for axis, number in sorted(numbers.items()))
    texts = {"General annotation": "control cells", on_last: "blurred", "Image coordinatestime=7,": "gone"}
    comments = {
        key: {"type": "PROPERTY_MAP", "scalar": {"comments": {"type": "STRING", "scalar": text}}}
        for key, text in texts.items()
    }
    (source / "comments.txt").write_text(json.dumps({"map": comments}))
    done = convert(source, tmp_path / "run.ome.tiff", verify=True)
    assert [(each.what, each.reason) for each in done.skipped] == [
        ("comment on time=7", "there is no such frame")
    ]
    assert {image.description for image in from_tiff(done.path).images} == {"control cells"}
    with TiffStorage.open(done.path) as result:
        commented = [place for place in places if "Comment" in result.get_metadata(place)]
        assert commented == [last]
        assert result.get_metadata(last)["Comment"] == "blurred"
