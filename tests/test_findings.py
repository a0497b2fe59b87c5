"""What is left out is told once, with its fix: in the log at the end, and by `info`."""

import json
import logging

import numpy as np

from exengine_ome_tiff import TiffStorage, info
from exengine_ome_tiff.cli import main
from exengine_ome_tiff.findings import Finding, Findings

FRAME = np.ones((4, 5), np.uint16)


def test_the_same_thing_is_counted():
    findings = Findings()
    for number in range(3):
        findings.add("unit", "exposure", f"message {number}", "a fix")
    findings.add("unit", "z", "another message", "another fix")
    assert [*findings] == [
        Finding("unit", "exposure", "message 0", "a fix", 3),
        Finding("unit", "z", "another message", "another fix"),
    ]
    assert [*map(str, findings)] == ["message 0 (3 times): a fix", "another message: another fix"]


def test_pixel_sizes_that_disagree_are_told_once(tmp_path, caplog, capsys):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        for position in range(30):
            for time, size_um in enumerate((0.1, 0.2)):
                storage.put({"position": position, "time": time}, FRAME, {"pixel_size_um": size_um})
    (line,) = [record.getMessage() for record in caplog.records]
    assert "pixel sizes from 0.1 to 0.2 um, none is written (30 times): put frames" in line
    (finding,) = info(path).check
    assert (finding.kind, finding.count) == ("pixel size", 30)
    assert main(["info", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["check"][0]["kind"] == "pixel size"
    assert main(["info", str(path)]) == 0
    assert "  Check\n    position 0: pixel sizes from" in capsys.readouterr().out


def test_nothing_is_said_where_all_was_understood(tmp_path, caplog, capsys):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        storage.put({"time": 0}, FRAME, {"exposure_ms": 1, "pixel_size_um": 0.1, "gain of mine": 3})
    assert caplog.records == []
    assert info(path).check == ()
    assert main(["info", str(path)]) == 0
    assert "Check" not in capsys.readouterr().out


def test_a_long_log_ends(caplog):
    findings = Findings()
    for number in range(30):
        findings.add("unit", str(number), "message", "fix")
    findings.log(logging.getLogger("test"), "run")
    assert len(caplog.records) == 21
    assert "10 more findings" in caplog.text


def test_the_end_of_a_run_tells_what_readers_will_show(tmp_path, caplog):
    with caplog.at_level(logging.INFO), TiffStorage(tmp_path / "run.ome.tiff", pixel_size_um=0.25) as storage:
        for position in ("A", "B"):
            for z in range(3):
                place = {"position": position, "z": z}
                storage.put(place, np.ones((4, 6), np.uint16), {"z_um": 1.5 * z})
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]
    shown = "run: 2 images, the first of T=1 C=1 Z=3, pixel size 0.25 um, z step 1.5 um, no time interval"
    assert shown in told
