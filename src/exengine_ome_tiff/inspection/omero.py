"""What OMERO's importer makes of a dataset: it opens files with Bio-Formats, and a series is an image."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from os import PathLike
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree as ET

from exengine_ome_tiff.dataset.loader import find_companion
from exengine_ome_tiff.inspection.dataset_document import dataset_document, images_of_document
from exengine_ome_tiff.inspection.open_dataset import OpenDataset, OpenImage
from exengine_ome_tiff.inspection.preview_plate import row_name
from exengine_ome_tiff.ome.xml_reader import OME, ImageElement, parse_ome, read_images
from exengine_ome_tiff.text_format import command_text
from exengine_ome_tiff.tiff import LARGE_AREA_PX

Pyramid = Literal["in the file", "made by OMERO", "not needed", "missing"]

_FLOATS = ("float", "double")
_MOST_NAME = 255
_FILE_NAME = re.compile(rb'<UUID FileName="([^"]*)"')


@dataclass(frozen=True, slots=True)
class OmeroImage:
    """An image that OMERO makes of a series.

    Parameters
    ----------
    file
        That is imported.
    series
        Number of the series in it.
    name
        Of the series.
    sizes
        Along X, Y, Z, C and T; samples of RGB pixels are channels.
    pixel_type
        As OME calls it.
    pyramid
        Where the smaller copies for viewing come from. OMERO makes its own, slowly, for planes of more than
        3192 x 3192 pixels, unless they are floating-point numbers.
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
    """Something to mend before an import.

    Parameters
    ----------
    what
        What is in the way, or will be slow.
    advice
        What to do.
    is_refused
        Whether Bio-Formats opens nothing, and so nothing is imported.
    """

    what: str
    advice: str
    is_refused: bool


@dataclass(frozen=True, slots=True)
class OmeroImport:
    """What OMERO's importer makes of a dataset.

    Parameters
    ----------
    files
        To import: the single file, the companion of a folder, or each file of a folder without one.
    plate
        Name of the plate that the images are in; None if they go into a dataset of OMERO.
    images
        In the order of the series.
    findings
        What to mend before.
    """

    files: tuple[Path, ...]
    plate: str | None
    images: tuple[OmeroImage, ...]
    findings: tuple[OmeroFinding, ...]


def omero_import(path: str | PathLike[str]) -> OmeroImport:
    """Tell what OMERO's importer makes of a dataset.

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
        root = parse_ome(dataset_document(data))
        companion = _companion(data)
        files = [*data.paths] if companion is None else [companion]
        stored, elements = images_of_document(data), read_images(root)
        wells = dict(_wells(root))
        places = _series(stored, companion)
        images = tuple(
            OmeroImage(
                *place,
                element.name,
                {axis: element.sizes[axis] for axis in "XYZCT"},
                element.pixels["Type"],
                _pyramid(data, image, element),
                wells.get(number),
            )
            for number, (place, image, element) in enumerate(zip(places, stored, elements, strict=True))
        )
        plate = root.find(f"{OME}Plate")
        findings = tuple(_findings(data, companion, images))
    return OmeroImport(tuple(files), None if plate is None else plate.get("Name", ""), images, findings)


def _companion(data: OpenDataset) -> Path | None:
    if not data.location.is_folder or not data.is_finished:
        return None
    return find_companion(data.location.folder, data.header.dataset)


def _series(images: list[OpenImage], companion: Path | None) -> Iterator[tuple[Path, int]]:
    """Yield the file that is imported for each image, and its series there."""
    for number, image in enumerate(images):
        yield (image.path, image.index) if companion is None else (companion, number)


def _wells(root: ET.Element) -> Iterator[tuple[int, str]]:
    """Yield the numbers of images in wells, and the names of these."""
    numbers = {image.get("ID"): number for number, image in enumerate(root.iterfind(f"{OME}Image"))}
    for well in root.iterfind(f"{OME}Plate/{OME}Well"):
        name = f"{row_name(int(well.get('Row', '0')))}{int(well.get('Column', '0')) + 1}"
        for reference in well.iterfind(f"{OME}WellSample/{OME}ImageRef"):
            yield numbers[reference.get("ID")], name


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
        what = "it is not finished: only pages, or the frames up to the last checkpoint, are imported"
        yield OmeroFinding(what, f"finish it: {finish}", False)
    elif location.is_folder and companion is None:
        advice = "copy the .companion.ome, too, and import that"
        yield OmeroFinding("the companion is missing: each file is imported on its own", advice, False)
    elif companion is not None:
        names = {
            unescape(name.decode("utf-8", "replace")) for name in _FILE_NAME.findall(companion.read_bytes())
        }
        there = {path.name for path in data.paths}
        for name in sorted(names - there):
            advice = "give the file the name that it had, or import the TIFF files without the companion"
            yield OmeroFinding(f"{companion.name} names {name}, which is not there", advice, True)
    convert = command_text("exengine-ome-tiff", "convert", location.path)
    if data.header.coding.compression == "zstd":
        advice = f"Bio-Formats 7 or newer on the server; or {convert} ... --compression zlib"
        yield OmeroFinding("zstd needs Bio-Formats 7", advice, False)
    for image in images:
        if "complex" in image.pixel_type:
            advice = "store real and imaginary parts as channels"
            yield OmeroFinding(f"{image.name}: Bio-Formats reads no complex pixels", advice, True)
        if len(image.name) > _MOST_NAME:
            advice = f"choose names of up to {_MOST_NAME} characters"
            yield OmeroFinding(f"{image.name[:40]}...: OMERO has no room for the whole name", advice, False)
        if image.pyramid in ("made by OMERO", "missing"):
            is_made = image.pyramid == "made by OMERO"
            how = "OMERO makes a pyramid, slowly" if is_made else "OMERO makes no pyramid of such pixels"
            advice = f"record with pyramid_levels='auto', or {convert} ... --pyramid-levels auto"
            yield OmeroFinding(f"{image.name}: {how}", advice, False)
