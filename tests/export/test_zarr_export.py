"""OME-Zarr as zarr and the models of yaozarrs read it; tests/ome_zarr uses the readers of viewers."""

import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from ome_types import from_xml

from acquisitions import nested
from exengine_ome_tiff import ChannelInfo, PlateInfo, TiffStorage, export_ome_zarr
from exengine_ome_tiff.cli import main
from frames import frame

zarr = pytest.importorskip("zarr", reason="zarr comes with the extra `zarr`")
yaozarrs = pytest.importorskip("yaozarrs", reason="yaozarrs comes with the extra `zarr`")

SHAPE = (31, 1030)
MISSING = {"position": "right", "time": 1, "channel": "mine", "z": 0}
PLACES = [
    place
    for place in nested(position=("left", "right"), time=range(2), channel=("DAPI", "mine"), z=(0, 1, 2))
    if place != MISSING
]
OPTIONS = {
    "pixel_size_um": 0.25,
    "z_step_um": 2.0,
    "time_interval_s": 30.0,
    "channels": {"mine": ChannelInfo(color=(255, 128, 0))},
    "fsync": False,
}


def record(path, places=PLACES, shape=SHAPE, **options):
    with TiffStorage(path, **OPTIONS | options) as storage:
        for place in places:
            storage.put(place, frame(place, shape))
    return path


def expected(position, shape=SHAPE):
    stack = np.zeros((2, 2, 3, *shape), np.uint16)
    for place in PLACES:
        if place["position"] == position:
            at = place["time"], ("DAPI", "mine").index(place["channel"]), place["z"]
            stack[at] = frame(place, shape)
    return stack


def attributes(path):
    found = dict(zarr.open_group(path, mode="r").attrs)
    return found.get("ome", found)


