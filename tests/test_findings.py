"""Findings are reported once, with their fixes: in the log at the end, and by `info`."""

import json
import logging
import re

import numpy as np
import pytest

from exengine_ome_tiff import PlateInfo, TiffStorage, info
from exengine_ome_tiff.cli import main
from exengine_ome_tiff.findings import Finding, Findings

FRAME = np.ones((4, 5), np.uint16)


def test_repeated_findings_are_counted():
    findings = Findings()
    for number in range(3):
        findings.add("unit", "exposure", f"message {number}", "a fix")
    findings.add("unit", "z", "another message", "another fix")
    assert [*findings] == [
        Finding("unit", "exposure", "message 0", "a fix", 3),
        Finding("unit", "z", "another message", "another fix"),
    ]
    assert [*map(str, findings)] == ["message 0 (3 times): a fix", "another message: another fix"]


def test_a_log_line_names_the_dataset_once(tmp_path, caplog):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for z in (0, 1, 3):
            storage.put({"z": z}, FRAME, {"z_um": z})
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == "run: z spacing is irregular (1 to 2 µm): no PhysicalSizeZ; pass z_step_um"


def test_contradictory_pixel_sizes_are_reported_once(tmp_path, caplog, capsys):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        for position in range(30):
            for time, size_um in enumerate((0.1, 0.2)):
                storage.put({"position": position, "time": time}, FRAME, {"pixel_size_um": size_um})
    (line,) = [record.getMessage() for record in caplog.records]
    assert "pixel sizes from 0.1 to 0.2 µm, so no pixel size is written (30 times): put frames" in line
    (finding,) = info(path).check
    assert (finding.kind, finding.count) == ("pixel size", 30)
    assert main(["info", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["check"][0]["kind"] == "pixel size"
    assert main(["info", str(path)]) == 0
    assert "  Check\n    position 0: pixel sizes from" in capsys.readouterr().out


def test_no_findings_if_everything_is_understood(tmp_path, caplog, capsys):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        storage.put({"time": 0}, FRAME, {"exposure_ms": 1, "pixel_size_um": 0.1, "gain of mine": 3})
    assert caplog.records == []
    assert info(path).check == ()
    assert main(["info", str(path)]) == 0
    assert "Check" not in capsys.readouterr().out


def test_a_long_log_is_limited(caplog):
    findings = Findings()
    for number in range(30):
        findings.add("unit", str(number), "message", "fix")
    findings.log(logging.getLogger("test"), "run")
    assert len(caplog.records) == 21
    assert "10 more findings" in caplog.text


def test_the_end_of_a_run_reports_what_readers_will_show(tmp_path, caplog):
    with caplog.at_level(logging.INFO), TiffStorage(tmp_path / "run.ome.tiff", pixel_size_um=0.25) as storage:
        for position in ("A", "B"):
            for z in range(3):
                place = {"position": position, "z": z}
                storage.put(place, np.ones((4, 6), np.uint16), {"z_um": 1.5 * z})
    messages = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]
    shown = "run: 2 images, the first with T=1 C=1 Z=3, pixel size 0.25 um, z step 1.5 um, no time interval"
    assert shown in messages


def lines_of(path, frames, caplog, **options):
    """Record frames at coordinates; return the logged findings, which `info` must repeat."""
    with TiffStorage(path, **options) as storage:
        for coordinates in frames:
            storage.put(coordinates, FRAME)
    lines = [record.getMessage().partition(": ")[2] for record in caplog.records]
    assert [str(finding) for finding in info(path).check] == lines
    return lines


def test_an_axis_that_makes_many_images(tmp_path, caplog):
    lines = lines_of(tmp_path / "run.ome.tiff", [{"tiem": t} for t in range(500)], caplog)
    assert lines == ["axis 'tiem' makes 500 images of one plane each: call it 'time'"]


def test_an_unknown_axis_that_makes_many_images(tmp_path, caplog):
    frames = [{"sweep": sweep, "z": z} for sweep in range(20) for z in range(3)]
    (line,) = lines_of(tmp_path / "run.ome.tiff", frames, caplog)
    assert line.startswith("axis 'sweep' makes 20 images of 3 planes each: call it 'time', 'channel' or 'z'")


@pytest.mark.parametrize(
    "frames",
    [
        [{"position": p} for p in range(500)],
        [{"row": r, "column": c} for r in range(20) for c in range(20)],
        [{"well": f"{row}{c}", "field": f} for row in "ABCD" for c in range(1, 13) for f in range(4)],
        [{"camera": c, "time": t} for c in "AB" for t in range(9)],
        [{"angle": angle} for angle in range(6)],
        [{"round": r, "time": t} for r in range(12) for t in range(40)],
    ],
)
def test_axes_that_make_images_on_purpose(tmp_path, caplog, frames):
    assert lines_of(tmp_path / "run.ome.tiff", frames, caplog) == []


def test_missing_planes(tmp_path, caplog):
    frames = [{"time": t, "z": z} for t in range(4) for z in range(3) if (t, z) not in ((1, 1), (3, 2))]
    (line,) = lines_of(tmp_path / "run.ome.tiff", frames, caplog)
    assert line.startswith("2 of 12 planes are missing, and readers show them as black: put frames")


@pytest.mark.parametrize("labels", [("A01", "H13"), ("A1-Site_0", "I1-Site_0")])
def test_wells_beyond_the_plate(tmp_path, caplog, labels):
    plate = PlateInfo(rows=8, columns=12)
    frames = [{"position": label} for label in labels]
    (line,) = lines_of(tmp_path / "run.ome.tiff", frames, caplog, plate=plate)
    assert line.startswith(f"{labels[1]} is not a well of the plate, so no well contains it: ")


def test_z_steps_that_are_irregular(tmp_path, caplog):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        for z, height_um in enumerate((0, 0.27, 1.53, 2)):
            storage.put({"z": z}, FRAME, {"z_um": height_um})
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.endswith("z spacing is irregular (0.27 to 1.26 µm): no PhysicalSizeZ; pass z_step_um")
    assert len(info(path).check) == 1


def test_two_spellings_of_an_axis_are_reported(tmp_path, caplog):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        storage.put({"Time": 0}, FRAME)
        storage.put({"time": 1}, FRAME)
    told = (
        "axes 'time' and 'Time' are two, and 'Time' makes separate images: call both 'time' if they are the "
        "same axis"
    )
    assert [record.getMessage() for record in caplog.records] == [f"run: {told}"]
    assert [*map(str, info(path).check)] == [told]


@pytest.mark.parametrize(("given", "got"), [(np.ones((2, 2)), "an array"), ([0, 1], "[0, 1]"), ("t", "'t'")])
def test_coordinates_that_are_no_mapping_are_named_shortly(tmp_path, given, got):
    storage = TiffStorage(tmp_path / "run.ome.tiff")
    with pytest.raises(TypeError, match=re.escape(f"mapping of axis names to values, got {got}")):
        storage.put(given, FRAME)
    storage.close()
