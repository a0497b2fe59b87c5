"""Names of numbered channels and positions from metadata, as readers show them."""

import json

import numpy as np
import pytest
from ome_types import from_tiff

from exengine_ome_tiff import ChannelInfo, TiffStorage, convert, info, recover
from exengine_ome_tiff.cli import main

FRAME = np.zeros((8, 8), np.uint16)
DAPI_GFP = ("DAPI", "GFP")
STUDIO = {"ChNames": ["DAPI", "GFP"], "ChColors": [-65536, -16711936]}
LEFT_RIGHT = [{"Label": "left"}, {"Label": "right"}]
WRAPPED = [{"Label": {"type": "STRING", "scalar": name}} for name in ("left", "right")]
COLORS = dict(zip(*STUDIO.values(), strict=True))
RED, GREEN = "#FF0000", "#00FF00"


def record(path, frames, summary=None, **options):
    with TiffStorage(path, summary, **options) as storage:
        for coordinates, metadata in frames:
            storage.put(coordinates, FRAME, metadata)
    return path


def channels(path):
    return [[channel.name for channel in image.pixels.channels] for image in from_tiff(path).images]


@pytest.mark.parametrize(
    ("metadata", "summary"),
    [
        ([{"Channel": name} for name in DAPI_GFP], {}),
        ([{"ChannelName": name} for name in DAPI_GFP], {}),
        ([{"UserData": {"Channel": {"type": "STRING", "scalar": name}}} for name in DAPI_GFP], {}),
        ([{"mda_event": {"channel": {"config": name}}} for name in DAPI_GFP], {}),
        ([{"channel_name": name} for name in DAPI_GFP], {}),
        ([{}, {}], STUDIO),
        ([{"Channel": "Default"}] * 2, STUDIO),
        ([{"Channel": "DAPI"}, {}], STUDIO),
        (
            [{}, {}],
            {"format": "summary-dict", "mda_sequence": {"channels": [{"config": each} for each in DAPI_GFP]}},
        ),
    ],
)
@pytest.mark.parametrize("values", [(0, 1), ("0", "1")])
def test_numbered_channels_take_names_from_metadata(tmp_path, values, metadata, summary):
    frames = [({"channel": c}, told) for c, told in zip(values, metadata, strict=True)]
    path = record(tmp_path / "run.ome.tiff", frames, summary)
    assert channels(path) == [["DAPI", "GFP"]]
    with TiffStorage.open(path) as storage:
        assert storage.images[0].channels == DAPI_GFP
        assert storage.images[0].axes == {"channel": values}
        assert storage.get_image_coordinates_list() == [{"channel": values[0]}, {"channel": values[1]}]
        array = storage.as_xarray()
        assert array.coords["channel"].values.tolist() == [*values]
        assert array.coords["channel_name"].values.tolist() == [*DAPI_GFP]
    assert info(path).images[0].channels == DAPI_GFP
    assert info(path).check == ()


def test_bioformats_shows_names_and_colours(tmp_path, bioformats):
    frames = [({"position": p, "channel": c}, {}) for p in range(2) for c in range(2)]
    path = record(tmp_path / "run.ome.tiff", frames, {**STUDIO, "StagePositions": LEFT_RIGHT})
    with bioformats(path) as reader:
        assert [series.name for series in reader.series] == ["left", "right"]
        assert [series.channel_names for series in reader.series] == [["DAPI", "GFP"]] * 2
    red, green = from_tiff(path).images[1].pixels.channels
    assert [each.color.as_hex(format="long").upper() for each in (red, green)] == [RED, GREEN]


@pytest.mark.parametrize(
    "told",
    [
        {"ChColors": STUDIO["ChColors"]},
        {
            "DisplaySettings": {
                name: {"Color": color, "Min": 0} for name, color in zip(*STUDIO.values(), strict=True)
            }
        },
    ],
)
def test_colours_of_numbered_channels(tmp_path, told):
    frames = [({"channel": c}, {"Channel": name}) for c, name in enumerate(DAPI_GFP)]
    path = record(tmp_path / "run.ome.tiff", frames, told)
    assert info(path).images[0].colors == (RED, GREEN)
    assert info(path).images[0].channels == DAPI_GFP


