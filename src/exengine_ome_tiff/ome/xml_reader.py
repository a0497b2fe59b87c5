"""Reading OME-XML: the images and the plate of a document, and whether it is valid."""

import codecs
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias
from xml.etree import ElementTree as ET

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.ome.text import PREFIX

Attributes: TypeAlias = Mapping[str, str]

OME = "{http://www.openmicroscopy.org/Schemas/OME/2016-06}"
"""Namespace of the elements that `parse_ome` returns, as ElementTree has it."""
_ANY_SCHEMA = re.compile(r"http://www\.openmicroscopy\.org/Schemas/(?:OME|SA|SPW|ROI|BinaryFile)/\d{4}-\d{2}")
_UNITS = {
    "µm": {"µm": 1.0, "nm": 1e-3, "mm": 1e3, "m": 1e6},
    "s": {"s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0},
}
_NOTHING: Attributes = MappingProxyType({})
_MOST_ERRORS = 20


class TiffData(NamedTuple):
    """A run of pages that contain planes of an image.

    The file is None if it contains the document itself; 0 pages are all pages of the file.
    """

    first_ifd: int
    n_pages: int
    first_zct: tuple[int, int, int]
    file_name: str | None
    file_uuid: str | None


@dataclass(frozen=True, slots=True)
class ImageElement:
    """An Image element of an OME document, as stored.

    Parameters
    ----------
    image, pixels
        Attributes of the elements Image and Pixels, and the AcquisitionDate of the image.
    channels
        Attributes of the Channel elements, in order.
    planes
        Attributes of the Plane elements by their indices along Z, C and T.
    tiff_data
        Pages of the image.
    annotations
        Keys and values of this package's annotations, by the last part of their namespace.
    """

    image: Attributes
    pixels: Attributes
    channels: tuple[Attributes, ...]
    planes: Mapping[tuple[int, int, int], Attributes]
    tiff_data: tuple[TiffData, ...]
    annotations: Mapping[str, Attributes]

    @property
    def name(self) -> str:
        """Name of the image."""
        return self.image.get("Name", "")

    @property
    def order(self) -> str:
        """The plane axes from the fastest varying to the slowest, such as "ZCT"."""
        return self.pixels.get("DimensionOrder", "")[2:]

    @property
    def sizes(self) -> dict[str, int]:
        """Sizes along X, Y, Z, C and T; C includes the samples of RGB pixels."""
        return {axis: _integer(self.pixels, f"Size{axis}") for axis in "XYZCT"}

    @property
    def n_channels(self) -> int:
        """Number of planes along C: the samples of RGB pixels are in one plane."""
        samples = max(_integer(self.channels[0], "SamplesPerPixel", "1"), 1) if self.channels else 1
        return max(self.sizes["C"] // samples, 1)

    @property
    def n_planes(self) -> int:
        """Number of planes according to the sizes."""
        return self.sizes["Z"] * self.n_channels * self.sizes["T"]

    def length_um(self, name: str) -> float | None:
        """Return a length of Pixels in micrometres; None if there is none, or its unit is not a length."""
        return _quantity(self.pixels, name, "µm")

    def time_interval_s(self) -> float | None:
        """Return the interval between time points."""
        return _quantity(self.pixels, "TimeIncrement", "s")

    def plane_quantity(self, zct: tuple[int, int, int], name: str, unit: str) -> float | None:
        """Return an attribute of a plane in a unit, "µm" or "s"; None if there is none."""
        return _quantity(self.planes.get(zct, _NOTHING), name, unit)

    def color(self, channel: int) -> str | None:
        """Return the colour of a channel as #RRGGBB."""
        number = self.channels[channel].get("Color") if channel < len(self.channels) else None
        return None if number is None else f"#{(int(_number(number)) & 0xFFFFFFFF) >> 8:06X}"


def read_ome(xml: bytes) -> list[ImageElement]:
    """Read the images of a document in UTF-8 or UTF-16, without checking it against the schema.

    Nothing is downloaded, and a document that could declare entities is rejected.

    Raises
    ------
    OmeTiffError
        The document is not XML, has a document type declaration, or contains an invalid image.
    """
    return read_images(parse_ome(xml))


def parse_ome(xml: bytes) -> ET.Element:
    """Parse a document of any schema version into elements of 2016-06; errors as for `read_ome`.

    The attributes read here have had the same names and default units since 2010.
    """
    try:
        return ET.fromstring(_ANY_SCHEMA.sub(OME[1:-1], _decoded(xml)))  # noqa: S314 - no entity is declared
    except ET.ParseError as error:
        raise OmeTiffError(f"the OME-XML is not XML: {error}") from error


def read_images(root: ET.Element) -> list[ImageElement]:
    """Read the images of a parsed document; errors as for `read_ome`."""
    annotations = {
        each.get("ID", ""): each
        for each in root.iterfind(f"{OME}StructuredAnnotations/{OME}MapAnnotation")
        if each.get("Namespace", "").startswith(PREFIX)
    }
    return [_image(element, annotations) for element in root.iterfind(f"{OME}Image")]


def read_wells(root: ET.Element) -> Iterator[tuple[tuple[int, int], int, int]]:
    """Yield the row and column of a well, the index of a field in the plate, and the number of its image."""
    numbers = {image.get("ID"): number for number, image in enumerate(root.iterfind(f"{OME}Image"))}
    for well in root.iterfind(f"{OME}Plate/{OME}Well"):
        place = _integer(well.attrib, "Row", "0"), _integer(well.attrib, "Column", "0")
        for sample in well.iterfind(f"{OME}WellSample"):
            reference = sample.find(f"{OME}ImageRef")
            number = None if reference is None else numbers.get(reference.get("ID"))
            if number is not None:
                yield place, _integer(sample.attrib, "Index", "0"), number


def schema_errors(xml: bytes) -> list[str]:
    """Check a document offline against the 2016-06 schema from ome-types.

    Returns
    -------
    list of str
        Violations, at most 20.

    Raises
    ------
    OmeTiffError
        The document is not XML, or has a document type declaration.
    ImportError
        lxml is not installed (extra `validate`).
    """
    try:
        from lxml import etree
    except ImportError as error:
        raise ImportError('checking OME-XML needs lxml: pip install "exengine-ome-tiff[validate]"') from error
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, huge_tree=True)
    try:
        root = etree.fromstring(_decoded(xml).encode(), parser)
    except etree.XMLSyntaxError as error:
        raise OmeTiffError(f"the OME-XML is not XML: {error}") from error
    faults = _faults_of_ids(root)
    if faults:
        return faults
    schema = _schema()
    try:
        is_valid = schema.validate(root)
    except etree.LxmlError as error:
        raise OmeTiffError(f"the OME-XML cannot be checked: {error}") from error
    errors = () if is_valid else list(schema.error_log)[:_MOST_ERRORS]
    return [f"line {each.line}: {each.message}" for each in errors]


def _decoded(xml: bytes) -> str:
    """Decode a document before any other check, so that no encoding can hide a document type declaration."""
    is_utf16 = xml.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = xml.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise OmeTiffError(f"the OME-XML is not XML in UTF-8: {error}") from error
    if "\0" in text:  # a parser would read it as UTF-16 without a byte order mark
        raise OmeTiffError("the OME-XML is not XML in UTF-8: it contains NUL characters")
    if "<!DOCTYPE" in text:
        raise OmeTiffError(
            "the OME-XML has a document type declaration, which may declare entities; OME-XML needs none"
        )
    return text


def _image(element: ET.Element, annotations: Mapping[str, ET.Element]) -> ImageElement:
    pixels = element.find(f"{OME}Pixels")
    if pixels is None:
        raise OmeTiffError("the OME-XML contains an image without Pixels")
    own = {}
    for reference in element.iterfind(f"{OME}AnnotationRef"):
        annotation = annotations.get(reference.get("ID", ""))
        if annotation is not None:
            pairs = annotation.iterfind(f"{OME}Value/{OME}M")
            name = annotation.get("Namespace", "").removeprefix(PREFIX)
            own[name] = {pair.get("K", ""): pair.text or "" for pair in pairs}
    date = element.findtext(f"{OME}AcquisitionDate")
    planes = {_zct(plane.attrib, "The"): plane.attrib for plane in pixels.iterfind(f"{OME}Plane")}
    for attribute, axes in own.get("shared-values", {}).items():
        _share(planes, attribute, axes)
    return ImageElement(
        element.attrib | ({} if date is None else {"AcquisitionDate": date}),
        pixels.attrib,
        tuple(channel.attrib for channel in pixels.iterfind(f"{OME}Channel")),
        planes,
        tuple(_tiff_data(pixels)),
        own,
    )


def _share(planes: Mapping[tuple[int, int, int], dict[str, str]], name: str, axes: str) -> None:
    """Copy an attribute from the first plane to all planes with the same indices along axes (a JSON list)."""
    along = [index for index, axis in enumerate("ZCT") if f'"{axis}"' in axes]
    names = (name, f"{name}Unit")
    first: dict[tuple[int, ...], dict[str, str]] = {}
    for zct, attributes in planes.items():
        of_first = first.setdefault(tuple(zct[index] for index in along), attributes)
        if of_first is not attributes and name not in attributes:
            attributes.update((each, of_first[each]) for each in names if each in of_first)


def _tiff_data(pixels: ET.Element) -> Iterator[TiffData]:
    for data in pixels.iterfind(f"{OME}TiffData"):
        uuid = data.find(f"{OME}UUID")
        yield TiffData(
            _integer(data.attrib, "IFD", "0"),
            _integer(data.attrib, "PlaneCount", "1" if "IFD" in data.attrib else "0"),
            _zct(data.attrib, "First"),
            None if uuid is None else uuid.get("FileName"),
            None if uuid is None else uuid.text,
        )


def _zct(attributes: Attributes, prefix: str) -> tuple[int, int, int]:
    z, c, t = (_integer(attributes, f"{prefix}{axis}", "0") for axis in "ZCT")
    return z, c, t


def _quantity(attributes: Attributes, name: str, unit: str) -> float | None:
    factor = _UNITS[unit].get(attributes.get(f"{name}Unit", unit))
    return None if name not in attributes or factor is None else _number(attributes[name]) * factor


def _integer(attributes: Attributes, name: str, default: str = "") -> int:
    return int(_number(attributes.get(name, default)))


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise OmeTiffError(f"the OME-XML contains {text[:80]!r} instead of a number")
    return number


def _faults_of_ids(root: Any) -> list[str]:
    """Find IDs that would keep the validator busy for minutes or hours.

    It compares equal IDs in pairs, and tries every way to split an LSID at its dots; files of this package
    contain no LSIDs.
    """
    if root.xpath('boolean(//@*[contains(., "urn:lsid:")])'):
        return ["an element has an LSID, which files of this package never have"]
    faults, seen = [], set()
    for element in root.iterfind(".//*[@ID]"):
        own = element.tag, element.attrib["ID"]
        if own in seen and not str(element.tag).endswith(("Ref", "Settings")):
            faults.append(f"line {element.sourceline}: the ID {own[1]!r} is used twice")
        seen.add(own)
    return faults[:_MOST_ERRORS]


@cache
def _schema() -> Any:
    from lxml import etree

    class OfflineResolver(etree.Resolver):
        """Provides the schema of ``xml:`` attributes, which OME's schema imports but does not use."""

        def resolve(self, _url: str, _public_id: str | None, context: object) -> object:
            text = (
                '<schema xmlns="http://www.w3.org/2001/XMLSchema" '
                'targetNamespace="http://www.w3.org/XML/1998/namespace"/>'
            )
            return self.resolve_string(text, context)

    parser = etree.XMLParser(no_network=True)
    root = etree.fromstring((files("ome_types") / "ome-2016-06.xsd").read_bytes(), parser)
    parser.resolvers.add(OfflineResolver())
    return etree.XMLSchema(root)
