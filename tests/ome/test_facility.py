"""Descriptions of microscopes by facilities, and options in any spelling."""

import numpy as np
import pytest
import tifffile
from ome_types import from_tiff

import exengine_ome_tiff
from exengine_ome_tiff import (
    ChannelInfo,
    FilterInfo,
    LightSourceInfo,
    MicroscopeInfo,
    ObjectiveInfo,
    TiffStorage,
)
from readers.bioformats import validate_xml

FRAME = np.ones((4, 5), np.uint16)
FILTERS = {
    "ET470/40": FilterInfo("excitation", 450, 490, manufacturer="Chroma"),
    "ET525/50": FilterInfo("Emission", cut_in_nm=500, cut_out_nm=550, model="ET525/50m"),
    "T495": FilterInfo("DICHROIC", cut_in_nm=495),
}
LASER = LightSourceInfo("laser", "Coherent", "OBIS", power_mw=np.float32(50), wavelength_nm=np.int64(488))


def stored(path, frames, summary=None, **options):
    with TiffStorage(path, summary, **options) as storage:
        for coordinates, metadata in frames:
            storage.put(coordinates, FRAME, metadata)
    assert validate_xml(tifffile.tiffcomment(path)) == []
    return from_tiff(path)


def path_of(document, channel):
    (instrument,) = document.instruments
    models = {each.id: each.model for each in (*instrument.filters, *instrument.dichroics)}
    path = channel.light_path
    return (
        [models[each.id] for each in path.excitation_filters],
        None if path.dichroic_ref is None else models[path.dichroic_ref.id],
        [models[each.id] for each in path.emission_filters],
    )


def test_a_microscope(tmp_path):
    microscope = MicroscopeInfo("Nikon", "Ti2-E", "12345", kind="inverted")
    document = stored(tmp_path / "run.ome.tiff", [({"time": 0}, {})], microscope=microscope)
    found = document.instruments[0].microscope
    assert (found.manufacturer, found.model, found.serial_number, found.type.value) == (
        *("Nikon", "Ti2-E", "12345", "Inverted"),
    )
    assert document.images[0].instrument_ref.id == document.instruments[0].id


@pytest.mark.parametrize("kind", ["Laser", "LED", "arc", "Filament", "other"])
def test_light_sources(tmp_path, kind):
    source = LightSourceInfo(kind, "Lumencor", wavelength_nm=475, power_mw=20)
    channels = {"GFP": ChannelInfo(light_source=source), "RFP": ChannelInfo(light_source=source)}
    frames = [({"channel": name}, {}) for name in channels]
    document = stored(tmp_path / "run.ome.tiff", frames, channels=channels)
    instrument = document.instruments[0]
    groups = (
        *(instrument.lasers, instrument.light_emitting_diodes, instrument.arcs, instrument.filaments),
        instrument.generic_excitation_sources,
    )
    (light,) = [each for group in groups for each in group]
    assert (light.manufacturer, light.power, light.power_unit.value) == ("Lumencor", 20, "mW")
    for channel in document.images[0].pixels.channels:
        settings = channel.light_source_settings
        assert (settings.id, settings.wavelength) == (light.id, 475)


def test_filters_by_channel(tmp_path):
    channels = {"GFP": ChannelInfo(filters=[*FILTERS], light_source=LASER), "RFP": ChannelInfo()}
    frames = [({"channel": name}, {}) for name in channels]
    document = stored(tmp_path / "run.ome.tiff", frames, channels=channels, filters=FILTERS)
    green, red = document.images[0].pixels.channels
    assert path_of(document, green) == (["ET470/40"], "T495", ["ET525/50m"])
    assert red.light_path is None
    ranges = [each.transmittance_range for each in document.instruments[0].filters]
    assert [(each.cut_in, each.cut_out) for each in ranges] == [(450, 490), (500, 550)]
    assert document.instruments[0].lasers[0].wavelength == 488


