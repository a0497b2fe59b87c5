"""Conversion of our own datasets and of storages, and interrupted conversions."""

import errno
import json
import os
import shutil
import sys
import textwrap
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from exengine.storage_backends.ndtiff_and_ndram.NDTiffandRAM import NDRAMStorage

import warm
from acquisitions import nested
from exengine_ome_tiff import ChannelInfo, OmeTiffError, TiffStorage, convert, info, validate
from exengine_ome_tiff.conversion.sources import OwnSource
from foreign import write_ndtiff
from frames import assert_same, frame
from readers.check import assert_readers_agree

PLACES = nested(position=("A1", "B2"), time=range(3), channel=("DAPI", "GFP"))
GIVEN = {
    "pixel_size_um": 0.5,
    "channels": {"DAPI": ChannelInfo(color="#102030")},
    "description": "cells",
    "fold_axes": {"angle": "T"},
}
FORMS = ["run.ome.tiff", "run"]


def fill(path, places=PLACES, **options):
    with TiffStorage(path, {"sample": "µ"}, fsync=False, **options) as storage:
        for number, place in enumerate(places):
            storage.put(place, frame(place, (40, 48)), {"n": number, "nested": [1, {"a": None}]})
    return path


def assert_whole(path, places=PLACES):
    with TiffStorage.open(path) as storage:
        found = storage.get_image_coordinates_list()
        for position in (
            "A1",
            "B2",
        ):  # a process that is killed loses frames of one file, and not of the other
            assert [each for each in found if each["position"] == position] == [
                place for place in places if place["position"] == position
            ]
        assert len(found) == len(places)
        assert storage.summary_metadata == {"sample": "µ"}
        for number, place in enumerate(places):
            assert_same(storage[place], frame(place, (40, 48)))
            assert storage.get_metadata(place) == {"n": number, "nested": [1, {"a": None}]}
    assert validate(path) == []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("other", FORMS)
def test_other_layouts_and_back(tmp_path, form, other, caplog):
    source = fill(tmp_path / "a" / form, **GIVEN)
    dest = tmp_path / "b" / other
    options = {"compression": "zlib", "predictor": True, "tile": (16, 16), "checksums": "crc32"}
    done = convert(source, dest, verify=True, pyramid_levels=1, fsync=False, **options)
    assert done.is_complete
    assert (done.n_frames, done.n_images) == (12, 2)
    assert_whole(dest)
    caplog.clear()
    assert_readers_agree(dest, [(place, frame(place, (40, 48))) for place in PLACES], caplog)
    back = convert(dest, tmp_path / "c" / form, verify=True, fsync=False)
    assert back.is_complete
    assert_whole(back.path)
    before, after = info(source), info(back.path)
    assert [replace(image, file=source) for image in after.images] == [
        replace(image, file=source) for image in before.images
    ]
    assert after.images[0].pixel_size_um == (0.5, 0.5)
    assert after.images[0].colors[0] == "#102030"


def test_options_override_the_source(tmp_path):
    source = fill(tmp_path / "a.ome.tiff", **GIVEN)
    done = convert(source, tmp_path / "b.ome.tiff", pixel_size_um=2.0)
    assert info(done.path).images[0].pixel_size_um == (2.0, 2.0)


def test_an_unfinished_dataset_as_source(tmp_path):
    storage = TiffStorage(tmp_path / "a.ome.tiff", {"sample": "µ"})
    for number, place in enumerate(PLACES[:5]):
        storage.put(place, frame(place, (40, 48)), {"n": number, "nested": [1, {"a": None}]})
    storage.suspend()
    assert convert(tmp_path / "a.ome.tiff", tmp_path / "b", verify=True).is_complete
    assert_whole(tmp_path / "b", PLACES[:5])


