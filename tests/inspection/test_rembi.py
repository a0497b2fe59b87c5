"""The fields of REMBI in the output of the command."""

import numpy as np

from exengine_ome_tiff import ChannelInfo, ExperimenterInfo, MicroscopeInfo, ObjectiveInfo, TiffStorage
from exengine_ome_tiff.cli import main
from exengine_ome_tiff.inspection.archives import rembi_fields


def record(path, metadata, **options):
    with TiffStorage(path, fsync=False, **options) as storage:
        storage.put({"channel": "GFP"}, np.ones((8, 8), np.uint16), metadata)
    return path


def test_all_fields_have_values(tmp_path, capsys):
    wanted = {
        "title": "Mitosis",
        "licence": "CC0",
        "Imaging Method": "confocal",
        "organism": "Homo sapiens",
        "biological_entity": "HeLa cells",
        "sample preparation": "fixed",
    }
    path = record(
        tmp_path / "run.ome.tiff",
        {"exposure_ms": 20},
        annotations=wanted,
        description="Cells divide",
        experimenter=ExperimenterInfo(first_name="Ada", last_name="L."),
        microscope=MicroscopeInfo(manufacturer="Acme", model="X1"),
        objective=ObjectiveInfo(magnification=60, numerical_aperture=1.4),
        channels={"GFP": ChannelInfo(fluorophore="EGFP")},
        pixel_size_um=0.1,
    )
    assert [each.value for each in rembi_fields(path)] == [
        *("Mitosis", "Cells divide", "CC0", "Ada L.", "confocal", "Homo sapiens", "HeLa cells", "fixed"),
        *("EGFP", "Acme X1", "60.0 1.4", "0.02", "GFP", "0.1"),
    ]
    assert main(["validate", "--for", "bioimage-archive", str(path)]) == 0
    assert "Biosample, organism: Homo sapiens" in capsys.readouterr().out


def test_missing_fields_are_listed_with_their_options(tmp_path, capsys):
    path = record(tmp_path / "run.ome.tiff", {})
    assert [each.name for each in rembi_fields(path) if each.value is not None] == ["channels"]
    assert main(["validate", "--for", "bioimage-archive", str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert 'Biosample, organism: missing\n  fix: annotations={"organism": ...}' in "\n".join(lines)
    assert lines[-1].endswith("13 of 14 fields are missing")
