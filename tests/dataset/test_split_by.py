"""A folder with one file per combination of several axes."""

import json
import shutil

import numpy as np
import pytest

from acquisitions import nested
from exengine_ome_tiff import OmeTiffError, TiffStorage, convert, recover, validate
from exengine_ome_tiff.cli import main
from exengine_ome_tiff.dataset import header
from frames import assert_same, frame
from readers.check import assert_readers_agree

SPLIT = ("position", "camera")
PLACES = nested(time=(0, 1), position=("A", "B/b"), camera=(0, 1), angle=(0, 90), channel=("DAPI", "GFP"))
FILES = {"run_A_0", "run_A_1", "run_B_b_0", "run_B_b_1"}


def fill(path, places=PLACES, **options):
    storage = TiffStorage(path, **options)
    for place in places:
        storage.put(place, frame(place, (24, 32)), {"place": str(place)})
    return storage


def files(folder):
    """Return the names of the TIFF files, without the digits that make changed labels unique."""
    return {
        path.name.removesuffix(".ome.tiff").rpartition("-")[0] or path.stem[:-4] for path in tiffs(folder)
    }


def tiffs(folder):
    return sorted(folder.glob("*.ome.tiff"))


def assert_there(path, places=PLACES):
    with TiffStorage.open(path) as storage:
        assert storage.get_image_coordinates_list() == places
        for place in places:
            assert_same(storage[place], frame(place, (24, 32)))
            assert storage.get_metadata(place) == {"place": str(place)}
    assert validate(path) == []


@pytest.mark.usefixtures("bioformats")
def test_each_combination_of_values_has_its_own_file(tmp_path, caplog):
    path = tmp_path / "run"
    fill(path, split_by=SPLIT).close()
    assert files(path) == FILES
    documents = assert_readers_agree(path, [(each, frame(each, (24, 32))) for each in PLACES], caplog)
    assert [len(document.images) for document in documents] == [2, 2, 2, 2]  # one per angle
    assert_there(path)
    for other in [*path.glob("*.companion.ome"), *tiffs(path)[1:]]:
        other.unlink()
    recover(path)
    alone = [place for place in PLACES if (place["position"], place["camera"]) == ("A", 0)]
    assert_there(path, alone)


def test_unfinished_files_are_recovered_and_resumed(tmp_path):
    half = len(PLACES) // 2
    storage = fill(tmp_path / "run", PLACES[:half], split_by=SPLIT)
    storage.flush()
    shutil.copytree(storage.path, tmp_path / "left" / "run", ignore=shutil.ignore_patterns("*.lock"))
    storage.suspend()
    recover(tmp_path / "left" / "run")
    assert_there(tmp_path / "left" / "run", PLACES[:half])
    with TiffStorage.resume(tmp_path / "run") as storage:
        for place in PLACES[half:]:
            storage.put(place, frame(place, (24, 32)), {"place": str(place)})
    assert files(tmp_path / "run") == FILES
    assert_there(tmp_path / "run")


def test_conversion_keeps_or_changes_the_split(tmp_path, capsys):
    source = tmp_path / "run"
    fill(source, split_by=SPLIT).close()
    convert(source, tmp_path / "copy" / "run", compression="zlib", verify=True)
    assert files(tmp_path / "copy" / "run") == FILES
    convert(source, tmp_path / "one.ome.tiff", verify=True)
    assert_there(tmp_path / "one.ome.tiff")
    arguments = [
        "convert",
        str(tmp_path / "one.ome.tiff"),
        str(tmp_path / "new"),
        "--split-by",
        "camera",
        "angle",
    ]
    assert main(arguments) == 0, capsys.readouterr().err
    assert files(tmp_path / "new") == {"new_0_0", "new_0_90", "new_1_0", "new_1_90"}
    assert_there(tmp_path / "new")


