"""The output of `info`, compared with ome-types, tifffile and the frames put."""

import json
import sys
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from ome_types import from_tiff

import warm
from acquisitions import nested
from exengine_ome_tiff import (
    ChannelInfo,
    ObjectiveInfo,
    OmeTiffError,
    PlateInfo,
    TiffStorage,
    export_imagej,
    info,
    recover,
)
from exengine_ome_tiff.cli import main
from exengine_ome_tiff.inspection.open_dataset import OpenDataset
from exengine_ome_tiff.inspection.preview_cells import read_times
from exengine_ome_tiff.inspection.preview_plate import PlateMap
from exengine_ome_tiff.inspection.text_table import table
from exengine_ome_tiff.text_format import duration_text, length_text, shortened, size_text
from frames import frame


def put_all(storage, places, metadata=lambda _: {}):
    for place in places:
        storage.put(place, frame(place), metadata(place))


PIXELS = np.zeros((4, 4), np.uint8)
PLACES = [
    {"position": p, "time": t, "channel": c}
    for t in range(3)
    for p in ("left", "right")
    for c in ("DAPI", "dye")
]


def rich(place):
    return {
        "Exposure-ms": 10,
        "ElapsedTime-ms": 90_000 * place["time"] + 500,
        "PixelSizeUm": 0.5,
        "gain of mine": "high",
        "counter": place["time"],
        **({"only once": 1} if place == PLACES[0] else {}),
    }


@pytest.mark.parametrize("name", ["one file.ome.tiff", "ein Ordner µ"])
def test_it_agrees_with_ome_types(tmp_path, name):
    with TiffStorage(
        tmp_path / name, z_step_um=2, time_interval_s=90, channels={"dye": ChannelInfo("#123456")}
    ) as storage:
        put_all(storage, PLACES[:-3], rich)
    found = info(tmp_path / name)
    files = sorted(tmp_path.glob("*.tiff")) or sorted((tmp_path / name).glob("*.tiff"))
    read = [image for file in files for image in from_tiff(file).images]
    assert [image.name for image in found.images] == ["left", "right"] == [image.name for image in read]
    for image, other in zip(found.images, read, strict=True):
        pixels = other.pixels
        assert image.sizes == {axis: getattr(pixels, f"size_{axis.lower()}") for axis in "TCZYX"}
        assert image.pixel_size_um == (pixels.physical_size_y, pixels.physical_size_x) == (0.5, 0.5)
        assert (image.z_step_um, image.time_interval_s) == (pixels.physical_size_z, pixels.time_increment)
        times = [plane.delta_t for plane in pixels.planes]
        assert image.duration_s == pytest.approx(max(times) - min(times))
        assert image.n_frames == len(pixels.planes)
        assert image.n_planes == pixels.size_t * pixels.size_c * pixels.size_z
        assert [*image.channels] == [c.name for c in pixels.channels]
        colors = [tuple(c.color.as_rgb_tuple())[:3] for c in pixels.channels]
        assert [tuple(bytes.fromhex(color[1:])) for color in image.colors] == colors
    assert found.images[0].duration_s == 180
    assert [image.n_planes - image.n_frames for image in found.images] == [1, 0]
    assert (found.is_finished, found.n_frames, found.n_overwritten) == (True, 9, 0)
    disk = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert found.size_bytes == sum(path.stat().st_size for path in disk)


def test_the_places_of_metadata_keys(tmp_path):
    path = tmp_path / "keys.ome.tiff"
    with TiffStorage(path) as storage:
        put_all(storage, PLACES, lambda place: rich(place) | {"long": "x" * 20_000, "nested": {"a\x07b": 1}})
    keys = {key.key: (key.frames, key.written_to) for key in info(path).metadata}
    assert keys == {
        "Exposure-ms": (12, ("ome",)),
        "ElapsedTime-ms": (12, ("ome",)),
        "PixelSizeUm": (12, ("ome",)),
        "gain of mine": (12, ("annotation",)),
        "counter": (12, ("annotation by plane",)),
        "only once": (1, ("annotation by plane",)),
        "long": (12, ("record",)),
        "nested.a\x07b": (12, ("annotation",)),
    }


