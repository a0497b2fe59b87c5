"""OME-XML that other programs wrote: its images, and what of it a dataset of ours can keep."""

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from exengine_ome_tiff.ome.user_values import IMMERSIONS, ExperimenterInfo, ObjectiveInfo
from exengine_ome_tiff.ome.xml_reader import ImageElement, parse_ome, read_images
from exengine_ome_tiff.translate.values import is_plausible

_OME = "{http://www.openmicroscopy.org/Schemas/OME/2016-06}"
_LEFT_OUT = (
    *("Project", "Dataset", "Folder", "Experiment", "ExperimenterGroup", "Plate", "Screen", "Rights", "ROI"),
    *("Microscope", "Laser", "Arc", "Filament", "LightEmittingDiode", "GenericExcitationSource"),
    *("Detector", "Filter", "FilterSet", "Dichroic", "LightPath", "ImagingEnvironment", "StageLabel"),
    *("MicrobeamManipulation", "BinData"),
)
"""Elements that have no counterpart among the options of `TiffStorage`."""


@dataclass(frozen=True, slots=True)
class ForeignDocument:
    """What is read of a document.

    Parameters
    ----------
    images
        Its images.
    uuid
        UUID of the file that the document is in; None if it has none.
    metadata_file
        Name of the file that has the document itself, where this one only refers to it.
    descriptions
        Description of each image that has one.
    objective, experimenter
        Those of the first image that has one, or the only ones.
    left_out
        Kinds of elements that a dataset of ours does not keep, each with its count.
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
    binary = root.find(f"{_OME}BinaryOnly")
    texts = [root.findtext(f"{_OME}Image[{at}]/{_OME}Description") for at in range(1, _count(root) + 1)]
    return ForeignDocument(
        read_images(root),
        root.get("UUID"),
        None if binary is None else binary.get("MetadataFile"),
        [text for text in texts if text],
        _objective(root),
        _experimenter(root),
        dict(_left_out(root)),
    )


def _count(root: ET.Element) -> int:
    return len(root.findall(f"{_OME}Image"))


def _objective(root: ET.Element) -> ObjectiveInfo | None:
    """Read the objective of all images; None if they have several."""
    found = root.findall(f"{_OME}Instrument/{_OME}Objective")
    used = {each.get("ID") for each in root.iterfind(f"{_OME}Image/{_OME}ObjectiveSettings")}
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
    found = root.findall(f"{_OME}Experimenter")
    if len(found) != 1:
        return None
    values = found[0].attrib
    info = ExperimenterInfo(
        *(values.get(name) for name in ("FirstName", "LastName", "Email", "Institution", "UserName"))
    )
    return None if info == ExperimenterInfo() else info


def _left_out(root: ET.Element) -> Iterator[tuple[str, int]]:
    for name in _LEFT_OUT:
        count = sum(1 for each in root.iter(f"{_OME}{name}") if len(each) or each.attrib or each.text)
        if count:
            yield name, count
    annotations = root.find(f"{_OME}StructuredAnnotations")
    if annotations is not None and len(annotations):
        yield "annotation", len(annotations)
    for name, one in (("Objective", _objective(root)), ("Experimenter", _experimenter(root))):
        count = sum(1 for _ in root.iter(f"{_OME}{name}"))
        if count and one is None:
            yield name, count


def _positive(text: str | None, name: str = "") -> float | None:
    """Read a positive number that the option of a name can have; None if it is none."""
    try:
        number = float(text or "nan")
    except ValueError:
        return None
    return number if 0 < number < float("inf") and is_plausible(name, number) else None
