"""Datasets of earlier versions can be opened, recovered and resumed in any state."""

import hashlib
import json
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ome_types import from_xml

from exengine_ome_tiff import NotFinishedError, TiffStorage, recover, validate
from exengine_ome_tiff.dataset.recording import load_by_index
from readers.bioformats import version
from readers.check import assert_readers_agree

ARCHIVES = sorted((Path(__file__).parent / "data" / "golden").glob("*.zip"))
UNFINISHED = ("killed", "suspended")


def named(archive, *states):
    """Return the datasets in an archive that have one of the given states."""
    with zipfile.ZipFile(archive) as files:
        folders = sorted({Path(name).parts[0] for name in files.namelist()})
    return [folder for folder in folders if folder.startswith(states)]


def datasets(*states):
    found = [(archive, name) for archive in ARCHIVES for name in named(archive, *states)]
    return pytest.mark.parametrize("golden", found, ids=lambda it: f"{it[0].stem}-{it[1]}", indirect=True)


@dataclass
class Golden:
    path: Path
    summary: Any
    frames: list[dict[str, Any]]

    @property
    def coordinates(self):
        return [frame["coordinates"] for frame in self.frames]

    def put(self, coordinates, array, metadata):
        """Expect a frame, instead of any earlier one at the same coordinates."""
        frame = {
            "coordinates": coordinates,
            "shape": list(array.shape),
            "dtype": array.dtype.str,
            "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
            "metadata": metadata,
        }
        there = self.coordinates
        at = there.index(coordinates) if coordinates in there else len(there)
        self.frames[at : at + 1] = [frame]


@pytest.fixture
def golden(request, tmp_path):
    """Unpack a dataset."""
    archive, name = request.param
    if name.endswith(("_lzw", "_zstd")):
        pytest.importorskip("imagecodecs")
    shutil.unpack_archive(archive, tmp_path / "all")
    (tmp_path / "all" / name).rename(tmp_path / name)
    told = json.loads((tmp_path / name / "expected.json").read_text("utf-8"))
    return Golden(tmp_path / name / told["path"], told["summary"], told["frames"])


def assert_same(storage, golden):
    """Assert every frame, its pixels and metadata, by arrival; return what readers must see."""
    assert storage.get_image_coordinates_list() == golden.coordinates
    assert storage.summary_metadata == golden.summary
    pixels = []
    for frame in golden.frames:
        array = storage.get_data(frame["coordinates"])
        assert (list(array.shape), array.dtype.str) == (frame["shape"], frame["dtype"])
        assert hashlib.sha256(array.tobytes()).hexdigest() == frame["sha256"]
        assert storage.get_metadata(frame["coordinates"]) == frame["metadata"]
        if frame["metadata"].get("PixelType") == "RGB32":
            array = array[..., None].view(np.uint8)[..., 2::-1]
        pixels.append((frame["coordinates"], array))
    return pixels


def assert_finished(golden, caplog):
    """Assert that the dataset is valid and that other readers see the same frames."""
    assert validate(golden.path) == []
    with TiffStorage.open(golden.path) as storage:
        put = assert_same(storage, golden)
    is_complex = any(array.dtype.kind == "c" for _, array in put)
    is_unknown = golden.path.parent.name.endswith("_zstd") and version() < (7,)
    assert_readers_agree(golden.path, put, caplog, bioformats=not (is_complex or is_unknown))


def test_each_format_has_an_archive():
    assert [archive.stem for archive in ARCHIVES] == ["format_1", "format_1_references"]
    assert len(named(ARCHIVES[0], "finished", "recovered")) == 9
    assert len(named(ARCHIVES[0], *UNFINISHED)) == 11
    assert len(named(ARCHIVES[1], "finished")) == 2
    assert len(named(ARCHIVES[1], *UNFINISHED)) == 3


