"""The OME document: images, channels, plate and annotations. All OME-XML is made here."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from html import escape

import numpy as np
from ome_types import OME, to_xml
from ome_types import model as m
from pydantic import BaseModel

from exengine_ome_tiff.coordinates.layout import ImageLayout
from exengine_ome_tiff.coordinates.wells import PlateInfo, well_of_image
from exengine_ome_tiff.ome import planes
from exengine_ome_tiff.ome.annotations import PLACEHOLDER, Annotations
from exengine_ome_tiff.ome.image_values import OME_TYPES, ChannelValues, DatasetValues, OmeImage
from exengine_ome_tiff.ome.instruments import Instruments, set_quantity
from exengine_ome_tiff.ome.planes import Shared, page_elements, plane_elements, shared_quantities
from exengine_ome_tiff.ome.text import optional_name, valid_name, valid_text
from exengine_ome_tiff.ome.user_values import ExperimenterInfo

try:
    from xsdata_pydantic_basemodel import bindings  # what ome-types 0.7 works with
except ImportError:
    bindings = None  # type: ignore[assignment]
_is_known = bindings is not None
"""Whether this ome-types works as 0.7 does."""

_NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"

_LICENCES = ("rights", "licence", "license")
"""Annotations that also become the document's Rights; upper and lower case are the same."""
_PIXELS_END = "</Pixels>"
_PIECE_BYTES = 1 << 20
_PLACEHOLDERS = re.compile(f"({PLACEHOLDER}\\d+{PLACEHOLDER})")


def xml_text(document: OME) -> str:
    """Return a document as XML without a declaration and without white space between elements."""
    if not _is_known:
        return to_xml(document, indent=0)
    _mark_filled(document)
    return _serializer().render(document, ns_map={None: _NAMESPACE})


@cache
def _serializer() -> "bindings.XmlSerializer":
    """Return the serializer, which remembers what it found out about the classes of the models."""
    config = bindings.SerializerConfig(
        xml_declaration=False,
        ignore_unset_attributes=True,
        schema_location=f"{_NAMESPACE} {_NAMESPACE}/ome.xsd",
    )
    return bindings.XmlSerializer(context=bindings.XmlContext(), config=config)


def _mark_filled(element: BaseModel) -> None:
    """Mark all lists with items as set, because pydantic does not notice items appended to a list."""
    for name in type(element).model_fields:
        value = getattr(element, name)
        if isinstance(value, list) and value:
            element.model_fields_set.add(name)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, BaseModel):
                _mark_filled(each)


@dataclass(frozen=True, slots=True)
class Place:
    """The file and the pages of an image.

    Parameters
    ----------
    first_ifd
        Index of the image's first page in the file; the others follow in dimension order.
    file_name, file_uuid
        The file, if the document is in another one; the UUID as ``urn:uuid:...``.
    """

    first_ifd: int
    file_name: str | None = None
    file_uuid: str | None = None


class XmlText:
    """The text of a document in pieces. Each iteration makes the elements of planes again.

    A million planes take up to 200 MB of text, so it is never in memory as a whole.

    Parameters
    ----------
    document
        The document without the elements of planes.
    images
        Its images.
    shared
        For each image the quantities that its planes share; None if each plane gets all quantities.
    long_texts
        Texts by placeholder in the document.
    """

    def __init__(
        self,
        document: OME,
        images: Sequence[tuple[OmeImage, Place]],
        shared: Sequence[Mapping[str, Shared] | None],
        long_texts: Mapping[str, str],
    ) -> None:
        self._head, *self._tails = xml_text(document).split(_PIXELS_END)
        self._images, self._shared, self._long_texts = images, shared, long_texts

    def __iter__(self) -> Iterator[bytes]:
        """Yield pieces of about a megabyte, in UTF-8."""
        piece = bytearray()
        for part in self._parts():
            piece += part
            if len(piece) > _PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
        yield bytes(piece)

    def _parts(self) -> Iterator[bytes]:
        yield b'<?xml version="1.0" encoding="UTF-8"?>\n'
        yield from self._filled(self._head)
        for (image, place), shared, tail in zip(self._images, self._shared, self._tails, strict=True):
            if place.file_name is not None and place.file_uuid is not None:
                pages = page_elements(image.layout, place.first_ifd, place.file_name, place.file_uuid)
                yield from (each.encode() for each in pages)
            yield from (each.encode() for each in plane_elements(image, shared))
            yield _PIXELS_END.encode()
            yield from self._filled(tail)

    def _filled(self, text: str) -> Iterator[bytes]:
        """Yield a part of the document, with long texts instead of their placeholders."""
        for part in _PLACEHOLDERS.split(text):
            long = self._long_texts.get(part, "")
            if not long:
                yield part.encode()
            for start in range(0, len(long), _PIECE_BYTES):
                yield escape(valid_text(long[start : start + _PIECE_BYTES]), quote=False).encode()


