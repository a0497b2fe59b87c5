"""What the OME-XML in a file says of an image, as it stands there."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias
from xml.etree import ElementTree as ET

from exengine_ome_tiff.errors import OmeTiffError

Attributes: TypeAlias = Mapping[str, str]

_OME = "{http://www.openmicroscopy.org/Schemas/OME/2016-06}"
_PREFIX = "urn:exengine-ome-tiff:"
RECORDS_ONLY = "(in the records only)"
_LENGTHS_UM = {"µm": 1.0, "nm": 1e-3, "mm": 1e3, "m": 1e6}
_TIMES_S = {"s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0}
_UNITS = {"µm": _LENGTHS_UM, "s": _TIMES_S}
_NOTHING: Attributes = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class OmeText:
    """An image of an OME document.

    Parameters
    ----------
    image, pixels
        Attributes of the elements Image and Pixels, and the AcquisitionDate of the image.
    channels
        Attributes of the channels in order.
    planes
        Attributes of the Plane elements by their indices along Z, C and T.
    notes
        Keys and values of its annotations, by the last part of their namespace.
    """

    image: Attributes
    pixels: Attributes
    channels: tuple[Attributes, ...]
    planes: Mapping[tuple[int, int, int], Attributes]
    notes: Mapping[str, Attributes]

    @property
    def constant_keys(self) -> set[str]:
        """Keys of metadata that the image is annotated with."""
        return {*self.notes.get("metadata", _NOTHING)} - {RECORDS_ONLY}

    @property
    def plane_keys(self) -> set[str]:
        """Keys of metadata that the image is annotated with plane by plane."""
        return {*self.notes.get("metadata-by-plane", _NOTHING)} - {RECORDS_ONLY}

    def length_um(self, name: str) -> float | None:
        """Return a length of Pixels in micrometres; None where it is not told, or in pixels."""
        return _quantity(self.pixels, name, "µm", _LENGTHS_UM)

    def time_interval_s(self) -> float | None:
        """Return what is told of the time from one time point to the next."""
        return _quantity(self.pixels, "TimeIncrement", "s", _TIMES_S)

    def plane_times_s(self) -> Iterator[tuple[tuple[int, int, int], float]]:
        """Yield Z, C, T of planes that tell when they were taken, and that time from the first frame on."""
        for zct in self.planes:
            time_s = self.plane_quantity(zct, "DeltaT", "s")
            if time_s is not None:
                yield zct, time_s

    def plane_quantity(self, zct: tuple[int, int, int], name: str, unit: str) -> float | None:
        """Return an attribute of a plane in a unit, "µm" or "s"; None where it is not told."""
        return _quantity(self.planes.get(zct, _NOTHING), name, unit, _UNITS[unit])

    def color(self, channel: int) -> str | None:
        """Return the colour of a channel as #RRGGBB."""
        number = self.channels[channel].get("Color") if channel < len(self.channels) else None
        return None if number is None else f"#{(int(_number(number)) & 0xFFFFFFFF) >> 8:06X}"


NO_TEXT = OmeText({}, {}, (), {}, {})
"""Of an image without a document: nothing is told."""


def _quantity(attributes: Attributes, name: str, usual: str, units: Mapping[str, float]) -> float | None:
    factor = units.get(attributes.get(f"{name}Unit", usual))
    return None if name not in attributes or factor is None else _number(attributes[name]) * factor


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise OmeTiffError(f"the OME-XML has {text[:80]!r} in place of a number") from error
    if not math.isfinite(number):
        raise OmeTiffError(f"the OME-XML has {text[:80]!r} in place of a number")
    return number


def read_ome(xml: bytes) -> list[OmeText]:
    """Read the images of a document. Nothing is checked against the schema, and nothing is fetched.

    Raises
    ------
    OmeTiffError
        It is no XML, or declares entities.
    """
    if b"<!DOCTYPE" in xml or b"<!ENTITY" in xml:
        raise OmeTiffError("the OME-XML declares entities, which no OME-XML needs")
    try:
        root = ET.fromstring(xml)  # noqa: S314 - no entity is declared
    except ET.ParseError as error:
        raise OmeTiffError(f"the OME-XML is no XML: {error}") from error
    notes = {
        note.get("ID", ""): (note.get("Namespace", ""), note)
        for note in root.iterfind(f"{_OME}StructuredAnnotations/{_OME}MapAnnotation")
    }
    return [_image(element, notes) for element in root.iterfind(f"{_OME}Image")]


def _image(element: ET.Element, notes: Mapping[str, tuple[str, ET.Element]]) -> OmeText:
    pixels = element.find(f"{_OME}Pixels")
    if pixels is None:
        raise OmeTiffError("the OME-XML has an image without Pixels")
    own = {}
    for reference in element.iterfind(f"{_OME}AnnotationRef"):
        namespace, note = notes.get(reference.get("ID", ""), ("", element))
        if namespace.startswith(_PREFIX):
            pairs = note.iterfind(f"{_OME}Value/{_OME}M")
            own[namespace.removeprefix(_PREFIX)] = {pair.get("K", ""): pair.text or "" for pair in pairs}
    date = element.findtext(f"{_OME}AcquisitionDate")
    attributes = dict(element.attrib) | ({} if date is None else {"AcquisitionDate": date})
    return OmeText(
        attributes,
        dict(pixels.attrib),
        tuple(dict(channel.attrib) for channel in pixels.iterfind(f"{_OME}Channel")),
        {_zct(plane): plane.attrib for plane in pixels.iterfind(f"{_OME}Plane")},
        own,
    )


def _zct(plane: ET.Element) -> tuple[int, int, int]:
    z, c, t = (int(_number(plane.get(f"The{axis}", "0"))) for axis in "ZCT")
    return z, c, t