@datasets("finished", "killed_references", "suspended_folder")
def test_only_the_newer_archive_has_indexes_and_references(golden, request):
    is_newer = "format_1_references" in request.node.name
    paths = [golden.path] if golden.path.is_file() else sorted(golden.path.glob("*.tiff"))
    loaded = load_by_index(paths)
    assert (loaded is not None) == (is_newer and golden.path.parent.name.startswith("finished"))
    if loaded is not None:
        loaded.index.close()
    if is_newer:
        plans = sum(path.read_bytes().count(b'"position":39,') for path in paths)
        assert 2 <= plans <= 4 < len(golden.frames)


@datasets("finished", "recovered")
@pytest.mark.usefixtures("bioformats")
def test_a_finished_dataset_is_complete(golden, caplog):
    assert_finished(golden, caplog)
    assert recover(golden.path).n_frames is None
    with pytest.raises(FileExistsError, match="finished"):
        TiffStorage.resume(golden.path)


@datasets(*UNFINISHED)
def test_an_unfinished_dataset_can_be_read(golden):
    with pytest.raises(NotFinishedError):
        TiffStorage.open(golden.path)
    with TiffStorage.open(golden.path, allow_unfinished=True) as storage:
        assert_same(storage, golden)


@datasets(*UNFINISHED)
@pytest.mark.usefixtures("bioformats")
def test_an_unfinished_dataset_is_recovered(golden, caplog):
    assert recover(golden.path).n_frames >= len(golden.frames)
    assert_finished(golden, caplog)


@datasets(*UNFINISHED)
@pytest.mark.usefixtures("bioformats")
def test_an_unfinished_dataset_can_be_resumed(golden, caplog):
    if "finish_of_a_folder" in golden.path.parent.name:
        with pytest.raises(FileExistsError, match="finished"):  # one of its files is
            TiffStorage.resume(golden.path)
        return
    first = golden.frames[0]["coordinates"]
    more = [(first, np.full((6, 8), 7, np.uint16)), ({"position": "new"}, np.full((6, 8), 8, np.uint16))]
    with TiffStorage.resume(golden.path) as storage:
        assert_same(storage, golden)
        for coordinates, array in more:
            storage.put(coordinates, array, {"more": True})
            golden.put(coordinates, array, {"more": True})
    assert_finished(golden, caplog)


@pytest.mark.parametrize("golden", [(ARCHIVES[0], "killed_folder")], indirect=True)
def test_user_options_are_in_the_recovered_document(golden):
    recover(golden.path)
    document = from_xml(next(golden.path.glob("*.companion.ome")).read_bytes())
    dapi, gfp = document.images[0].pixels.channels
    assert (dapi.color.as_named(), dapi.excitation_wavelength, dapi.emission_wavelength) == ("blue", 365, 455)
    assert (dapi.fluor, dapi.acquisition_mode.value) == ("Hoechst", "WideField")
    assert (gfp.color.as_named(), gfp.emission_wavelength) == ("lime", 509)
    pixels = document.images[0].pixels
    assert (pixels.physical_size_x, pixels.physical_size_z, pixels.time_increment) == (0.65, 2, 5)
    assert {image.name.partition(",")[0] for image in document.images} == {"screen"}
    (objective,) = document.instruments[0].objectives
    assert (objective.model, objective.manufacturer, objective.immersion.value) == (
        "Plan Apo",
        "Nikon",
        "Air",
    )
    assert (objective.nominal_magnification, objective.lens_na) == (40, 0.95)
    (ada,) = document.experimenters
    assert (ada.first_name, ada.last_name, ada.email, ada.institution, ada.user_name) == (
        "Ada", "Lovelace", "ada@example.org", "none", "ada"
    )  # fmt: skip
    (plate,) = document.plates
    assert (plate.name, plate.rows, plate.columns) == ("screen", 8, 12)
    assert [(well.row, well.column) for well in plate.wells] == [(0, 0), (1, 1)]
