"""`validate` reports every problem with its place and fix, and no false ones."""

import json
import os
import re
import shutil
import tracemalloc

import numpy as np
import pytest
import tifffile
from ome_types import from_xml

from acquisitions import ORDERS, nested
from exengine_ome_tiff import OmeTiffError, PlateInfo, TiffStorage, recover, validate
from exengine_ome_tiff.cli import main
from exengine_ome_tiff.tiff import chain, decode, pixels
from frames import frame
from records_of_before import without_index, write_as_before

PLACES = nested(position=("A1", "B2"), time=range(4), channel=("DAPI", "GFP"))
OPTIONS = {
    "plain": {},
    "crc32": {"checksums": True},
    "sha256": {"checksums": "sha256"},
    "zlib": {"compression": "zlib", "checksums": True},
    "tiles and pyramids": {"tile": (16, 16), "pyramid_levels": 1},
    "plate": {"plate": PlateInfo(rows=8, columns=12), "fold_axes": {"angle": "T"}},
}


def write(path, places=PLACES, shapes=((40, 48),), **options):
    with TiffStorage(path, {"sample": "HeLa"}, **options) as storage:
        for number, place in enumerate(places):
            storage.put(place, frame(place, shapes[number % len(shapes)]), {"number": number})
    return path


def only(path):
    """Return the only problem."""
    (problem,) = validate(path)
    assert problem.file.is_absolute()
    assert problem.advice
    return problem


def changed(path, old, new, *, last=False):
    """Replace bytes that occur once, or their last occurrence, by as many others."""
    data = path.read_bytes()
    assert len(old) == len(new)
    assert last or data.count(old) == 1
    at = data.rindex(old)
    path.write_bytes(data[:at] + new + data[at + len(old) :])