def ome_xml(
    name: str,
    images: Sequence[tuple[OmeImage, Place]],
    plate: PlateInfo | None,
    about: DatasetValues,
    uuid: str,
    creator: str,
) -> XmlText:
    """Make the OME document of one or more files.

    Parameters
    ----------
    name
        Name of the dataset, and of a plate without a name.
    images
        All images of the document, in order.
    plate
        The plate with wells for the images; None without one.
    about
        Values of the dataset.
    uuid
        UUID of the file that contains the document, as ``urn:uuid:...``.
    creator
        Name and version of the program that writes the document.

    Returns
    -------
    XmlText
        XML that is valid against the 2016-06 schema.
    """
    annotations = Annotations(about)
    experimenter = about.given.experimenter
    instruments = Instruments([image.values for image, _ in images], about)
    n_planes = sum(len(image.layout.frames) for image, _ in images)
    is_long = n_planes > planes.MOST_COMPLETE_PLANES
    shared = [shared_quantities(image) if is_long else None for image, _ in images]
    ome_images = [
        _image(number, image, place, annotations, instruments, shared[number])
        for number, (image, place) in enumerate(images)
    ]
    if experimenter is not None:
        for ome_image in ome_images:
            ome_image.experimenter_ref = m.ExperimenterRef(id="Experimenter:0")
    layouts = [image.layout for image, _ in images]
    document = OME.model_construct(  # which resolves no references, as nobody follows them
        plates=[] if plate is None else _plates(layouts, plate, valid_name(plate.name or name), about),
        uuid=uuid,
        creator=creator,
        images=ome_images,
        instruments=instruments.elements(),
        experimenters=[] if experimenter is None else [_experimenter(experimenter)],
        structured_annotations=annotations.element,
        rights=_rights(about.given.annotations),
    )
    return XmlText(document, images, shared, annotations.long_texts)


def _image(
    number: int,
    image: OmeImage,
    place: Place,
    annotations: Annotations,
    instruments: Instruments,
    shared: Mapping[str, Shared] | None,
) -> m.Image:
    values = image.values
    element = m.Image(
        id=f"Image:{number}",
        name=valid_name(image.name),
        description=None if values.description is None else valid_text(values.description),
        acquisition_date=None if values.acquired is None else _utc(values.acquired),
        pixels=_pixels(number, image, place, instruments),
        stage_label=_stage_label(image),
        annotation_refs=[m.AnnotationRef(id=each) for each in annotations.annotate(number, image, shared)],
    )
    instruments.refer(element, values)
    return element


def _stage_label(image: OmeImage) -> m.StageLabel | None:
    if image.values.stage_label is None:
        return None
    label = m.StageLabel(name=valid_name(image.values.stage_label))
    for axis in "xyz":
        position = float(image.planes[f"{axis}_um"][image.layout.first_frame]) + 0.0  # -0.0 becomes 0.0
        set_quantity(label, axis, None if np.isnan(position) else position, m.UnitsLength.MICROMETER)
    return label


def _plates(
    layouts: Iterable[ImageLayout], info: PlateInfo, name: str, about: DatasetValues
) -> list[m.Plate]:
    """Return the plate with the wells that images lie in; an empty list if no image lies in one."""
    places = enumerate(well_of_image(info, layout) for layout in layouts)
    samples = sorted((well, number) for number, well in places if well is not None)
    if not samples:
        return []
    summary = about.summary_values
    plate = m.Plate(
        id="Plate:0",
        name=name,
        description=None if summary.plate_description is None else valid_text(summary.plate_description),
        external_identifier=optional_name(summary.plate_id),
        status=optional_name(summary.plate_status),
        rows=info.rows or max(well.row for well, _ in samples) + 1,
        columns=info.columns or max(well.column for well, _ in samples) + 1,
        row_naming_convention=m.NamingConvention(summary.plate_row_naming or "letter"),
        column_naming_convention=m.NamingConvention(summary.plate_column_naming or "number"),
    )
    set_quantity(plate, "well_origin_x", summary.plate_origin_x_um, m.UnitsLength.MICROMETER)
    set_quantity(plate, "well_origin_y", summary.plate_origin_y_um, m.UnitsLength.MICROMETER)
    wells: dict[tuple[int, int], m.Well] = {}
    for index, (place, number) in enumerate(samples):
        row, column = place[:2]
        if (row, column) not in wells:
            wells[row, column] = m.Well(id=f"Well:0:{len(wells)}", row=row, column=column)
        image = m.ImageRef(id=f"Image:{number}")
        sample = m.WellSample(id=f"WellSample:0:{index}", index=index, image_ref=image)
        wells[row, column].well_samples.append(sample)
    plate.wells.extend(wells.values())
    acquisition = m.PlateAcquisition(
        id="PlateAcquisition:0",
        well_sample_refs=[m.WellSampleRef(id=each.id) for well in plate.wells for each in well.well_samples],
        maximum_field_count=max(len(well.well_samples) for well in plate.wells),
    )
    acquisition.start_time = None if about.started is None else _utc(about.started)
    acquisition.end_time = None if about.ended is None else _utc(about.ended)
    plate.plate_acquisitions.append(acquisition)
    return [plate]


