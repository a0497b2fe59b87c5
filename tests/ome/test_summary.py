"""The summary is in the OME-XML without private keys, and excluded keys are nowhere."""

import json

import numpy as np
import pytest
import tifffile
from ome_types import from_tiff

from exengine_ome_tiff import TiffStorage
from readers.bioformats import validate_xml

FRAME = np.ones((4, 5), np.uint16)
PLAN = json.dumps({"channels": 2, "root": "C:/Users/lovelace", "slices": 7})
SUMMARY = {
    "MicroManagerVersion": "2.0.3",
    "UserName": "lovelace",
    "ComputerName": "scope-3",
    "Directory": "D:/data",
    "Prefix": "secret_project",
    "MDA_Settings": PLAN,
    "KeepShutterOpenSlices": True,
    "system_info": {"mmcore_version": "12", "system_configuration_file": "/home/lovelace/scope.cfg"},
    "devices": [{"label": "Camera", "name": "DCam"}] * 600,
    "protocol": {"stain": "DAPI 1:1000", "times": [1, float("nan")]},
}
PRIVATE = ("lovelace", "scope-3", "D:/data", "secret_project", "scope.cfg")


def stored(path, metadata=None, summary=SUMMARY, **options):
    with TiffStorage(path, summary, **options) as storage:
        for position in range(2):
            storage.put({"position": position}, FRAME, metadata or {"exposure_ms": 5})
        return storage.get_metadata({"position": 1}), storage.summary_metadata


def summary_of(path):
    assert validate_xml(tifffile.tiffcomment(path)) == []
    document = from_tiff(path)
    (note,) = [
        each
        for each in document.structured_annotations.map_annotations
        if each.namespace == "urn:exengine-ome-tiff:summary"
    ]
    assert all(note.id in [each.id for each in image.annotation_refs] for image in document.images)
    return dict(note.value)


def test_the_summary_is_linked_from_every_image(tmp_path):
    path = tmp_path / "run.ome.tiff"
    stored(path)
    found = summary_of(path)
    assert found["MicroManagerVersion"] == "2.0.3"
    assert found["KeepShutterOpenSlices"] == "true"
    assert found["system_info.mmcore_version"] == "12"
    assert found["protocol.stain"] == "DAPI 1:1000"
    assert json.loads(found["protocol.times"]) == [1, "NaN"]
    assert json.loads(found["devices"]) == SUMMARY["devices"]
    assert json.loads(found["MDA_Settings"]) == {"channels": 2, "slices": 7}
    assert not any(word in tifffile.tiffcomment(path) for word in PRIVATE)


def test_each_file_of_a_folder_has_the_summary(tmp_path):
    stored(tmp_path / "run")
    files = sorted((tmp_path / "run").glob("*.tiff"))
    assert len(files) == 2
    assert all(summary_of(file)["MicroManagerVersion"] == "2.0.3" for file in files)


def test_summary_keys_that_are_too_long_are_listed(tmp_path):
    path = tmp_path / "run.ome.tiff"
    stored(path, summary={"long": "x" * 300_000, "short": "y"})
    assert summary_of(path) == {"short": "y", "(in the records only)": '["long"]'}


@pytest.mark.parametrize("summary", [None, {}, [1], "text"])
def test_a_summary_that_is_not_a_dict_is_not_annotated(tmp_path, summary):
    path = tmp_path / "run.ome.tiff"
    stored(path, summary=summary)
    assert "urn:exengine-ome-tiff:summary" not in tifffile.tiffcomment(path)


def test_without_the_option_the_exact_summary_is_in_the_file(tmp_path):
    path = tmp_path / "run.ome.tiff"
    assert stored(path)[1]["UserName"] == "lovelace"
    assert b"scope-3" in path.read_bytes()


@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
def test_excluded_keys_are_nowhere_in_the_file(tmp_path, name):
    metadata = {
        "exposure_ms": 5,
        "UserName": "lovelace",
        "FileName": "D:/data/1.tif",
        "nested": {"key": "hush", "b": 1},
        "listed": [{"UserName": "lovelace", "c": 2}],
    }
    options = {"exclude_metadata": ["private", "FileName", "nested.key"]}
    frame, summary = stored(tmp_path / name, metadata, **options)
    assert frame == {"exposure_ms": 5, "nested": {"b": 1}, "listed": [{"c": 2}]}
    assert "UserName" not in summary
    assert summary["protocol"]["stain"] == "DAPI 1:1000"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    for file in files:
        content = file.read_bytes()
        assert not any(word.encode() in content for word in (*PRIVATE, "hush", "D:/data"))


def test_the_option_persists_after_suspend(tmp_path):
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path, SUMMARY, exclude_metadata="private")
    storage.put({"time": 0}, FRAME, {"UserName": "lovelace"})
    storage.suspend()
    with TiffStorage.resume(path) as storage:
        storage.put({"time": 1}, FRAME, {"UserName": "lovelace", "more": 1})
        assert storage.get_metadata({"time": 1}) == {"more": 1}
    assert b"lovelace" not in path.read_bytes()


def test_an_exclusion_without_effect_is_reported(tmp_path, caplog):
    """With a typo, the key would stay in the file."""
    names = ["private", "protocol", "dose", "inner.key", "usrname"]
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path, SUMMARY, exclude_metadata=names)
    storage.put({"time": 0}, FRAME, {"dose": 1, "inner": {"key": 2}})
    storage.suspend()
    TiffStorage.resume(path).close()
    assert "exclude_metadata" not in caplog.text  # keys from before the pause are unknown
    with TiffStorage(path, SUMMARY, exclude_metadata=names, overwrite=True) as storage:
        storage.put({"time": 0}, FRAME, {"dose": 1, "inner": {"key": 2}})
    lines = [each.getMessage() for each in caplog.records if "exclude_metadata" in each.getMessage()]
    assert lines == [f"{path}: exclude_metadata= has 'usrname', a key that no metadata has"]


def test_exclusions_must_be_text(tmp_path):
    with pytest.raises(TypeError, match="exclude_metadata"):
        TiffStorage(tmp_path / "run.ome.tiff", exclude_metadata=[5])
    assert list(tmp_path.iterdir()) == []