def test_labels_of_wheels_become_filters(tmp_path):
    labels = ["ET470/40", "not in the list"]
    frames = [
        ({"channel": str(index)}, {"Camera": "C", "Wheel-Label": label, "ScopeData": {"Cube-Label": "T495"}})
        for index, label in enumerate(labels)
    ]
    document = stored(tmp_path / "run.ome.tiff", frames, filters=FILTERS)
    first, second = document.images[0].pixels.channels
    assert path_of(document, first) == (["ET470/40"], "T495", [])
    assert path_of(document, second) == ([], "T495", [])


def test_labels_of_pymmcore_plus(tmp_path):
    frames = [
        (
            {"channel": label},
            {"format": "frame-dict", "mda_event": {"properties": [["Emission", "Label", label]]}},
        )
        for label in ("ET525/50", "ET470/40")
    ]
    document = stored(tmp_path / "run.ome.tiff", frames, filters=FILTERS)
    first, second = document.images[0].pixels.channels
    assert path_of(document, first) == ([], None, ["ET525/50m"])
    assert path_of(document, second) == (["ET470/40"], None, [])


def test_annotations_and_rights(tmp_path):
    annotations = {"sample": "HeLa, passage 12", "Licence": "CC BY 4.0"}
    frames = [({"position": position}, {}) for position in range(2)]
    document = stored(tmp_path / "run.ome.tiff", frames, annotations=annotations)
    (note,) = [
        each for each in document.structured_annotations.map_annotations if each.namespace.endswith(":user")
    ]
    assert dict(note.value) == annotations
    assert all(note.id in [each.id for each in image.annotation_refs] for image in document.images)
    assert document.rights.rights_held == "CC BY 4.0"


def test_options_persist_after_suspend(tmp_path):
    path = tmp_path / "run.ome.tiff"
    storage = TiffStorage(
        path,
        channels={"GFP": ChannelInfo(filters="T495", light_source=LASER)},
        filters=FILTERS,
        microscope=MicroscopeInfo(model="Ti2"),
        annotations={"sample": "HeLa"},
    )
    storage.put({"channel": "GFP"}, FRAME)
    storage.suspend()
    TiffStorage.resume(path).close()
    document = from_tiff(path)
    assert document.instruments[0].microscope.model == "Ti2"
    assert document.instruments[0].lasers[0].power == 50
    assert path_of(document, document.images[0].pixels.channels[0]) == ([], "T495", [])


@pytest.mark.parametrize(
    ("color", "rgb"),
    [
        ("Magenta", (255, 0, 255)),
        ("#00ff7F", (0, 255, 127)),
        ("00FF7f", (0, 255, 127)),
        (np.array([1, 2, 3], np.uint8), (1, 2, 3)),
        ([255, 255, 255], (255, 255, 255)),
        ("light grey", None),
        ((1, 2), None),
        ((1, 2, 256), None),
        ((1.5, 2, 3), None),
        (5, None),
    ],
)
def test_colors(color, rgb):
    if rgb is None:
        with pytest.raises(ValueError, match="got color="):
            ChannelInfo(color)
    else:
        assert ChannelInfo(color).rgb == rgb


def test_options_ignore_case():
    assert ObjectiveInfo(immersion="oil").immersion == "Oil"
    assert ObjectiveInfo(immersion="water dipping").immersion == "WaterDipping"
    assert ChannelInfo(acquisition_mode="spinning-disk confocal").acquisition_mode == "SpinningDiskConfocal"
    with pytest.raises(ValueError, match="got immersion='beer', expected one of Oil, Water"):
        ObjectiveInfo(immersion="beer")
    with pytest.raises(ValueError, match="got kind='upside down', expected one of Upright, Inverted"):
        MicroscopeInfo(kind="upside down")


@pytest.mark.parametrize("number", [np.float32(0.5), np.float64(0.5), np.array(0.5)[()], 0.5])
def test_numpy_numbers_are_accepted(tmp_path, number):
    document = stored(
        tmp_path / "run.ome.tiff", [({"z": 0}, {})], pixel_size_um=number, z_step_um=np.int16(2)
    )
    pixels = document.images[0].pixels
    assert (pixels.physical_size_x, pixels.physical_size_z) == (0.5, 2)
    assert ObjectiveInfo(magnification=number).magnification == 0.5


