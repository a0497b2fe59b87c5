"""Reading an OME document of anybody: whether it is valid, and what it says of planes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from exengine_ome_tiff.errors import OmeTiffError

_OME = "{http://www.openmicroscopy.org/Schemas/OME/2016-06}"
_MOST_ERRORS = 20


@dataclass(frozen=True, slots=True)
class WrittenBlock:
    """A run of pages that an image is made of.

    Parameters
    ----------
    first_ifd, count
        Number of its first page, and how many there are.
    first_zct
        Indices of the first plane along Z, C and T.
    file_name, file_uuid
        The file that it is in; None for the one that the document is in.
    """

    first_ifd: int
    count: int
    first_zct: tuple[int, int, int]
    file_name: str | None
    file_uuid: str | None


@dataclass(frozen=True, slots=True)
class WrittenImage:
    """What an OME document says of the planes of an image.

    Parameters
    ----------
    name
        Of the image.
    order
        Its plane axes from the fastest varying to the slowest, such as "ZCT".
    sizes
        Along each of X, Y, Z, C and T; samples of RGB pixels are counted along C.
    ome_type
        Name of the pixel type in OME.
    blocks
        Where its pages are.
    planes
        Indices along Z, C and T of the planes that were acquired.
    """

    name: str
    order: str
    sizes: dict[str, int]
    ome_type: str
    blocks: tuple[WrittenBlock, ...]
    planes: frozenset[tuple[int, int, int]]


def read_images(xml: bytes) -> tuple[list[WrittenImage], list[str]]:
    """Check an OME document against the 2016-06 schema and read what it says of its images' planes.

    Nothing is fetched, and no entity is expanded.

    Parameters
    ----------
    xml
        The document in UTF-8.

    Returns
    -------
    list of WrittenImage
        Its images; none where it is not valid.
    list of str
        What is not valid, 20 things at the most.

    Raises
    ------
    OmeTiffError
        It is no XML, or declares entities.
    ImportError
        lxml is not installed: it comes with the extra `validate`.
    """
    try:
        from lxml import etree
    except ImportError as error:
        raise ImportError('checking OME-XML needs lxml: pip install "exengine-ome-tiff[validate]"') from error
    if b"<!DOCTYPE" in xml or b"<!ENTITY" in xml:
        raise OmeTiffError("the OME-XML declares entities, which no OME-XML needs")
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, huge_tree=True)
    try:
        root = etree.fromstring(xml, parser)
    except etree.XMLSyntaxError as error:
        raise OmeTiffError(f"the OME-XML is no XML: {error}") from error
    faults = _faults_of_ids(root)
    if faults:
        return [], faults
    schema = _schema()
    try:
        is_valid = schema.validate(root)
    except etree.LxmlError as error:
        raise OmeTiffError(f"the OME-XML cannot be checked: {error}") from error
    if not is_valid:
        return [], [f"line {each.line}: {each.message}" for each in list(schema.error_log)[:_MOST_ERRORS]]
    return [_image(element) for element in root.iterfind(f"{_OME}Image")], []


def _faults_of_ids(root: Any) -> list[str]:
    """Tell of IDs with which checking the rest takes the schema's reader minutes, or hours.

    It compares those that are alike two by two, and tries to read LSIDs, which no file of ours has, in all
    of the ways in which they can be cut at their dots.
    """
    if root.xpath('boolean(//@*[contains(., "urn:lsid:")])'):
        return ["an element has an LSID"]
    faults, seen = [], set()
    for element in root.iterfind(".//*[@ID]"):
        own = element.tag, element.attrib["ID"]
        if own in seen and not str(element.tag).endswith(("Ref", "Settings")):
            faults.append(f"line {element.sourceline}: another element has the ID {own[1]!r}")
        seen.add(own)
    return faults[:_MOST_ERRORS]


@cache
def _schema() -> Any:
    """Read the schema that comes with ome-types."""
    from lxml import etree

    class OnlyOwn(etree.Resolver):
        """Gives the one other schema that OME's names: of ``xml:`` attributes, of which it uses none."""

        def resolve(self, _url: str, _public_id: str | None, context: object) -> object:
            text = (
                '<schema xmlns="http://www.w3.org/2001/XMLSchema" '
                'targetNamespace="http://www.w3.org/XML/1998/namespace"/>'
            )
            return self.resolve_string(text, context)

    parser = etree.XMLParser(no_network=True)
    root = etree.fromstring((files("ome_types") / "ome-2016-06.xsd").read_bytes(), parser)
    parser.resolvers.add(OnlyOwn())
    return etree.XMLSchema(root)


def _image(element: Any) -> WrittenImage:
    (pixels,) = element.iterfind(f"{_OME}Pixels")
    return WrittenImage(
        element.get("Name", ""),
        pixels.attrib["DimensionOrder"][2:],
        {axis: int(pixels.attrib[f"Size{axis}"]) for axis in "XYZCT"},
        pixels.attrib["Type"],
        tuple(_blocks(pixels)),
        frozenset(_zct(plane.attrib, "The") for plane in pixels.iterfind(f"{_OME}Plane")),
    )


def _blocks(pixels: Any) -> Iterator[WrittenBlock]:
    for data in pixels.iterfind(f"{_OME}TiffData"):
        uuid = data.find(f"{_OME}UUID")
        yield WrittenBlock(
            int(data.get("IFD", "0")),
            int(data.get("PlaneCount", "1")),
            _zct(data.attrib, "First"),
            None if uuid is None else uuid.get("FileName"),
            None if uuid is None else uuid.text,
        )


def _zct(attributes: Mapping[str, str], prefix: str) -> tuple[int, int, int]:
    z, c, t = (int(attributes.get(f"{prefix}{axis}", "0")) for axis in "ZCT")
    return z, c, t
