"""Recovery makes a dataset exactly what `finish` would have made it."""

import contextlib
import errno
import itertools
import json
import os
import shutil
import struct
import subprocess
import sys
import textwrap
from collections import Counter

import numpy as np
import pytest
import tifffile

import warm
from acquisitions import nested
from disks import failing_disk
from effort import effort
from exengine_ome_tiff import (
    BeingWrittenError,
    ChannelInfo,
    NotFinishedError,
    OmeTiffError,
    PlaneValues,
    PlateInfo,
    TiffStorage,
    Translator,
    recover,
    validate,
)
from exengine_ome_tiff.cli import main
from exengine_ome_tiff.text_format import command_text
from exengine_ome_tiff.tiff import chain, disk
from exengine_ome_tiff.writing import claim
from frames import assert_same, frame
from readers.check import assert_readers_agree
from records_of_before import write_as_before

PLACES = nested(position=("A1", "B2"), time=range(3), channel=("DAPI", "GFP"))
FORMS = ["run.ome.tiff", "run"]
CASES = {
    "plain": ({}, PLACES),
    "gaps": ({}, PLACES[:3] + PLACES[5:11]),
    "zlib": ({"compression": "zlib", "checksums": True}, PLACES),
    "tiles and pyramids": ({"tile": (16, 16), "pyramid_levels": 1, "checksums": "sha256"}, PLACES),
    "fold_axes": ({"fold_axes": {"angle": "T"}}, nested(time=range(3), angle=(0, 45), position=("A", "B"))),
    "plate and options": (
        {
            "plate": PlateInfo(rows=8, columns=12),
            "pixel_size_um": 0.5,
            "channels": {"DAPI": ChannelInfo(emission_nm=461)},
            "image_name": "named",
            "description": "described",
        },
        PLACES,
    ),
    "put twice": ({}, PLACES + PLACES[2:5]),
}


def fill(storage, places, start=0):
    for number, place in enumerate(places, start):
        metadata = {"number": number, "ElapsedTime-ms": 10 * number, "Exposure-ms": 5, "note": f"n {number}"}
        shape = (40, 48, 3) if number % 7 == 5 else (40, 48)
        storage.put(place, frame(place | {"n": number}, shape), metadata)
    storage.flush()


def put_of(places):
    """Return the expected coordinates, each with the last frame that was put there."""
    last = {}
    for number, place in enumerate(places):
        shape = (40, 48, 3) if number % 7 == 5 else (40, 48)
        last[json.dumps(place)] = (place, number, frame(place | {"n": number}, shape))
    return list(last.values())


def left_behind(tmp_path, name, places=PLACES, **options):
    """Return a storage and a copy of its files, as a killed writer leaves them."""
    storage = TiffStorage(tmp_path / name, {"sample": "HeLa"}, **options)
    fill(storage, places)
    copy = tmp_path / "left" / name
    copy.parent.mkdir()
    (shutil.copytree if storage.path.is_dir() else shutil.copy)(storage.path, copy)
    return storage, copy


def files(path):
    return [path] if path.is_file() else sorted(path.iterdir())


def contents(path):
    return {file.name: file.read_bytes() for file in files(path)}


@pytest.fixture(params=FORMS, ids=["file", "folder"])
def left(request, tmp_path):
    storage, copy = left_behind(tmp_path, request.param)
    storage.close()
    return copy


@pytest.mark.parametrize("name", FORMS, ids=["file", "folder"])
@pytest.mark.parametrize("case", CASES)
def test_recovery_writes_the_same_as_finish(tmp_path, bioformats, name, case):
    options, places = CASES[case]
    storage, copy = left_behind(tmp_path, name, places, **options)
    with pytest.raises(NotFinishedError, match="recover"):
        TiffStorage.open(copy)
    recovered = recover(copy)
    assert (recovered.path, recovered.n_frames) == (copy, len(places))
    storage.close()
    assert recovered.n_files == len(files(copy)) - copy.is_dir()
    assert [file.name for file in files(copy)] == [file.name for file in files(storage.path)]
    for finished, own in zip(files(storage.path), files(copy), strict=True):
        if own.suffix == ".ome":
            assert own.read_bytes() == finished.read_bytes()
            continue
        with tifffile.TiffFile(finished) as tif, tifffile.TiffFile(own) as tif_own:
            assert tif_own.ome_metadata == tif.ome_metadata
            assert len(tif_own.pages) == len(tif.pages)
            for page, own_page in zip(tif.pages, tif_own.pages, strict=True):
                assert_same(own_page.asarray(), page.asarray())
        with bioformats(own) as reader:
            assert reader.warnings == []
    with TiffStorage.open(copy) as reopened:
        assert reopened.summary_metadata == {"sample": "HeLa"}
        expected = put_of(places)
        assert reopened.get_image_coordinates_list() == [place for place, _, _ in expected]
        for place, number, pixels in expected:
            assert_same(reopened[place], pixels)
            assert reopened.get_metadata(place)["number"] == number
    assert validate(copy) == []