def flipped(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


# nothing is wrong ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("shapes", [((40, 48),), ((40, 48), (40, 48, 3), (20, 24))], ids=["alike", "mixed"])
def test_a_new_dataset_is_valid(tmp_path, name, options, shapes):
    assert validate(write(tmp_path / name, shapes=shapes, **options)) == []


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_any_order_of_arrival_is_valid(tmp_path, name, order):
    assert validate(write(tmp_path / name, ORDERS[order])) == []


def test_overwritten_frames_are_valid(tmp_path):
    assert validate(write(tmp_path / "run.ome.tiff", [*PLACES, *PLACES[3:6]], checksums=True)) == []


def test_blank_pages_with_pyramids_are_valid(tmp_path):
    places = [{"time": time, "channel": "ab"[time % 2]} for time in range(6)]
    assert validate(write(tmp_path / "run.ome.tiff", places, pyramid_levels=1, compression="zlib")) == []


def test_alternating_images_of_several_files_are_valid(tmp_path):
    with TiffStorage(tmp_path / "run") as storage:
        for time, (position, shape) in enumerate(
            [("A", (4, 5)), ("B", (4, 5)), ("A", (6, 7)), ("B", (6, 7))]
        ):
            storage.put({"position": position, "time": time}, frame({"time": time}, shape))
    assert validate(tmp_path / "run") == []


def test_moved_and_renamed_datasets_are_valid(tmp_path):
    file = write(tmp_path / "run.ome.tiff").rename(tmp_path / "other.ome.tiff")
    folder = write(tmp_path / "run").rename(tmp_path / "elsewhere")
    assert validate(file) == []
    for path in (folder, folder / "run.companion.ome", folder / "run_A1.ome.tiff"):
        assert validate(path) == []


# pixels ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
@pytest.mark.parametrize("checksums", [True, "crc32", "sha256", "sha1"])
def test_one_bit_of_a_pixel(tmp_path, name, checksums):
    path = write(tmp_path / name, checksums=checksums)
    file = path if path.is_file() else path / "run_B2.ome.tiff"
    with tifffile.TiffFile(file) as tif:
        flipped(file, tif.pages[5].dataoffsets[0] + 77)
    problem = only(path)
    assert (problem.file, problem.page) == (file, 5)
    assert "checksum" in problem.what


def test_without_checksums_pixels_are_not_compared(tmp_path):
    path = write(tmp_path / "run.ome.tiff")
    with tifffile.TiffFile(path) as tif:
        flipped(path, tif.pages[5].dataoffsets[0] + 77)
    assert validate(path) == []


@pytest.mark.parametrize("checksums", [False, True])
def test_an_undecodable_page(tmp_path, checksums):
    path = write(tmp_path / "run.ome.tiff", compression="zlib", checksums=checksums)
    with tifffile.TiffFile(path) as tif:
        flipped(path, tif.pages[3].dataoffsets[0])
    assert only(path).page == 3


def test_an_undecodable_pyramid_level(tmp_path):
    path = write(tmp_path / "run.ome.tiff", compression="zlib", pyramid_levels=1)
    with tifffile.TiffFile(path) as tif:
        flipped(path, tif.pages[2].pages[0].dataoffsets[0])
    assert only(path).page == 2


@pytest.mark.parametrize("checksums", [False, True])
@pytest.mark.parametrize("tile", [None, (64, 64)])
def test_large_pages_are_decoded_in_bands(tmp_path, monkeypatch, tile, checksums):
    path = tmp_path / "a.ome.tiff"
    with TiffStorage(path, compression="zlib", tile=tile, pyramid_levels=1, checksums=checksums) as storage:
        storage.put({"time": 0}, np.random.default_rng(0).integers(0, 999, (1000, 1100), "u2"))
    monkeypatch.setattr(pixels, "BAND_BYTES", 300_000)
    windows, read, parsed, page_at = [], decode._Page.read, [], decode._page_at
    monkeypatch.setattr(decode._Page, "read", lambda *of: windows.append(of[1]) or read(*of))
    monkeypatch.setattr(decode, "_page_at", lambda *of: parsed.append(of) or page_at(*of))
    assert validate(path) == []
    assert max(window.bottom - window.top for window in windows) < 600
    assert len(parsed) == 2 < len(windows), "an IFD is parsed once for all bands of its page"
    with tifffile.TiffFile(path) as tif:
        last = tif.pages[0].dataoffsets[-1]
    with path.open("r+b") as file:
        file.seek(last)
        file.write(b"\xff" * 50)
    (problem,) = validate(path)
    assert "cannot be decoded" in problem.what


@pytest.mark.parametrize("options", [{}, {"compression": "zlib", "tile": (256, 256)}], ids=str)
def test_checksums_of_large_pages_need_little_memory(tmp_path, monkeypatch, options):
    path = tmp_path / "a.ome.tiff"
    with TiffStorage(path, checksums=True, **options) as storage:
        storage.put({"time": 0}, np.full((2048, 4096), 7, "u2"))
    monkeypatch.setattr(pixels, "BAND_BYTES", 1 << 20)
    validate(path)  # imports
    tracemalloc.start()
    assert validate(path) == []
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 6 << 20  # a page has 16 MB
    with tifffile.TiffFile(path) as tif:
        at = tif.pages[0].dataoffsets[-1]
    flipped(path, at + 40)
    assert only(path).page == 0


def test_a_blank_page_that_is_not_black(tmp_path):
    path = write(tmp_path / "run.ome.tiff", PLACES[:3] + PLACES[4:8])
    with tifffile.TiffFile(path) as tif:
        (blank,) = (page for page in tif.pages if not page.asarray().any())
        flipped(path, blank.dataoffsets[0])
    problem = only(path)
    assert problem.page == blank.index
    assert "black" in problem.what


def test_an_unknown_kind_of_checksum(tmp_path):
    for wrong in ("md5", 1, None, "CRC32"):
        with pytest.raises(ValueError, match="crc32"):
            TiffStorage(tmp_path / "run.ome.tiff", checksums=wrong)
    assert list(tmp_path.iterdir()) == []


# structure -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9, 0.999])
def test_a_truncated_dataset_file(tmp_path, part):
    path = write(tmp_path / "run.ome.tiff")
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    assert validate(path) != []


def final_ifds(path):
    with path.open("rb") as file:
        return list(chain.walk(file, chain.first_offset(file)))


def test_a_page_with_the_offset_of_other_pixels(tmp_path):
    path = write(tmp_path / "run.ome.tiff")
    first, second = (ifd.find(chain.STRIP_OFFSETS) for ifd in final_ifds(path)[4:6])
    ifd = final_ifds(path)[4]
    at = ifd.offset + 8 + ifd.entries.index(first.value)
    data = path.read_bytes()
    path.write_bytes(data[:at] + second.value + data[at + 8 :])
    assert "not the page of the frame" in only(path).what
    assert only(path).page == 4


def test_a_short_page_chain(tmp_path):
    path = write(tmp_path / "run.ome.tiff")
    end, data = final_ifds(path)[9].end, path.read_bytes()
    path.write_bytes(data[: end - 8] + bytes(8) + data[end:])
    problem = only(path)
    assert problem.page is None
    assert "expected 16 pages, found 10" in problem.what


def test_a_looping_page_chain(tmp_path):
    path = write(tmp_path / "run.ome.tiff")
    ifds = final_ifds(path)
    end = ifds[9].offset + 8 + len(ifds[9].entries)
    data = path.read_bytes()
    path.write_bytes(data[:end] + ifds[3].offset.to_bytes(8, "little") + data[end + 8 :])
    assert "links back" in only(path).what


def test_a_changed_record(tmp_path):
    path = write(tmp_path / "run.ome.tiff")
    record = b'{"coordinates":{"position":"B2","time":1,"channel":"GFP"'
    changed(path, record, record.replace(b":1,", b":7,"))
    assert any("OME-XML" in problem.what for problem in validate(path))


@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_changed_metadata(tmp_path, name, caplog):
    path = write(tmp_path / name)
    file = path / "run_B2.ome.tiff" if path.is_dir() else path
    changed(
        file,
        b'"channel":"GFP"},"frame":9,"metadata":{"number":9}',
        b'"channel":"GFP"},"frame":9,"metadata":{"number":7}',
    )
    problem = only(path)
    assert (problem.file, problem.page) == (file, None)
    assert "checksum" in problem.what
    assert "backup" in problem.advice
    caplog.clear()
    with TiffStorage.open(path) as storage:
        assert len(storage.get_image_coordinates_list()) == len(PLACES)
        for place in PLACES:
            storage.get_metadata(place)
    assert caplog.text.count("have changed") == 1
    assert str(file) in caplog.text
    caplog.clear()
    without_index(file)
    with TiffStorage.open(path) as storage:
        assert len(storage.get_image_coordinates_list()) == len(PLACES)
    assert "have changed" in caplog.text
    assert str(file) in caplog.text


def test_unreadable_metadata_of_an_earlier_version(tmp_path, monkeypatch):
    """Records of earlier versions have no record checksum."""
    with monkeypatch.context() as patch:
        write_as_before(patch)
        path = write(tmp_path / "run.ome.tiff")
    assert validate(path) == []
    changed(path, b'"frame":9,"metadata":{"number":9}', b'"frame":9,"metadata":{"number"\0\0\0')
    assert only(path).what.startswith("frame at position=B2,time=0,channel=GFP: ")
    assert "metadata" in only(path).what


def test_invalid_records(tmp_path):
    path = write(tmp_path / "run.ome.tiff")
    changed(path, b'"shape": [40, 48]', b'"shape": [40, xx]', last=True)
    assert "record" in only(path).what


# OME-XML ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (b'SizeT="4"', b'SizeT="5"', "sizes"),
        (b'SizeX="48"', b'SizeX="84"', "sizes"),
        (b'Type="uint16"', b'Type="uint32"', "pixel type"),
        (b'PlaneCount="8"', b'PlaneCount="7"', "pages"),
        (b'IFD="8"', b'IFD="7"', "pages"),
        (b'DimensionOrder="XYCTZ"', b'DimensionOrder="XYTCZ"', "order of planes"),
        (b'TheC="1" TheT="3"', b'TheC="0" TheT="3"', "acquired planes"),
        (b"</Pixels>", b"</Qixels>", "not XML"),
        (b'<Pixels ID="Pixels:1"', b'<Pixels ID="Pixels!1"', "ID"),
        (b'UUID="urn:uuid:', b'UUID="urn:uuiX:', "UUID"),
        (b'SizeY="40"', b'SizeQ="40"', "SizeQ"),
    ],
)
def test_a_changed_document(tmp_path, old, new, what):
    path = write(tmp_path / "run.ome.tiff")
    changed(path, old, new, last=True)
    problems = validate(path)
    assert any(what in problem.what for problem in problems), problems
    assert {problem.file for problem in problems} == {path}