@pytest.mark.parametrize(("version", "zarr_format", "is_folder"), [("0.5", 3, False), ("0.4", 2, True)])
def test_all_images_with_calibration_colours_and_pyramids(tmp_path, version, zarr_format, is_folder):
    path = record(tmp_path / ("run" if is_folder else "run.ome.tiff"))
    seen = []
    done = export_ome_zarr(
        path, tmp_path / "out.zarr", version=version, progress=lambda *told: seen.append(told)
    )
    assert (done.path, done.version, done.n_planes, done.n_resumed) == (tmp_path / "out.zarr", version, 23, 0)
    assert done.images == {"0": "left", "1": "right"}
    assert (seen[0], seen[-1]) == ((0, 23), (23, 23))
    assert not [*tmp_path.glob(".*.part")]
    yaozarrs.validate_zarr_store(str(done.path))
    assert attributes(done.path)["bioformats2raw.layout"] == 3
    assert attributes(done.path / "OME")["series"] == ["0", "1"]
    document = from_xml((done.path / "OME" / "METADATA.ome.xml").read_text("utf-8"), validate=True)
    assert [image.name for image in document.images] == ["left", "right"]
    assert all(image.pixels.metadata_only and not image.pixels.tiff_data_blocks for image in document.images)
    assert document.images[0].pixels.planes
    for number, position in enumerate(("left", "right")):
        group = done.path / str(number)
        whole, half = (zarr.open_array(group / str(level), mode="r") for level in range(2))
        assert (whole.metadata.zarr_format, whole.dtype) == (zarr_format, np.uint16)
        pixels = expected(position)
        np.testing.assert_array_equal(whole[:], pixels)
        corners = [
            pixels[..., y : SHAPE[0] - 1 : 2, x : SHAPE[1] : 2].astype(int) for y in (0, 1) for x in (0, 1)
        ]
        np.testing.assert_array_equal(half[:], (sum(corners) + 2) // 4)
        about = attributes(group)
        (multiscale,) = about["multiscales"]
        assert multiscale["name"] == position
        units = [(axis["name"], axis.get("unit")) for axis in multiscale["axes"]]
        um = "micrometer"
        assert units == [("t", "second"), ("c", None), ("z", um), ("y", um), ("x", um)]
        scales = [each["coordinateTransformations"][0]["scale"] for each in multiscale["datasets"]]
        assert scales == [[30, 1, 2, 0.25, 0.25], [30, 1, 2, 0.5, 0.5], [30, 1, 2, 1.0, 1.0]]
        channels = about["omero"]["channels"]
        assert [(each["label"], each["color"]) for each in channels] == [
            ("DAPI", "0000FF"),
            ("mine", "FF8000"),
        ]
        assert all(each["window"]["start"] < each["window"]["end"] <= 65535 for each in channels)


def test_rgb_unfinished_without_calibration_and_other_types(tmp_path):
    values = np.arange(40 * 30 * 3).reshape(40, 30, 3)
    storage = TiffStorage(tmp_path / "rgb.ome.tiff", fsync=False)
    storage.put({"time": 0}, (values % 251).astype(np.uint8))
    storage.put({"z": 0, "kind": "float"}, values[..., 0].astype(np.float32) - 7.5)
    storage.flush()
    done = export_ome_zarr(storage.path, tmp_path / "rgb.zarr")
    storage.close()
    stacks = {path: zarr.open_array(done.path / path / "0", mode="r") for path in done.images}
    colour = next(each for each in stacks.values() if each.dtype == np.uint8)
    np.testing.assert_array_equal(colour[0, :, 0], np.moveaxis((values % 251).astype(np.uint8), -1, 0))
    real = next(each for each in stacks.values() if each.dtype == np.float32)
    np.testing.assert_array_equal(real[0, 0, 0], values[..., 0] - 7.5)
    path = next(path for path, each in stacks.items() if each.dtype == np.uint8)
    about = attributes(done.path / path)
    assert [each["color"] for each in about["omero"]["channels"]] == ["FF0000", "00FF00", "0000FF"]
    (multiscale,) = about["multiscales"]
    assert all("unit" not in axis for axis in multiscale["axes"])
    assert multiscale["datasets"][0]["coordinateTransformations"] == [{"type": "scale", "scale": [1.0] * 5}]
    document = from_xml((done.path / "OME" / "METADATA.ome.xml").read_text("utf-8"), validate=True)
    assert len(document.images) == 2


@pytest.mark.parametrize("version", ["0.5", "0.4"])
def test_a_plate_with_fields_and_an_image_outside_it(tmp_path, version):
    wells = {"a": "B3-Site_0", "b": "B3-Site_1", "c": "AA12"}
    path = record(
        tmp_path / "assay",
        nested(position=("a", "off", "b", "c")),
        (20, 30),
        plate=PlateInfo(name="Assay", rows=32, columns=48, wells=wells),
    )
    done = export_ome_zarr(path, tmp_path / "assay.zarr", version=version)
    assert {name: path for path, name in done.images.items()} == {
        "a": "B/3/0",
        "b": "B/3/1",
        "c": "AA/12/0",
        "off": next(path for path, name in done.images.items() if name == "off"),
    }
    yaozarrs.validate_zarr_store(str(done.path))
    plate = attributes(done.path)["plate"]
    assert (plate["name"], len(plate["rows"]), len(plate["columns"])) == ("Assay", 32, 48)
    assert plate["wells"] == [
        {"path": "B/3", "rowIndex": 1, "columnIndex": 2},
        {"path": "AA/12", "rowIndex": 26, "columnIndex": 11},
    ]
    assert attributes(done.path / "B" / "3")["well"]["images"] == [{"path": "0"}, {"path": "1"}]
    assert attributes(done.path / "OME")["series"] == [*done.images]
    for where, name in done.images.items():
        pixels = zarr.open_array(done.path / where / "0", mode="r")
        np.testing.assert_array_equal(pixels[0, 0, 0], frame({"position": name}, (20, 30)))


_EXPORT = """
import sys, time
from exengine_ome_tiff import export_ome_zarr
from exengine_ome_tiff.export import zarr_images
zarr_images._BATCH = 1
def slowly(done, total):
    if done == 5:
        print("five", flush=True)
        time.sleep(60)
export_ome_zarr(sys.argv[1], sys.argv[2], progress=slowly)
"""


def test_a_killed_export_is_resumed(tmp_path):
    path = record(tmp_path / "run.ome.tiff", shape=(64, 64))
    dest = tmp_path / "out.zarr"
    with subprocess.Popen([sys.executable, "-c", _EXPORT, path, dest], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"five\n"
        process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    assert not dest.exists()
    part = tmp_path / ".out.zarr.part"
    with (part / "done.txt").open("a") as file:
        file.write("0 1")  # an incomplete line
    before = {each: each.stat().st_mtime_ns for each in (part / "out.zarr").rglob("c/**/*") if each.is_file()}
    with pytest.raises(FileExistsError, match="interrupted export with different options"):
        export_ome_zarr(path, dest, version="0.4")
    time.sleep(0.02)
    done = export_ome_zarr(path, dest)
    assert done.n_resumed == 5
    assert len(before) >= 5
    kept = [(dest / each.relative_to(part / "out.zarr")).stat().st_mtime_ns for each in before]
    assert sorted(kept)[:5] == sorted(before.values())[:5]
    for number, position in enumerate(("left", "right")):
        pixels = zarr.open_array(dest / str(number) / "0", mode="r")[:]
        np.testing.assert_array_equal(pixels, expected(position, (64, 64)))
    assert not part.exists()


def test_only_an_existing_zarr_is_replaced(tmp_path, capsys):
    path = record(tmp_path / "run.ome.tiff", shape=(20, 30))
    dest = tmp_path / "out.zarr"
    assert main(["export", str(path), str(dest)]) == 0
    assert capsys.readouterr().out == f"{dest}: OME-Zarr 0.5, 23 planes\n0: left\n1: right\n"
    (dest / "mark").touch()
    assert main(["export", str(path), str(dest)]) == 2
    assert "--overwrite replaces OME-Zarr" in capsys.readouterr().err
    assert main(["export", str(path), str(dest), "--overwrite", "--ngff", "0.4"]) == 0
    assert json.loads((dest / ".zattrs").read_text()) == {"bioformats2raw.layout": 3}
    assert not (dest / "mark").exists()
    shutil.rmtree(dest)
    dest.mkdir()
    (dest / "thesis.txt").touch()
    with pytest.raises(FileExistsError, match="not a Zarr hierarchy"):
        export_ome_zarr(path, dest, overwrite=True)
    assert (dest / "thesis.txt").exists()
    assert main(["export", str(path), str(tmp_path / "one.zarr"), "--image", "0"]) == 2
    assert main(["export", str(path), str(tmp_path / "one.tif"), "--ngff", "0.4"]) == 2
    with pytest.raises(ValueError, match=r"must end in \.zarr"):
        export_ome_zarr(path, tmp_path / "out")
    with pytest.raises(ValueError, match=r"expected 0\.4 or 0\.5"):
        export_ome_zarr(path, tmp_path / "new.zarr", version="0.6")
