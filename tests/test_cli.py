"""The installed command, as a user runs it."""

import os
import subprocess

import numpy as np
import pytest

from exengine_ome_tiff import TiffStorage, __version__
from installed import COMMAND, run, run_on_a_terminal

SMALL = ("--positions", 2, "--time-points", 2, "--z-slices", 2, "--size", 48)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
def test_demo_shows_its_progress_on_a_terminal(tmp_path):
    done, shown = run_on_a_terminal("demo", *SMALL, cwd=tmp_path)
    assert done.returncode == 0
    assert "16/16" in shown


def test_demo_leaves_a_file_and_tells_what_it_is(tmp_path, bioformats):
    done = run("demo", *SMALL, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, *images, hint = done.stdout.splitlines()
    assert first.startswith(f"{tmp_path / 'demo.ome.tiff'}: 16 frames, ")
    assert "frames/s" in first
    assert images == [
        "  image Pos0: T=2 C=2 Z=2 Y=48 X=48 uint16, channels DAPI, GFP",
        "  image Pos1: T=2 C=2 Z=2 Y=48 X=48 uint16, channels DAPI, GFP",
    ]
    assert "Bio-Formats Importer" in hint
    assert done.stderr == "", "no progress bar where there is no terminal"
    with bioformats(tmp_path / "demo.ome.tiff") as reader:
        assert len(reader.series) == 2
        assert reader.warnings == []


def test_demo_in_a_folder_with_blanks_and_umlauts(tmp_path):
    target = tmp_path / "ein Ordner für Bilder" / "läuft"
    done = run("demo", target, *SMALL, "--channels", "DAPI", "my dye", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "läuft.companion.ome" in done.stdout
    with TiffStorage.open(target) as storage:
        assert storage.images[0].channels == ("DAPI", "my dye")


def test_demo_replaces_only_when_told(tmp_path):
    path = tmp_path / "demo.ome.tiff"
    assert run("demo", *SMALL, cwd=tmp_path).returncode == 0
    before = path.read_bytes()
    done = run("demo", *SMALL, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "exengine-ome-tiff demo: demo.ome.tiff exists; --overwrite replaces it\n"
    assert path.read_bytes() == before
    assert run("demo", "--overwrite", *SMALL, cwd=tmp_path).returncode == 0
    assert path.read_bytes() != before
    assert path.stat().st_size > 16 * 48 * 48 * 2


def test_demo_does_not_replace_a_file_of_another_program(tmp_path):
    (tmp_path / "demo.ome.tiff").write_text("precious")
    done = run("demo", "--overwrite", *SMALL, cwd=tmp_path)
    assert done.returncode == 2
    assert "not written by a TiffStorage" in done.stderr
    assert (tmp_path / "demo.ome.tiff").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--positions", 0), "positions must be at least 1"),
        (("--size", 3), "size must be at least"),
        (("--channels", "A", "A"), "each channel can be there only once"),
    ],
)
def test_arguments_that_make_no_sense(tmp_path, arguments, message):
    done = run("demo", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_help_and_version(tmp_path):
    def told(*words):
        return subprocess.run(
            [COMMAND, *words], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )

    assert "demo" in told("--help").stdout
    assert "--hardware" in told("demo", "--help").stdout
    assert told("--version").stdout == f"exengine-ome-tiff {__version__}\n"
    assert told().returncode == 2


def test_a_reader_that_has_enough_is_no_error(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({"time": 0}, np.ones((8, 8), np.uint16), {"text": ["much"] * 50_000})
    with subprocess.Popen(
        [COMMAND, "metadata", "run.ome.tiff", "--coords", "time=0"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1