def test_a_document_without_the_uuid_of_its_file(tmp_path):
    path = write(tmp_path / "run.ome.tiff")
    uuid = re.search(rb'<OME [^>]*( UUID="urn:uuid:[0-9a-f-]{36}")', path.read_bytes())[1]
    changed(path, uuid, b" " * len(uuid))
    assert from_xml(tifffile.tiffcomment(path)).uuid is None
    assert "UUID" in only(path).what


def test_a_document_with_a_missing_image(tmp_path):
    path = write(tmp_path / "run.ome.tiff", nested(position=("left", "right"), time=range(4)))
    xml = re.search(rb"<Image .*</Image>", path.read_bytes(), re.DOTALL)[0]
    second = xml.index(b"<Image ", 1)
    changed(path, xml[second:], b" " * (len(xml) - second))
    assert "expected 2 images in the OME-XML, found 1" in only(path).what


# folders ---------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "run")


def test_a_missing_companion(folder):
    (folder / "run.companion.ome").unlink()
    problem = only(folder)
    assert "no companion" in problem.what
    assert "recover" in problem.advice
    recover(folder)
    assert validate(folder) == []


def test_a_file_that_was_moved_out_of_its_folder(folder, tmp_path):
    with TiffStorage.open(folder / "run_A1.ome.tiff") as storage:
        n_first = sum(place["position"] == "A1" for place in storage.get_image_coordinates_list())
    known = {
        "run_A1.ome.tiff": "no companion",  # of the first frames: there may never have been others
        "run_B2.ome.tiff": f"neither the companion nor {n_first} frames of its other files",
    }
    for name, what in known.items():
        moved = tmp_path / name
        shutil.move(folder / name, moved)
        problem = only(moved)
        assert problem.file == moved
        assert what in problem.what
        assert problem.advice.startswith(
            "move it back to the other files of its dataset; if there are none, "
        )
        moved.unlink()


