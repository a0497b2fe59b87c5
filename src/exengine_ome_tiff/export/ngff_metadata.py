"""Attributes of OME-Zarr groups (NGFF 0.4 and 0.5), from an OME-XML document."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args
from xml.etree import ElementTree as ET

from exengine_ome_tiff.inspection.preview_plate import row_name
from exengine_ome_tiff.ome.xml_reader import OME, ImageElement, read_wells

NgffVersion: TypeAlias = Literal["0.4", "0.5"]
VERSIONS: tuple[NgffVersion, ...] = get_args(NgffVersion)
Attributes: TypeAlias = dict[str, Any]

_UNITS = {"time": "second", "space": "micrometer"}
_AXES = (("t", "time"), ("c", "channel"), ("z", "space"), ("y", "space"), ("x", "space"))
_SAMPLES = (("R", "FF0000"), ("G", "00FF00"), ("B", "0000FF"), ("A", "FFFFFF"))


@dataclass(frozen=True, slots=True)
class Window:
    """Display limits of a channel, and the range of its values."""

    start: float
    end: float
    least: float
    greatest: float


def image_attributes(
    element: ImageElement, n_levels: int, windows: Sequence[Window], version: NgffVersion
) -> Attributes:
    """Describe an image with axes T, C, Z, Y and X.

    Parameters
    ----------
    element
        The image in the OME-XML.
    n_levels
        Number of resolutions, each half of the previous one.
    windows
        One for each index along C; samples of RGB pixels count along C.
    version
        Version of NGFF.
    """
    sizes = (
        element.time_interval_s(),
        None,
        element.length_um("PhysicalSizeZ"),
        element.length_um("PhysicalSizeY"),
        element.length_um("PhysicalSizeX"),
    )
    axes = []
    for (name, kind), size in zip(_AXES, sizes, strict=True):
        axes.append({"name": name, "type": kind} | ({} if size is None else {"unit": _UNITS[kind]}))
    scale = [1.0 if size is None else size for size in sizes]
    datasets = [_dataset(level, scale) for level in range(n_levels)]
    multiscale = {"name": element.name, "axes": axes, "datasets": datasets, "type": "mean"}
    channels = [
        {
            "label": label,
            "color": color,
            "active": True,
            "window": {"min": seen.least, "max": seen.greatest, "start": seen.start, "end": seen.end},
        }
        for (label, color), seen in zip(_channels(element), windows, strict=True)
    ]
    omero = {"name": element.name, "channels": channels, "rdefs": {"model": "color"}}
    if version == "0.4":
        return {"multiscales": [{"version": version, **multiscale}], "omero": omero}
    return {"ome": {"version": version, "multiscales": [multiscale], "omero": omero}}


def _dataset(level: int, scale: Sequence[float]) -> Attributes:
    """Describe a resolution; its first pixel is at the centre of the pixels it averages."""
    factor = 1 << level
    scales = [*scale[:3], *(size * factor for size in scale[3:])]
    transformations: list[Attributes] = [{"type": "scale", "scale": scales}]
    if level:
        shift = [0.0, 0.0, 0.0, *(size * (factor - 1) / 2 for size in scale[3:])]
        transformations.append({"type": "translation", "translation": shift})
    return {"path": str(level), "coordinateTransformations": transformations}


def _channels(element: ImageElement) -> Iterable[tuple[str, str]]:
    """Yield label and colour of each index along C."""
    n_samples = element.sizes["C"] // element.n_channels
    for index in range(element.n_channels):
        name = element.channels[index].get("Name", "") if index < len(element.channels) else ""
        if n_samples == 1:
            yield name, (element.color(index) or "#FFFFFF")[1:]
            continue
        for sample, color in _SAMPLES[:n_samples]:
            yield f"{name} {sample}".strip(), color


@dataclass(frozen=True, slots=True)
class PlateGroups:
    """The groups of a plate: its own attributes, and those of its wells by their paths."""

    attributes: Attributes
    wells: dict[str, Attributes]
    fields: dict[int, str]
    """Path of the field of each image in a well, by the number of the image."""


def plate_groups(root: ET.Element, version: NgffVersion) -> PlateGroups | None:
    """Describe the plate of a document; None if no image lies in a well."""
    plate = root.find(f"{OME}Plate")
    images: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for place, index, number in read_wells(root):
        images[place].append((index, number))
    if plate is None or not images:
        return None
    size = [
        max(int(plate.get(name, "0")), *(1 + place[axis] for place in images))
        for axis, name in enumerate(("Rows", "Columns"))
    ]
    names = [
        [_name(plate.get(convention, default), number) for number in range(count)]
        for convention, default, count in (
            ("RowNamingConvention", "letter", size[0]),
            ("ColumnNamingConvention", "number", size[1]),
        )
    ]
    wells: dict[str, Attributes] = {}
    fields: dict[int, str] = {}
    listed: list[Attributes] = []
    for (row, column), samples in sorted(images.items()):
        path = f"{names[0][row]}/{names[1][column]}"
        listed.append({"path": path, "rowIndex": row, "columnIndex": column})
        wells[path] = _versioned("well", {"images": [{"path": str(n)} for n in range(len(samples))]}, version)
        fields |= {number: f"{path}/{n}" for n, (_, number) in enumerate(sorted(samples))}
    about = {
        "name": plate.get("Name", ""),
        "rows": [{"name": name} for name in names[0]],
        "columns": [{"name": name} for name in names[1]],
        "wells": listed,
        "field_count": max(map(len, images.values())),
    }
    return PlateGroups(_versioned("plate", about, version), wells, fields)


def collection_attributes(plate: PlateGroups | None, version: NgffVersion) -> Attributes:
    """Describe the root group: images in the layout of bioformats2raw, with or without a plate."""
    layout = {"bioformats2raw.layout": 3}
    if version == "0.4":
        return layout | ({} if plate is None else plate.attributes)
    return {"ome": {"version": version} | layout | ({} if plate is None else plate.attributes["ome"])}


def series_attributes(paths: Sequence[str], version: NgffVersion) -> Attributes:
    """Describe the group OME, which lists the images in order of the OME-XML."""
    return {"series": [*paths]} if version == "0.4" else {"ome": {"version": version, "series": [*paths]}}


def _versioned(kind: str, about: Attributes, version: NgffVersion) -> Attributes:
    described = {kind: {"version": version, **about}}
    return described if version == "0.4" else {"ome": {"version": version, **described}}


def _name(convention: str, number: int) -> str:
    """Name a row or a column by its number, from 0."""
    return str(number + 1) if convention == "number" else row_name(number)
