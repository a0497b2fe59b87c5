"""OME-XML of very many planes: only the first of several planes has the values they share."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tifffile
from ome_types import from_xml
from ome_types.model import UnitsTime

from exengine_ome_tiff import TiffStorage, validate
from exengine_ome_tiff.ome import planes
from exengine_ome_tiff.ome.xml_reader import read_ome, schema_errors
from frames import frame
from readers.bioformats import BioFormats, unavailable_reason

NUMBERS = ("DeltaT", "ExposureTime", "PositionX", "PositionY", "PositionZ")


def write(path, *, is_first_there=True):
    """Write two positions; all quantities differ along other axes, and y differs in each plane."""
    with TiffStorage(path) as storage:
        places = itertools.product(range(2), range(4), range(3), ("DAPI", "GFP"))
        for number, (position, time, z, channel) in enumerate(places):
            if number or is_first_there:
                place = {"position": position, "time": time, "z": z, "channel": channel}
                tags = {
                    "ElapsedTime-ms": number * 10,
                    "Exposure-ms": 10 if channel == "DAPI" else 25,
                    "XPositionUm": 100.0 * position,
                    "YPositionUm": number / 8,
                    "ZPositionUm": z * 0.5 - time,
                }
                storage.put(place, frame(place), tags)


def told(path):
    """Return the values of all planes of all images, as numbers."""
    elements = read_ome(tifffile.tiffcomment(path).encode())
    return [
        {
            zct: [each.plane_quantity(zct, name, "s" if name in NUMBERS[:2] else "µm") for name in NUMBERS]
            for zct in each.planes
        }
        for each in elements
    ]


@pytest.mark.parametrize("is_first_there", [True, False])
def test_values_shared_by_planes_are_written_once(tmp_path, monkeypatch, caplog, is_first_there):
    write(tmp_path / "complete.ome.tiff", is_first_there=is_first_there)
    assert "that planes share" not in caplog.text
    monkeypatch.setattr(planes, "MOST_COMPLETE_PLANES", 47)
    path = tmp_path / "complete" / "complete.ome.tiff"
    path.parent.mkdir()
    write(path, is_first_there=is_first_there)
    assert caplog.text.count("that planes share are written for the first of them only") == 1
    complete, xml = (tifffile.tiffcomment(each) for each in (tmp_path / "complete.ome.tiff", path))
    assert schema_errors(xml.encode()) == []
    assert validate(path) == []
    n_planes = 48 - (not is_first_there)
    n_heights = 2 * 4 * 3 if is_first_there else 23 + 4 * 3  # 12 of them have no more than 11 equals
    for name, few in zip(NUMBERS, (n_planes, 2 * 2, 2, n_planes, n_heights), strict=True):
        assert (complete.count(f'{name}="'), xml.count(f'{name}="')) == (n_planes, few), name
    assert told(path) == told(tmp_path / "complete.ome.tiff")
    with TiffStorage.open(path) as short, TiffStorage.open(tmp_path / "complete.ome.tiff") as long:
        for position in range(2):
            np.testing.assert_equal(
                {name: each.values for name, each in short.as_xarray(position).coords.items()},
                {name: each.values for name, each in long.as_xarray(position).coords.items()},
            )
    first, *_, last = from_xml(xml).images[1].pixels.planes
    exposure_s = 0.01 if is_first_there else 0.025  # the exposure of the first channel
    assert (first.position_x, first.exposure_time, first.position_z) == (100, exposure_s, 0)
    assert (last.position_x, last.delta_t_unit, last.exposure_time_unit) == (None, *2 * [UnitsTime.SECOND])
    assert last.delta_t == pytest.approx(0.47 if is_first_there else 0.45)


@pytest.mark.skipif(unavailable_reason() is not None, reason=str(unavailable_reason()))
def test_bioformats_opens_a_long_document_without_warnings(tmp_path, monkeypatch):
    monkeypatch.setattr(planes, "MOST_COMPLETE_PLANES", 47)
    write(tmp_path / "run.ome.tiff")
    with BioFormats(tmp_path / "run.ome.tiff") as opened:
        assert opened.warnings == []
        assert [(s.size_z, s.size_c, s.size_t) for s in opened.series] == [(3, 2, 4)] * 2
