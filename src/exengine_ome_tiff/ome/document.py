"""The OME document: images, channels, annotations. The only place where OME-XML is made."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ome_types import OME, to_xml
from ome_types import model as m

from exengine_ome_tiff.coordinates.layout import PLANE_AXES, AxisValue
from exengine_ome_tiff.ome.images import OmeImage
from exengine_ome_tiff.ome.planes import not_acquired, plane_elements
from exengine_ome_tiff.ome.plate import plate_of

COORDINATES_NAMESPACE = "urn:exengine-ome-tiff:coordinates"
"""Namespace of the MapAnnotation that keeps an image's labels and the coordinate values along its axes."""
NOT_ACQUIRED_NAMESPACE = "urn:exengine-ome-tiff:not-acquired"
"""Namespace of the MapAnnotation that names planes which show black because no frame was put for them."""

_INVALID_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONG_AXIS = 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where the planes of an image are.

    Parameters
    ----------
    first_ifd
        Index of its first page in the file; the others follow it in dimension order.
    file_name, file_uuid
        The file, where the document is not in it; a UUID as ``urn:uuid:...``.
    """

    first_ifd: int
    file_name: str | None = None
    file_uuid: str | None = None


def ome_xml(name: str, images: Sequence[tuple[OmeImage, Place]], uuid: str, creator: str) -> bytes:
    """Make the OME document of a file, or of several.

    Parameters
    ----------
    name
        Of the dataset, for the plate that its positions may name wells of.
    images
        All images of the document, in order.
    uuid
        Of the file that the document will be in, as ``urn:uuid:...``.
    creator
        Program that writes it.

    Returns
    -------
    bytes
        XML in UTF-8, valid against the 2016-06 schema.
    """
    annotations: list[m.MapAnnotation] = []
    ome_images = [_image(number, image, place, annotations) for number, (image, place) in enumerate(images)]
    plate = plate_of((image.layout for image, _ in images), _text(name))
    document = OME(
        plates=[] if plate is None else [plate],
        uuid=uuid,
        creator=creator,
        images=ome_images,
        structured_annotations=m.StructuredAnnotations(map_annotations=annotations),
    )
    head, *tails = to_xml(document, indent=0).split("</Pixels>")
    parts = ['<?xml version="1.0" encoding="UTF-8"?>\n', head]
    for (image, _), tail in zip(images, tails, strict=True):
        parts += [plane_elements(image), "</Pixels>", tail]
    return "".join(parts).encode()


def _image(number: int, image: OmeImage, place: Place, annotations: list[m.MapAnnotation]) -> m.Image:
    notes = {COORDINATES_NAMESPACE: _coordinates(image)}
    if missing := not_acquired(image.layout):
        notes[NOT_ACQUIRED_NAMESPACE] = {"ZCT and count": json.dumps(missing)}
    refs = []
    for namespace, value in notes.items():
        identifier = f"Annotation:{len(annotations)}"
        pairs = m.Map(ms=[m.Map.M(k=_text(key), value=_text(text)) for key, text in value.items()])
        annotations.append(m.MapAnnotation(id=identifier, namespace=namespace, value=pairs))
        refs.append(m.AnnotationRef(id=identifier))
    acquired = image.values.acquired
    return m.Image(
        id=f"Image:{number}",
        name=_text(image.name),
        acquisition_date=None if acquired is None else _utc(acquired),
        pixels=_pixels(number, image, place),
        annotation_refs=refs,
    )


def _pixels(number: int, image: OmeImage, place: Place) -> m.Pixels:
    layout, values = image.layout, image.values
    tiff_data = m.TiffData(ifd=place.first_ifd, plane_count=len(layout.frames))
    if place.file_uuid is not None:
        tiff_data.uuid = m.TiffData.UUID(value=place.file_uuid, file_name=place.file_name)
    pixels = m.Pixels(
        id=f"Pixels:{number}",
        type=m.PixelType(image.ome_type),
        dimension_order=m.Pixels_DimensionOrder("XY" + layout.order),
        size_x=image.shape[1],
        size_y=image.shape[0],
        size_z=layout.sizes["Z"],
        size_c=layout.sizes["C"] * image.samples,
        size_t=layout.sizes["T"],
        big_endian=False,
        channels=[
            m.Channel(
                id=f"Channel:{number}:{index}",
                name=None if name is None else _text(str(name)),
                samples_per_pixel=image.samples,
            )
            for index, name in enumerate(layout.values["C"])
        ],
        tiff_data_blocks=[tiff_data],
    )
    if image.samples > 1:
        pixels.interleaved = True
    if values.significant_bits is not None and values.significant_bits <= image.bits:
        pixels.significant_bits = values.significant_bits
    if values.pixel_size_um is not None:
        pixels.physical_size_x = pixels.physical_size_y = values.pixel_size_um
        pixels.physical_size_x_unit = pixels.physical_size_y_unit = m.UnitsLength.MICROMETER
    return pixels


def _coordinates(image: OmeImage) -> dict[str, str]:
    """Labels, and the values along each axis that frames had, as JSON."""
    pairs = {axis: json.dumps(value) for axis, value in image.layout.labels}
    for axis, name in PLANE_AXES.items():
        values = image.layout.values[axis]
        if values != (None,):
            pairs[f"{name} ({axis})"] = _axis(values)
    return pairs


def _axis(values: tuple[AxisValue, ...]) -> str:
    """All values, or ``range(start, stop, step)`` for a long axis of even steps."""
    numbers = [value for value in values if isinstance(value, int)]
    if len(values) > _LONG_AXIS and len(numbers) == len(values):
        whole = range(numbers[0], numbers[-1] + 1, numbers[1] - numbers[0])
        if len(whole) == len(numbers) and list(whole) == numbers:
            return repr(whole)
    return json.dumps(values)


def _text(text: str) -> str:
    """Replace what XML cannot hold."""
    return _INVALID_IN_XML.sub("\ufffd", text)


def _utc(time: datetime) -> datetime:
    """Express a time with a zone in UTC; one without stays as it is."""
    return time if time.tzinfo is None else time.astimezone(UTC)