def test_a_key_that_is_too_long_for_the_annotations_of_one_image_only(tmp_path):
    path = tmp_path / "keys.ome.tiff"
    texts = {"left": "x" * 20_000, "right": "short"}
    with TiffStorage(path) as storage:
        put_all(storage, PLACES, lambda place: {"note": texts[place["position"]]})
    document = from_tiff(path)
    notes = {note.id: note.value for note in document.structured_annotations.map_annotations}
    told = [[notes[ref.id].get("note") for ref in image.annotation_refs] for image in document.images]
    assert ["short" in each for each in told] == [False, True]
    (key,) = info(path).metadata
    assert (key.key, key.frames, key.written_to) == ("note", 12, ("annotation",))


def test_a_running_dataset_and_one_left_by_a_crash(tmp_path):
    path = tmp_path / "killed.ome.tiff"
    script = (
        "import os, sys, numpy as np; from exengine_ome_tiff import TiffStorage, info\n"
        "s = TiffStorage(sys.argv[1])\n"
        "for t in range(4): s.put({'time': t, 'channel': 'GFP'}, np.ones((8, 9), 'u2'), {'Exposure-ms': 1})\n"
        "s.flush(); assert not info(sys.argv[1]).is_finished; os._exit(0)"
    )
    assert warm.run([sys.executable, "-c", script, path], cwd=tmp_path).returncode == 0
    found = info(path)
    (image,) = found.images
    assert (found.is_finished, found.n_frames) == (False, 4)
    assert image.sizes == {"T": 4, "C": 1, "Z": 1, "Y": 8, "X": 9}
    assert image.pixel_size_um == (None, None)
    assert [(key.key, key.written_to) for key in found.metadata] == [("Exposure-ms", ("record",))]
    assert "  state          not finished: still being written, or left by a crash" in table(found)
    assert "  in records, until the dataset is finished, all frames: 1 key" in table(found)
    recover(path)
    assert info(path).is_finished
    assert "until the dataset is finished" not in "\n".join(table(info(path)))
    assert info(path).metadata[0].written_to == ("ome",)


def test_calibration_is_the_same_before_and_after_finishing(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path, time_interval_s=60) as storage:
        put_all(storage, PLACES, lambda place: rich(place) | {"PixelAspect": 2})
        storage.flush()
        before = info(path).images
    names = ("pixel_size_um", "z_step_um", "time_interval_s", "duration_s")
    after = info(path).images
    assert before[0].pixel_size_um == (1.0, 0.5)
    assert [[getattr(image, name) for name in names] for image in before] == [
        [getattr(image, name) for name in names] for image in after
    ]


def test_height_and_width_of_a_pixel_are_not_swapped(tmp_path):
    path = tmp_path / "tall.ome.tiff"
    with TiffStorage(path, pixel_size_um=0.5) as storage:
        put_all(storage, PLACES)
    data = path.read_bytes()
    assert data.count(b'PhysicalSizeY="0.5"') == 2
    path.write_bytes(data.replace(b'PhysicalSizeY="0.5"', b'PhysicalSizeY="0.8"'))
    assert [image.pixel_size_um for image in info(path).images] == [(0.8, 0.5)] * 2
    assert "  pixel size     0.8 µm high, 0.5 µm wide" in table(info(path))
    with OpenDataset(path) as dataset:
        assert read_times(dataset, dataset.images[0], [0], "middle", 32).pixel_um == 0.5 / 4
    export_imagej(path, tmp_path / "tall.tif", "left")
    with tifffile.TiffFile(tmp_path / "tall.tif") as tif:
        assert tif.pages[0].resolution == (2.0, 1.25)


