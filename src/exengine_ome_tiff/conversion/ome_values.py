"""OME-XML of other programs, as options and metadata of `TiffStorage`."""

from datetime import datetime, timedelta
from typing import Any

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.ome.foreign_document import ForeignDocument
from exengine_ome_tiff.ome.user_values import ACQUISITION_MODES, ChannelInfo
from exengine_ome_tiff.ome.xml_reader import ImageElement
from exengine_ome_tiff.translate.times import parse_time
from exengine_ome_tiff.translate.values import is_plausible

_MOST_XML_BYTES = 1 << 25
_LENGTHS = (("XPositionUm", "PositionX"), ("YPositionUm", "PositionY"), ("ZPositionUm", "PositionZ"))


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
                _nanometres(values.get("ExcitationWavelength"), values.get("ExcitationWavelengthUnit")),
                _nanometres(values.get("EmissionWavelength"), values.get("EmissionWavelengthUnit")),
                values.get("Fluor"),
                mode if mode in ACQUISITION_MODES else None,
            )
            if info != ChannelInfo():
                found.setdefault(str(names[number]) if are_distinct else number, info)
    return found


def _nanometres(text: str | None, unit: str | None) -> float | None:
    factor = {None: 1.0, "nm": 1.0, "µm": 1e3}.get(unit)
    try:
        number = float(text or "nan")
    except ValueError:
        return None
    wavelength_nm = None if factor is None else _positive(number * factor)
    return wavelength_nm if is_plausible("wavelength_nm", wavelength_nm) else None


def _positive(number: float | None) -> float | None:
    return number if number is not None and 0 < number < float("inf") else None


def _square_um(image: ImageElement) -> float | None:
    x_um, y_um = image.length_um("PhysicalSizeX"), image.length_um("PhysicalSizeY")
    return _positive(x_um) if x_um == y_um or y_um is None else None


def _same(values: list[float | None]) -> float | None:
    """Return the value that all images share; None if they differ."""
    return values[0] if len(set(values)) == 1 else None
