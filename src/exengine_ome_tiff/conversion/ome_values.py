"""OME-XML of other programs: its images, and its metadata as options and metadata of `TiffStorage`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.ome.user_values import (
    ACQUISITION_MODES,
    IMMERSIONS,
    ChannelInfo,
    ExperimenterInfo,
    ObjectiveInfo,
)
from exengine_ome_tiff.ome.xml_reader import OME, Attributes, ImageElement, parse_ome, read_images
from exengine_ome_tiff.translate.parse import parse_time
from exengine_ome_tiff.translate.values import is_plausible

_LEFT_OUT = (
    *("Project", "Dataset", "Folder", "Experiment", "ExperimenterGroup", "Plate", "Screen", "Rights", "ROI"),
    *("Microscope", "Laser", "Arc", "Filament", "LightEmittingDiode", "GenericExcitationSource"),
    *("Detector", "Filter", "FilterSet", "Dichroic", "LightPath", "ImagingEnvironment", "StageLabel"),
    *("MicrobeamManipulation", "BinData"),
)
"""Elements without a counterpart among the options of `TiffStorage`."""

_MOST_XML_BYTES = 1 << 25
_LENGTHS = (("XPositionUm", "PositionX"), ("YPositionUm", "PositionY"), ("ZPositionUm", "PositionZ"))


@dataclass(frozen=True, slots=True)
class ForeignDocument:
    """The content of a document that is read.

    Parameters
    ----------
    images
        Images of the document.
    uuid
        UUID of the file that contains the document; None without one.
    metadata_file
        Name of the file that contains the full document, if this one only refers to it.
    descriptions
        Descriptions of the images that have one.
    objective, experimenter
        The only ones of the document; for objectives, of those that images refer to.
    left_out
        Kinds of elements that are not kept, with the number of each.
    """

    images: list[ImageElement]
    uuid: str | None
    metadata_file: str | None
    descriptions: list[str]
    objective: ObjectiveInfo | None
    experimenter: ExperimenterInfo | None
    left_out: dict[str, int]


def read_foreign_ome(xml: bytes) -> ForeignDocument:
    """Read a document; errors as for `read_ome`."""
    root = parse_ome(xml)
    binary = root.find(f"{OME}BinaryOnly")
    texts = [image.findtext(f"{OME}Description") for image in root.iterfind(f"{OME}Image")]
    return ForeignDocument(
        read_images(root),
        root.get("UUID"),
        None if binary is None else binary.get("MetadataFile"),
        [text for text in texts if text],
        _objective(root),
        _experimenter(root),
        dict(_left_out(root)),
    )


def _objective(root: ET.Element) -> ObjectiveInfo | None:
    """Read the only objective that images use; None if there are several."""
    found = root.findall(f"{OME}Instrument/{OME}Objective")
    used = {each.get("ID") for each in root.iterfind(f"{OME}Image/{OME}ObjectiveSettings")}
    found = [each for each in found if each.get("ID") in used] or found
    if len(found) != 1:
        return None
    values = found[0].attrib
    immersion = values.get("Immersion")
    return ObjectiveInfo(
        values.get("Model"),
        values.get("Manufacturer"),
        _read(values.get("NominalMagnification")),
        _read(values.get("LensNA"), "numerical_aperture"),
        immersion if immersion in IMMERSIONS else None,
    )


def _experimenter(root: ET.Element) -> ExperimenterInfo | None:
    found = root.findall(f"{OME}Experimenter")
    if len(found) != 1:
        return None
    values = found[0].attrib
    names = ("FirstName", "LastName", "Email", "Institution", "UserName")
    info = ExperimenterInfo(*map(values.get, names))
    return None if info == ExperimenterInfo() else info


def _left_out(root: ET.Element) -> Iterator[tuple[str, int]]:
    for name in _LEFT_OUT:
        count = sum(1 for each in root.iter(f"{OME}{name}") if len(each) or each.attrib or each.text)
        if count:
            yield name, count
    annotations = root.find(f"{OME}StructuredAnnotations")
    if annotations is not None and len(annotations):
        yield "annotation", len(annotations)
    for name, one in (("Objective", _objective(root)), ("Experimenter", _experimenter(root))):
        count = len([*root.iter(f"{OME}{name}")])
        if count and one is None:
            yield name, count


def summary_metadata(document: ForeignDocument, xml: bytes) -> dict[str, Any]:
    """Return the original OME-XML and the acquisition time of the first image."""
    dates = [image.image["AcquisitionDate"] for image in document.images if "AcquisitionDate" in image.image]
    found: dict[str, Any] = {"StartTime": dates[0]} if dates else {}
    if len(xml) <= _MOST_XML_BYTES:
        found["OriginalOMEXML"] = xml.decode("utf-8", "replace")
    return found


def ome_options(document: ForeignDocument) -> dict[str, Any]:
    """Return the description of a dataset, as options of `TiffStorage`."""
    images = document.images
    options: dict[str, Any] = {
        "pixel_size_um": _same([_square_um(image) for image in images]),
        "z_step_um": _same([_positive(image.length_um("PhysicalSizeZ")) for image in images]),
        "time_interval_s": _same([_positive(image.time_interval_s()) for image in images]),
        "channels": _channels(document),
        "objective": document.objective,
        "experimenter": document.experimenter,
        "description": "\n".join(dict.fromkeys(document.descriptions)) or None,
    }
    if len(images) == 1 and images[0].name:
        options["image_name"] = images[0].name
    return {name: value for name, value in options.items() if value and is_plausible(name, value)}


def frame_metadata(image: ImageElement, zct: tuple[int, int, int]) -> dict[str, Any]:
    """Return the metadata of a plane, under the keys of Micro-Manager."""
    found: dict[str, Any] = {}
    time_s = _quantity(image, zct, "DeltaT", "s")
    exposure_s = _quantity(image, zct, "ExposureTime", "s")
    if time_s is not None:
        found["ElapsedTime-ms"] = round(time_s * 1e3, 6)
        found |= _clock(image.image.get("AcquisitionDate"), time_s)
    if exposure_s is not None:
        found["Exposure-ms"] = round(exposure_s * 1e3, 9)
    for key, name in _LENGTHS:
        length_um = _quantity(image, zct, name, "µm")
        if length_um is not None:
            found[key] = length_um
    x_um, y_um = _positive(image.length_um("PhysicalSizeX")), _positive(image.length_um("PhysicalSizeY"))
    if x_um is not None:
        found["PixelSizeUm"] = x_um
        if y_um is not None and y_um != x_um:
            found["PixelAspect"] = y_um / x_um
    return found


def _clock(date: str | None, time_s: float) -> dict[str, str]:
    """Return the acquisition time of a plane, in the time zone of the image's date if it has one."""
    start = parse_time(date)
    if start is None:
        return {}
    try:
        stamp: datetime = start + timedelta(seconds=time_s)
    except OverflowError:
        return {}
    key = "TimeReceivedByCore" if stamp.tzinfo is None else "ReceivedTime"
    return {key: stamp.isoformat(sep=" ", timespec="microseconds")}


