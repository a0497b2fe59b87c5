"""Messages for foreign files and folders: what they are, and how to convert them."""

import logging
import os
import shlex

import numpy as np
import pytest
import tifffile

from acquisitions import nested
from exengine_ome_tiff import OmeTiffError, TiffStorage, convert, info, preview, recover, validate
from exengine_ome_tiff.text_format import command_text
from foreign import write_image_stack, write_ndtiff_by_hand, write_ome_tiff, write_separate_1
from frames import frame
from installed import COMMAND, run

PIXELS = np.zeros((2, 1, 1, 16, 16), "u2")
FRAMES = [
    (place, frame(place, (16, 16)), {"Channel": "a"})
    for place in nested(time=range(2), position=[0], channel=[0], z=[0])
]


def a_jpeg(path):
    (path / "x.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    return path / "x.jpg"


def a_text(path):
    (path / "notes.txt").write_text("eins, zwei, µm\n" * 2000, "utf-8")
    return path / "notes.txt"


def an_empty_file(path):
    (path / "x.tif").touch()
    return path / "x.tif"


def an_ordinary_tiff(path):
    tifffile.imwrite(path / "x.tif", PIXELS[0, 0, 0])
    return path / "x.tif"


def an_ordinary_bigtiff(path):
    tifffile.imwrite(path / "x.tif", PIXELS[0, 0, 0], bigtiff=True)
    return path / "x.tif"


def of_imagej(path):
    tifffile.imwrite(path / "x.tif", PIXELS[0, 0, 0], imagej=True)
    return path / "x.tif"


def of_tifffile(path):
    tifffile.imwrite(path / "ein Ω's.ome.tif", PIXELS, metadata={"axes": "TCZYX"})
    return path / "ein Ω's.ome.tif"


def big_of_tifffile(path):
    tifffile.imwrite(path / "x.ome.tif", PIXELS, metadata={"axes": "TCZYX"}, bigtiff=True, byteorder=">")
    return path / "x.ome.tif"


def without_creator(path):
    return write_ome_tiff(path, {"one": PIXELS})[0]


def a_companion(path):
    write_ome_tiff(path, {"one": PIXELS}, companion="run.companion.ome")
    return path / "run.companion.ome"


def a_stack(path):
    return write_image_stack(path / "mm" / "a_MMStack.ome.tif", {"ChNames": ["a"]}, FRAMES)


def separate_folder(path):
    return write_separate_1(path / "mm_1", {"ChNames": ["Default"]}, FRAMES)


def separate_file(path):
    return next(separate_folder(path).glob("*/img*.tif"))


def separate_metadata(path):
    return separate_folder(path) / "Pos0" / "metadata.txt"


def an_ndtiff(path):
    return write_ndtiff_by_hand(path / "nd", 3, {}, FRAMES)


def an_ndtiff_file(path):
    return next(an_ndtiff(path).glob("*.tif"))


def a_zarr(path):
    (path / "a.zarr").mkdir()
    (path / "a.zarr" / "zarr.json").write_text("{}")
    return path / "a.zarr"


def an_empty_folder(path):
    (path / "empty").mkdir()
    return path / "empty"


KINDS = {
    a_jpeg: "a JPEG image",
    a_text: "text",
    an_empty_file: "an empty file",
    an_ordinary_tiff: "an ordinary TIFF file",
    an_ordinary_bigtiff: "an ordinary BigTIFF file",
    of_imagej: "a TIFF file written by ImageJ",
    a_zarr: "a Zarr group or array",
}
SOURCES = {
    of_tifffile: f"OME-TIFF written by tifffile.py {tifffile.__version__}",
    big_of_tifffile: f"OME-TIFF written by tifffile.py {tifffile.__version__}",
    without_creator: "OME-TIFF written by another program",
    a_companion: "OME-XML written by another program",
    a_stack: "an image stack of Micro-Manager",
    separate_folder: "image files of Micro-Manager",
    separate_file: "an image file of Micro-Manager",
    separate_metadata: "metadata of image files of Micro-Manager",
    an_ndtiff: "an NDTiff dataset",
    an_ndtiff_file: "a file of an NDTiff dataset",
}


def said(path):
    """Return the message for a path, which must be the same everywhere."""
    messages = set()
    for look in (info, TiffStorage.open, recover, preview):
        with pytest.raises(OmeTiffError) as caught:
            look(path)
        messages.add(str(caught.value))
    (problem,) = validate(path)
    (message,) = messages
    assert problem.what == message.removeprefix(f"{path}: ")
    return message, problem


@pytest.mark.parametrize(("make", "kind"), KINDS.items(), ids=[make.__name__ for make in KINDS])
def test_the_error_names_what_cannot_be_converted(make, kind, tmp_path, caplog):
    path = make(tmp_path)
    message, problem = said(path)
    assert message == f"{path}: {kind}, not a dataset of TiffStorage"
    assert problem.advice == "give the path of a dataset"
    with pytest.raises(OmeTiffError) as caught:
        convert(path, tmp_path / "out.ome.tiff")
    expected = "expected data of NDTiff, Micro-Manager, TiffStorage or OME-TIFF"
    assert str(caught.value) == f"{path}: {expected}, found {kind}"
    assert not caplog.records


@pytest.mark.parametrize(("make", "kind"), SOURCES.items(), ids=[make.__name__ for make in SOURCES])
def test_convertible_data_is_reported_with_the_command(make, kind, tmp_path, caplog):
    path = make(tmp_path)
    message, _ = said(path)
    text, _, command = message.partition(". To convert it: ")
    assert text == f"{path}: {kind}, not a dataset of TiffStorage"
    program, *words = shlex.split(command)
    assert program == COMMAND.stem
    assert message.count(str(tmp_path)) <= 3
    done = run(*words, cwd=path if path.is_dir() else path.parent)
    assert done.returncode == 0, done.stderr
    with TiffStorage.open(words[-1]) as result:
        assert len(result.get_image_coordinates_list()) == 2
    assert not [record for record in caplog.records if record.name == "tifffile"]


def test_a_folder_without_a_dataset(tmp_path):
    path = an_empty_folder(tmp_path)
    message, _ = said(path)
    assert message == f"{path}: no dataset in this folder"
    with pytest.raises(OmeTiffError, match="or OME-TIFF, found none in this folder"):
        convert(path, tmp_path / "out.ome.tiff")


@pytest.mark.parametrize("form", ["{name}.ome.tiff", "{name}"])
def test_a_folder_of_two_datasets_lists_them(form, tmp_path):
    for name in ("one", "two"):
        with TiffStorage(tmp_path / "day" / form.format(name=name)) as storage:
            storage.put({"position": "p"}, PIXELS[0, 0, 0], {})
    for path in (tmp_path / "day" / "one").glob("*"):
        path.rename(tmp_path / "day" / path.name)
    for path in (tmp_path / "day" / "two").glob("*"):
        path.rename(tmp_path / "day" / path.name)
    message, _ = said(tmp_path / "day")
    files = "one.ome.tiff, two.ome.tiff" if "ome" in form else "one_p.ome.tiff, two_p.ome.tiff"
    assert message == f"{tmp_path / 'day'} has 2 datasets: choose one of {files}"
    with pytest.raises(OmeTiffError) as caught:
        convert(tmp_path / "day", tmp_path / "out.ome.tiff")
    assert str(caught.value) == message


@pytest.mark.parametrize("damage", [b"II*\0", b"II*\0\x08\0\0\0" + b"\xff" * 60])
def test_damage_is_reported_once_with_one_path(damage, tmp_path, caplog):
    caplog.set_level(logging.DEBUG, "tifffile")
    path = a_stack(tmp_path)
    path.write_bytes(path.read_bytes()[:40] + damage)
    with pytest.raises(OmeTiffError) as caught:
        convert(path, tmp_path / "out.ome.tiff")
    assert str(caught.value).count(str(tmp_path)) == 1
    assert not [record for record in caplog.records if record.name == "tifffile"]


def test_tifffile_still_logs_for_other_users(tmp_path, caplog):
    with pytest.raises(OmeTiffError):
        info(an_ordinary_tiff(tmp_path))
    logging.getLogger("tifffile").warning("of somebody else")
    assert [record.message for record in caplog.records] == ["of somebody else"]


@pytest.mark.parametrize(
    ("system", "path", "text"),
    [
        ("posix", "/data/it's a run", "show '/data/it'\"'\"'s a run'"),
        ("posix", "/data/run", "show /data/run"),
        ("nt", r"C:\my data\a&b", r'show "C:\my data\a&b"'),
        ("nt", r"C:\data\run.ome.tiff", r"show C:\data\run.ome.tiff"),
    ],
)
def test_commands_are_quoted_for_the_shell(system, path, text, monkeypatch):
    monkeypatch.setattr(os, "name", system)
    assert command_text("show", path) == text


class TestLeftovers:
    """Datasets that a killed process had moved aside."""

    @pytest.fixture(params=["run.ome.tiff", "run"])
    def path(self, request, tmp_path):
        path = tmp_path / request.param
        with TiffStorage(path) as storage:
            storage.put({"time": 0}, PIXELS[0, 0, 0], {"is": "old"})
        slot = tmp_path / f".{path.name}.replaced" / "000001"
        slot.mkdir(parents=True)
        path.rename(slot / path.name)
        return path

    def test_a_dataset_moved_aside_can_be_moved_back(self, path):
        with pytest.raises(FileNotFoundError) as caught:
            info(path)
        message, _, command = str(caught.value).partition(" To move it back: ")
        assert f".{path.name}.replaced contains a dataset whose replacement was interrupted." in message
        program, *words = shlex.split(command)
        assert program == COMMAND.stem
        done = run(*words, cwd=path.parent)
        assert (done.returncode, done.stdout) == (0, f"{path}: moved back\n"), done.stderr
        with TiffStorage.open(path) as storage:
            assert storage.get_metadata({"time": 0}) == {"is": "old"}
        assert [each.name for each in path.parent.iterdir()] == [path.name]

    def test_a_replaced_dataset_is_reported_and_deleted(self, path):
        with TiffStorage(path.with_name(f"other{path.name[3:]}")) as storage:
            storage.put({"time": 0}, PIXELS[0, 0, 0], {"is": "new"})
        storage.path.rename(path)
        for command in ("info", "validate"):
            done = run(command, path, cwd=path.parent)
            assert done.returncode == 0
            assert f".{path.name}.replaced contains the previous dataset" in done.stderr
        assert run("recover", path, cwd=path.parent).returncode == 0
        assert not path.with_name(f".{path.name}.replaced").exists()
        assert run("info", path, cwd=path.parent).stderr == ""

    def test_of_a_conversion(self, tmp_path):
        (tmp_path / ".gone.ome.tiff.part").mkdir()
        with pytest.raises(FileNotFoundError, match="To resume it, convert again"):
            info(tmp_path / "gone.ome.tiff")
