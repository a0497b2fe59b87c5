"""Untrusted OME-XML: decoded before any check, and rejected if it could declare entities."""

import re

import pytest

from exengine_ome_tiff.conversion.ome_values import read_foreign_ome
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.ome.xml_reader import TiffData, read_ome, schema_errors

NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
PIXELS = (
    '<Pixels ID="Pixels:0" DimensionOrder="XYZTC" Type="uint16" SizeX="5" SizeY="4" SizeZ="2" SizeC="1" '
    'SizeT="3" PhysicalSizeX="250" PhysicalSizeXUnit="nm" TimeIncrement="2" TimeIncrementUnit="min">'
    '<Channel ID="Channel:0:0" Color="-16776961"/><TiffData IFD="7" PlaneCount="6"/>'
    '<Plane TheZ="1" TheC="0" TheT="2" DeltaT="1500" DeltaTUnit="ms"/></Pixels>'
)


def document(name: str, before: str = "", encoding: str = "UTF-8") -> str:
    return (
        f'<?xml version="1.0" encoding="{encoding}"?>{before}<OME xmlns="{NAMESPACE}">'
        f'<Image ID="Image:0" Name="{name}">{PIXELS}</Image></OME>'
    )


ENTITIES = '<!DOCTYPE OME [<!ENTITY a "EXPANDED"><!ENTITY b "&a;&a;&a;&a;">]>'
EXTERNAL = '<!DOCTYPE OME SYSTEM "http://localhost/ome.dtd">'
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp037", "latin-1")


@pytest.mark.parametrize("read", [read_ome, schema_errors])
@pytest.mark.parametrize("doctype", [ENTITIES, EXTERNAL], ids=["entities", "external"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_encoding_hides_a_document_type(read, doctype, encoding):
    for declared in ("UTF-8", encoding.removesuffix("-sig").upper()):
        with pytest.raises(OmeTiffError, match=r"entities|not XML"):
            read(document("&b;", doctype, declared).encode(encoding))


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_utf16_with_a_byte_order_mark_and_a_document_type(mark):
    text = document("&b;", ENTITIES, "UTF-16")
    xml = mark + text.encode("utf-16-le" if mark == b"\xff\xfe" else "utf-16-be")
    for read in (read_ome, schema_errors):
        with pytest.raises(OmeTiffError, match="document type"):
            read(xml)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_content_of_a_document(encoding):
    xml = document("Zelle µ", encoding=encoding.removesuffix("-sig").upper()).encode(encoding)
    assert schema_errors(xml) == []
    (image,) = read_ome(xml)
    assert (image.name, image.order) == ("Zelle µ", "ZTC")
    assert image.sizes == {"X": 5, "Y": 4, "Z": 2, "C": 1, "T": 3}
    assert image.tiff_data == (TiffData(7, 6, (0, 0, 0), None, None),)
    assert (image.length_um("PhysicalSizeX"), image.length_um("PhysicalSizeY")) == (0.25, None)
    assert image.time_interval_s() == 120.0
    assert image.plane_quantity((1, 0, 2), "DeltaT", "s") == 1.5
    assert image.color(0) == "#FF0000"


@pytest.mark.parametrize("text", ["", "x", "nan", "1e400"])
def test_text_instead_of_a_number(text):
    xml = document("a").replace('IFD="7"', f'IFD="{text}"').encode()
    with pytest.raises(OmeTiffError, match="instead of a number"):
        read_ome(xml)


def test_an_image_without_pixels():
    with pytest.raises(OmeTiffError, match="without Pixels"):
        read_ome(document("a").replace(PIXELS, "").encode())


def test_schema_violations_have_line_numbers():
    errors = schema_errors(document("a").replace('Type="uint16"', 'Type="uint12"').encode())
    assert any("uint12" in error and error.startswith("line ") for error in errors)


@pytest.mark.parametrize(("element", "pages"), [('<TiffData IFD="3"/>', 1), ("<TiffData/>", 0)])
def test_the_default_number_of_pages(element, pages):
    xml = re.sub(r"<TiffData [^>]*/>", element, document("a"))
    (image,) = read_ome(xml.encode())
    assert [block.n_pages for block in image.tiff_data] == [pages]


def test_the_objective_that_images_refer_to():
    schema = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
    objectives = "".join(f'<Objective ID="Objective:{n}" Model="{model}"/>' for n, model in enumerate("ab"))
    sizes = " ".join(f'Size{axis}="1"' for axis in "XYZCT")
    pixels = f'<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" {sizes}/>'
    image = f'<Image ID="Image:0"><ObjectiveSettings ID="Objective:1"/>{pixels}</Image>'
    xml = f'<OME xmlns="{schema}"><Instrument ID="Instrument:0">{objectives}</Instrument>{image}</OME>'
    assert read_foreign_ome(xml.encode()).objective.model == "b"