def test_overwritten_frames(tmp_path):
    with TiffStorage(tmp_path / "again.ome.tiff") as storage:
        put_all(storage, [*PLACES, PLACES[0]])
    found = info(tmp_path / "again.ome.tiff")
    assert (found.n_frames, found.n_overwritten) == (12, 1)


def test_images_come_in_the_order_of_arrival(tmp_path):
    with TiffStorage(tmp_path / "plate") as storage:
        put_all(storage, [{"position": p} for p in ("B10", "B2", "A1")])
        storage.put({"position": "A1", "camera": 2}, np.zeros((4, 5, 3), "u1"))
    assert [image.name for image in info(tmp_path / "plate").images] == ["B10", "B2", "A1", "A1, camera 2"]


def test_a_file_that_is_not_a_dataset(tmp_path):
    (tmp_path / "a.tiff").write_bytes(b"II*\0\x08\0\0\0")
    with pytest.raises(OmeTiffError):
        info(tmp_path / "a.tiff")


def test_ome_xml_with_too_few_images_is_reported(tmp_path):
    path = tmp_path / "two.ome.tiff"
    with TiffStorage(path) as storage:
        put_all(storage, PLACES)
    data = path.read_bytes()
    assert data.count(b"<Image ") == 2
    start = data.rindex(b"<Image ")
    path.write_bytes(
        data[:start] + data[start:].replace(b"<Image ", b"<Imagi ", 1).replace(b"</Image>", b"</Imagi>", 1)
    )
    with pytest.raises(OmeTiffError, match="expected 2 images in the OME-XML, got 1"):
        info(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'PhysicalSizeX="0.5"', b'PhysicalSizeX="abc"'),
        (b'TheC="1"', b'TheC="x"'),
        (b'Color="', b'Color="z'),
        (b"<OME ", b"<!DOCTYPE OME><OME "),
        (b"</OME>", b"</OMX>"),
        (b'["long"]', b'["long"!'),
    ],
)
def test_an_invalid_document(tmp_path, old, new):
    path = tmp_path / "bad.ome.tiff"
    with TiffStorage(path, pixel_size_um=0.5, description="x" * 100) as storage:
        put_all(storage, PLACES, lambda _: {"long": "y" * 20_000})
    data = path.read_bytes()
    assert old in data
    spare = len(new) - len(old)
    before, text, after = data.rpartition(b"x" * 100)
    data = (before + text[spare:] + after).replace(old, new, 1)
    path.write_bytes(data)
    with pytest.raises(OmeTiffError, match="OME-XML"):
        info(path)


def test_the_text_is_that_of_the_command(tmp_path, capsys):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        storage.put({"time": 0}, frame({}), {"key": "value", "\x1b[2J": 1})
    assert main(["info", str(path)]) == 0
    found, shown = info(path), []
    found._repr_pretty_(SimpleNamespace(text=shown.append), False)
    assert f"{found}\n" == capsys.readouterr().out == f"{shown[0]}\n"
    assert "\\x1b[2J" in str(found)
    assert repr(found).startswith("DatasetInfo(path=")


def test_the_table_fits_a_terminal(tmp_path):
    path = tmp_path / "wide.ome.tiff"
    with TiffStorage(path) as storage:
        for p in range(40):
            place = {
                "position": f"a name that is far too long for a table, and has 細胞\n in it {p}",
                "time": 0,
            }
            tags = {f"Device {n}-A property with a long name": p * (n % 2) for n in range(60)}
            storage.put(
                place, np.zeros((20_000, 1), "u1"), tags | {"PixelSizeUm": 1 + p % 5, "Exposure-ms": 1}
            )
    found = info(path)
    lines = table(found)
    assert max(map(len, lines[1:])) <= 100
    assert "\n" not in "".join(lines)
    assert "  ... and 16 more: --all lists them" in lines
    assert any("1 µm (8 images); 2 µm (8 images)" in line for line in lines)
    everything = table(found, everything=True)
    assert sum("in it " in line for line in everything) == 40
    assert not any("--all" in line for line in everything)
    assert json.loads(json.dumps(asdict(found), default=str))["n_frames"] == 40


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (1.2345, "1.23 s"), (59.9, "59.9 s"), (90, "1 min 30 s"), (3599.7, "1 h"), (86_400, "24 h")],
)
def test_time_spans(seconds, text):
    assert duration_text(seconds) == text