def test_the_xml_is_the_same_without_lxml(tmp_path):
    places = nested(position=("Ä & <b>", "z\u2028"), time=range(2))
    storage, copy = left_behind(tmp_path, "run.ome.tiff", places, description='"quoted"\n\ttext')
    storage.close()
    script = """
        import sys
        sys.modules["lxml"] = None
        from exengine_ome_tiff import recover
        recover(sys.argv[1])
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script), copy], check=True, timeout=60)
    assert tifffile.tiffcomment(copy) == tifffile.tiffcomment(storage.path)


def test_readers_see_every_frame(tmp_path, caplog):
    storage = TiffStorage(tmp_path / "run.ome.tiff")
    put = [(place, frame(place)) for place in PLACES[:5]]
    for place, pixels in put:
        storage.put(place, pixels)
    storage.flush()
    shutil.copy(storage.path, tmp_path / "copy.ome.tiff")
    storage.close()
    recover(tmp_path / "copy.ome.tiff")
    assert_readers_agree(tmp_path / "copy.ome.tiff", put, caplog)


def test_recovery_changes_no_existing_byte_but_the_header(left):
    before = contents(left)
    recover(left)
    after = contents(left)
    tiffs = [name for name in before if name.endswith(".tiff")]
    assert len(tiffs) == (1 if left.is_file() else 2)
    for name in tiffs:
        assert after[name][:8] == before[name][:8]
        assert after[name][16 : len(before[name])] == before[name][16:]


def test_recovering_twice_changes_nothing(left):
    first = recover(left)
    before = contents(left)
    second = recover(left)
    assert (second.path, second.n_files, second.n_frames) == (first.path, first.n_files, None)
    assert contents(left) == before


def test_a_finished_read_only_dataset_is_left_alone(left):
    recover(left)
    for file in files(left):
        file.chmod(0o400)
    left.chmod(0o500)
    try:
        assert recover(left).n_frames is None
        assert validate(left) == []
    finally:
        left.chmod(0o700)


def test_a_stale_lock_of_a_finished_folder_is_deleted(tmp_path):
    storage, copy = left_behind(tmp_path, "run")
    storage.close()
    assert [path.name for path in copy.glob("*.lock")] == ["exengine-ome-tiff.lock"]
    recover(copy)
    (copy / "exengine-ome-tiff.lock").touch()
    assert recover(copy).n_frames is None
    assert not list(copy.glob("*.lock"))


@pytest.mark.parametrize("name", FORMS)
def test_a_dataset_that_is_being_written_is_refused(tmp_path, name):
    with TiffStorage(tmp_path / name) as storage:
        fill(storage, PLACES)
        with pytest.raises(BeingWrittenError, match="writing"):
            recover(tmp_path / name)
        script = "import sys; from exengine_ome_tiff.cli import main; sys.exit(main(sys.argv[1:]))"
        command = [sys.executable, "-c", script, "recover", tmp_path / name]
        done = warm.run(command, cwd=tmp_path, timeout_s=60)
        assert done.returncode == 1
        assert "is still writing this dataset" in done.stderr
        fill(storage, PLACES, 100)
    assert recover(tmp_path / name).n_frames is None


def test_files_created_before_the_lock_are_recovered_too(tmp_path, monkeypatch):
    storage, copy = left_behind(tmp_path, "run")
    storage.close()
    late = copy.parent / "run_B2.ome.tiff"
    (copy / "run_B2.ome.tiff").rename(late)
    hold = claim.hold

    def wait_for_the_last_file(location):
        late.rename(copy / "run_B2.ome.tiff")
        return hold(location)

    monkeypatch.setattr(claim, "hold", wait_for_the_last_file)
    recovered = recover(copy)
    assert (recovered.n_files, recovered.n_frames) == (2, len(PLACES))
    for name in ("run_A1.ome.tiff", "run_B2.ome.tiff"):
        with tifffile.TiffFile(copy / name) as tif:
            assert tif.is_ome
    assert validate(copy) == []


@pytest.mark.parametrize("failing", range(1, 12))
def test_after_an_error_the_files_are_unchanged(left, failing):
    before = contents(left)
    with failing_disk() as failing_one:
        failing_one.failing = lambda _: errno.EIO if failing_one.writes >= failing else 0
        with contextlib.suppress(OSError):
            recover(left)
    after = contents(left)
    tiffs = [name for name in before if name.endswith(".tiff")]
    assert len(tiffs) == (1 if left.is_file() else 2)
    for name in tiffs:
        assert after[name][16:].startswith(before[name][16:])
        assert after[name][8:16] == before[name][8:16] or b"<OME" in after[name]
    recover(left)
    with TiffStorage.open(left) as storage:
        for place, _, pixels in put_of(PLACES):
            assert_same(storage[place], pixels)
    assert validate(left) == []


class Interrupted(BaseException):
    """Interrupts recovery, as a signal would."""


class DyingDisk:
    """Stands in for the module `os` in `tiff.disk`; the nth call that changes a file fails."""

    def __init__(self, stop):
        self.left, self.interrupted = stop, ""

    def __getattr__(self, name):
        function = getattr(os, name)
        if name not in ("write", "pwrite", "fsync", "posix_fallocate"):
            return function

        def call(*args):
            self.left -= 1
            if not self.left:
                self.interrupted = name
                raise Interrupted
            return function(*args)

        return call


def test_an_interrupted_recovery_can_be_repeated(tmp_path, left, monkeypatch):
    counts = Counter()
    for stop in itertools.count(1):
        copy = tmp_path / f"stop {stop}" / left.name
        copy.parent.mkdir()
        (shutil.copytree if left.is_dir() else shutil.copy)(left, copy)
        dying = DyingDisk(stop)
        with monkeypatch.context() as patch:
            patch.setattr(disk, "os", dying)
            is_done = False
            try:
                recover(copy)
                is_done = True
            except Interrupted:
                counts[dying.interrupted] += 1
        again = recover(copy).n_frames
        assert again is None if is_done else again in (None, len(PLACES))
        assert validate(copy) == []
        with TiffStorage.open(copy) as storage:
            assert len(storage.get_image_coordinates_list()) == len(PLACES)
        if is_done:
            break
    assert counts["fsync"] >= 2
    assert counts["pwrite"] + counts["write"] >= 5


def test_everything_before_a_truncation_is_recovered(tmp_path):
    storage, copy = left_behind(tmp_path, "run.ome.tiff", PLACES)
    storage.close()
    whole = copy.read_bytes().rstrip(b"\0")
    counts = []
    for size in [*range(0, len(whole), len(whole) // effort(30, 60)), len(whole)]:
        copy.write_bytes(whole[:size])
        try:
            counts.append(recover(copy).n_frames)
        except OmeTiffError:
            counts.append(0)
            assert copy.read_bytes() == whole[:size]
            continue
        with TiffStorage.open(copy) as reopened:
            found = reopened.get_image_coordinates_list()
            assert found == [place for place in PLACES if place in found]
            for place, _, pixels in put_of(PLACES):
                if place in found:
                    assert_same(reopened[place], pixels)
        assert validate(copy) == []
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert counts[-1] == len(PLACES)
    assert len(set(counts)) > 2


def test_a_page_with_missing_pixels_is_left_out(tmp_path):
    storage, copy = left_behind(tmp_path, "run.ome.tiff")
    storage.close()
    with tifffile.TiffFile(copy) as file:
        page = file.pages.first
        end = page.dataoffsets[0] + page.databytecounts[0]
    copy.write_bytes(copy.read_bytes()[: end - 1])
    with pytest.raises(OmeTiffError, match="cut off in the pixels of the page at offset 16"):
        recover(copy)


@pytest.mark.parametrize("nothing", [b"\0" * 500, b"\xff" * 500, b""])
def test_a_link_without_target_is_cut(tmp_path, nothing):
    """After a power failure: the link is on the disk, but its target is not."""
    storage, copy = left_behind(tmp_path, "run.ome.tiff")
    storage.close()
    whole = copy.read_bytes()
    with copy.open("rb") as file:
        *_, last = chain.walk(file, chain.first_offset(file))
    end = last.offset + 8 + len(last.entries)
    copy.write_bytes(whole[:end] + (len(whole) + 8).to_bytes(8, "little") + whole[end + 8 :] + nothing)
    assert recover(copy).n_frames == len(PLACES)
    assert validate(copy) == []
    with TiffStorage.open(copy) as reopened:
        assert len(reopened.get_image_coordinates_list()) == len(PLACES)


PROMISED = 6


def torn(path, number, size=512, behind=0):
    """Zero the disk block at and after the record of a frame."""
    data = bytearray(path.read_bytes())
    at = data.index(b'{"coordinates":{"position":"B2","time":%d' % number) // size * size + behind
    data[at : at + size] = bytes(size)
    path.write_bytes(data)


@pytest.mark.parametrize("behind", [512, 1024])
@pytest.mark.parametrize("name", FORMS, ids=["file", "folder"])
def test_a_lost_record_costs_no_earlier_frame(tmp_path, name, behind, monkeypatch):
    for version in ("now", "before"):
        folder = tmp_path / version
        if version == "before":
            write_as_before(monkeypatch)
        with TiffStorage(folder / "written" / name) as storage:
            for number in range(PROMISED + 2):
                for position in ("A1", "B2"):
                    place = {"position": position, "time": number}
                    storage.put(place, frame(place), {"number": number, "note": f"{position} {number}" * 600})
                if number == PROMISED - 1:
                    storage.flush(fsync=True)
                    promised = storage.get_image_coordinates_list()
            storage.flush()
            shutil.copytree(storage.path.parent, folder / "left")
        path = folder / "left" / name
        torn(path / "run_B2.ome.tiff" if path.is_dir() else path, PROMISED + 1, behind=behind)
        with TiffStorage.open(path, allow_unfinished=True) as unfinished:
            seen = unfinished.get_image_coordinates_list()
        assert {str(each) for each in promised} <= {str(each) for each in seen}
        assert len(seen) < 2 * (PROMISED + 2)
        assert recover(path).n_frames == len(seen)
        assert validate(path) == []
        with TiffStorage.open(path) as reopened:
            assert reopened.get_image_coordinates_list() == seen
            for place in seen:
                assert_same(reopened[place], frame(place))
                assert reopened.get_metadata(place)["number"] == place["time"]


@pytest.mark.parametrize("options", [{"compression": "zlib"}, {"tile": (16, 16), "compression": "zlib"}])
def test_an_undecodable_page_gets_no_pyramid(tmp_path, caplog, bioformats, options):
    noise = np.random.default_rng(1).integers(0, 4000, (5, 128, 128)).astype(np.uint16)
    storage = TiffStorage(tmp_path / "run.ome.tiff", pyramid_levels=1, **options)
    for time in range(4):
        storage.put({"time": time}, noise[time], {"number": time})
    storage.flush(fsync=True)
    start = len(storage.path.read_bytes().rstrip(b"\0"))
    storage.put({"time": 4}, noise[4], {"number": 4})
    storage.suspend()
    data = bytearray(storage.path.read_bytes())
    at = (start + 8192) // 4096 * 4096
    data[at : at + 4096] = bytes(4096)
    storage.path.write_bytes(data)
    assert recover(storage.path).n_frames == 5
    assert "no smaller copies" in caplog.text
    assert [problem.page for problem in validate(storage.path)] == [4]
    with tifffile.TiffFile(storage.path) as tif:
        assert [len(page.subifds or ()) for page in tif.pages] == [1, 1, 1, 1, 0]
        for time in range(4):
            assert_same(tif.pages[time].asarray(), noise[time])
    with bioformats(storage.path) as reader:
        for time in range(4):
            assert_same(reader.plane(0, 0, 0, time), noise[time])
    with TiffStorage.open(storage.path) as reopened, pytest.raises(OmeTiffError):
        reopened.get_data({"time": 4})


def test_a_lost_final_chain_is_written_again(tmp_path):
    """After a power failure following `finish` with ``fsync=False``."""
    storage, copy = left_behind(tmp_path, "run.ome.tiff")
    storage.close()
    unfinished = copy.read_bytes()
    recover(copy)
    whole = copy.read_bytes()
    for left in (whole[: len(unfinished)], whole[: len(unfinished)] + bytes(len(whole) - len(unfinished))):
        copy.write_bytes(left)
        assert recover(copy).n_frames == len(PLACES)
        assert validate(copy) == []


@pytest.mark.parametrize(
    "call", [recover, lambda path: TiffStorage.resume(path).close()], ids=["recover", "resume"]
)
def test_a_damaged_file_in_a_folder_is_reported_once(tmp_path, caplog, call):
    storage, copy = left_behind(tmp_path, "run")
    storage.close()
    damaged = copy / "run_A1.ome.tiff"
    damaged.write_bytes(damaged.read_bytes()[:16].ljust(5000, b"\0"))
    call(copy)
    assert caplog.text.count(f"{damaged} is damaged and left out") == 1
    assert recover(copy).n_files == 1


def test_a_finished_file_among_unfinished_ones_is_unchanged(tmp_path):
    """After a kill between the files of a folder."""
    storage, copy = left_behind(tmp_path, "run")
    storage.close()
    shutil.copy(storage.path / "run_A1.ome.tiff", copy / "run_A1.ome.tiff")
    before = (copy / "run_A1.ome.tiff").read_bytes()
    recover(copy)
    assert (copy / "run_A1.ome.tiff").read_bytes() == before
    assert (copy / "run.companion.ome").read_bytes() == (storage.path / "run.companion.ome").read_bytes()
    assert validate(copy) == []


def test_a_lost_companion_is_recreated_with_the_current_file_names(tmp_path):
    storage, copy = left_behind(tmp_path, "run")
    storage.close()
    recover(copy)
    (copy / "run.companion.ome").unlink()
    (copy / "run_A1.ome.tiff").rename(copy / "renamed.ome.tiff")
    assert [problem.advice for problem in validate(copy)] == [
        f"run {command_text('exengine-ome-tiff', 'recover', copy)}"
    ]
    assert recover(copy).n_frames == len(PLACES)
    assert "renamed.ome.tiff" in (copy / "run.companion.ome").read_text("utf-8")
    assert validate(copy) == []


def test_a_file_without_a_frame_is_left_out(tmp_path, caplog):
    storage, copy = left_behind(tmp_path, "run")
    storage.close()
    path = copy / "run_A1.ome.tiff"
    with tifffile.TiffFile(path) as tif:
        cut = tif.pages[0].dataoffsets[0] + 10
    path.write_bytes(path.read_bytes()[:cut])
    with TiffStorage.open(copy, allow_unfinished=True) as reader:
        assert 0 < len(reader.get_image_coordinates_list()) < len(PLACES)
    recovered = recover(copy)
    assert 0 < recovered.n_frames < len(PLACES)
    assert recovered.n_files == 1
    assert "run_A1.ome.tiff is left out" in caplog.text
    assert "run_A1.ome.tiff has no readable frame; it is kept as run_A1.ome.tiff.unreadable" in caplog.text
    assert not path.exists()
    assert (copy / "run_A1.ome.tiff.unreadable").stat().st_size == cut
    caplog.clear()
    with TiffStorage.open(copy) as reopened:
        assert len(reopened.get_image_coordinates_list()) == recovered.n_frames
    assert caplog.text == ""
    assert validate(copy) == []
    assert recover(copy).n_frames is None


def test_a_folder_left_by_an_earlier_recovery_opens_after_another(tmp_path, caplog):
    """Earlier versions left a file without a readable frame in its place, so that the folder did not open."""
    storage, copy = left_behind(tmp_path, "run")
    storage.close()
    path, earlier = copy / "run_A1.ome.tiff", copy / "run_A1.ome.tiff.unreadable"
    with tifffile.TiffFile(path) as tif:
        data = path.read_bytes()[: tif.pages[0].dataoffsets[0] + 10]
    path.unlink()
    recover(copy)
    path.write_bytes(data)
    earlier.write_bytes(b"of an earlier recovery")
    with pytest.raises(NotFinishedError, match="run_A1"):
        TiffStorage.open(copy)
    assert [problem.what for problem in validate(copy)] == ["not finished"]
    recover(path)
    assert f"it is kept as {earlier.name}1" in caplog.text
    assert (earlier.read_bytes(), (copy / f"{earlier.name}1").read_bytes()) == (
        b"of an earlier recovery",
        data,
    )
    TiffStorage.open(copy).close()
    assert validate(copy) == []


@pytest.mark.parametrize("data", [b"", b"II+\0\x08\0\0\0" + bytes(8), b"no TIFF at all" * 10])
def test_files_without_frames_are_refused_and_kept(tmp_path, data):
    path = tmp_path / "run.ome.tiff"
    path.write_bytes(data)
    with pytest.raises(OmeTiffError, match=r"run\.ome\.tiff"):
        recover(path)
    assert path.read_bytes() == data
    assert len(validate(path)) == 1


def test_a_missing_path(tmp_path):
    for function in (recover, validate):
        with pytest.raises(FileNotFoundError):
            function(tmp_path / "missing.ome.tiff")
    (tmp_path / "empty").mkdir()
    with pytest.raises(OmeTiffError, match="empty"):
        recover(tmp_path / "empty")


def test_recovery_takes_translators(tmp_path):
    class Seconds(Translator):
        def matches(self, tags):
            return "seconds" in tags

        def plane_values(self, tags):
            return PlaneValues(exposure_s=tags["seconds"])

    storage = TiffStorage(tmp_path / "run.ome.tiff", translators=[Seconds()])
    storage.put({"time": 0}, frame({"time": 0}), {"seconds": 2.5})
    storage.flush()
    shutil.copy(storage.path, tmp_path / "with.ome.tiff")
    shutil.copy(storage.path, tmp_path / "without.ome.tiff")
    storage.close()
    recover(tmp_path / "with.ome.tiff", translators=[Seconds()])
    recover(tmp_path / "without.ome.tiff")
    assert 'ExposureTime="2.5"' in tifffile.tiffcomment(tmp_path / "with.ome.tiff")
    assert "ExposureTime" not in tifffile.tiffcomment(tmp_path / "without.ome.tiff")


def test_progress_is_reported(left):
    told = []
    recover(left, progress=lambda done, total: told.append((done, total)))
    dones, totals = zip(*told, strict=True)
    assert list(dones) == sorted(dones)
    assert len(set(totals)) == 1
    assert dones[-1] == totals[0]
    assert dones[0] < totals[0]


@pytest.mark.parametrize("name", FORMS)
def test_an_unfinished_dataset_can_be_read_during_the_run(tmp_path, name):
    with TiffStorage(tmp_path / name, {"sample": "HeLa"}) as storage:
        for count in (3, 5):
            fill(storage, PLACES[:count])
            with TiffStorage.open(tmp_path / name, allow_unfinished=True) as reader:
                assert reader.summary_metadata == {"sample": "HeLa"}
                assert reader.get_image_coordinates_list() == PLACES[:count]
                for place in PLACES[:count]:
                    assert_same(reader[place], storage[place])
                    assert reader.get_metadata(place) == storage.get_metadata(place)
                assert sum(image.n_frames for image in reader.images) == count
                with pytest.raises(RuntimeError):
                    reader.put({"time": 9}, np.zeros((2, 2), "u1"))


def test_the_recover_command(left, capsys):
    assert main(["recover", str(left)]) == 0
    out = capsys.readouterr().out
    assert f"{len(PLACES)} frames" in out
    assert str(left) in out
    assert main(["recover", str(left)]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert main(["recover", str(left.parent / "missing")]) == 1
    assert "no such file" in capsys.readouterr().err


def test_a_truncated_final_chain_is_rewritten_however_the_file_grows(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, compression="zlib", pyramid_levels=1) as storage:
        for time in range(3):
            storage.put({"time": time}, frame({"time": time}, (40, 60)))
    whole = path.read_bytes()
    (chain_at,) = struct.unpack_from("<Q", whole, 8)
    n_recovered = 0
    for end in range(chain_at + 30, len(whole), max(1, (len(whole) - chain_at) // 40)):
        path.write_bytes(whole[:end])
        if recover(path).n_frames is None:
            continue  # the first page, which tells that a file is finished, is not cut off
        n_recovered += 1
        with tifffile.TiffFile(path) as tif:
            assert tif.is_ome, end
            assert len(tif.pages) == 3
            assert all(len(page.pages) == 1 for page in tif.pages), end
            for time, page in enumerate(tif.pages):
                assert_same(page.asarray(), frame({"time": time}, (40, 60)))
    assert n_recovered > 3


def test_a_run_killed_before_its_first_frame_says_so(tmp_path):
    storage = TiffStorage(tmp_path / "run.ome.tiff")
    killed = shutil.copy(storage.path, tmp_path / "killed.ome.tiff")
    storage.close()
    fault = "no frame in this file: its writer ended before the first one"
    for call in (recover, TiffStorage.open):
        with pytest.raises(OmeTiffError, match=fault):
            call(killed)
    assert [(problem.what, problem.advice) for problem in validate(killed)] == [(fault, "delete the file")]
