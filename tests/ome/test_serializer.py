"""The text of a document is what ome-types makes of it."""

import numpy as np
import pytest
from ome_types import from_xml, to_xml
from ome_types import model as m

import exengine_ome_tiff.ome.document
from exengine_ome_tiff import ChannelInfo, ExperimenterInfo, ObjectiveInfo, PlateInfo, TiffStorage
from exengine_ome_tiff.ome.document import xml_text
from exengine_ome_tiff.tiff import read_description


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    path = tmp_path_factory.mktemp("document") / "run.ome.tiff"
    options = {
        "plate": PlateInfo(rows=8, columns=12),
        "channels": {"DAPI": ChannelInfo(color="blue", excitation_nm=405.5)},
        "experimenter": ExperimenterInfo(first_name="Ada"),
        "objective": ObjectiveInfo(numerical_aperture=1.4),
        "annotations": {"ö<&>": 'a "b"\n'},
        "fold_axes": {"angle": "T"},
    }
    with TiffStorage(path, **options) as storage:
        for well in ("A1", "B2"):
            place = {"well": well, "channel": "DAPI", "angle": 0, "time": 0}
            storage.put(
                place,
                np.zeros((8, 8), np.uint16),
                {"x_um": 1.5, "timestamp": "2026-01-01T00:00:00Z", "more": 1},
            )
    return from_xml(read_description(path))


def test_the_text_is_that_of_ome_types(document):
    expected = to_xml(document.model_copy(deep=True), indent=0)
    assert len(document.structured_annotations.map_annotations) > 1
    assert xml_text(document) == expected


def test_the_text_is_the_same_without_the_package_that_makes_it_faster(document, monkeypatch):
    expected = xml_text(document.model_copy(deep=True))
    monkeypatch.setattr(exengine_ome_tiff.ome.document, "_is_known", False)
    assert xml_text(document) == expected


def test_items_appended_to_lists_are_in_the_text(document):
    document = document.model_copy(deep=True)
    value = m.Map(ms=[m.Map.M(k="key", value="text")])
    document.structured_annotations.tag_annotations.append(m.TagAnnotation(id="Annotation:9", value="tag"))
    document.structured_annotations.map_annotations.append(m.MapAnnotation(id="Annotation:10", value=value))
    document.images[0].annotation_refs.append(m.AnnotationRef(id="Annotation:9"))
    text = xml_text(document.model_copy(deep=True))
    assert text == to_xml(document, indent=0)
    assert '<M K="key">text</M>' in text
    assert text.count("Annotation:9") == 2