def test_a_filter_that_transmits_nothing_is_rejected():
    with pytest.raises(ValueError, match="cut_in_nm=500, expected at most cut_out_nm=400"):
        FilterInfo("emission", cut_in_nm=500, cut_out_nm=400)


@pytest.mark.parametrize("number", [0, -1, np.nan, np.inf, True, "0.5", np.array([0.5, 1])])
def test_numbers_that_are_not_positive_are_rejected_by_name(number):
    with pytest.raises(ValueError, match=r"got magnification=.*expected a positive number"):
        ObjectiveInfo(magnification=number)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"microscope": "Ti2"}, TypeError, "microscope='Ti2', expected MicroscopeInfo"),
        ({"filters": {"a": 5}}, TypeError, "expected FilterInfo"),
        ({"annotations": {"a": 5}}, TypeError, "annotations"),
        ({"annotations": "HeLa"}, TypeError, "annotations='HeLa', expected a dict"),
        ({"channels": ["DAPI"]}, TypeError, r"channels=\['DAPI'\], expected a dict"),
        ({"filters": ["ET"]}, TypeError, r"filters=\['ET'\], expected a dict"),
        ({"time_interval_s": np.timedelta64(2, "s")}, ValueError, "time_interval_s=.*, expected a positive"),
        ({"channels": {"a": ChannelInfo(filters=["b"])}}, ValueError, "the filter 'b' of a channel"),
    ],
)
def test_an_invalid_option_is_rejected_by_name(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        TiffStorage(tmp_path / "run.ome.tiff", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"channels": {"DAPI": "blue"}}, "channels={'DAPI': ChannelInfo(color='blue')}"),
        ({"channels": {0: "DAPI"}}, "channels={0: ChannelInfo(name='DAPI')}"),
        ({"channels": {"a": {"emission_nm": 520}}}, "channels={'a': ChannelInfo(emission_nm=520)}"),
        ({"channels": {"a": 5}}, "channels={'a': ChannelInfo(color='blue')}"),
        ({"channels": {"a": None}}, "channels={'a': ChannelInfo(color=None)}"),
        ({"channels": ["DAPI"]}, "channels={'DAPI': ChannelInfo(color='blue')}"),
        ({"objective": "60x"}, "objective=ObjectiveInfo(model='60x')"),
        ({"objective": 60}, "objective=ObjectiveInfo(model='Plan Apo 60x/1.4 Oil')"),
        ({"microscope": "Ti2"}, "microscope=MicroscopeInfo(model='Ti2')"),
        ({"experimenter": "kim"}, "experimenter=ExperimenterInfo(user_name='kim')"),
        ({"filters": {"ET": "emission"}}, "filters={'ET': FilterInfo(kind='emission')}"),
        ({"filters": ["ET"]}, "filters={'ET525/50m': FilterInfo(kind='Emission')}"),
        ({"annotations": "HeLa"}, "annotations={'sample': 'HeLa'}"),
    ],
)
def test_the_message_about_an_invalid_option_has_a_line_that_works(tmp_path, options, line):
    with pytest.raises(TypeError) as error:
        TiffStorage(tmp_path / "run.ome.tiff", **options)
    assert str(error.value).endswith(f": write {line}")
    names = {name: getattr(exengine_ome_tiff, name) for name in exengine_ome_tiff.__all__}
    right = eval(f"dict({line})", names)  # noqa: S307 - the line itself
    TiffStorage(tmp_path / "run.ome.tiff", **right).close()


def test_line_ends(tmp_path, bioformats):
    path = tmp_path / "run.ome.tiff"
    document = stored(path, [({"time": 0}, {"note": "a\r\nb\rc"})], description="one\r\ntwo\rthree")
    xml = tifffile.tiffcomment(path)
    assert "&#13;" not in xml
    assert "\r" not in xml
    assert document.images[0].description == "one\ntwo\nthree"
    with bioformats(path) as reader:
        assert reader.warnings == []
