"""Conversion of Micro-Manager's separate image files; Bio-Formats compares source and result."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from ome_types import from_tiff

from acquisitions import nested
from exengine_ome_tiff import OmeTiffError, TiffStorage, convert, validate
from exengine_ome_tiff.conversion.image_stacks import recorded_order
from exengine_ome_tiff.conversion.separate_files import place_of_name
from foreign import write_separate_1, write_separate_2
from frames import assert_same, frame
from readers.bioformats import BioFormats, BioFormatsError
from readers.check import assert_readers_agree

CHANNELS = ["DAPI", "FITC"]
POSITIONS = ["left", "right"]
SUMMARY = {
    "MicroManagerVersion": "1.4.22",
    "MetadataVersion": 10,
    "ChNames": CHANNELS,
    "Channels": 2,
    "Frames": 2,
    "Slices": 3,
    "Positions": 2,
    "Width": 48,
    "Height": 40,
    "PixelType": "GRAY16",
    "PixelSize_um": 0.5,
    "z-step_um": 1.5,
    "UUID": "a-run",
}
SUMMARY_2 = SUMMARY | {
    "MicroManagerVersion": "2.0.0",
    "StagePositions": [{"Label": label} for label in POSITIONS],
}
NUMBERS = nested(time=range(2), position=range(2), channel=range(2), z=range(3))
FLAT = [place for place in NUMBERS if place["z"] == 0]


def frames_at(places, shape=(40, 48), dtype="u2"):
    return [
        (place, frame(place, shape, dtype), {"ElapsedTime-ms": 100.0 * number + 7, "Exposure-ms": 10})
        for number, place in enumerate(places)
    ]


NAMED = "img_{t:09}_{channel}_{z:03}.tif"
"""File name of an image of version 1.4."""


def alone(folder, z, c, t, name):
    """Read a single image file with Bio-Formats."""
    path = folder / name.format(z=z, c=c, t=t, channel=CHANNELS[c])
    with BioFormats(path, group_files=False) as file:
        return file.plane(0, 0, 0, 0)


def zct(place):
    return place["z"], place["channel"], place["time"]


def named(place):
    return place | {"channel": CHANNELS[place["channel"]], "position": POSITIONS[place["position"]]}


def write_1(folder, frames, **options):
    return write_separate_1(folder, SUMMARY, frames, channels=CHANNELS, names=POSITIONS, **options)


def write_2(folder, frames, *, summary=SUMMARY_2, **options):
    return write_separate_2(folder, summary, frames, names=POSITIONS, **options)


def seconds_of(series):
    """Return the times of planes relative to the first one, by (z, c, t), to the millisecond."""
    factor = {"s": 1.0, "ms": 1e-3}
    times = {
        (plane["the_z"], plane["the_c"], plane["the_t"]): plane["delta_t"][0] * factor[plane["delta_t"][1]]
        for plane in series.planes
    }
    return {place: round(time - min(times.values()), 3) for place, time in times.items()}


both = pytest.mark.parametrize("write", [write_1, write_2])


def assert_carried_over(dest, frames):
    with TiffStorage.open(dest) as result:
        assert len(result.get_image_coordinates_list()) == len(frames)
        for place, pixels, metadata in frames:
            assert_same(result[named(place)], pixels)
            assert result.get_metadata(named(place)).items() >= metadata.items()


@both
def test_all_frames_are_converted(write, tmp_path, caplog):
    frames = frames_at(NUMBERS)
    done = convert(write(tmp_path / "run_1", frames), tmp_path / "run.ome.tiff", verify=True)
    assert (done.n_frames, done.n_images, done.is_complete) == (24, 2, True)
    assert_carried_over(done.path, frames)
    assert validate(done.path) == []
    with TiffStorage.open(done.path) as result:
        # the order in which they were recorded, and not that of the folders
        assert result.get_image_coordinates_list() == [named(place) for place in NUMBERS]
        assert result.summary_metadata["UUID"] == "a-run"
    assert_readers_agree(done.path, [(named(place), pixels) for place, pixels, _ in frames], caplog)


def test_bio_formats_sees_the_same_in_source_and_result(tmp_path):
    folder = write_1(tmp_path / "run_1", [each for each in frames_at(NUMBERS) if each[0]["position"] == 0])
    done = convert(folder, tmp_path / "run.ome.tiff")
    with BioFormats(folder / "left" / "metadata.txt") as source, BioFormats(done.path) as result:
        (before,), (after,) = source.series, result.series
        assert (before.size_z, before.size_c, before.size_t) == (after.size_z, after.size_c, after.size_t)
        assert before.channel_names == after.channel_names
        assert seconds_of(before) == seconds_of(after)
        for place in np.ndindex(before.size_z, before.size_c, before.size_t):
            assert_same(result.plane(0, *place), source.plane(0, *place))


@pytest.mark.parametrize(("shape", "dtype"), [((40, 48), "u1"), ((40, 48), "u2"), ((40, 48, 3), "u1")])
def test_bio_formats_sees_the_same_in_each_position_of_1_4(shape, dtype, tmp_path):
    folder = write_1(tmp_path / "run_1", frames_at(NUMBERS, shape, dtype))
    done = convert(folder, tmp_path / "run.ome.tiff", verify=True)
    with BioFormats(done.path) as result:
        assert [series.name for series in result.series] == POSITIONS
        for number, (position, after) in enumerate(zip(POSITIONS, result.series, strict=True)):
            with BioFormats(folder / position / "metadata.txt") as source:
                before = next(each for each in source.series if each.name == position)
                sizes = before.size_z, before.effective_size_c, before.size_t
                assert sizes == (after.size_z, after.effective_size_c, after.size_t)
                assert before.channel_names == after.channel_names
                assert seconds_of(before) == seconds_of(after)
                for place in np.ndindex(*sizes):
                    if len(shape) == 3:  # as Bio-Formats reads no color in such a folder
                        assert_same(result.plane(number, *place), alone(folder / position, *place, NAMED))
                    else:
                        expected = source.plane(source.series.index(before), *place)
                        assert_same(result.plane(number, *place), expected)


def test_bio_formats_sees_the_same_in_each_position_of_2_beta(tmp_path):
    # of one z each: Bio-Formats counts sizes by the third of these names, which is not the number of z
    folder = write_2(tmp_path / "run_1", frames_at(FLAT), is_beta=True, summary=SUMMARY_2 | {"Slices": 1})
    done = convert(folder, tmp_path / "run.ome.tiff", verify=True)
    with BioFormats(done.path) as result:
        assert [series.name for series in result.series] == POSITIONS
        for number, (position, after) in enumerate(zip(POSITIONS, result.series, strict=True)):
            with BioFormats(folder / position / "metadata.txt") as source:
                (before,) = source.series
                sizes = before.size_z, before.effective_size_c, before.size_t
                assert sizes == (after.size_z, after.effective_size_c, after.size_t) == (1, 2, 2)
                assert before.channel_names == after.channel_names == CHANNELS
                told = source.original_metadata(0)
                assert {told[f"Plane #{index} PositionName"] for index in range(4)} == {position}
                times = {
                    (0, c, t): float(told[f"Plane #{2 * t + c} ElapsedTime-ms"]) for c, t in np.ndindex(2, 2)
                }
                start = min(times.values())
                assert seconds_of(after) == {at: round((ms - start) / 1e3, 3) for at, ms in times.items()}
                for place in np.ndindex(*sizes):
                    assert_same(result.plane(number, *place), source.plane(0, *place))


@pytest.mark.parametrize(("shape", "dtype"), [((40, 48), "u2"), ((40, 48, 3), "u1")])
def test_bio_formats_agrees_on_each_image_file_of_2(shape, dtype, tmp_path):
    folder = write_2(tmp_path / "run_1", frames_at(NUMBERS, shape, dtype))
    done = convert(folder, tmp_path / "run.ome.tiff", verify=True)
    with pytest.raises(BioFormatsError), BioFormats(folder / "left" / "metadata.txt"):
        pass  # as it refuses all that has the names of files as of version 2.0
    with BioFormats(done.path) as result:
        assert [series.name for series in result.series] == POSITIONS
        for number, (position, after) in enumerate(zip(POSITIONS, result.series, strict=True)):
            assert (after.size_z, after.effective_size_c, after.size_t) == (3, 2, 2)
            assert after.channel_names == CHANNELS
            frames = [place for place in NUMBERS if place["position"] == number]
            milliseconds = {zct(place): 100 * NUMBERS.index(place) for place in frames}
            start = min(milliseconds.values())
            assert seconds_of(after) == {at: (ms - start) / 1e3 for at, ms in milliseconds.items()}
            name = f"img_channel{{c:03}}_position{number:03}_time{{t:09}}_z{{z:03}}.tif"
            for place in frames:
                expected = alone(folder / position, *zct(place), name)
                assert_same(result.plane(number, *zct(place)), expected)


@both
@pytest.mark.parametrize(
    ("shape", "dtype"), [((40, 48), "u1"), ((40, 48), "u2"), ((40, 48, 3), "u1"), ((40, 48), "f4")]
)
def test_all_pixel_types(write, shape, dtype, tmp_path):
    frames = frames_at(nested(channel=range(2)), shape, dtype)
    frames = [({"time": 0, "position": 0, "z": 0} | place, *rest) for place, *rest in frames]
    done = convert(write(tmp_path / "run_1", frames), tmp_path / "run.ome.tiff", verify=True)
    assert done.is_complete
    assert_carried_over(done.path, frames)


@both
@pytest.mark.parametrize("part", ["{folder}", "{folder}/left", "{folder}/left/metadata.txt", "{image}"])
def test_a_position_or_file_identifies_its_dataset(write, part, tmp_path):
    folder = write(tmp_path / "run_1", frames_at(NUMBERS))
    image = min((folder / "left").glob("img*.tif"))
    done = convert(part.format(folder=folder, image=image), tmp_path / "run.ome.tiff")
    assert done.is_complete
    assert done.n_images == (1 if part == "{folder}/left" else 2)


@both
@pytest.mark.parametrize("cut", [1, 30, 2000, 10**6])
def test_metadata_lost_in_a_crash_is_read_from_the_images(write, cut, tmp_path):
    frames = frames_at(NUMBERS)
    folder = write(tmp_path / "run_1", frames)
    for path in folder.glob("*/metadata.txt"):
        path.write_bytes(path.read_bytes()[:-cut])
    done = convert(folder, tmp_path / "run.ome.tiff", verify=True)
    assert done.n_frames == len(frames)
    if cut < 10**6 or write is write_1:  # in which the names of files have those of channels
        assert_carried_over(done.path, frames)
    lost = [] if cut < 10**6 else ["summary metadata in left", "summary metadata in right"]
    assert [skipped.what for skipped in done.skipped] == lost


@both
def test_without_metadata_txt_the_file_names_are_parsed(write, tmp_path):
    frames = frames_at(NUMBERS)
    folder = write(tmp_path / "run_1", frames)
    for path in folder.glob("*/metadata.txt"):
        path.unlink()
    done = convert(folder, tmp_path / "run.ome.tiff", verify=True)
    assert done.n_frames == len(frames)
    assert {skipped.reason for skipped in done.skipped} == {"metadata.txt: it is missing"}


@both
def test_missing_and_truncated_files_are_reported(write, tmp_path):
    folder = write(tmp_path / "run_1", frames_at(NUMBERS))
    first, second, *_ = sorted((folder / "right").glob("img*.tif"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:3000])
    done = convert(folder, tmp_path / "run.ome.tiff", verify=True)
    assert (done.n_frames, done.n_source_frames, done.is_complete) == (22, 24, False)
    assert len(done.skipped) == 2
    reasons = " ".join(skipped.reason for skipped in done.skipped)
    assert f"right/{first.name}: it is missing" in reasons
    assert f"{second.name} is cut off" in reasons


def test_metadata_in_the_windows_character_set(tmp_path):
    folder = write_1(tmp_path / "run_1", frames_at(NUMBERS[:1]))
    text = folder / "left" / "metadata.txt"
    text.write_bytes(text.read_bytes().replace(b'"a-run"', '"5 µm"'.encode("cp1252")))
    convert(folder, tmp_path / "run.ome.tiff")
    with TiffStorage.open(tmp_path / "run.ome.tiff") as result:
        assert result.summary_metadata["UUID"] == "5 µm"


def test_the_folders_of_two_datasets_are_not_mixed(tmp_path):
    for name in ("run_1", "run_2"):
        write_separate_1(
            tmp_path / "day",
            SUMMARY | {"UUID": name},
            frames_at(NUMBERS[:6]),
            channels=CHANNELS,
            names=[name],
        )
    with pytest.raises(OmeTiffError, match=r"has 2 datasets: choose one of run_1, run_2"):
        convert(tmp_path / "day", tmp_path / "run.ome.tiff")
    assert convert(tmp_path / "day" / "run_2", tmp_path / "run.ome.tiff").n_frames == 6


def test_nothing_outside_the_folder_is_read(tmp_path):
    folder = write_1(tmp_path / "run_1", frames_at(NUMBERS[:12]))
    secret = write_1(tmp_path / "private", frames_at(NUMBERS[:1])) / "left"
    (image,) = secret.glob("img*.tif")
    first, second, *_ = sorted((folder / "left").glob("img*.tif"))
    first.unlink()
    first.symlink_to(image)
    text = folder / "left" / "metadata.txt"
    text.write_text(text.read_text().replace(f'"FileName": "{second.name}"', f'"FileName": "../../{image}"'))
    (folder / "more").symlink_to(secret)
    os.mkfifo(folder / "left" / "img_000000009_DAPI_000.tif")
    done = convert(folder, tmp_path / "run.ome.tiff", verify=True)
    reasons = [skipped.reason for skipped in done.skipped]
    assert any("a link that leads out of the folder is not followed" in reason for reason in reasons)
    assert any("not a regular file" in reason for reason in reasons)
    assert (done.n_frames, done.n_source_frames) == (11, 14)  # 12, another link and the pipe


@both
def test_endlessly_nested_metadata_costs_no_frame(write, tmp_path):
    folder = write(tmp_path / "run_1", frames_at(NUMBERS))
    text = folder / "left" / "metadata.txt"
    text.write_text(text.read_text().replace('"a-run"', "[" * 100_000))
    done = convert(folder, tmp_path / "run.ome.tiff")
    assert done.n_frames == 24
    assert not done.is_complete


@pytest.mark.parametrize("name", ["comments.txt", "left/display_and_comments.txt"])
def test_the_comment_beside_the_images_becomes_the_description(name, tmp_path):
    folder = write_1(tmp_path / "run_1", frames_at(NUMBERS[:6]))
    note = {"type": "PROPERTY_MAP", "scalar": {"comments": {"type": "STRING", "scalar": "a note"}}}
    texts = (
        {"map": {"General annotation": note}}
        if name == "comments.txt"
        else {"Comments": {"Summary": "a note"}}
    )
    (folder / name).write_text(json.dumps(texts))
    convert(folder, tmp_path / "run.ome.tiff")
    assert from_tiff(tmp_path / "run.ome.tiff").images[0].description == "a note"


@both
@pytest.mark.parametrize("place", ["run_1", "run_1/left", "run_1/right"])
def test_comments_on_frames(write, place, tmp_path):
    folder = write(tmp_path / "run_1", frames_at(NUMBERS))
    note = {"Comments": {"Summary": "", "1_2_1_1": "blurred"}}
    (tmp_path / place / "display_and_comments.txt").write_text(json.dumps(note))
    done = convert(folder, tmp_path / "run.ome.tiff", verify=True)
    assert done.is_complete
    with TiffStorage.open(done.path) as result:
        commented = [
            place for place in result.get_image_coordinates_list() if "Comment" in result.get_metadata(place)
        ]
        assert commented == [{"time": 1, "position": "right", "channel": "FITC", "z": 2}]
        assert result.get_metadata(commented[0])["Comment"] == "blurred"


def test_coordinates_in_file_names_of_version_1_4():
    place = place_of_name(Path("img_000000002_DAPI_005.tif"))
    assert place == ({"time": 2, "z": 5}, "DAPI")


def test_a_clock_that_some_frames_lack_is_not_used():
    assert recorded_order([{"ElapsedTime-ms": 5}, {"ElapsedTime-ms": 3}]) == [1, 0]
    assert recorded_order([{"ElapsedTime-ms": 5}, {}]) is None