class TestStorages:
    @pytest.mark.parametrize("state", ["writing", "closed"])
    def test_a_storage_is_converted_like_its_path(self, tmp_path, state):
        storage = TiffStorage(tmp_path / "a.ome.tiff", {"sample": "µ"}, pixel_size_um=0.5)
        for place in PLACES:
            storage.put(place, frame(place, (40, 48)))
        if state == "closed":
            storage.close()
        assert convert(storage, tmp_path / "b.ome.tiff", verify=True).is_complete
        assert info(tmp_path / "b.ome.tiff").images[0].pixel_size_um == (0.5, 0.5)
        gone = {"time": 99}
        some = convert(storage, tmp_path / "c.ome.tiff", coordinates=[*PLACES[:2], gone])
        assert (some.n_frames, [skipped.what for skipped in some.skipped]) == (2, ["time=99"])
        with pytest.raises(ValueError, match="must not be the source or inside it"):
            convert(storage, storage.path, overwrite=True)
        storage.close()

    def test_contradictory_arguments(self, tmp_path):
        source = fill(tmp_path / "a.ome.tiff")
        with pytest.raises(
            TypeError, match="coordinates select frames of a storage, but the source is a path"
        ):
            convert(source, tmp_path / "b.ome.tiff", coordinates=PLACES)
        with pytest.raises(TypeError, match="on_error"):
            convert(source, tmp_path / "b.ome.tiff", on_error="collect")
        with pytest.raises(OmeTiffError, match="the storage: no frame can be read"):
            convert(NDRAMStorage(), tmp_path / "b.ome.tiff", coordinates=[])
        assert [path.name for path in tmp_path.iterdir()] == ["a.ome.tiff"]

    def test_a_storage_that_cannot_list_its_frames(self, tmp_path):
        storage = NDRAMStorage()
        for number, place in enumerate(PLACES):
            storage.put(dict(place), frame(place, (40, 48)), {"n": number, "nested": [1, {"a": None}]})
        with pytest.raises(TypeError, match="pass their coordinates"):
            convert(storage, tmp_path / "a.ome.tiff")
        assert list(tmp_path.iterdir()) == []
        gone = {"time": 99}
        done = convert(storage, tmp_path / "a.ome.tiff", coordinates=[*PLACES, gone], verify=True)
        assert [skipped.what for skipped in done.skipped] == ["time=99"]
        assert not done.is_complete
        with TiffStorage.open(tmp_path / "a.ome.tiff") as result:
            assert result.get_image_coordinates_list() == PLACES

    def test_a_finished_storage_that_is_still_open(self, tmp_path):
        with TiffStorage(tmp_path / "a.ome.tiff", {"sample": "µ"}) as storage:
            for number, place in enumerate(PLACES):
                storage.put(place, frame(place, (40, 48)), {"n": number, "nested": [1, {"a": None}]})
            storage.finish()
            assert convert(storage, tmp_path / "b", verify=True).is_complete
        assert_whole(tmp_path / "b")

    def test_pixels_that_cannot_be_stored(self, tmp_path):
        storage = NDRAMStorage()
        storage.put({"time": 0}, np.zeros((4, 4), "u1"), {})
        storage.put({"time": 1}, np.zeros((4, 4), "u8"), {})
        places = [{"time": 0}, {"time": 1}, {"time": 2.5}]
        done = convert(storage, tmp_path / "a.ome.tiff", coordinates=places, verify=True)
        no_type, no_value = done.skipped
        assert (no_type.what, no_value.what) == ("time=1", "time=2.5")
        assert "uint64" in no_type.reason
        assert "of type float" in no_value.reason
        assert done.differences == ()

    def test_a_source_that_is_not_a_storage(self, tmp_path):
        with pytest.raises(TypeError, match="expected a path or a DataStorage"):
            convert(7, tmp_path / "a.ome.tiff")


