"""The metadata of a dataset by the fields of REMBI, the recommendations of the BioImage Archive."""

from dataclasses import dataclass
from os import PathLike

from exengine_ome_tiff.inspection.open_dataset import OpenDataset
from exengine_ome_tiff.ome.text import folded
from exengine_ome_tiff.ome.xml_reader import OME, parse_ome

_MOST_SHOWN = 4
_LENS = "Objective Manufacturer Model NominalMagnification LensNA"
_FIELDS = (
    ("Study", "title", "", ""),
    ("Study", "description", "Description", "description=..."),
    ("Study", "licence", "RightsHeld", 'annotations={"licence": ...}'),
    ("Study", "author", "Experimenter FirstName LastName UserName", "experimenter=ExperimenterInfo(...)"),
    ("Study component", "imaging method", "", ""),
    ("Biosample", "organism", "", ""),
    ("Biosample", "biological entity", "", ""),
    ("Specimen", "sample preparation", "", ""),
    ("Specimen", "fluorophores", "Channel Fluor", "ChannelInfo(fluorophore=...)"),
    ("Image acquisition", "instrument", "Microscope Manufacturer Model", "microscope=MicroscopeInfo(...)"),
    ("Image acquisition", "objective", _LENS, "objective=ObjectiveInfo(...)"),
    ("Image acquisition", "exposure times in s", "Plane ExposureTime", "metadata exposure_s"),
    ("Image data", "channels", "Channel Name", "the coordinate channel"),
    ("Image data", "pixel size in µm", "Pixels PhysicalSizeX", "pixel_size_um=..."),
)
"""Module and name of each field, the element and attributes with its value, and how to provide it.

Without attributes the value is the element's text; without an element, an annotation with the field's name.
"""


@dataclass(frozen=True, slots=True)
class RembiField:
    """A field of REMBI with its value in a dataset.

    Parameters
    ----------
    module
        Module of REMBI, such as "Biosample".
    name
        Name of the field.
    value
        Value in the OME-XML; None if it is missing.
    advice
        How to provide it with `TiffStorage`.
    """

    module: str
    name: str
    value: str | None
    advice: str


def rembi_fields(path: str | PathLike[str]) -> list[RembiField]:
    """List the fields of REMBI that files can contain, with their values in a dataset.

    Parameters
    ----------
    path
        A single file, a folder, or any file of a folder, finished or not.

    Returns
    -------
    list of RembiField
        In the order of REMBI's modules, without publications, correlated images and analysed data, which
        are not metadata of an acquisition.

    Raises
    ------
    FileNotFoundError
        There is nothing at `path`.
    OmeTiffError
        There is no dataset at `path`.
    """
    with OpenDataset(path) as data:
        root = parse_ome(data.document())
    annotations = {folded(each.get("K", "")): (each.text or "").strip() for each in root.iter(f"{OME}M")}
    fields = []
    for module, name, source, advice in _FIELDS:
        if not source:
            value = annotations.get(folded(name)) or None
            fields.append(RembiField(module, name, value, f'annotations={{"{name}": ...}}'))
            continue
        element, *attributes = source.split()
        texts = [
            " ".join(filter(None, map(each.get, attributes))) if attributes else (each.text or "").strip()
            for each in root.iter(f"{OME}{element}")
        ]
        found = [*dict.fromkeys(filter(None, texts))]
        more = ", ..." if len(found) > _MOST_SHOWN else ""
        value = ", ".join(found[:_MOST_SHOWN]) + more or None
        fields.append(RembiField(module, name, value, advice))
    return fields
