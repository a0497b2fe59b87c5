"""Axes that are folded into Z, C or T, as Bio-Formats and tifffile see them."""

import pytest
import tifffile

from acquisitions import frames_at, nested, put_all, shuffled
from exengine_ome_tiff import TiffStorage
from readers.check import assert_readers_agree

CASES = {
    "angle": ({"angle": "T"}, nested(time=(0, 5), angle=(0, 45, 90)), "TAYX", (2, 3)),
    "alone": ({"angle": "T"}, nested(angle=(0, 45, 90)), "AYX", (3,)),
    "outer": ({"angle": "T"}, nested(angle=(0, 45, 90), time=(0, 5), z=(1, 2)), "TAZYX", (2, 3, 2)),
    "labels": ({"phase": "Z"}, nested(z=(0, 1), phase=("first", "second <&>")), "ZPYX", (2, 2)),
    "uneven": ({"lifetime": "T"}, nested(time=(0, 1), lifetime=(0, 1, 5)), "THYX", (2, 3)),
    "mixed": ({"tile": "Z"}, [{"z": 2}, *nested(z=(0, 1), tile=(3, "x"))], "ZRYX", (3, 2)),
    "other": ({"gain": "C"}, nested(channel=("DAPI", "GFP"), gain=(1, 2)), "CQYX", (2, 2)),
    "three": (
        {"angle": "T", "lambda": "C", "phase": "Z"},
        nested(
            time=(0, 1), angle=(0, 9), z=(0, 1), phase=(0, 1, 2), channel=("a", "b"), **{"lambda": (1, 2)}
        ),
        None,
        None,
    ),
    "gaps": ({"angle": "T"}, nested(time=(0, 5), angle=(0, 45, 90), z=(0, 1))[2:-3], "TAZYX", (2, 3, 2)),
    "far apart": ({"angle": "T"}, nested(angle=(-(1 << 63), 0, 1, (1 << 63) - 1)), "AYX", (4,)),
    "number and text": ({"angle": "T"}, nested(angle=(1, "1")), "AYX", (2,)),
    "of images": ({"angle": "T"}, nested(position=("a", "b"), time=(0, 1), angle=(0, 1)), "TAYX", (2, 2)),
}


@pytest.mark.parametrize("is_shuffled", [False, True])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["run.ome.tiff", "run"])
@pytest.mark.usefixtures("bioformats")
def test_readers_see_the_axis(tmp_path, caplog, name, case, is_shuffled):
    modulo, places, axes, sizes = CASES[case]
    put = frames_at(shuffled(places) if is_shuffled else places)
    with TiffStorage(tmp_path / name, fold_axes=modulo) as storage:
        put_all(storage, put)
        images = storage.images
    assert_readers_agree(tmp_path / name, put, caplog)
    assert len(images) == (2 if case == "of images" else 1)
    with TiffStorage.open(tmp_path / name) as storage:
        assert storage.images == images
        assert {axis: name for axis, (name, _) in images[0].folded_axes.items()} == {
            parent: axis for axis, parent in modulo.items()
        }
    file = tmp_path / name if name.endswith("tiff") else min((tmp_path / name).glob("*.tiff"))
    if axes is not None and not is_shuffled:
        with tifffile.TiffFile(file) as tif:
            assert tif.series[0].axes == axes
            assert tif.series[0].shape[:-2] == sizes


def test_bioformats_sees_steps_and_labels(tmp_path, bioformats):
    modulo = {"angle": "T", "lambda": "C", "polarisation": "Z"}
    places = nested(
        angle=(0, 45, 90), polarisation=("s", "p"), channel=("DAPI",), **{"lambda": (500, 520, 590)}
    )
    with TiffStorage(tmp_path / "run.ome.tiff", fold_axes=modulo) as storage:
        put_all(storage, frames_at(places))
    with bioformats(tmp_path / "run.ome.tiff") as reader:
        found = reader.modulo(0)
        names = reader.series[0].channel_names
        assert reader.warnings == []
    angle, wavelength, polarisation = found["T"], found["C"], found["Z"]
    assert (angle.type, angle.start, angle.step, angle.end, angle.length) == ("angle", 0, 45, 90, 3)
    assert (wavelength.type, wavelength.labels) == ("lambda", ["500", "520", "590"])
    assert (polarisation.type, polarisation.description) == ("other", "polarisation")
    assert polarisation.labels == ["s", "p"]
    assert names == ["DAPI lambda 500", "DAPI lambda 520", "DAPI lambda 590"]


@pytest.mark.usefixtures("bioformats")
def test_without_the_option_each_value_is_an_image(tmp_path, caplog):
    put = frames_at(nested(time=(0, 1), angle=(0, 45, 90)))
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        put_all(storage, put)
        assert [image.name for image in storage.images] == ["angle 0", "angle 45", "angle 90"]
    (document,) = assert_readers_agree(tmp_path / "run.ome.tiff", put, caplog)
    assert document.structured_annotations.xml_annotations == []


@pytest.mark.parametrize(
    ("modulo", "message"),
    [
        ({"angle": "X"}, "'Z', 'C' or 'T'"),
        ({"angle": "time"}, "'Z', 'C' or 'T'"),
        ({"z": "T"}, "'z' has a place of its own"),
        ({"position": "T"}, "'position' has a place of its own"),
        ({"angle": "T", "phase": "T"}, "at most one axis into each"),
        ({"angle": ["T"]}, "'Z', 'C' or 'T'"),
        ({1: "T"}, "'Z', 'C' or 'T'"),
    ],
)
def test_invalid_options_are_refused_before_anything_is_created(tmp_path, modulo, message):
    with pytest.raises(ValueError, match=message):
        TiffStorage(tmp_path / "run.ome.tiff", fold_axes=modulo)
    assert list(tmp_path.iterdir()) == []
