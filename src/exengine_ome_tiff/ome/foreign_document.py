"""OME-XML from other programs: its images, and the part of its metadata that `TiffStorage` can keep."""

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from exengine_ome_tiff.ome.user_values import IMMERSIONS, ExperimenterInfo, ObjectiveInfo
from exengine_ome_tiff.ome.xml_reader import OME, ImageElement, parse_ome, read_images
from exengine_ome_tiff.translate.values import is_plausible

_LEFT_OUT = (
    *("Project", "Dataset", "Folder", "Experiment", "ExperimenterGroup", "Plate", "Screen", "Rights", "ROI"),
    *("Microscope", "Laser", "Arc", "Filament", "LightEmittingDiode", "GenericExcitationSource"),
    *("Detector", "Filter", "FilterSet", "Dichroic", "LightPath", "ImagingEnvironment", "StageLabel"),
    *("MicrobeamManipulation", "BinData"),
)
"""Elements without a counterpart among the options of `TiffStorage`."""


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
        _positive(values.get("NominalMagnification")),
        _positive(values.get("LensNA"), "numerical_aperture"),
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


def _positive(text: str | None, name: str = "") -> float | None:
    """Read a positive number that is plausible for an option; None if it is not."""
    try:
        number = float(text or "nan")
    except ValueError:
        return None
    return number if 0 < number < float("inf") and is_plausible(name, number) else None