def test_a_companion_of_another_dataset(folder, tmp_path):
    write(tmp_path / "other" / "run")
    shutil.copy(tmp_path / "other" / "run" / "run.companion.ome", folder)
    assert "no companion" in only(folder).what


def test_a_damaged_file_of_a_finished_folder_is_not_left_out(folder):
    changed(folder / "run_A1.ome.tiff", b'"shape": [40, 48]', b'"shape": [40, xx]', last=True)
    with TiffStorage.open(folder) as storage:  # by the indexes
        assert storage.get_image_coordinates_list() == PLACES
    without_index(folder / "run_A1.ome.tiff")
    with pytest.raises(OmeTiffError, match=r"run_A1\.ome\.tiff"):
        TiffStorage.open(folder)
    problem = only(folder)
    assert problem.file.name == "run_A1.ome.tiff"
    assert "record" in problem.what


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_in_a_folder_is_not_part_of_the_dataset(folder):
    (folder / "again.ome.tiff").symlink_to(folder / "run_A1.ome.tiff")
    assert validate(folder) == []
    with TiffStorage.open(folder) as storage:
        assert storage.get_image_coordinates_list() == PLACES


def test_a_missing_file(folder):
    (folder / "run_B2.ome.tiff").unlink()
    problem = only(folder)
    assert problem.file == folder / "run.companion.ome"
    assert "run_B2.ome.tiff" in problem.what


