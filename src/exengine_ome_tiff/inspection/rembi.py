"""Which metadata that REMBI asks for a dataset has: the recommendations of the BioImage Archive."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from xml.etree import ElementTree as ET

from exengine_ome_tiff.inspection.dataset_document import dataset_document
from exengine_ome_tiff.inspection.open_dataset import OpenDataset
from exengine_ome_tiff.ome.xml_reader import OME, parse_ome

_MOST_SHOWN = 4


@dataclass(frozen=True, slots=True)
class RembiField:
    """A field of REMBI, and what a dataset says of it.

    Parameters
    ----------
    module
        Of REMBI, such as "Biosample".
    name
        Of the field.
    value
        What the OME-XML says; None if it says nothing.
    advice
        How to say it with `TiffStorage`.
    """

    module: str
    name: str
    value: str | None
    advice: str


def rembi_fields(path: str | PathLike[str]) -> list[RembiField]:
    """List the fields of REMBI that files can hold, with what a dataset says of them.

    Parameters
    ----------
    path
        A single file, a folder, or any file of a folder, finished or not.

    Returns
    -------
    list of RembiField
        In the order of REMBI's modules. Publications, correlated images and analysed data are no metadata of
        an acquisition, and are left out.

    Raises
    ------
    FileNotFoundError
        There is nothing at `path`.
    OmeTiffError
        There is no dataset at `path`.
    """
    with OpenDataset(path) as data:
        root = parse_ome(dataset_document(data))
    annotations = {_plain(each.get("K", "")): (each.text or "").strip() for each in root.iter(f"{OME}M")}

    def annotated(name: str) -> tuple[str | None, str]:
        return annotations.get(_plain(name)) or None, f'annotations={{"{name}": ...}}'

    fields: list[tuple[str, str, tuple[str | None, str]]] = [
        ("Study", "title", annotated("title")),
        ("Study", "description", (_texts(root, "Description"), "description=...")),
        ("Study", "licence", (_texts(root, "RightsHeld"), 'annotations={"licence": ...}')),
        (
            "Study",
            "author",
            (_attributes(root, "Experimenter", _PERSON), "experimenter=ExperimenterInfo(...)"),
        ),
        ("Study component", "imaging method", annotated("imaging method")),
        ("Biosample", "organism", annotated("organism")),
        ("Biosample", "biological entity", annotated("biological entity")),
        ("Specimen", "sample preparation", annotated("sample preparation")),
        (
            "Specimen",
            "fluorophores",
            (_attributes(root, "Channel", ["Fluor"]), "ChannelInfo(fluorophore=...)"),
        ),
        (
            "Image acquisition",
            "instrument",
            (_attributes(root, "Microscope", _MAKE), "microscope=MicroscopeInfo(...)"),
        ),
        (
            "Image acquisition",
            "objective",
            (_attributes(root, "Objective", _LENS), "objective=ObjectiveInfo(...)"),
        ),
        (
            "Image acquisition",
            "exposure times in s",
            (_attributes(root, "Plane", ["ExposureTime"]), "metadata exposure_s"),
        ),
        ("Image data", "channels", (_attributes(root, "Channel", ["Name"]), "the coordinate channel")),
        (
            "Image data",
            "pixel size in µm",
            (_attributes(root, "Pixels", ["PhysicalSizeX"]), "pixel_size_um=..."),
        ),
    ]
    return [RembiField(module, name, *told) for module, name, told in fields]


_PERSON = ["FirstName", "LastName", "UserName"]
_MAKE = ["Manufacturer", "Model"]
_LENS = ["Manufacturer", "Model", "NominalMagnification", "LensNA"]


def _attributes(root: ET.Element, element: str, names: list[str]) -> str | None:
    """Return the attributes of all elements of a name, each text once; None if there is none."""
    return _list(" ".join(filter(None, map(each.get, names))) for each in root.iter(f"{OME}{element}"))


def _texts(root: ET.Element, element: str) -> str | None:
    """Return the texts of all elements of a name, each once."""
    return _list((each.text or "").strip() for each in root.iter(f"{OME}{element}"))


def _list(texts: Iterator[str]) -> str | None:
    found = [*dict.fromkeys(filter(None, texts))]
    more = ", ..." if len(found) > _MOST_SHOWN else ""
    return ", ".join(found[:_MOST_SHOWN]) + more if found else None


def _plain(name: str) -> str:
    """Return the name of an annotation without its case and spaces."""
    return re.sub(r"[\s_-]", "", name.casefold())
