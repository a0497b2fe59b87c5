"""An unfinished dataset accepts more frames, and then equals the dataset of a single run."""

import re
import sys
import textwrap

import numpy as np
import pytest

import warm
from acquisitions import nested
from exengine_ome_tiff import TiffStorage, validate
from exengine_ome_tiff.tiff import chain
from frames import assert_same, frame
from readers.check import assert_readers_agree

PLACES = nested(position=("A1", "B/2", "b_2"), time=range(4), channel=("DAPI", "GFP"))
FORMS = ["run.ome.tiff", "run"]
OPTIONS = {
    "plain": {},
    "zlib": {"compression": "zlib", "checksums": True},
    "pyramids": {"tile": (16, 16), "pyramid_levels": 1, "pixel_size_um": 0.5},
}


def put(storage, places):
    for place in places:
        storage.put(place, frame(place, (40, 48)), {"at": str(place)})


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_three_sessions_equal_one(tmp_path, form, options, caplog):
    path = tmp_path / form
    storage = TiffStorage(path, {"sample": 1}, **options)
    put(storage, PLACES[:7])
    storage.suspend()
    checksums = options.get("checksums", False)
    storage = TiffStorage.resume(path, checksums=checksums)
    assert storage.get_image_coordinates_list() == PLACES[:7]
    put(storage, PLACES[7:15])
    storage.suspend()
    with TiffStorage.resume(path, checksums=checksums) as storage:
        put(storage, PLACES[15:])
        for place in PLACES:
            assert_same(storage[place], frame(place, (40, 48)))
    assert validate(path) == []
    with TiffStorage.open(path) as storage:
        assert storage.get_image_coordinates_list() == PLACES
        assert [storage.get_metadata(place) for place in PLACES] == [{"at": str(place)} for place in PLACES]
        assert storage.summary_metadata == {"sample": 1}
    caplog.clear()
    assert_readers_agree(path, [(place, frame(place, (40, 48))) for place in PLACES], caplog)


@pytest.mark.parametrize("form", FORMS)
def test_record_numbers_continue_across_sessions(tmp_path, form):
    path = tmp_path / form
    storage = TiffStorage(path)
    put(storage, PLACES[:7])
    storage.suspend()
    with TiffStorage.resume(path) as storage:
        put(storage, PLACES[7:15])
    numbers = []
    for file in [path] if path.is_file() else path.glob("*.tiff"):
        data = file.read_bytes()
        numbers += [int(number) for number in re.findall(rb'\},"frame":(\d+),"metadata":', data)]
    assert sorted(numbers) == list(range(15))


@pytest.mark.parametrize("form", FORMS)
def test_killed_session_can_be_resumed(tmp_path, form):
    path = tmp_path / form
    code = """
        import os, sys
        import numpy as np
        from exengine_ome_tiff import TiffStorage
        storage = TiffStorage(sys.argv[1])
        for number in range(10):
            storage.put({"position": f"p{number % 3}", "time": number}, np.full((8, 8), number, "u2"))
        storage.flush()
        storage.put({"position": "new", "time": 0}, np.ones((8, 8), "u2"))
        os._exit(9)
    """
    done = warm.run([sys.executable, "-c", textwrap.dedent(code), path], cwd=tmp_path)
    assert done.returncode == 9
    with TiffStorage.resume(path) as storage:
        there = storage.get_image_coordinates_list()
        assert there[:10] == [{"position": f"p{number % 3}", "time": number} for number in range(10)]
        storage.put({"position": "new", "time": 0}, np.full((8, 8), 99, "u2"))
        storage.put({"position": "p0", "time": 3}, np.full((8, 8), 77, "u2"))  # which an earlier session put
    assert validate(path) == []
    with TiffStorage.open(path) as storage:
        assert len(storage.get_image_coordinates_list()) == 11
        assert storage[{"position": "new", "time": 0}].max() == 99
        assert storage[{"position": "p0", "time": 3}].max() == 77
        assert storage[{"position": "p1", "time": 4}].max() == 4