def _quantity(image: ImageElement, zct: tuple[int, int, int], name: str, unit: str) -> float | None:
    try:
        return image.plane_quantity(zct, name, unit)
    except OmeTiffError:
        return None


def _channels(document: ForeignDocument) -> dict[int | str, ChannelInfo]:
    """Return the description of each channel, by its coordinate: its name or index."""
    found: dict[int | str, ChannelInfo] = {}
    for image in document.images:
        names = [channel.get("Name") for channel in image.channels]
        are_distinct = all(names) and len(set(names)) == len(names)
        for number, values in enumerate(image.channels):
            mode = values.get("AcquisitionMode")
            info = ChannelInfo(
                image.color(number),
                _nanometres(values, "ExcitationWavelength"),
                _nanometres(values, "EmissionWavelength"),
                values.get("Fluor"),
                mode if mode in ACQUISITION_MODES else None,
            )
            if info != ChannelInfo():
                found.setdefault(str(names[number]) if are_distinct else number, info)
    return found


def _nanometres(channel: Attributes, name: str) -> float | None:
    factor = {None: 1.0, "nm": 1.0, "µm": 1e3}.get(channel.get(f"{name}Unit"))
    return None if factor is None else _read(channel.get(name), "wavelength_nm", factor)


def _read(text: str | None, name: str = "", factor: float = 1.0) -> float | None:
    """Read a positive number that is plausible for an option; None if it is not."""
    try:
        number = _positive(float(text or "nan") * factor)
    except ValueError:
        return None
    return number if is_plausible(name, number) else None


def _positive(number: float | None) -> float | None:
    return number if number is not None and 0 < number < float("inf") else None


def _square_um(image: ImageElement) -> float | None:
    x_um, y_um = image.length_um("PhysicalSizeX"), image.length_um("PhysicalSizeY")
    return _positive(x_um) if x_um == y_um or y_um is None else None


def _same(values: list[float | None]) -> float | None:
    """Return the value that all images share; None if they differ."""
    return values[0] if len(set(values)) == 1 else None
