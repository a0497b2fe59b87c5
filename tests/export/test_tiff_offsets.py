"""The page offsets of a file, as generate-tiff-offsets lists them: one for each page in tifffile."""

import json

import numpy as np
import pytest
import tifffile

from exengine_ome_tiff import NotFinishedError, OmeTiffError, TiffStorage, export_offsets
from exengine_ome_tiff.cli import main


def test_offsets_are_those_of_all_pages(tmp_path, capsys):
    path, dest = tmp_path / "run.ome.tiff", tmp_path / "run.offsets.json"
    with TiffStorage(path, fsync=False, pyramid_levels=1, tile=(16, 16)) as storage:
        for time in reversed(range(3)):
            storage.put({"time": time}, np.full((64, 64), time, np.uint16))
        storage.flush()
        with pytest.raises(NotFinishedError, match="is not finished"):
            export_offsets(path)
    assert export_offsets(path) == dest
    with tifffile.TiffFile(path) as tiff:
        assert json.loads(dest.read_text()) == [page.offset for page in tiff.pages]
        assert [int(tiff.pages[at].asarray()[0, 0]) for at in range(3)] == [0, 1, 2]
    command = ["export", str(path), str(dest)]
    assert main(command) == 2
    assert "exists; --overwrite replaces a file" in capsys.readouterr().err
    dest.write_text("[]")
    assert main([*command, "--overwrite"]) == 0
    assert len(json.loads(dest.read_text())) == 3
    assert main([*command, "--overwrite", "--image", "0"]) == 2


def test_files_without_offsets(tmp_path):
    with TiffStorage(tmp_path / "run", fsync=False) as storage:
        storage.put({"position": "A.1"}, np.zeros((8, 8), np.uint16))
    (file,) = (tmp_path / "run").glob("*.tiff")
    with pytest.raises(ValueError, match="one file"):
        export_offsets(tmp_path / "run")
    assert export_offsets(file).name == file.name.replace(".ome.tiff", ".offsets.json")
    with pytest.raises(ValueError, match="must end in"):
        export_offsets(file, tmp_path / "a.json")
    tifffile.imwrite(tmp_path / "other.tif", np.zeros((8, 8)))
    with pytest.raises(OmeTiffError):
        export_offsets(tmp_path / "other.tif")