class TestInterrupts:
    """An interrupted conversion leaves nothing under the final name, and resumes."""

    @pytest.fixture(params=FORMS)
    def form(self, request):
        return request.param

    @pytest.fixture
    def source(self, tmp_path):
        return fill(tmp_path / "source.ome.tiff")

    def stop_after(self, count, error):
        """Make reading fail after some frames; return a patch and the list of frames read."""
        read, seen = OwnSource.read, []

        def fail(self, coordinates):
            seen.append(coordinates)
            if len(seen) > count:
                raise error
            return read(self, coordinates)

        return patch.object(OwnSource, "read", fail), seen

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "full"), MemoryError()])
    def test_resuming(self, tmp_path, source, form, error):
        dest = tmp_path / "new" / form
        stopping, _ = self.stop_after(5, error)
        with stopping, pytest.raises(type(error)):
            convert(source, dest, compression="zlib")
        assert [path.name for path in dest.parent.iterdir()] == [f".{form}.part"]
        counting, seen = self.stop_after(99, error)
        with counting:
            done = convert(source, dest, compression="zlib")
        assert (done.n_frames, done.n_resumed) == (12, 5)
        assert seen == [PLACES[4], *PLACES[5:]]  # the last one that was there is compared
        assert [path.name for path in dest.parent.iterdir()] == [form]
        assert_whole(dest)

    @pytest.mark.parametrize("frames", [0, 1, 7, 12])
    def test_a_killed_conversion_resumes(self, tmp_path, source, form, frames):
        dest = tmp_path / "new" / form
        code = """
            import os, sys
            from exengine_ome_tiff import convert
            convert(*sys.argv[1:3], progress=lambda _, done, all: done < int(sys.argv[3]) or os._exit(9))
        """
        command = [sys.executable, "-c", textwrap.dedent(code), source, dest, str(frames)]
        assert warm.run(command, cwd=tmp_path, timeout_s=60).returncode == 9
        assert [path.name for path in dest.parent.iterdir()] == [f".{form}.part"]
        done = convert(source, dest, verify=True)
        assert (done.n_frames, done.differences) == (12, ())
        assert [path.name for path in dest.parent.iterdir()] == [form]
        assert_whole(dest)

    @pytest.mark.parametrize("at", ["finish_files", "publish"])
    def test_an_interrupt_at_the_end(self, tmp_path, source, form, at):
        dest = tmp_path / "new" / form
        place = {
            "finish_files": "exengine_ome_tiff.writing.recorder.finish_files",
            "publish": "exengine_ome_tiff.conversion.partial_result.PartialResult.publish",
        }[at]
        with patch(place, side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
            convert(source, dest)
        assert not dest.exists()
        done = convert(source, dest, verify=True)
        assert (done.n_frames, done.n_resumed) == (12, 12)
        assert_whole(dest)

    def test_a_result_finished_too_early_starts_over(self, tmp_path, source):
        dest = tmp_path / "new" / "run.ome.tiff"
        stopping, _ = self.stop_after(5, KeyboardInterrupt())
        with stopping, pytest.raises(KeyboardInterrupt):
            convert(source, dest)
        TiffStorage.resume(dest.parent / ".run.ome.tiff.part" / "run.ome.tiff").close()
        assert convert(source, dest, verify=True).n_resumed == 0
        assert_whole(dest)

    @pytest.mark.parametrize("change", ["options", "source", "frames", "summary"])
    def test_a_different_conversion_does_not_resume(self, tmp_path, source, change):
        dest = tmp_path / "new" / "run.ome.tiff"
        stopping, _ = self.stop_after(5, KeyboardInterrupt())
        with stopping, pytest.raises(KeyboardInterrupt):
            convert(source, dest)
        other, options = source, {}
        if change == "options":
            options = {"compression": "zlib"}
        elif change == "source":
            other = shutil.copy(source, tmp_path / "other.ome.tiff")
        else:
            with TiffStorage(
                source, {"sample": "µ"} if change == "frames" else None, overwrite=True
            ) as storage:
                for number, place in enumerate(PLACES):
                    pixels = frame(place, (40, 48)) + (change == "frames")
                    storage.put(place, pixels, {"n": number, "nested": [1, {"a": None}]})
        with pytest.raises(FileExistsError, match="delete it"):
            convert(other, dest, **options)
        shutil.rmtree(dest.parent / ".run.ome.tiff.part")
        assert convert(other, dest, **options).n_frames == 12

    def test_two_conversions_at_a_time(self, tmp_path, source, form):
        dest = tmp_path / "new" / form
        told = []

        def second(_what, done, _all):
            if done == 6 and not told:
                told.append(done)
                with pytest.raises(FileExistsError, match=r"another TiffStorage|still being"):
                    convert(source, dest)

        assert convert(source, dest, progress=second).n_frames == 12
        assert told == [6]
        assert_whole(dest)

    def test_a_source_that_disappears(self, tmp_path):
        frames = [(place, frame(place, (40, 48)), {}) for place in PLACES]
        source = write_ndtiff(tmp_path, "nd", {}, frames)

        def remove(_what, done, _all):
            if done == 3:
                source.rename(tmp_path / "gone")

        dest = tmp_path / "run.ome.tiff"
        read = "ndstorage.ndtiff_file.SingleNDTiffReader.read_image"
        with (
            pytest.raises(FileNotFoundError, match="does not exist any more"),
            patch(read, side_effect=OSError),
        ):
            convert(source, dest, progress=remove)
        (tmp_path / "gone").rename(source)
        assert convert(source, dest, verify=True).is_complete


@pytest.mark.parametrize("form", FORMS)
def test_an_existing_destination(tmp_path, form):
    source = fill(tmp_path / "source.ome.tiff")
    dest = fill(tmp_path / "new" / form, PLACES[:2])
    with pytest.raises(FileExistsError, match="exists"):
        convert(source, dest)
    assert [path.name for path in dest.parent.iterdir()] == [form]
    assert convert(source, dest, overwrite=True, verify=True).is_complete
    assert [path.name for path in dest.parent.iterdir()] == [form]
    assert_whole(dest)


def test_invalid_destinations(tmp_path):
    source = fill(tmp_path / "source")
    with pytest.raises(ValueError, match="must not be the source or inside it"):
        convert(source, source, overwrite=True)
    with pytest.raises(ValueError, match="must not be the source or inside it"):
        convert(source / "source_A1.ome.tiff", source / "new.ome.tiff")
    dest = fill(tmp_path / "new", PLACES[:2])
    (dest / "notes.txt").touch()
    with pytest.raises(FileExistsError, match=r"has other files \(notes\.txt\): move them"):
        convert(source, dest, overwrite=True)
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match="which a folder cannot replace"):
        convert(source, tmp_path / "file", overwrite=True)
    with pytest.raises(ValueError, match="compression"):
        convert(source, tmp_path / "b.ome.tiff", compression="jpeg")
    with pytest.raises(TypeError, match="colour"):
        convert(source, tmp_path / "b.ome.tiff", colour=1)
    storage = TiffStorage(tmp_path / "open.ome.tiff")
    storage.put({"time": 0}, np.zeros((4, 4), "u1"))
    with pytest.raises(FileExistsError, match="still being written"):
        convert(source, storage.path, overwrite=True)
    storage.close()
    storage = TiffStorage(tmp_path / "folder")
    storage.put({"time": 0}, np.zeros((4, 4), "u1"))
    with pytest.raises(FileExistsError, match="still being written"):
        convert(source, storage.path, overwrite=True)
    storage.suspend()
    storage.path.joinpath("exengine-ome-tiff.lock").touch()  # as a writer that was killed leaves it
    assert convert(source, storage.path, overwrite=True).is_complete
    shutil.rmtree(storage.path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "new", "open.ome.tiff", "source"]


