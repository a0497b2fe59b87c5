"""What archives make of a dataset: OMERO at import, and the BioImage Archive by the fields of REMBI."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from os import PathLike
from pathlib import Path
from typing import Literal

from exengine_ome_tiff.inspection.open_dataset import OpenDataset, OpenImage
from exengine_ome_tiff.inspection.preview_plate import well_name
from exengine_ome_tiff.ome.text import folded
from exengine_ome_tiff.ome.xml_reader import OME, ImageElement, parse_ome, read_images, read_wells
from exengine_ome_tiff.text_format import command_text
from exengine_ome_tiff.tiff import LARGE_AREA_PX

Pyramid = Literal["in the file", "made by OMERO", "not needed", "missing"]

_FLOATS = ("float", "double")
_MOST_NAME = 255
_FILE_NAME = re.compile(rb'<UUID FileName="([^"]*)"')

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
class OmeroImage:
    """An image in OMERO.

    Parameters
    ----------
    file
        File to import.
    series
        Number of its series in the file.
    name
        Name of the series.
    sizes
        Sizes along X, Y, Z, C and T; samples of RGB pixels count as channels.
    pixel_type
        OME's name of the pixel type.
    pyramid
        Origin of the smaller copies for viewing. OMERO makes its own, slowly, for planes larger than
        3192 x 3192 pixels, except those with floating-point pixels.
    well
        Name of its well, such as "B2"; None without a plate.
    """

    file: Path
    series: int
    name: str
    sizes: dict[str, int]
    pixel_type: str
    pyramid: Pyramid
    well: str | None = None


@dataclass(frozen=True, slots=True)
class OmeroFinding:
    """Something to fix before an import.

    Parameters
    ----------
    what
        The problem.
    advice
        What to do.
    is_refused
        Whether Bio-Formats cannot open the dataset. OMERO then imports nothing.
    """

    what: str
    advice: str
    is_refused: bool


@dataclass(frozen=True, slots=True)
class OmeroImport:
    """What OMERO makes of a dataset.

    Parameters
    ----------
    files
        Files to import: the single file, the companion of a folder, or each file of a folder without one.
    plate
        Name of the plate with the images; None if they are imported into an OMERO dataset.
    images
        In the order of the series.
    findings
        Problems to fix before the import.
    """

    files: tuple[Path, ...]
    plate: str | None
    images: tuple[OmeroImage, ...]
    findings: tuple[OmeroFinding, ...]


def omero_import(path: str | PathLike[str]) -> OmeroImport:
    """Predict what OMERO makes of a dataset.

    Parameters
    ----------
    path
        A single file, a folder, or any file of a folder, finished or not.

    Returns
    -------
    OmeroImport

    Raises
    ------
    FileNotFoundError
        There is nothing at `path`.
    OmeTiffError
        There is no dataset at `path`.
    """
    with OpenDataset(path) as data:
        root = parse_ome(data.document())
        companion = data.companion if data.is_finished else None
        stored, elements = data.images_of_document(), read_images(root)
        wells = {number: well_name(*place) for place, _, number in read_wells(root)}
        images = tuple(
            OmeroImage(
                *((image.path, image.index) if companion is None else (companion, number)),
                element.name,
                {axis: element.sizes[axis] for axis in "XYZCT"},
                element.pixels["Type"],
                _pyramid(data, image, element),
                wells.get(number),
            )
            for number, (image, element) in enumerate(zip(stored, elements, strict=True))
        )
        plate = root.find(f"{OME}Plate")
        findings = tuple(_findings(data, companion, images))
        files = (*data.paths,) if companion is None else (companion,)
    return OmeroImport(files, None if plate is None else plate.get("Name", ""), images, findings)


def _pyramid(data: OpenDataset, image: OpenImage, element: ImageElement) -> Pyramid:
    if data.header.coding.smaller(image.pixels):
        return "in the file"
    if element.sizes["X"] * element.sizes["Y"] <= LARGE_AREA_PX:
        return "not needed"
    return "missing" if element.pixels["Type"] in _FLOATS else "made by OMERO"


def _findings(
    data: OpenDataset, companion: Path | None, images: tuple[OmeroImage, ...]
) -> Iterator[OmeroFinding]:
    location = data.location
    if not data.is_finished:
        finish = command_text("exengine-ome-tiff", "recover", location.path)
        what = "not finished: only pages, or the frames up to the last checkpoint, are imported"
        yield OmeroFinding(what, f"finish it: {finish}", False)
    elif location.is_folder and companion is None:
        advice = "copy the .companion.ome file, too, and import it"
        yield OmeroFinding("the companion is missing: each file is imported separately", advice, False)
    elif companion is not None:
        names = {
            unescape(name.decode("utf-8", "replace")) for name in _FILE_NAME.findall(companion.read_bytes())
        }
        there = {path.name for path in data.paths}
        for name in sorted(names - there):
            advice = "restore the original file name, or import the TIFF files without the companion"
            yield OmeroFinding(f"{companion.name} refers to {name}, which does not exist", advice, True)
    convert = command_text("exengine-ome-tiff", "convert", location.path)
    if data.header.coding.compression == "zstd":
        advice = f"use Bio-Formats 7 or newer on the server, or {convert} ... --compression zlib"
        yield OmeroFinding("zstd needs Bio-Formats 7", advice, False)
    for image in images:
        if "complex" in image.pixel_type:
            advice = "store real and imaginary parts as channels"
            yield OmeroFinding(f"{image.name}: Bio-Formats cannot read complex pixels", advice, True)
        if len(image.name) > _MOST_NAME:
            advice = f"choose names of up to {_MOST_NAME} characters"
            yield OmeroFinding(f"{image.name[:40]}...: the name is too long for OMERO", advice, False)
        if image.pyramid in ("made by OMERO", "missing"):
            is_made = image.pyramid == "made by OMERO"
            how = "OMERO makes a pyramid, slowly" if is_made else "OMERO makes no pyramid for this pixel type"
            advice = f"record with pyramid_levels='auto', or {convert} ... --pyramid-levels auto"
            yield OmeroFinding(f"{image.name}: {how}", advice, False)


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
