"""Conversion of Micro-Manager image stacks, compared with tifffile page by page, and with Bio-Formats."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from ome_types import from_tiff

from acquisitions import nested
from exengine_ome_tiff import OmeTiffError, TiffStorage, convert, validate
from foreign import write_image_stack
from frames import assert_same, frame
from readers.check import assert_readers_agree

DATA = Path(__file__).parents[1] / "data" / "metadata"
SUMMARY = json.loads((DATA / "mm2_summary_CONSTRUCTED.json").read_text("utf-8"))
TAGS = json.loads((DATA / "mm2_multipagetiff_image_CONSTRUCTED.json").read_text("utf-8"))
LABELS = [position["Label"] for position in SUMMARY["StagePositions"]]
NUMBERS = nested(position=range(2), time=range(2), z=range(3), channel=range(2))


def tags(place):
    numbers = {f"{name}Index": place[axis] for name, axis in INDICES.items()}
    return TAGS | numbers | {"Width": 48, "Height": 40, "completeCoords": place, "µ": "λ"}


INDICES = {"Frame": "time", "Slice": "z", "Channel": "channel", "Position": "position"}


def frames_at(places, shape=(40, 48), dtype="u2"):
    return [(place, frame(place, shape, dtype), tags(place)) for place in places]


def named(place):
    channel, position = SUMMARY["ChNames"][place["channel"]], LABELS[place["position"]]
    return place | {"channel": channel, "position": position}


@pytest.fixture
def folder(tmp_path):
    """Make a dataset of three files, two of which share a position."""
    folder = tmp_path / "demo_1"
    parts = {"A1-Site_0": NUMBERS[:12], "A2-Site_0": NUMBERS[12:20], "A2-Site_0_1": NUMBERS[20:]}
    for name, places in parts.items():
        write_image_stack(folder / f"demo_1_MMStack_{name}.ome.tif", SUMMARY, frames_at(places))
    (folder / "DisplaySettings.json").write_text("{}")
    return folder


def assert_carried_over(dest, places, caplog, **shape):
    with TiffStorage.open(dest) as result:
        assert sorted(
            map(str, map(sorted, (each.items() for each in result.get_image_coordinates_list())))
        ) == sorted(map(str, map(sorted, (named(place).items() for place in places))))
        assert result.summary_metadata == SUMMARY
        for place in places:
            assert_same(result[named(place)], frame(place, **shape or {"shape": (40, 48)}))
            assert result.get_metadata(named(place)) == tags(place)
        put = [(named(place), result[named(place)]) for place in places]
    assert validate(dest) == []
    caplog.clear()
    assert_readers_agree(dest, put, caplog)


def test_tifffile_recognizes_the_image_stacks(folder):
    paths = sorted(folder.glob("*.tif"))
    assert len(paths) == 3
    for path in paths:
        with tifffile.TiffFile(path) as tif:
            assert tif.is_micromanager
            settings = tif.micromanager_metadata
            assert settings["Summary"] == SUMMARY
            offsets = [page.offset for page in tif.pages]
            assert settings["IndexMap"][:, 4].tolist() == offsets
            for page in tif.pages:
                c, z, t, p, _ = settings["IndexMap"][page.index].tolist()
                place = {"position": p, "time": t, "z": z, "channel": c}
                np.testing.assert_array_equal(page.asarray(), frame(place, (40, 48)))
                assert page.tags[51123].value == tags(place)


@pytest.mark.parametrize("form", ["run.ome.tiff", "run"])
@pytest.mark.parametrize("by", ["folder", "file"])
def test_a_folder_of_several_files(tmp_path, folder, form, by, caplog):
    source = folder if by == "folder" else folder / "demo_1_MMStack_A2-Site_0.ome.tif"
    done = convert(source, tmp_path / form, verify=True, fsync=False)
    assert (done.n_frames, done.n_images, done.is_complete) == (24, 2, True)
    assert_carried_over(tmp_path / form, NUMBERS, caplog)


@pytest.mark.parametrize(("shape", "dtype"), [((40, 48), "u1"), ((40, 48, 3), "u1")])
def test_other_pixel_types_of_image_stacks(tmp_path, shape, dtype, caplog):
    frames = frames_at(NUMBERS[:12], shape, dtype)
    write_image_stack(tmp_path / "a" / "a_MMStack_Pos0.ome.tif", SUMMARY, frames)
    assert convert(tmp_path / "a", tmp_path / "run.ome.tiff", verify=True, fsync=False).is_complete
    assert_carried_over(tmp_path / "run.ome.tiff", NUMBERS[:12], caplog, shape=shape, dtype=dtype)


def test_without_names_the_numbers_are_kept(tmp_path):
    summary = SUMMARY | {"ChNames": ["same", "same"], "StagePositions": None}
    write_image_stack(tmp_path / "a" / "a_MMStack.ome.tif", summary, frames_at(NUMBERS))
    convert(tmp_path / "a", tmp_path / "run.ome.tiff")
    with TiffStorage.open(tmp_path / "run.ome.tiff") as result:
        assert all(place in result for place in NUMBERS)


def test_more_than_ten_files(tmp_path):
    """The files of a dataset are read in the order of writing, "_2" before "_10"."""
    for number in range(12):
        time = 2 if number == 10 else number  # which the file "_2" has, too
        place = {"position": 0, "time": time, "z": 0, "channel": 0}
        pixels, name = np.full((40, 48), number, "u2"), f"_{number}" if number else ""
        path = tmp_path / "a" / f"a_MMStack_Pos0{name}.ome.tif"
        write_image_stack(path, SUMMARY, [(place, pixels, tags(place))])
    done = convert(tmp_path / "a", tmp_path / "run.ome.tiff", verify=True, fsync=False)
    assert (done.n_frames, done.n_overwritten, done.differences) == (11, 1, ())
    with tifffile.TiffFile(tmp_path / "run.ome.tiff") as tif:
        assert [int(page.asarray()[0, 0]) for page in tif.pages] == [0, 1, 10, *range(3, 10), 11]


def test_a_file_whose_writer_was_killed_has_no_index(tmp_path, caplog):
    frames = frames_at(NUMBERS[:12])
    write_image_stack(tmp_path / "a" / "a_MMStack.ome.tif", SUMMARY, frames, is_finished=False)
    assert convert(tmp_path / "a", tmp_path / "run.ome.tiff", verify=True).is_complete
    assert_carried_over(tmp_path / "run.ome.tiff", NUMBERS[:12], caplog)


def test_index_entries_without_a_page(tmp_path, caplog):
    frames = frames_at(NUMBERS[:12])
    path = write_image_stack(tmp_path / "a" / "a_MMStack.ome.tif", SUMMARY, frames, n_unused=3)
    with tifffile.TiffFile(path) as tif:
        assert tif.micromanager_metadata["IndexMap"][:, 4].tolist()[11:] == [tif.pages[11].offset, 0, 0, 0]
    assert convert(tmp_path / "a", tmp_path / "run.ome.tiff", verify=True).is_complete
    assert_carried_over(tmp_path / "run.ome.tiff", NUMBERS[:12], caplog)


def comments_of_planes(path):
    """Return the comments in an OME-TIFF by image and plane (z, c, t), as read by ome-types."""
    ome = from_tiff(path)
    notes = {note.id: note for note in ome.structured_annotations.map_annotations}
    found = {}
    for image in ome.images:
        refs = [notes[ref.id] for ref in image.annotation_refs]
        pairs = {
            note.namespace.rpartition(":")[2]: {pair.k: pair.value for pair in note.value.ms} for note in refs
        }
        texts = json.loads(pairs.get("metadata-by-plane", {}).get("Comment", "[]"))
        for plane, text in zip(image.pixels.planes, texts, strict=bool(texts)):
            if text is not None:
                found[image.name, plane.the_z, plane.the_c, plane.the_t] = text
    return found


COMMENTED = {  # by the forms in which Micro-Manager has kept comments: where, and what
    "1.4, in the stack": (None, {"Summary": "control\ncells", "0_1_0_0": "", "1_2_1_0": "blurred"}),
    "1.4": (
        "display_and_comments.txt",
        {"Channels": [], "Comments": {"Summary": "control\ncells", "1_2_1_0": "blurred"}},
    ),
    "2 beta": (
        "comments.txt",
        {
            "Annotation version": {"PropType": "Double", "PropVal": 1.0},
            **{
                key: {
                    "PropType": "Property map",
                    "PropVal": {"comments": {"PropType": "String", "PropVal": text}},
                }
                for key, text in (
                    ("General annotation", "control\ncells"),
                    ("Image coordinateschannel=1,position=0,time=1,z=2,", "blurred"),
                )
            },
        },
    ),
    "2": (
        "comments.txt",
        {
            "encoding": "UTF-8",
            "format": "Micro-Manager Property Map",
            "map": {
                key: {
                    "type": "PROPERTY_MAP",
                    "scalar": {"comments": {"type": "STRING", "scalar": text}},
                }
                for key, text in (
                    ("General annotation", "control\ncells"),
                    ("Image coordinateschannel=1,time=1,z=2,", "blurred"),
                )
            },
        },
    ),
}


class TestComments:
    @pytest.mark.parametrize(("name", "comments"), COMMENTED.values(), ids=COMMENTED)
    def test_comments_on_the_dataset_and_on_a_frame(self, name, comments, tmp_path):
        stack = tmp_path / "a" / "a_MMStack.ome.tif"
        write_image_stack(stack, SUMMARY, frames_at(NUMBERS), {} if name else comments)
        if name:
            (stack.parent / name).write_text(json.dumps(comments))
        done = convert(tmp_path / "a", tmp_path / "run.ome.tiff", verify=True)
        assert done.is_complete
        assert {image.description for image in from_tiff(done.path).images} == {"control\ncells"}
        assert comments_of_planes(done.path) == {(LABELS[0], 2, 1, 1): "blurred"}

    def test_comment_files_override_comments_in_the_stack(self, tmp_path):
        stack = tmp_path / "a" / "a_MMStack.ome.tif"
        write_image_stack(stack, SUMMARY, frames_at(NUMBERS), {"Summary": "old", "0_0_0_1": "old"})
        text = {"Comments": {"Summary": "new", "0_0_0_1": "new"}}
        (stack.parent / "display_and_comments.txt").write_text(json.dumps(text))
        done = convert(tmp_path / "a", tmp_path / "run.ome.tiff")
        assert {image.description for image in from_tiff(done.path).images} == {"new"}
        assert comments_of_planes(done.path) == {(LABELS[1], 0, 0, 0): "new"}

    def test_a_comment_without_a_frame_is_reported(self, tmp_path):
        comments = {"Summary": "", "0_0_9_0": "gone", "Image-1": "who knows"}
        write_image_stack(tmp_path / "a" / "a_MMStack.ome.tif", SUMMARY, frames_at(NUMBERS), comments)
        done = convert(tmp_path / "a", tmp_path / "run.ome.tiff")
        assert [(skipped.what, skipped.reason, skipped.n_frames) for skipped in done.skipped] == [
            ("comment on Image-1", "there is no such frame", 0),
            ("comment on time=9", "there is no such frame", 0),
        ]

    @pytest.mark.parametrize("block", [["a"], "a", {"Summary": 1, "0_0_0_0": {"a": 1}}, {"comments": {}}])
    def test_a_block_of_another_kind_is_ignored(self, block, tmp_path):
        write_image_stack(tmp_path / "a" / "a_MMStack.ome.tif", SUMMARY, frames_at(NUMBERS), block)
        assert convert(tmp_path / "a", tmp_path / "run.ome.tiff").is_complete


class TestDamage:
    def test_a_truncated_file(self, tmp_path, folder):
        file = folder / "demo_1_MMStack_A2-Site_0_1.ome.tif"
        data = file.read_bytes()
        index = data[int.from_bytes(data[12:16], "little") :]
        cut = data[: int.from_bytes(data[12:16], "little") - 2000]
        at = len(cut).to_bytes(4, "little")
        file.write_bytes(cut[:12] + at + cut[16:] + index)
        done = convert(folder, tmp_path / "run.ome.tiff", verify=True)
        assert (done.n_frames, done.differences) == (23, ())
        (skipped,) = done.skipped
        assert skipped.what == "time=1,position=A2-Site_0,channel=FITC,z=2"

    def test_a_file_of_another_format(self, tmp_path, folder):
        (folder / "demo_1_MMStack_A2-Site_0_1.ome.tif").write_bytes(b"II*\0")
        done = convert(folder, tmp_path / "run.ome.tiff", verify=True)
        assert (done.n_frames, [skipped.what for skipped in done.skipped]) == (
            20,
            ["demo_1_MMStack_A2-Site_0_1.ome.tif"],
        )

    def test_a_folder_with_two_datasets(self, tmp_path, folder):
        write_image_stack(folder / "other_MMStack.ome.tif", SUMMARY, frames_at(NUMBERS[:2]))
        with pytest.raises(
            OmeTiffError, match=r"2 datasets: choose one of demo_1_MMStack_.*, other_MMStack\.ome"
        ):
            convert(folder, tmp_path / "run.ome.tiff")
        assert convert(folder / "other_MMStack.ome.tif", tmp_path / "run.ome.tiff").n_frames == 2
