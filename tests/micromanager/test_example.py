"""The example with Micro-Manager's DemoCamera runs, and Bio-Formats opens its file."""

import subprocess
import sys
from pathlib import Path

import pytest

from readers.bioformats import BioFormats, unavailable_reason

EXAMPLE = Path(__file__).parents[2] / "examples" / "micromanager_democamera.py"

pytest.importorskip("mmpycorex", reason="Micro-Manager is not installed")
pytest.importorskip("mm_test_adapters", reason="Micro-Manager's adapters are not installed")


@pytest.mark.skipif(unavailable_reason() is not None, reason=str(unavailable_reason()))
def test_bioformats_opens_the_file_of_the_example(tmp_path):
    done = subprocess.run(
        [sys.executable, EXAMPLE], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with BioFormats(tmp_path / "micromanager_democamera_001.ome.tiff") as opened:
        assert opened.format == "OME-TIFF"
        assert [(s.name, s.size_z, s.size_c, s.size_t) for s in opened.series] == [
            ("left", 3, 2, 1),
            ("right", 3, 2, 1),
        ]
        assert opened.plane_index(0, 0).shape == (512, 512)
        assert opened.warnings == []
