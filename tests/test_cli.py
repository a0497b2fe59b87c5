"""The installed command, as a user runs it."""

import os
import subprocess
import sys

import numpy as np
import pytest

from exengine_ome_tiff import TiffStorage, __version__
from exengine_ome_tiff.cli import main
from installed import COMMAND, run, run_on_a_terminal

SMALL = ("--positions", 2, "--time-points", 2, "--z-slices", 2, "--size", 48)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
def test_demo_shows_its_progress_on_a_terminal(tmp_path):
    done, shown = run_on_a_terminal("demo", *SMALL, cwd=tmp_path)
    assert done.returncode == 0
    assert "16/16" in shown


def test_demo_writes_a_file_and_describes_it(tmp_path, bioformats):
    done = run("demo", *SMALL, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, second, *images, hint = done.stdout.splitlines()
    assert first.startswith(f"{tmp_path / 'demo.ome.tiff'}: 16 frames, ")
    assert "frames/s" in second
    assert "storing took" in second
    assert images == [
        "  image Pos0: T=2 C=2 Z=2 Y=48 X=48 uint16, channels DAPI, GFP",
        "  image Pos1: T=2 C=2 Z=2 Y=48 X=48 uint16, channels DAPI, GFP",
    ]
    assert "Bio-Formats Importer" in hint
    assert done.stderr == "", "no progress bar where there is no terminal"
    with bioformats(tmp_path / "demo.ome.tiff") as reader:
        assert len(reader.series) == 2
        assert reader.warnings == []


def test_demo_in_a_folder_with_spaces_and_umlauts(tmp_path):
    target = tmp_path / "ein Ordner für Bilder" / "läuft"
    target.parent.mkdir()
    done = run("demo", target, *SMALL, "--channels", "DAPI", "my dye", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "läuft.companion.ome" in done.stdout
    with TiffStorage.open(target) as storage:
        assert storage.images[0].channels == ("DAPI", "my dye")


def test_demo_replaces_only_with_overwrite(tmp_path):
    path = tmp_path / "demo.ome.tiff"
    assert run("demo", *SMALL, cwd=tmp_path).returncode == 0
    before = path.read_bytes()
    done = run("demo", path.name, *SMALL, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "exengine-ome-tiff demo: demo.ome.tiff exists; --overwrite replaces it\n"
    assert path.read_bytes() == before
    assert run("demo", *SMALL, cwd=tmp_path).returncode == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["demo.ome.tiff", "demo_001.ome.tiff"]
    assert path.read_bytes() == before
    assert run("demo", "--overwrite", *SMALL, cwd=tmp_path).returncode == 0
    assert path.read_bytes() != before
    assert path.stat().st_size > 16 * 48 * 48 * 2


def test_demo_does_not_replace_a_file_of_another_program(tmp_path):
    (tmp_path / "demo.ome.tiff").write_text("precious")
    done = run("demo", "--overwrite", *SMALL, cwd=tmp_path)
    assert done.returncode == 2
    assert "not written by TiffStorage" in done.stderr
    assert (tmp_path / "demo.ome.tiff").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--positions", 0), "positions must be at least 1"),
        (("--size", 3), "size must be at least"),
        (("--channels", "A", "A"), "each channel may occur only once"),
        (("--size", 100_000), "at most 8192 pixels"),
        (("--channels", "DAPI", "a.tif", "--overwrite", "b.tif"), "got the file name a.tif"),
    ],
)
def test_invalid_demo_arguments(tmp_path, arguments, message):
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


def test_a_closed_pipe_is_not_an_error(tmp_path):
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


@pytest.mark.parametrize("words", [("DAPI", "Cy5", "out.ome.tiff"), ("DAPI,Cy5", "out.ome.tiff")])
def test_an_output_after_the_channels_is_not_a_channel(tmp_path, monkeypatch, capsys, words):
    monkeypatch.chdir(tmp_path)
    one = ("--positions", "1", "--time-points", "1", "--z-slices", "1", "--size", "32")
    assert main(["demo", *one, "--channels", *words]) == 0
    assert "Pos0: T=1 C=2 Z=1 Y=32 X=32 uint16, channels DAPI, Cy5" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["out.ome.tiff"]


def test_all_commands_treat_paths_alike(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    with TiffStorage("run.2") as storage:  # a folder named after a version is none of another program
        storage.put({"time": 0}, np.ones((8, 8), np.uint16))
    for name in ("run.zarr", "a.png", "a.txt"):
        with pytest.raises(ValueError, match=f"^{name} ends in ") as error:
            TiffStorage(name)
        for command in (["demo", name], ["convert", "run.2", name]):
            assert main(command) == 2
            assert f" {error.value}\n" in capsys.readouterr().err
    for command in (
        ["demo", "gone/a.tif"],
        ["convert", "run.2", "gone/a.tif"],
        ["export", "run.2", "gone/a.tif"],
        ["preview", "run.2", "-o", "gone/a.png"],
    ):
        assert main(command) == 2
        fault = f"{tmp_path / 'gone'}: there is no such folder; create it first"
        assert capsys.readouterr().err == f"exengine-ome-tiff {command[0]}: {fault}\n"
    for command in (["info", "~/run.2"], ["validate", "~/run.2"], ["convert", "~/run.2", "~/run.3"]):
        assert main(command) == 0, capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.2", "run.3"]
    with TiffStorage("day/one.ome.tiff") as storage:
        storage.put({"time": 0}, np.ones((8, 8), np.uint16))
    assert main(["info", "day"]) == 1
    assert capsys.readouterr().err.endswith("day has 1 dataset: choose one.ome.tiff\n")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
def test_no_progress_bar_without_progress(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    done, shown = run_on_a_terminal("recover", "a.txt", cwd=tmp_path)
    assert done.returncode == 1
    fault = f"exengine-ome-tiff recover: {tmp_path / 'a.txt'}: text, not a dataset of TiffStorage"
    assert shown.splitlines() == [fault]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("n_interrupts", [1, 1000])
def test_ctrl_c_reports_what_is_kept(tmp_path, n_interrupts):
    code = (
        "import signal, sys; from exengine_ome_tiff.cli import main\n"
        "from exengine_ome_tiff import TiffStorage\n"
        "put = TiffStorage.put\n"
        f"interrupts = [signal.SIGINT] * {n_interrupts}\n"
        "def put_and_interrupt(self, *frame):\n"
        "    put(self, *frame)\n"
        "    if interrupts:\n"
        "        signal.raise_signal(interrupts.pop())\n"
        "TiffStorage.put = put_and_interrupt\n"
        "sys.exit(main(['demo', 'run.ome.tiff', '--size', '32']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 130, done.stderr
    *_, kept, last = done.stderr.splitlines()
    assert last == "exengine-ome-tiff demo: interrupted"
    with TiffStorage.open(tmp_path / "run.ome.tiff") as storage:
        n_frames = len(storage.get_image_coordinates_list())
    assert kept == f"{n_frames} frame{'s' * (n_frames > 1)} kept in {tmp_path / 'run.ome.tiff'}"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("first", ["exengine_ome_tiff.cli.commands", "numpy"])
def test_ctrl_c_while_the_command_is_imported_is_one_line(tmp_path, first):
    code = (
        "import builtins, signal, sys; from exengine_ome_tiff.cli import main\n"
        "imported = builtins.__import__\n"
        "def interrupted(name, *more):\n"
        f"    if name.startswith('{first}'):\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "    return imported(name, *more)\n"
        "builtins.__import__ = interrupted\n"
        "sys.exit(main(['info', 'run.ome.tiff']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (130, "exengine-ome-tiff: interrupted\n")


def test_the_command_handles_ctrl_c_before_its_imports():
    """Python itself reports interrupts during its own startup."""
    code = "import os, sys; old = {*sys.modules}; import exengine_ome_tiff.cli; print(*{*sys.modules} - old)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    package = ("exengine_ome_tiff", "exengine_ome_tiff.cli", "exengine_ome_tiff.version")
    assert sorted(done.stdout.split()) == sorted(package)
