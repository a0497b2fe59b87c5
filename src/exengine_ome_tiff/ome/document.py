"""The OME document: images, channels, annotations. The only place where OME-XML is made."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ome_types import OME, to_xml
from ome_types import model as m

from exengine_ome_tiff.coordinates import PlateInfo
from exengine_ome_tiff.coordinates.layout import PLANE_AXES, AxisValue
from exengine_ome_tiff.ome.images import OmeImage
from exengine_ome_tiff.ome.modulo import MODULO_NAMESPACE, modulo_xml
from exengine_ome_tiff.ome.planes import not_acquired, plane_elements
from exengine_ome_tiff.ome.plate import plate_of
from exengine_ome_tiff.ome.text import valid_name, valid_text

COORDINATES_NAMESPACE = "urn:exengine-ome-tiff:coordinates"
"""Namespace of the MapAnnotation that keeps what tells an image from the others: values by axis, as JSON."""
AXES_NAMESPACE = "urn:exengine-ome-tiff:axes"
"""Namespace of the MapAnnotation that keeps the values of the axes inside an image, as JSON."""
NOT_ACQUIRED_NAMESPACE = "urn:exengine-ome-tiff:not-acquired"
"""Namespace of the MapAnnotation that names planes which show black because no frame was put for them."""

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


def ome_xml(
    name: str, images: Sequence[tuple[OmeImage, Place]], plate: PlateInfo, uuid: str, creator: str
) -> bytes:
    """Make the OME document of a file, or of several.

    Parameters
    ----------
    name
        Of the dataset, for the plate that its positions may name wells of.
    images
        All images of the document, in order.
    plate
        What is known of that plate.
    uuid
        Of the file that the document will be in, as ``urn:uuid:...``.
    creator
        Program that writes it.

    Returns
    -------
    bytes
        XML in UTF-8, valid against the 2016-06 schema.
    """
    annotations = m.StructuredAnnotations()
    ome_images = [_image(number, image, place, annotations) for number, (image, place) in enumerate(images)]
    layouts = [image.layout for image, _ in images]
    ome_plate = plate_of(layouts, plate, valid_name(plate.name or name))
    document = OME(
        plates=[] if ome_plate is None else [ome_plate],
        uuid=uuid,
        creator=creator,
        images=ome_images,
        structured_annotations=annotations,
    )
    head, *tails = to_xml(document, indent=0).split("</Pixels>")
    parts = ['<?xml version="1.0" encoding="UTF-8"?>\n', head]
    for (image, _), tail in zip(images, tails, strict=True):
        parts += [plane_elements(image), "</Pixels>", tail]
    return "".join(parts).encode()


def _image(number: int, image: OmeImage, place: Place, annotations: m.StructuredAnnotations) -> m.Image:
    acquired = image.values.acquired
    return m.Image(
        id=f"Image:{number}",
        name=valid_name(image.name),
        acquisition_date=None if acquired is None else _utc(acquired),
        pixels=_pixels(number, image, place),
        annotation_refs=[
            m.AnnotationRef(id=annotation.id) for annotation in _annotate(number, image, annotations)
        ],
    )


def _annotate(
    number: int, image: OmeImage, annotations: m.StructuredAnnotations
) -> Iterator[m.MapAnnotation | m.XMLAnnotation]:
    """Add the annotations of an image; that of axes inside of others goes first, as tifffile asks for."""
    modulo = modulo_xml(image.layout)
    if modulo is not None:
        identifier = f"Annotation:{number}:modulo"
        fields = {"id": identifier, "namespace": MODULO_NAMESPACE, "value": modulo}
        annotations.xml_annotations.append(m.XMLAnnotation.model_validate(fields))
        yield annotations.xml_annotations[-1]
    notes = {
        COORDINATES_NAMESPACE: {axis: json.dumps(value) for axis, value in image.layout.labels},
        AXES_NAMESPACE: _axes(image),
    }
    if missing := not_acquired(image.layout):
        notes[NOT_ACQUIRED_NAMESPACE] = {"ZCT and count": json.dumps(missing)}
    for namespace, texts in ((namespace, texts) for namespace, texts in notes.items() if texts):
        identifier = f"Annotation:{number}:{namespace.rpartition(':')[2]}"
        pairs = m.Map(ms=[m.Map.M(k=valid_text(key), value=valid_text(text)) for key, text in texts.items()])
        annotations.map_annotations.append(m.MapAnnotation(id=identifier, namespace=namespace, value=pairs))
        yield annotations.map_annotations[-1]


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
            m.Channel(id=f"Channel:{number}:{index}", name=name, samples_per_pixel=image.samples)
            for index, name in enumerate(_channel_names(image))
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


def _channel_names(image: OmeImage) -> list[str | None]:
    """Name the planes along C, with the values of an axis that is kept inside of it."""
    channels = image.layout.values["C"]
    axis, inside = image.layout.modulo.get("C", ("", (None,)))
    names = []
    for channel in channels:
        for value in inside:
            parts = ["" if channel is None else str(channel), "" if value is None else f"{axis} {value}"]
            names.append(valid_name(" ".join(part for part in parts if part)) or None)
    return names


def _axes(image: OmeImage) -> dict[str, str]:
    """List the values along each axis inside an image that frames had."""
    axes = {}
    for axis, name in PLANE_AXES.items():
        values = image.layout.values[axis]
        if values != (None,):
            axes[f"{name} ({axis})"] = _axis(values)
    for axis, (name, values) in image.layout.modulo.items():
        axes[f"{name} (inside {axis})"] = _axis(values)
    return axes


def _axis(values: tuple[AxisValue, ...]) -> str:
    """All values, or ``range(start, stop, step)`` for a long axis of even steps."""
    numbers = [value for value in values if isinstance(value, int)]
    if len(values) > _LONG_AXIS and len(numbers) == len(values):
        whole = range(numbers[0], numbers[-1] + 1, numbers[1] - numbers[0])
        if len(whole) == len(numbers) and list(whole) == numbers:
            return repr(whole)
    return json.dumps(values)


def _utc(time: datetime) -> datetime:
    """Express a time with a zone in UTC; one without stays as it is."""
    return time if time.tzinfo is None else time.astimezone(UTC)
