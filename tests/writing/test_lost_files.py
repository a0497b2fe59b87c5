"""A file that another program deletes, replaces or truncates during a run: all intact frames are saved."""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile

from disks import failing_disk
from exengine_ome_tiff import TiffStorage, recover, validate
from exengine_ome_tiff.writing.recorder import PAUSE_S
from frames import assert_same, frame

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows keeps others from taking open files away")


PLAN = [{"x": 0.1 * number} for number in range(40)]
"""Which the file has once."""


def put(storage, number, position=0, shape=(40, 60)):
    place = {"time": number, "position": position}
    storage.put(place, frame(place, shape), {"number": number, "plan": PLAN})


def delete(file):
    file.unlink()


def replace(file):
    other = file.with_name("other")
    other.write_bytes(b"II*\0" + bytes(9999))
    other.replace(file)


def replace_in_place(file):
    file.write_bytes(b"other")


def cut_away(file):
    with file.open("r+b") as opened:
        opened.truncate(11_000)  # keeps the first frame and half of the next one


def rescued_path(error):
    return Path(re.search(r"saved to (.*), which recover\(\) finishes", str(error))[1])


@pytest.mark.parametrize("take_away", [delete, replace])
@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_the_log_of_a_collected_storage_promises_only_what_recover_can_do(tmp_path, name, take_away, caplog):
    storage = TiffStorage(tmp_path / name)
    for number in range(4):
        put(storage, number, position=number % 2)
    storage.flush()
    files = sorted((tmp_path / name).glob("*.tiff")) or [storage.path]
    take_away(files[0])
    del storage
    gc.collect()
    (line,) = [each.getMessage() for each in caplog.records if "was not finished" in each.getMessage()]
    hint = " (use recover() to finish the other files)" if len(files) == 2 else ""
    assert line.startswith(f"{tmp_path / name} was not finished{hint}: ")
    if hint:
        (files[0]).unlink(missing_ok=True)
        recover(tmp_path / name)
        with TiffStorage.open(tmp_path / name) as rest:
            assert rest.get_image_coordinates_list() == [{"time": n, "position": 1} for n in (1, 3)]
    saved = rescued_path(line)
    recover(saved)
    with TiffStorage.open(saved) as rest:
        assert len(rest.get_image_coordinates_list()) == (2 if hint else 4)


@pytest.mark.parametrize("call", ["put", "flush", "close"])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}], ids=["plain", "zlib"])
@pytest.mark.parametrize("take_away", [delete, replace])
@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_all_frames_are_saved(tmp_path, name, take_away, options, call):
    path = tmp_path / name
    storage = TiffStorage(path, **options)
    for number in range(6):  # some of which wait in memory
        put(storage, number)
    put(storage, 0, position=1)
    (file,) = [path] if path.is_file() else path.glob("*_0.ome.tiff")
    take_away(file)
    if call == "put":
        time.sleep(2 * PAUSE_S)  # some fast frames wait in memory, and nothing checks the file
    calls = {"put": lambda: put(storage, 6), "flush": storage.flush, "close": storage.close}
    with pytest.raises(OSError, match=r"6 frames saved|7 frames saved") as caught:
        calls[call]()
    rescued = rescued_path(caught.value)
    assert rescued.parent.parent == tmp_path if name == "run" else rescued.parent == tmp_path
    for again in (storage.flush, storage.close):
        with pytest.raises(OSError, match=re.escape(str(rescued))):
            again()
    n_saved = recover(rescued).n_frames
    assert n_saved == (6 if name == "run" else 7)
    assert validate(rescued) == []
    with TiffStorage.open(rescued) as reader:
        for place in reader.get_image_coordinates_list():
            assert_same(reader[place], frame(place, (40, 60)))
            assert reader.get_metadata(place) == {"number": place["time"], "plan": PLAN}
    with tifffile.TiffFile(rescued) as tif:
        assert tif.is_ome
        assert len(tif.pages) == n_saved
    if name == "run":
        (other,) = path.glob("*_1.ome.tiff")
        with tifffile.TiffFile(other) as tif:
            assert tif.is_ome  # it was finished
            assert_same(tif.pages[0].asarray(), frame({"time": 0, "position": 1}, (40, 60)))