def _rights(annotations: Mapping[str, str]) -> m.Rights | None:
    """Return the licence among the annotations."""
    notes = {name.casefold(): text for name, text in annotations.items()}
    held = next((valid_text(notes[name]) for name in _LICENCES if name in notes), None)
    return None if held is None else m.Rights(rights_held=held)


def _experimenter(info: ExperimenterInfo) -> m.Experimenter:
    names = {name: optional_name(value) for name, value in asdict(info).items()}
    return m.Experimenter.model_validate({"id": "Experimenter:0"} | names)


def _pixels(number: int, image: OmeImage, place: Place, instruments: Instruments) -> m.Pixels:
    layout, values = image.layout, image.values
    tiff_data = m.TiffData(ifd=place.first_ifd, plane_count=len(layout.frames))
    pixels = m.Pixels(
        id=f"Pixels:{number}",
        type=m.PixelType(OME_TYPES[image.dtype]),
        dimension_order=m.Pixels_DimensionOrder("XY" + layout.order),
        size_x=image.shape[1],
        size_y=image.shape[0],
        size_z=layout.sizes["Z"],
        size_c=layout.sizes["C"] * image.samples,
        size_t=layout.sizes["T"],
        big_endian=False,
        channels=[
            _channel(f"Channel:{number}:{index}", channel, name, image, instruments)
            for index, (channel, name) in enumerate(_channels(image))
        ],
        tiff_data_blocks=[tiff_data] if place.file_uuid is None else [],
    )
    if image.samples > 1:
        pixels.interleaved = True
    if values.significant_bits is not None:
        pixels.significant_bits = values.significant_bits
    sizes_um = (values.pixel_size_x_um, values.pixel_size_y_um, values.z_step_um)
    for axis, size_um in zip("xyz", sizes_um, strict=True):
        set_quantity(pixels, f"physical_size_{axis}", size_um, m.UnitsLength.MICROMETER)
    set_quantity(pixels, "time_increment", values.time_interval_s, m.UnitsTime.SECOND)
    return pixels


def _channel(
    identifier: str, channel: ChannelValues, name: str | None, image: OmeImage, instruments: Instruments
) -> m.Channel:
    info = channel.info
    element = m.Channel(
        id=identifier,
        name=name,
        samples_per_pixel=image.samples,
        fluor=optional_name(info.fluorophore),
        detector_settings=instruments.detector_settings(channel),
        light_source_settings=instruments.light_source_settings(channel),
        light_path=instruments.light_path(channel),
    )
    if info.rgb is not None and image.samples == 1:
        element.color = m.Color(info.rgb)
    if info.acquisition_mode is not None:
        element.acquisition_mode = m.Channel_AcquisitionMode(info.acquisition_mode)
    for kind, wavelength_nm in (("excitation", info.excitation_nm), ("emission", info.emission_nm)):
        set_quantity(element, f"{kind}_wavelength", wavelength_nm, m.UnitsLength.NANOMETER)
    return element


def _channels(image: OmeImage) -> Iterator[tuple[ChannelValues, str | None]]:
    """Yield the channel of each index along C; its name includes the value of an axis folded into C."""
    layout, channels = image.layout, image.values.channels
    for index in range(layout.sizes["C"]):
        channel = channels[index * len(channels) // layout.sizes["C"]]
        yield channel, valid_name(layout.label("C", index)) or None


def _utc(time: datetime) -> datetime:
    """Convert a time to UTC; leave a time without a zone unchanged."""
    return time if time.tzinfo is None else time.astimezone(UTC)