def test_a_renamed_file(folder):
    (folder / "run_B2.ome.tiff").rename(folder / "renamed.ome.tiff")
    assert "run_B2.ome.tiff" in only(folder).what
    (folder / "run.companion.ome").unlink()
    recover(folder)
    assert validate(folder) == []


def test_a_file_of_another_run(folder, tmp_path):
    other = write(tmp_path / "other" / "run")
    shutil.copy(other / "run_B2.ome.tiff", folder / "run_B2.ome.tiff")
    assert validate(folder) != []


def test_a_companion_with_a_wrong_uuid(folder):
    companion = folder / "run.companion.ome"
    text = companion.read_text("utf-8")
    uuids = re.findall(r">(urn:uuid:[0-9a-f-]+)<", text)
    companion.write_text(text.replace(uuids[-1], uuids[-1][:-4] + "0000"), "utf-8")
    assert "pages" in only(folder).what


@pytest.mark.parametrize("name", ["../secret.ome.tiff", "/etc/passwd", "sub/run_B2.ome.tiff"])
def test_a_companion_that_names_a_file_in_another_folder(folder, name):
    companion = folder / "run.companion.ome"
    companion.write_text(companion.read_text("utf-8").replace("run_B2.ome.tiff", name), "utf-8")
    assert name in only(folder).what


def test_an_unfinished_file(tmp_path):
    storage = TiffStorage(tmp_path / "run")
    for place in PLACES:
        storage.put(place, frame(place))
    storage.flush()
    shutil.copytree(tmp_path / "run", tmp_path / "left")
    storage.close()
    shutil.copy(tmp_path / "run" / "run_A1.ome.tiff", tmp_path / "left" / "run_A1.ome.tiff")
    problem = only(tmp_path / "left")
    assert problem.file.name == "run_B2.ome.tiff"
    assert "recover" in problem.advice
    (tmp_path / "left" / "run_A1.ome.tiff").rename(tmp_path / "left" / "run_Z9.ome.tiff")
    with TiffStorage.open(tmp_path / "left", allow_unfinished=True) as storage:
        assert not storage.is_finished()


# the command -----------------------------------------------------------------------------------------------


def test_the_validate_command_reports_a_valid_dataset(tmp_path, capsys):
    path = write(tmp_path / "run.ome.tiff")
    assert main(["validate", str(path)]) == 0
    assert "OK (no problems found)" in capsys.readouterr().out
    assert main(["validate", "--json", str(path)]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_the_validate_command_names_file_page_and_fix(tmp_path, capsys):
    path = write(tmp_path / "run.ome.tiff", checksums=True)
    with tifffile.TiffFile(path) as tif:
        flipped(path, tif.pages[5].dataoffsets[0])
    assert main(["validate", str(path)]) == 1
    out = capsys.readouterr().out
    assert f"{path}, page 5: its pixels have changed" in out
    assert "fix: restore the file from a backup" in out
    assert main(["validate", str(path), "--json"]) == 1
    (problem,) = json.loads(capsys.readouterr().out)
    assert problem["file"] == str(path)
    assert problem["page"] == 5
    assert set(problem) == {"file", "page", "what", "advice"}


def test_the_validate_command_reports_unreadable_files(tmp_path, capsys):
    assert main(["validate", str(tmp_path / "missing.ome.tiff")]) == 1
    assert "missing.ome.tiff" in capsys.readouterr().err
    (tmp_path / "text.ome.tiff").write_text("no TIFF")
    assert main(["validate", str(tmp_path / "text.ome.tiff")]) == 1
    assert "text.ome.tiff" in capsys.readouterr().out


def test_without_lxml_the_error_names_the_extra(tmp_path, capsys, monkeypatch):
    path = write(tmp_path / "run.ome.tiff")
    monkeypatch.setitem(__import__("sys").modules, "lxml", None)
    assert main(["validate", str(path)]) == 2
    assert "exengine-ome-tiff[validate]" in capsys.readouterr().err