class TestVerifying:
    """Differences are reported, and the result stays beside its destination."""

    @pytest.mark.parametrize(
        ("change", "what"),
        [
            (lambda pixels, metadata: (pixels + 1, metadata), "pixels"),
            (lambda pixels, metadata: (pixels, metadata | {"n": 99}), "metadata"),
            (lambda pixels, metadata: (pixels.view("i2"), metadata), "(40, 48) int16 became (40, 48) uint16"),
        ],
    )
    def test_a_frame_that_differs(self, tmp_path, change, what):
        source = fill(tmp_path / "a.ome.tiff")
        read, is_verifying = OwnSource.read, []

        def changed(self, coordinates):
            frame = read(self, coordinates)
            return change(*frame) if is_verifying and coordinates == PLACES[4] else frame

        with patch.object(OwnSource, "read", changed):
            done = convert(
                source,
                tmp_path / "b.ome.tiff",
                verify=True,
                progress=lambda what, *_: is_verifying.append(1) if what == "verifying" else None,
            )
        assert done.differences == (f"position=A1,time=2,channel=DAPI: {what}",)
        assert not done.is_complete
        assert not (tmp_path / "b.ome.tiff").exists()
        assert done.path == tmp_path / ".b.ome.tiff.part" / "b.ome.tiff"
        assert json.loads((done.path.parent / "request.json").read_text())["source"] == str(source)

    def test_a_source_without_frames_leaves_nothing(self, tmp_path):
        with pytest.raises(OmeTiffError, match="no frame can be read"):
            convert(NDRAMStorage(), tmp_path / "a.ome.tiff", coordinates=[{"time": 0}])
        assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot sync names")
def test_the_name_of_the_result_is_synced_to_the_disk(tmp_path, monkeypatch):
    synced = []
    with TiffStorage(tmp_path / "a.ome.tiff") as storage:
        storage.put({"time": 0}, np.zeros((4, 4), np.uint8))
    sync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: (synced.append(os.fstat(descriptor).st_ino), sync(descriptor))
    )
    (tmp_path / "to").mkdir()
    convert(tmp_path / "a.ome.tiff", tmp_path / "to" / "b.ome.tiff")
    assert synced[-1] == (tmp_path / "to").stat().st_ino