@pytest.mark.parametrize(
    ("metadata", "summary"),
    [
        ([{"PositionName": "left"}, {"PositionName": "right"}], {}),
        ([{"mda_event": {"pos_name": "left"}}, {"mda_event": {"pos_name": "right"}}], {}),
        ([{}, {}], {"StagePositions": LEFT_RIGHT}),
        ([{}, {}], {"StagePositions": [{"label": "left"}, {"label": "right"}]}),
        ([{}, {}], {"InitialPositionList": LEFT_RIGHT}),
        (
            [{}, {}],
            {"StagePositions": WRAPPED},
        ),
    ],
)
def test_numbered_positions_take_names_from_metadata(tmp_path, metadata, summary):
    frames = [({"position": p, "time": t}, told) for p, told in enumerate(metadata) for t in range(2)]
    path = record(tmp_path / "run.ome.tiff", frames, summary)
    images = from_tiff(path).images
    assert [(image.name, image.stage_label.name) for image in images] == [("left",) * 2, ("right",) * 2]
    with TiffStorage.open(path) as storage:
        assert [image.coordinates for image in storage.images] == [{"position": 0}, {"position": 1}]
        array = storage.as_xarray("right")
        assert (array.coords["position"].item(), array.coords["position_name"].item()) == (1, "right")
        assert "'left'" in repr(storage)


def test_names_during_a_run_and_after_recovery(tmp_path):
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(path)
    for channel, name in enumerate(DAPI_GFP):
        storage.put({"position": 7, "channel": channel}, FRAME, {"Channel": name, "PositionName": "left"})
    assert (storage.images[0].name, storage.images[0].channels) == ("left", DAPI_GFP)
    storage.suspend()
    with TiffStorage.open(path, allow_unfinished=True) as unfinished:
        assert (unfinished.images[0].name, unfinished.images[0].channels) == ("left", DAPI_GFP)
    recover(path)
    assert channels(path) == [[*DAPI_GFP]]


def test_names_in_a_folder(tmp_path):
    frames = [({"position": p, "channel": 0}, {"PositionName": "pq"[p], "Channel": "BF"}) for p in range(2)]
    record(tmp_path / "run", frames)
    with TiffStorage.open(tmp_path / "run") as storage:
        assert [(image.name, image.channels) for image in storage.images] == [("p", ("BF",)), ("q", ("BF",))]


def test_the_user_names_channels(tmp_path):
    infos = {0: ChannelInfo(name="nuclei"), "GFP": ChannelInfo(name="actin", color=RED), "Cy5": ChannelInfo()}
    frames = [({"channel": c}, {"Channel": "DAPI"} if c == 0 else {}) for c in (0, "GFP", "Cy5")]
    path = record(tmp_path / "run.ome.tiff", frames, channels=infos)
    assert channels(path) == [["nuclei", "actin", "Cy5"]]
    with TiffStorage.open(path) as storage:
        assert storage.images[0].channels == ("nuclei", "actin", "Cy5")
    with pytest.raises(TypeError, match="name"):
        ChannelInfo(name=3)


def test_options_by_the_name_of_a_numbered_channel(tmp_path, caplog):
    frames = [({"channel": c}, {"Channel": name}) for c, name in enumerate(DAPI_GFP)]
    path = record(tmp_path / "run.ome.tiff", frames, channels={"GFP": ChannelInfo(emission_nm=525)})
    assert [each.emission_wavelength for each in from_tiff(path).images[0].pixels.channels] == [None, 525]
    assert caplog.records == []


def test_options_for_a_channel_that_no_frame_has(tmp_path, caplog):
    frames = [({"channel": c}, {}) for c in DAPI_GFP]
    record(tmp_path / "run.ome.tiff", frames, channels={"DPAI": ChannelInfo(RED), "GFP": ChannelInfo(GREEN)})
    (line,) = [each.getMessage() for each in caplog.records]
    assert line.endswith("channels= has 'DPAI', which no frame has: the channels are 'DAPI', 'GFP'")
    caplog.clear()
    record(tmp_path / "camera.ome.tiff", [({"camera": "left"}, {})], channels={"left": ChannelInfo(GREEN)})
    (line,) = [each.getMessage() for each in caplog.records]
    assert line.endswith("channels= has 'left', which no frame has: put channel='left' in the coordinates")


@pytest.mark.parametrize(
    ("metadata", "summary", "message"),
    [
        ([{"Channel": "DAPI"}, {"Channel": "Cy5"}], {}, "channel 0 is called 'Cy5' and 'DAPI'"),
        ([{"Channel": "Cy5"}, {"Channel": "Cy5"}], STUDIO, "channel 0 is called 'Cy5' and 'DAPI'"),
    ],
)
def test_conflicting_names_of_a_channel(tmp_path, caplog, metadata, summary, message):
    frames = [({"channel": 0, "time": t}, told) for t, told in enumerate(metadata)]
    path = record(tmp_path / "run.ome.tiff", frames, summary)
    assert channels(path) == [["0"]]
    (line,) = [each.getMessage() for each in caplog.records]
    assert f"{message}, so the number is kept: pass channels=" in line
    with TiffStorage.open(path) as storage:
        assert storage.images[0].channels == ("0",)
    assert message in info(path).check[0].message