def test_file_names_differ_in_more_than_case(tmp_path):
    storage = TiffStorage(tmp_path / "run")
    storage.put({"position": "a"}, frame({}, (40, 48)))
    storage.suspend()
    with TiffStorage.resume(tmp_path / "run") as storage:
        storage.put({"position": "A"}, frame({}, (40, 48)))
    assert len({path.name.casefold() for path in (tmp_path / "run").glob("*.tiff")}) == 2


def suspend_with_a_lost_page(path):
    """Write five frames and a link to a page that was lost in a power failure; return the link's offset."""
    storage = TiffStorage(path)
    put(storage, PLACES[:5])
    storage.suspend()
    with path.open("r+b") as file:
        *_, last = chain.walk(file, chain.first_offset(file))
        file.seek(last.next_at)
        file.write(chain.OFFSET.pack(path.stat().st_size + 8))
    return last.next_at


def test_last_page_with_a_link_to_a_missing_page(tmp_path):
    path = tmp_path / "run.ome.tiff"
    suspend_with_a_lost_page(path)
    with TiffStorage.resume(path) as storage:
        put(storage, PLACES[5:])
    assert validate(path) == []
    with TiffStorage.open(path) as storage:
        assert storage.get_image_coordinates_list() == PLACES


def test_file_without_a_page_does_not_block(tmp_path):
    storage = TiffStorage(tmp_path / "run")
    put(storage, PLACES[:2])
    storage.suspend()
    (tmp_path / "run" / "run_C3.ome.tiff").write_bytes(chain.header(0))
    with TiffStorage.resume(tmp_path / "run") as storage:
        storage.put({"position": "C3"}, frame({}, (40, 48)))
    assert validate(tmp_path / "run") == []


def test_frames_of_earlier_sessions_are_not_awaited(tmp_path):
    storage = TiffStorage(tmp_path / "run.ome.tiff")
    put(storage, PLACES[:2])
    storage.suspend()
    with TiffStorage.resume(tmp_path / "run.ome.tiff") as storage:
        assert not storage.await_new_image(0)
        put(storage, PLACES[2:3])
        assert storage.await_new_image(0)
        assert not storage.await_new_image(0)


def test_datasets_that_cannot_be_resumed(tmp_path):
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path)
    put(storage, PLACES[:2])
    storage.flush()
    with pytest.raises(FileExistsError, match="another TiffStorage"):
        TiffStorage.resume(path)
    put(storage, PLACES[2:3])
    storage.close()
    with pytest.raises(FileExistsError, match="is finished"):
        TiffStorage.resume(path)
    with TiffStorage.open(path) as storage:
        assert len(storage.get_image_coordinates_list()) == 3


@pytest.mark.parametrize("form", FORMS)
def test_suspend_without_frames(tmp_path, form):
    storage = TiffStorage(tmp_path / form)
    storage.suspend()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError, match="closed"):
        storage.get_image_coordinates_list()


def test_resuming_clears_a_link_to_a_missing_page_at_once(tmp_path):
    path = tmp_path / "run.ome.tiff"
    next_at = suspend_with_a_lost_page(path)
    with TiffStorage.resume(path), path.open("rb") as file:
        assert chain.read_link(file, next_at) == 0


def test_a_file_that_lost_its_first_frame_makes_way_for_a_new_one(tmp_path):
    folder = tmp_path / "run"
    storage = TiffStorage(folder)
    put(storage, [{"position": position, "time": 0} for position in "AB"])
    storage.suspend()
    path = folder / "run_B.ome.tiff"
    data = path.read_bytes()
    at = data.index(b'{"pages"')
    damaged = data[:at] + bytes(10) + data[at + 10 :]
    path.write_bytes(damaged)
    with TiffStorage.resume(folder) as storage:
        put(storage, [{"position": "B", "time": 1}])
    assert validate(folder) == []
    assert (folder / "run_B.ome.tiff.unreadable").read_bytes() == damaged
    with TiffStorage.open(folder) as storage:
        assert storage.get_image_coordinates_list() == [
            {"position": "A", "time": 0},
            {"position": "B", "time": 1},
        ]
    assert sorted(each.name for each in folder.glob("*.tiff")) == ["run_A.ome.tiff", "run_B.ome.tiff"]