@pytest.mark.parametrize(
    ("split_by", "names"),
    [
        (["Position"], ["run_A1", "run_B2"]),
        (("p", "camera"), ["run_A1_0", "run_A1_1", "run_B2"]),
        (("camera", "position"), ["run_0_A1", "run_1_A1", "run_B2"]),
        (("well",), ["run_W1", "run"]),
        (("position", "well", "camera"), ["run_A1_0", "run_A1_1", "run_B2", "run_W1_0_1", "run_W1_1_1"]),
        ((), ["run"]),
    ],
    ids=str,
)
def test_frames_may_lack_axes_and_spell_them_differently(tmp_path, split_by, names):
    places = [{"p": "A1", "camera": 0}, {"p": "A1", "camera": 1}, {"Position": "B2"}]
    if "well" in split_by:
        places += [{"well": "W1", "field": field, "camera": 1} for field in (0, 1)]
    fill(tmp_path / "run", places, split_by=split_by).close()
    assert sorted(path.name.removesuffix(".ome.tiff") for path in tiffs(tmp_path / "run")) == sorted(names)
    assert_there(tmp_path / "run", places)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split_by": "camera"}, 'expected a sequence of axes such as \\("position", "camera"\\)'),
        ({"split_by": [1]}, "expected names of axes"),
        ({"split_by": 3}, "expected a sequence of axes"),
        ({"split_by": ("position", "c")}, "'c' lies inside an image, which is in one file"),
        ({"split_by": ("angle",), "fold_axes": {"angle": "T"}}, "'angle' lies inside an image"),
        ({"split_by": ("position", "")}, "split_by: axis name '' is blank"),
        ({"split_by": (" ",)}, "split_by: axis name ' ' is blank"),
        ({"fold_axes": {"": "T"}}, "fold_axes: axis name '' is blank"),
        ({"fold_axes": {"angle": "T", " ": "Z"}}, "fold_axes: axis name ' ' is blank"),
    ],
    ids=str,
)
def test_invalid_split_axis_is_refused(tmp_path, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        TiffStorage(tmp_path / "run", **options)
    with pytest.raises(ValueError, match="split_by for a single file"):
        TiffStorage(tmp_path / "run.ome.tiff", split_by=SPLIT)
    assert not list(tmp_path.iterdir())


def test_blank_names_in_files_of_earlier_versions_are_read(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(header, "check_axis_names", lambda *_: None)
        fill(tmp_path / "run", split_by=("position", " "), fold_axes={"": "T"}).close()
    with TiffStorage.open(tmp_path / "run") as storage:
        assert len(storage.get_image_coordinates_list()) == len(PLACES)


def test_unused_split_axis_is_logged(tmp_path, caplog):
    fill(tmp_path / "run", split_by=("position", "Camera")).close()
    assert len(tiffs(tmp_path / "run")) == 2
    (record,) = [record for record in caplog.records if "split_by" in record.message]
    assert "split_by= has 'Camera', an axis that no frame has" in record.message
    assert "'camera'" in record.message


def test_unused_folded_axis_is_logged(tmp_path, caplog):
    fill(tmp_path / "run", fold_axes={"angel": "T"}).close()
    (record,) = [record for record in caplog.records if "fold_axes" in record.message]
    assert "fold_axes= has 'angel', an axis that no frame has" in record.message
    assert "'angle'" in record.message


def test_folded_axes_are_a_dict(tmp_path):
    with pytest.raises(TypeError, match=r"expected a dict: write fold_axes=\{'angle': 'T'\}"):
        TiffStorage(tmp_path / "run.ome.tiff", fold_axes=["angle"])


def test_a_copy_with_the_frames_of_another_file_is_refused(tmp_path):
    path = tmp_path / "run"
    fill(path, split_by=SPLIT).suspend()
    shutil.copy(tiffs(path)[0], path / "copy.ome.tiff")
    with pytest.raises(OmeTiffError, match="'A', 0"):
        recover(path)


def test_header_of_an_unsplit_dataset_omits_split_by(tmp_path):
    for name, options in (("plain", {}), ("split", {"split_by": SPLIT})):
        fill(tmp_path / name, PLACES[:1], **options).close()
        (file,) = tiffs(tmp_path / name)
        assert (json.dumps(["position", "camera"]).encode() in file.read_bytes()) is (name == "split")
    assert np.array_equal(TiffStorage.open(tmp_path / "split")[PLACES[0]], frame(PLACES[0], (24, 32)))