def test_one_name_of_two_positions(tmp_path, caplog):
    path = record(tmp_path / "run.ome.tiff", [({"position": p}, {"PositionName": "cell"}) for p in range(2)])
    assert [image.name for image in from_tiff(path).images] == [
        "position 0",
        "position 1",
    ]
    assert "positions 0 and 1 are all called 'cell', so the number is kept" in caplog.text


def test_wavelengths_are_names(tmp_path):
    frames = [({"channel": c}, {"Channel": "Laser"}) for c in ("488",)]
    assert channels(record(tmp_path / "run.ome.tiff", frames)) == [["488"]]


def test_wells_from_the_names_of_numbered_positions(tmp_path, bioformats):
    names = ("A1-Site_0", "A1-Site_1", "B2-Site_0")
    frames = [({"position": p}, {"PositionName": name}) for p, name in enumerate(names)]
    path = record(tmp_path / "run.ome.tiff", frames)
    (plate,) = from_tiff(path).plates
    assert [(well.row, well.column, len(well.well_samples)) for well in plate.wells] == [(0, 0, 2), (1, 1, 1)]
    assert [image.name for image in from_tiff(path).images] == [*names]
    with bioformats(path) as reader:
        assert [series.name for series in reader.series] == [*names]


def test_a_name_in_ome_is_not_annotated(tmp_path):
    frames = [({"channel": c}, {"Channel": name, "Other": 1}) for c, name in enumerate(DAPI_GFP)]
    path = record(tmp_path / "run.ome.tiff", frames)
    with TiffStorage.open(path) as storage:
        assert storage.get_metadata({"channel": 1}) == {"Channel": "GFP", "Other": 1}
    (keys,) = [each.written_to for each in info(path).metadata if each.key == "Channel"]
    assert keys == ("ome",)


def test_info_prints_names(tmp_path, capsys):
    frames = [({"position": 0, "channel": c}, {"PositionName": "left"}) for c in range(2)]
    path = record(tmp_path / "run.ome.tiff", frames, STUDIO)
    assert main(["info", str(path)]) == 0
    shown = capsys.readouterr().out
    assert f"DAPI {RED}, GFP {GREEN}" in shown
    assert "left" in shown
    assert main(["info", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["images"][0]["channels"] == [*DAPI_GFP]


@pytest.mark.parametrize("made_by", ["frames", "summary"])
def test_ndtiff_with_numbered_channels(tmp_path, made_by):
    ndstorage = pytest.importorskip("ndstorage")
    is_told = made_by == "frames"
    source = ndstorage.NDTiffDataset(str(tmp_path), name="source", writable=True)
    source.initialize({} if is_told else {**STUDIO, "StagePositions": LEFT_RIGHT})
    for position, place in enumerate(("left", "right")):
        for channel, name in enumerate(DAPI_GFP):
            told = {"Channel": name, "PositionName": place} if is_told else {}
            source.put_image({"channel": channel, "position": position}, FRAME, told)
    reader = source.current_writer.reader
    source.finish()
    source.close()
    reader.close()
    convert(tmp_path / "source_1", tmp_path / "run.ome.tiff", verify=True)
    images = from_tiff(tmp_path / "run.ome.tiff").images
    assert [image.name for image in images] == ["left", "right"]
    assert channels(tmp_path / "run.ome.tiff") == [[*DAPI_GFP]] * 2


def test_damaged_names_are_replaced_by_those_of_the_first_frames(tmp_path, caplog):
    frames = [({"channel": c}, {"Channel": name}) for c, name in enumerate(DAPI_GFP)]
    path = record(tmp_path / "run.ome.tiff", frames)
    names = json.dumps({"channel": [[0, "DAPI"], [1, "GFP"]]}).encode()
    assert path.read_bytes().count(names) == 1
    path.write_bytes(path.read_bytes().replace(names, b"[" + names[1:]))
    with TiffStorage.open(path) as storage:
        assert storage.images[0].channels == DAPI_GFP
    (line,) = [each.getMessage() for each in caplog.records]
    assert line.startswith(f"{path}: not the names of channels and positions: ")