def test_loss_is_noticed_before_the_next_write_of_fast_frames(tmp_path):
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path)
    put(storage, 0)
    path.unlink()
    taken = [0]

    def put_many():
        for number in range(1, 16):  # 4,800 bytes each: 13 fill the buffer
            put(storage, number)
            taken.append(number)

    with pytest.raises(OSError, match=r"frames? saved to") as caught:
        put_many()
    rescued = rescued_path(caught.value)
    assert recover(rescued).n_frames == len(taken)
    with TiffStorage.open(rescued) as reader:
        for place in reader.get_image_coordinates_list():
            assert_same(reader[place], frame(place, (40, 60)))


@pytest.mark.parametrize("take_away", [cut_away, replace_in_place])
def test_intact_part_of_a_truncated_file_is_saved(tmp_path, take_away):
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path)
    for number in range(3):
        put(storage, number)
        storage.flush()
    put(storage, 3)  # waits in memory
    take_away(path)
    time.sleep(2 * PAUSE_S)
    with pytest.raises(OSError, match=r"frames? saved to .*; [123] frames? lost") as caught:
        put(storage, 4)
    rescued = rescued_path(caught.value)
    recover(rescued)
    assert validate(rescued) == []
    with TiffStorage.open(rescued) as reader:
        there = reader.get_image_coordinates_list()
        assert [place["time"] for place in there] == ([0, 3] if take_away is cut_away else [3])
        for place in there:
            assert_same(reader[place], frame(place, (40, 60)))
            assert reader.get_metadata(place) == {"number": place["time"], "plan": PLAN}


def test_exit_of_python_logs_one_line(tmp_path):
    script = """
        import os, sys
        import numpy as np
        from exengine_ome_tiff import TiffStorage

        storage = TiffStorage(sys.argv[1])
        for number in range(3):
            storage.put({"time": number}, np.zeros((600, 1000), np.uint16))
        os.truncate(sys.argv[1], 1_000_000)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), tmp_path / "run.ome.tiff"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == 1
    assert "deleted, replaced or truncated" in done.stderr
    assert np.isin(["2 frames lost", "3 frames lost"], re.findall(r"\d frames? lost", done.stderr)).any()


def test_saved_frames_are_on_the_disk(tmp_path):
    storage = TiffStorage(tmp_path / "run.ome.tiff")
    put(storage, 0)
    storage.flush()
    storage.path.unlink()
    synced = []
    with failing_disk() as fake:
        fake.fsync = lambda descriptor: synced.append(os.fstat(descriptor).st_size)
        with pytest.raises(OSError, match="1 frame saved") as caught:
            storage.flush()
    assert synced == [pytest.approx(rescued_path(caught.value).stat().st_size, abs=1 << 17)]
    with pytest.raises(OSError, match="1 frame saved"):
        storage.close()


@pytest.mark.parametrize(
    ("cut_at", "message", "n_saved"),
    [
        (b'"frame":2', r"2 frames saved to .*, which recover\(\) finishes; 1 frame lost", 2),
        (b',"plan":', r"3 frames saved to .*, which recover\(\) finishes, 1 frame without metadata", 3),
    ],
    ids=["head", "metadata"],
)
def test_a_frame_whose_record_is_cut_off_is_reported(tmp_path, cut_at, message, n_saved):
    storage = TiffStorage(tmp_path / "run.ome.tiff")
    for number in range(3):
        put(storage, number)
        storage.flush()
    end = storage.path.read_bytes().rindex(cut_at)
    with storage.path.open("r+b") as file:
        file.truncate(end)
    with pytest.raises(OSError, match=message) as caught:
        storage.flush()
    with pytest.raises(OSError, match=message):
        storage.close()
    saved = rescued_path(caught.value)
    assert recover(saved).n_frames == n_saved
    assert validate(saved) == []
    with TiffStorage.open(saved) as reader:
        for place in reader.get_image_coordinates_list():
            assert_same(reader[place], frame(place, (40, 60)))
            number = place["time"]
            assert reader.get_metadata(place) == ({"number": number, "plan": PLAN} if number < 2 else {})
