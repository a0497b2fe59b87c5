"""The commands `convert` and `export`, installed, as a user runs them."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tifffile

from acquisitions import nested
from exengine_ome_tiff import TiffStorage, validate
from exengine_ome_tiff.cli import main
from exengine_ome_tiff.inspection import read_dataset_metadata
from foreign import write_image_stack, write_ndtiff, write_separate_1
from frames import assert_same, frame
from installed import completion, run, run_on_a_terminal

NAME = "ein Ordner mit Ω"
PLACES = nested(position=("π 1", "B2"), time=range(4), channel=("DAPI", "GFP"))


@pytest.fixture
def folder(tmp_path):
    """Make an NDTiff dataset whose name has spaces and a letter that not every console can show."""
    frames = [(place, frame(place, (40, 48)), {"Exposure-ms": 5, "note": "日本"}) for place in PLACES]
    write_ndtiff(tmp_path, NAME, {"sample": "µ"}, frames)
    return tmp_path


SOURCE = f"{NAME}_1"


def assert_whole(path, places=PLACES):
    with TiffStorage.open(path) as storage:
        assert storage.summary_metadata == {"sample": "µ"}
        for place in places:
            assert_same(storage[place], frame(place, (40, 48)))
            assert storage.get_metadata(place) == {"Exposure-ms": 5, "note": "日本"}
        assert len(storage.get_image_coordinates_list()) == len(places)


@pytest.mark.parametrize("dest", ["das Ω.ome.tiff", "das Ω"])
def test_convert(folder, dest):
    done = run("convert", SOURCE, dest, "--verify", cwd=folder)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"{folder / dest}: converted 16 of 16 planes, 2 images"
    assert lines[1].endswith(" MB/s")
    assert lines[2] == "verified: pixels and metadata are identical to the source"
    (line,) = done.stderr.splitlines()  # no progress bar, because stderr is not a terminal
    assert line.startswith("das Ω: positions named B2 may be wells")
    assert_whole(folder / dest)
    assert sorted(path.name for path in folder.iterdir()) == sorted([SOURCE, dest])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
def test_a_terminal_shows_a_progress_bar(folder):
    done, shown = run_on_a_terminal("convert", SOURCE, "a.ome.tiff", cwd=folder)
    assert done.returncode == 0
    assert "frame/s" in shown
    assert "<" in shown  # before the remaining time
    assert done.stdout.startswith(f"{folder / 'a.ome.tiff'}: converted 16 of 16 planes, 2 images")


def test_the_count_is_a_lower_bound_if_a_file_is_unreadable(tmp_path):
    for number in range(2):
        place = {"time": number, "position": 0, "channel": 0, "z": 0}
        write_image_stack(
            tmp_path / "a" / f"a_MMStack_{number}.ome.tif", {}, [(place, frame(place, (8, 8)), {})]
        )
    (tmp_path / "a" / "a_MMStack_1.ome.tif").write_bytes(b"II*\0")
    done = run("convert", "a", "a.ome.tiff", cwd=tmp_path)
    assert done.returncode == 1
    assert "converted 1 of at least 1 plane, 1 image" in done.stdout
    assert "  a_MMStack_1.ome.tif: " in done.stderr


def test_options_are_passed_to_the_storage(folder):
    words = "--compression zlib --compression-level 9 --predictor --tile 16 32 --pyramid-levels 1"
    done = run("convert", SOURCE, "a.ome.tiff", *words.split(), "--checksums", "crc32", cwd=folder)
    assert done.returncode == 0, done.stderr
    with tifffile.TiffFile(folder / "a.ome.tiff") as tif:
        page = tif.pages.first
        assert (page.compression, page.predictor, page.tile) == (8, 2, (16, 32))
        assert len(tif.series[0].levels) == 2
    assert validate(folder / "a.ome.tiff") == []
    done = run("convert", "a.ome.tiff", "plain", "--pyramid-levels", "auto", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert_whole(folder / "plain")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_console_that_is_not_utf_8(folder, encoding):
    done = run("convert", SOURCE, "das Ω", cwd=folder, encoding=encoding)
    assert done.returncode == 0, done.stderr
    done = run("export", "das Ω", "π.tif", "--image", "π 1", cwd=folder, encoding=encoding)
    assert done.returncode == 0, done.stderr
    assert "image \\u03c0 1: T=4 C=2 Z=1 Y=40 X=48 uint16" in done.stdout


def test_skipped_frames_are_reported(folder):
    index = folder / SOURCE / "NDTiff.index"
    index.write_bytes(index.read_bytes()[:-20])
    done = run("convert", SOURCE, "a.ome.tiff", cwd=folder)
    assert done.returncode == 1
    assert "converted 15 of 16 planes, 2 images" in done.stdout
    assert "could not be converted: 1" in done.stderr
    assert f"  {NAME}_NDTiffStack.tif: frames that NDTiff.index does not name: 1" in done.stderr
    assert_whole(folder / "a.ome.tiff", PLACES[:-1])


def test_missing_and_cut_images_are_counted(tmp_path, capsys):
    places = nested(time=range(3), channel=range(2))
    frames = [(place, frame(place, (40, 48)), {}) for place in places]
    images = write_separate_1(
        tmp_path / "run", {"MicroManagerVersion": "1.4.22"}, frames, channels=["a", "b"]
    )
    first, second, *_ = sorted(images.glob("*/img*.tif"))
    for n_missing in range(3):
        dest = tmp_path / f"{n_missing}.ome.tiff"
        assert main(["convert", str(images), str(dest)]) == (1 if n_missing else 0)
        printed = capsys.readouterr().out
        assert printed.startswith(f"{dest}: converted {6 - n_missing} of 6 planes, 1 image\n")
        with TiffStorage.open(dest) as storage:
            assert len(storage.get_image_coordinates_list()) == 6 - n_missing
        if n_missing == 0:
            first.unlink()
        else:
            second.write_bytes(second.read_bytes()[:1000])


def test_overwrite(folder):
    assert run("convert", SOURCE, "a.ome.tiff", cwd=folder).returncode == 0
    done = run("convert", SOURCE, "a.ome.tiff", cwd=folder)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert done.stderr.endswith(" a.ome.tiff exists; --overwrite replaces a dataset\n")
    assert run("convert", SOURCE, "a.ome.tiff", "--overwrite", cwd=folder).returncode == 0
    assert_whole(folder / "a.ome.tiff")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("convert", SOURCE, SOURCE, "--overwrite"), 2, "must not be the source or inside it"),
        (("convert", SOURCE, "a.tif", "--compression-level", "3"), 2, "needs a compression"),
        (("convert", SOURCE, "a.tif", "--compression", "zlib", "--compression-level", "99"), 2, "level=99"),
        (("convert", SOURCE, "a.tif", "--tile", "7", "7"), 2, "multiples of 16"),
        (("convert", SOURCE, "a.tif", "--pyramid-levels", "0"), 2, "pyramid_levels=0"),
        (("convert", "gone", "a.tif"), 1, "no such file or folder"),
        (("convert", "file", "a.tif"), 1, "expected data of NDTiff, Micro-Manager, TiffStorage or OME-TIFF"),
        (("export", "gone", "a.tif"), 1, "no such file or folder"),
        (
            ("export", SOURCE, "a.tif"),
            1,
            "an NDTiff dataset, not a dataset of TiffStorage. To convert it: exengine-ome-tiff convert ",
        ),
        (("export", SOURCE, "a.png"), 2, "must end in .tif"),
        (("export", SOURCE, "a.OME.tif"), 2, "is not OME-TIFF"),
        (("export", SOURCE, "file.tif"), 2, "file.tif exists; --overwrite replaces a file"),
    ],
)
def test_each_error_is_one_line(folder, arguments, status, message):
    for name in ("file", "file.tif"):
        (folder / name).touch()
    done = run(*arguments, cwd=folder)
    assert done.returncode == status, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"exengine-ome-tiff {arguments[0]}: ")
    assert message in line
    assert sorted(path.name for path in folder.iterdir()) == sorted([SOURCE, "file", "file.tif"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("convert", SOURCE),
        ("convert", SOURCE, "a.tif", "--compression", "jpeg"),
        ("convert", SOURCE, "a.tif", "--pyramid-levels", "many"),
        ("export", SOURCE),
    ],
)
def test_invalid_arguments(folder, arguments):
    done = run(*arguments, cwd=folder)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"exengine-ome-tiff {arguments[0]}: error: ")


@pytest.mark.parametrize("command", ["convert", "export"])
def test_help(tmp_path, command):
    done = run(command, "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: exengine-ome-tiff {command} ")
    assert max(map(len, done.stdout.splitlines())) <= 90


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_completion_knows_convert_and_export(shell):
    script = completion(shell)
    for word in ("convert", "export", "pyramid-levels", "verify"):
        assert word in script


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("dest", ["new.ome.tiff", "new"])
def test_after_ctrl_c_there_is_no_output_and_the_next_run_resumes(tmp_path, dest):
    places = nested(position=("A", "B"), time=range(300))
    with TiffStorage(tmp_path / "run.ome.tiff", {"sample": "µ"}, fsync=False) as storage:
        for place in places:
            storage.put(place, frame(place, (40, 48)), {"Exposure-ms": 5, "note": "日本"})
    slow = ["--compression", "zlib", "--compression-level", "9"]
    code = (
        "import signal, sys\n"
        "from exengine_ome_tiff.cli import main\n"
        "from exengine_ome_tiff.conversion.sources import OwnSource\n"
        "read, seen = OwnSource.read, []\n"
        "def read_or_interrupt(self, coordinates):\n"
        "    seen.append(coordinates)\n"
        "    if len(seen) > 100:\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "    return read(self, coordinates)\n"
        "OwnSource.read = read_or_interrupt\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "convert", "run.ome.tiff", dest, *slow]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    assert done.returncode == 130
    assert done.stderr.splitlines()[-2:] == [
        "the frames converted so far are kept: run the same command again to resume",
        "exengine-ome-tiff convert: interrupted",
    ]
    assert not (tmp_path / dest).exists()
    done = run("convert", "run.ome.tiff", dest, *slow, "--verify", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first = done.stdout.splitlines()[0]
    before = int(first.partition("600 of 600 planes (")[2].partition(" of them earlier)")[0])
    assert before == 100
    assert_whole(tmp_path / dest, places)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["run.ome.tiff", dest])


def test_export(folder):
    assert run("convert", SOURCE, "run", cwd=folder).returncode == 0
    done = run("export", "run", "a b µ.tif", cwd=folder)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "there are 2 images, choose one: 0 'π 1', 1 'B2'" in done.stderr
    done = run("export", "run", "a b µ.tif", "--image", "B2", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{folder / 'a b µ.tif'}: image B2: T=4 C=2 Z=1 Y=40 X=48 uint16\n"
    expected = [[frame(place, (40, 48)) for place in PLACES if place["position"] == "B2"]]
    got = tifffile.imread(folder / "a b µ.tif")
    np.testing.assert_array_equal(got, np.reshape(expected, (4, 2, 40, 48)))


def test_without_ndstorage_the_error_names_the_extra(folder):
    code = (
        "import sys; sys.modules['ndstorage'] = None; "
        "from exengine_ome_tiff.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "convert", SOURCE, "a.ome.tiff"],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.endswith('pip install "exengine-ome-tiff[ndtiff]"')


def test_only_a_verified_result_is_reported_as_verified(tmp_path, capsys):
    with TiffStorage(tmp_path / "a.ome.tiff") as storage:
        storage.put({"time": 0}, np.zeros((4, 5), "u1"))
    assert main(["convert", str(storage.path), str(tmp_path / "b.ome.tiff")]) == 0
    assert "verified: " not in capsys.readouterr().out
    options = ["--verify", "--compression", "zlib", "--compression-level", "0"]
    assert main(["convert", str(storage.path), str(tmp_path / "c.ome.tiff"), *options]) == 0
    assert "verified: " in capsys.readouterr().out
    assert read_dataset_metadata(tmp_path / "c.ome.tiff").header["coding"]["level"] == 0
