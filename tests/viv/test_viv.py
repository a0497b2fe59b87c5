"""Files read by Viv, the loader of Avivator and Vitessce: each plane is at its place."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from exengine_ome_tiff import TiffStorage, validate
from exengine_ome_tiff.cli import main
from readers.bioformats import BioFormats, unavailable_reason

PACKAGES = os.environ.get("VIV_PACKAGES")
SCRIPT = Path(__file__).with_name("planes.mjs")

needs_viv = pytest.mark.skipif(
    PACKAGES is None or shutil.which("node") is None,
    reason="node is missing, or VIV_PACKAGES does not name the folder of @vivjs/loaders",
)
needs_bioformats = pytest.mark.skipif(unavailable_reason() is not None, reason=str(unavailable_reason()))


def seen_by_viv(path, name, *offsets):
    command = ["node", SCRIPT, path, name, PACKAGES, *offsets]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["images"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Record two positions, one without one plane; each plane is filled with its number."""
    path = tmp_path_factory.mktemp("viv") / "run"
    with TiffStorage(path, pixel_size_um=0.5) as storage:
        for position in ("A", "B & 'c'"):
            for (t, c, z), number in planes(position):
                place = {"position": position, "z": z, "time": t, "channel": ("DAPI", "GFP")[c]}
                if number:
                    storage.put(place, np.full((32, 48), number, np.uint16))
    return path


def planes(position):
    """Yield T, C and Z of the planes of a position, and their numbers, 0 for the missing one."""
    for number, place in enumerate(np.ndindex(2, 2, 3), 1 if position == "A" else 101):
        yield place, 0 if position == "A" and number == 12 else number


@needs_viv
def test_viv_opens_the_companion_of_a_folder(folder):
    assert seen_by_viv(folder, "run.companion.ome") == [
        {
            "name": position,
            "channels": ["DAPI", "GFP"],
            "pixelSize": 0.5,
            "planes": [[*place, number, 48, 32] for place, number in planes(position)],
        }
        for position in ("A", "B & 'c'")
    ]


@needs_viv
def test_viv_opens_a_file_of_the_folder(folder):
    (image,) = seen_by_viv(folder, "run_A.ome.tiff")
    assert image["planes"] == [[*place, number, 48, 32] for place, number in planes("A")]


@needs_viv
def test_viv_finds_pages_by_the_offsets(folder, tmp_path):
    shutil.copy(folder / "run_A.ome.tiff", tmp_path)
    path = tmp_path / "run_A.offsets.json"
    assert main(["export", str(tmp_path / "run_A.ome.tiff"), str(path)]) == 0
    (image,) = seen_by_viv(tmp_path, "run_A.ome.tiff", path.name)
    assert image["planes"] == [[*place, number, 48, 32] for place, number in planes("A")]
    path.write_text(json.dumps(json.loads(path.read_text())[::-1]))
    (image,) = seen_by_viv(tmp_path, "run_A.ome.tiff", path.name)
    assert [plane[3] for plane in image["planes"]] != [number for _, number in planes("A")]


@needs_bioformats
def test_bioformats_opens_the_companion_without_warnings(folder):
    with BioFormats(folder / "run.companion.ome") as opened:
        assert opened.warnings == []
        assert [series.name for series in opened.series] == ["A", "B & 'c'"]
        for series, position in enumerate(("A", "B & 'c'")):
            order = opened.series[series].dimension_order
            for place, number in planes(position):
                t, c, z = place
                sizes, at = {"Z": 3, "C": 2, "T": 2}, {"Z": z, "C": c, "T": t}
                first, second, third = order[2:]
                index = at[first] + sizes[first] * (at[second] + sizes[second] * at[third])
                assert (opened.plane_index(series, index) == number).all()


def test_the_companion_is_valid_and_the_files_keep_one_element(folder):
    assert validate(folder) == []
    companion = (folder / "run.companion.ome").read_text("utf-8")
    assert companion.count("<TiffData ") == 24
    swapped = companion.replace('IFD="1" ', 'IFD="x" ').replace('IFD="2" ', 'IFD="1" ').replace('"x"', '"2"')
    (folder / "run.companion.ome").write_text(swapped, "utf-8")
    try:
        assert "differ in pages" in str(validate(folder)[0])
    finally:
        (folder / "run.companion.ome").write_text(companion, "utf-8")
    for path in folder.glob("*.tiff"):
        assert path.read_bytes().count(b"<TiffData ") == 1
