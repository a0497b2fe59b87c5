"""The commands `info`, `metadata` and `preview`, and completion, installed, as a user runs them."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.cli import main
from installed import completion, run

NAME = "ein Ordner mit Ω"


@pytest.fixture
def folder(tmp_path):
    """Make a dataset whose name has spaces and a letter that not every console can show."""
    with TiffStorage(tmp_path / NAME, {"sample": "µ"}, pixel_size_um=0.5) as storage:
        for t in range(3):
            for c in ("DAPI", "GFP"):
                place = {"position": "π", "time": t, "channel": c}
                storage.put(place, np.full((40, 50), t, "u2"), {"Exposure-ms": 5, "note": "日本"})
    return tmp_path


def test_info_for_people_and_for_programs(folder):
    done = run("info", NAME, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == str(folder / NAME)
    assert "  pixel size     0.5 µm" in lines
    assert "  π      3  2  1  40  50  uint16       6        -" in lines
    done = run("info", "--json", NAME, cwd=folder)
    found = json.loads(done.stdout)
    assert found["images"][0]["sizes"] == {"T": 3, "C": 2, "Z": 1, "Y": 40, "X": 50}
    assert found["is_finished"] is True
    assert found["metadata"][0] == {"key": "Exposure-ms", "frames": 6, "written_to": ["ome"]}


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_console_that_is_not_utf_8(folder, encoding):
    done = run("info", NAME, cwd=folder, encoding=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u03c0" in done.stdout
    done = run("metadata", NAME, "--coords", "position=π,time=1,channel=GFP", cwd=folder, encoding=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert '"note": "\\u65e5\\u672c"' in done.stdout
    done = run("preview", NAME, "-o", "a Ω.png", cwd=folder, encoding=encoding)
    assert (done.returncode, done.stderr) == (0, "")


def test_metadata_of_a_frame_and_of_the_dataset(folder):
    done = run("metadata", NAME, "--coords", "time=1,channel=GFP,position=π", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert '    "Exposure-ms": 5,' in done.stdout.splitlines()
    assert "z=0 c=1 t=1" in done.stdout
    assert 'ExposureTime="0.005"' in done.stdout
    done = run("metadata", NAME, "--coords", "time=1,channel=GFP,position=π", "--json", cwd=folder)
    record = json.loads(done.stdout)
    assert record["metadata"] == {"Exposure-ms": 5, "note": "日本"}
    assert record["ome"]["plane"]["TheC"] == "1"
    done = run("metadata", NAME, "--json", cwd=folder)
    assert json.loads(done.stdout)["summary_metadata"] == {"sample": "µ"}
    assert '    "sample": "µ"' in run("metadata", NAME, cwd=folder).stdout.splitlines()


def test_preview_writes_a_picture_and_nothing_else(folder):
    done = run("preview", NAME, "-o", "sheet µ.png", "--z", "max", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("1 of 1 images, 3 of 3 time points\n")
    assert sorted(path.name for path in folder.iterdir()) == sorted([NAME, "sheet µ.png"])
    with Image.open(folder / "sheet µ.png") as picture:
        assert picture.format == "PNG"
    done = run("preview", NAME, "-o", "sheet µ.png", cwd=folder)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "--overwrite" in done.stderr
    assert run("preview", NAME, "sheet µ.png", "--overwrite", cwd=folder).returncode == 0
    assert run("preview", NAME, cwd=folder).returncode == 0
    beside = NAME.removesuffix(".tiff").removesuffix(".ome") + ".png"
    assert sorted(path.name for path in folder.iterdir()) == sorted([NAME, "sheet µ.png", beside])


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (
            ("metadata", NAME, "--coords", "time=9"),
            2,
            "no frame at time=9; near it: position=π,time=2,channel=",
        ),
        (("metadata", NAME, "--coords", f"time={10**18}0"), 2, "64 bits"),
        (("metadata", NAME, "--coords", "t=1,c=GFP"), 2, "; the axes are position, time, channel"),
        (("metadata", NAME, "--coords", "channel=gfp"), 2, "; the values of channel are DAPI, GFP"),
        (("metadata", NAME, "--coords", ""), 2, "no frame at empty coordinates; near it: "),
        (("preview", NAME, "-o", "a.bmp"), 2, "a.bmp: expected a picture ending in .png, .jpg, .jpeg"),
        (("preview", NAME, "-o", "gone/a.png"), 2, "there is no such folder"),
        (("preview", NAME, "-o", "a.png", "--images", "0"), 2, "images and columns must be at least 1"),
        (("preview", NAME, "-o", NAME), 2, "expected a picture ending in"),
        (("preview", "gone", "-o", "a.png"), 1, "no such file or folder"),
        (("info", "gone"), 1, "no such file or folder"),
        (("metadata", "gone"), 1, "no such file or folder"),
    ],
)
def test_each_error_is_one_line(folder, arguments, status, message):
    done = run(*arguments, cwd=folder)
    assert done.returncode == status
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"exengine-ome-tiff {arguments[0]}: ")
    assert message in line
    assert [path.name for path in folder.iterdir()] == [NAME]


@pytest.mark.parametrize("arguments", [("metadata", NAME, "--coords", "3"), ("preview",)])
def test_invalid_arguments(folder, arguments):
    done = run(*arguments, cwd=folder)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"exengine-ome-tiff {arguments[0]}: error: ")


@pytest.mark.parametrize("command", ["info", "metadata", "preview"])
def test_help(tmp_path, command):
    done = run(command, "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: exengine-ome-tiff {command} ")
    assert max(map(len, done.stdout.splitlines())) <= 90


@pytest.mark.parametrize("at", ["PIL.Image.Image.save", "pathlib.Path.replace"])
def test_ctrl_c_leaves_no_picture(folder, at):
    code = (
        "import signal, sys; from unittest.mock import patch; from exengine_ome_tiff.cli import main\n"
        "stop = lambda *_: signal.raise_signal(signal.SIGINT)\n"
        "with patch(sys.argv.pop(1), stop): status = main(sys.argv[1:])\n"
        "sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, at, "preview", NAME, "-o", "a.png"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (130, "exengine-ome-tiff preview: interrupted\n")
    assert not (folder / "a.png").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_completion_knows_all_commands(shell):
    script = completion(shell)
    for word in ("demo", "info", "metadata", "recover", "preview", "validate", "coords", "overwrite"):
        assert word in script


@pytest.mark.skipif(shutil.which("bash") is None or os.name == "nt", reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("pre",), "preview"),
        (("preview", "--z", "m"), "middle max"),
        (("info", "da"), "data.tiff"),
        (("preview", "data.tiff", "--o"), "--output --overwrite"),
    ],
)
def test_bash_completes(tmp_path, words, found):
    (tmp_path / "data.tiff").touch()
    (tmp_path / "complete.bash").write_text(completion("bash"))
    ask = (
        'source ./complete.bash; COMP_WORDS=(exengine-ome-tiff "$@"); COMP_CWORD=$#; '
        "[[ $(complete -p exengine-ome-tiff) =~ -F\\ ([^\\ ]+) ]] && "
        '${BASH_REMATCH[1]} exengine-ome-tiff "${COMP_WORDS[COMP_CWORD]}" 2>/dev/null; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", ask, "bash", *words],  # noqa: S607
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == found.split(), done.stderr


def test_without_the_extra_the_error_names_it(folder):
    code = (
        "import sys; sys.modules['PIL'] = None; "
        "from exengine_ome_tiff.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "preview", NAME, "-o", "a.png"],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].endswith('pip install "exengine-ome-tiff[preview]"')
    assert len(done.stderr.splitlines()) == 1


def test_control_characters_do_not_reach_the_terminal(tmp_path, capsys):
    path = tmp_path / "run.ome.tiff"
    characters = "".join(map(chr, (*range(1, 10), *range(11, 32), 127, 155)))
    with TiffStorage(path, description=characters) as storage:
        storage.put({"position": f"\x1b[2J{characters}"}, np.zeros((4, 4), "u1"), {characters: characters})
    assert main(["info", str(path)]) == 0
    out = capsys.readouterr().out
    assert "\\x1b" in out
    assert not set(characters).intersection(out)


def test_preview_reports_how_many_time_points_it_shows(tmp_path, capsys):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for time in range(10):
            storage.put({"time": time}, np.zeros((4, 4), "u1"))
    assert main(["preview", str(storage.path), "-o", str(tmp_path / "a.png"), "--columns", "3"]) == 0
    assert "3 of 10 time points" in capsys.readouterr().out