def test_sizes_and_names():
    assert [size_text(size) for size in (0, 999, 1000, 2_500_000)] == ["0 B", "999 B", "1.0 kB", "2.5 MB"]
    assert [length_text(um) for um in (0.65, 1, 999, 1000)] == ["650 nm", "1 µm", "999 µm", "1 mm"]
    assert shortened("abcdefghij", 7) == "ab...ij"
    assert shortened("abc", 3) == "abc"


def test_the_duration_of_an_image_that_begins_later(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for second, position in enumerate(("early", "early", "late", "late", "late")):
            place = {"position": position, "time": second}
            storage.put(place, PIXELS, {"ElapsedTime-ms": 1000.0 * second})
    durations = {image.name: image.duration_s for image in info(tmp_path / "run.ome.tiff").images}
    assert durations == {"early": 1.0, "late": 2.0}


def test_each_channel_has_its_colour_where_an_axis_is_folded_into_channels(tmp_path):
    path = tmp_path / "run.ome.tiff"
    colors = {"first": ChannelInfo("#102030"), "second": ChannelInfo("#405060")}
    with TiffStorage(path, fold_axes={"lambda": "C"}, channels=colors) as storage:
        put_all(storage, nested(channel=("first", "second"), **{"lambda": range(3)}))
    (image,) = info(path).images
    assert (image.channels, image.colors) == (("first", "second"), ("#102030", "#405060"))
    read = [tuple(channel.color.as_rgb_tuple())[:3] for channel in from_tiff(path).images[0].pixels.channels]
    assert read == [(16, 32, 48)] * 3 + [(64, 80, 96)] * 3


def test_blank_names_are_quoted(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        for position, channel in enumerate(["", "GFP", " "]):
            storage.put({"position": position, "channel": channel}, np.ones((8, 8), np.uint16))
        storage.put({"position": " "}, np.ones((8, 8), np.uint16))
    lines = table(info(path), width=120)
    parts = ['"" #FFFFFF (1 image)', "GFP #00FF00 (1 image)", '" " #FFFFFF (1 image)', "and 1 other value"]
    assert [line for line in lines if "channels" in line] == [f"  channels       {'; '.join(parts)}"]
    assert [line[:12].split() for line in lines if line.endswith("-")][-1] == ['"', '"']


def test_durations_are_a_range_from_shortest_to_longest(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        for second, position in enumerate(["middle"] * 3 + ["long"] * 4 + ["short"] * 2):
            place = {"position": position, "time": second}
            storage.put(place, PIXELS, {"ElapsedTime-ms": 1000 * second})
    assert "  duration       1 s to 3 s, depending on the image" in table(info(tmp_path / "run.ome.tiff"))


def test_an_unreadable_value_is_reported_even_if_others_are_readable(tmp_path):
    with TiffStorage(tmp_path / "run.ome.tiff") as storage:
        storage.put({"position": "A"}, PIXELS, {"Exposure-ms": 5})
        storage.put({"position": "B"}, PIXELS, {"Exposure-ms": "long"})
    found = info(tmp_path / "run.ome.tiff")
    (key,) = found.metadata
    assert key.written_to == ("ome", "annotation")
    (finding,) = found.check
    assert (finding.kind, finding.subject) == ("value", "Exposure-ms")


def test_a_plate_is_a_map_and_irregular_intervals_are_shown(tmp_path):
    path = tmp_path / "plate.ome.tiff"
    with TiffStorage(path, plate=PlateInfo(rows=2, columns=6)) as storage:
        for time, elapsed_s in enumerate((0, 2, 302)):
            for well in ("A1", "B6", "B2")[: 2 if time == 2 else 3]:
                storage.put(
                    {"position": well, "time": time}, np.zeros((4, 4), "u1"), {"elapsed_s": elapsed_s}
                )
    lines = table(info(path))
    start = lines.index("  plate of 2 x 6: 3 wells used, 1 with missing frames (!)")
    assert lines[start + 1 : start + 4] == ["      1       5", "    A o . . . . .", "    B . ! . . . o"]
    assert "  time interval  irregular, 2 s to 5 min (2 images); 2 s (1 image)" in lines
    large = replace(info(path), plate=PlateMap(32, 48, ((31, 47),), ()))
    rows = table(large, width=80)
    start = rows.index("  plate of 32 x 48: 1 well used")
    assert rows[start + 1].split() == [str(column) for column in range(1, 49, 4)]
    assert rows[start + 33] == "    AF" + "." * 47 + "o"
    assert max(map(len, rows[1:])) <= 80


def test_objective_description_summary_and_the_range_of_intervals_are_shown(tmp_path):
    path = tmp_path / "run.ome.tiff"
    objective = ObjectiveInfo("Plan Apo", "Nikon", 20, 0.75, "Air")
    summary = {"Prefix": "run", "Core": {"Version": "11.2", "Notes": "n" * 300}, "None": None}
    many = {f"key {number}": number for number in range(20)}
    with TiffStorage(path, summary | many, objective=objective, description="HeLa in serum") as storage:
        for time, elapsed_s in enumerate((0, 2, 302)):
            for position in ("a", "b"):
                tags = {"elapsed_s": elapsed_s + (time and position == "b")}
                storage.put({"position": position, "time": time}, PIXELS, tags)
    found = info(path)
    assert found.images[0].objective == objective
    assert (found.description, found.summary) == ("HeLa in serum", summary | many)
    lines = table(found, width=80)
    assert "  objective      Nikon Plan Apo 20x NA 0.75 Air" in lines
    assert "'numerical_aperture': 0.75" in str(found.options["objective"])
    assert "numerical_aperture 0.75" in " ".join(map(str.strip, lines))
    assert "  description    HeLa in serum" in lines
    assert "  time interval  irregular, 2 s to 5 min" in lines
    text = " ".join(line.strip() for line in lines)
    assert "summary Prefix run, Core.Version 11.2, Core.Notes nnn" in text.replace("        ", " ")
    assert "and 11 more: --all lists them" in text
    assert "n" * 300 in "".join(line.strip() for line in table(found, everything=True))
    assert max(map(len, lines[1:])) <= 80


def test_a_magnification_in_the_model_is_not_repeated(tmp_path):
    with TiffStorage(tmp_path / "run", objective=ObjectiveInfo("Plan Apo 60X", None, 60, 1.4)) as storage:
        storage.put({}, PIXELS)
    assert "  objective      Plan Apo 60X NA 1.4" in table(info(tmp_path / "run"))


def test_missing_planes_are_counted(tmp_path):
    with TiffStorage(tmp_path / "run") as storage:
        for number in range(2):
            storage.put({"time": number, "z": number}, PIXELS)
    assert "  missing planes 2, never acquired" in table(info(tmp_path / "run"))


def test_the_table_fits_a_width(tmp_path):
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        at = {"position": "a long name of a position", "time": 0}
        storage.put(at, np.zeros((4, 4), "u1"), {f"a key with number {number}": 1 for number in range(30)})
    for width in (66, 96, 140):
        lines = table(info(path), width=width)[1:]
        assert width - 25 < max(map(len, lines)) <= width
