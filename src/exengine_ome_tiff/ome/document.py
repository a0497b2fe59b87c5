"""The OME document: images, channels, annotations. The only place where OME-XML is made."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from io import BytesIO

import numpy as np
from ome_types import OME, to_xml
from ome_types import model as m

from exengine_ome_tiff.coordinates import PlateInfo
from exengine_ome_tiff.ome import planes
from exengine_ome_tiff.ome.annotations import Annotations
from exengine_ome_tiff.ome.image_values import ChannelValues, DatasetValues, OmeImage
from exengine_ome_tiff.ome.instruments import Instruments
from exengine_ome_tiff.ome.planes import Shared, page_elements, plane_elements, shared_quantities
from exengine_ome_tiff.ome.plate import plate_of
from exengine_ome_tiff.ome.text import optional_name, valid_name, valid_text
from exengine_ome_tiff.ome.user_values import ExperimenterInfo

_LICENCES = ("rights", "licence", "license")
"""Names of annotations that are also the rights of the document, in any case."""


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
    name: str,
    images: Sequence[tuple[OmeImage, Place]],
    plate: PlateInfo | None,
    about: DatasetValues,
    uuid: str,
    creator: str,
) -> bytes:
    """Make the OME document of a file, or of several.

    Parameters
    ----------
    name
        Of the dataset, for the plate that its positions may name wells of.
    images
        All images of the document, in order.
    plate
        What is known of that plate; None if they lie on none.
    about
        What is known of the dataset as a whole.
    uuid
        Of the file that the document will be in, as ``urn:uuid:...``.
    creator
        Program that writes it.

    Returns
    -------
    bytes
        XML in UTF-8, valid against the 2016-06 schema.
    """
    annotations = Annotations(about)
    experimenter = about.experimenter
    instrument = Instruments((image.values for image, _ in images), about)
    n_planes = sum(len(image.layout.frames) for image, _ in images)
    is_long = n_planes > planes.MOST_COMPLETE_PLANES
    shared = [shared_quantities(image) if is_long else None for image, _ in images]
    ome_images = [
        _image(number, image, place, annotations, instrument, shared[number])
        for number, (image, place) in enumerate(images)
    ]
    if experimenter is not None:
        for ome_image in ome_images:
            ome_image.experimenter_ref = m.ExperimenterRef(id="Experimenter:0")
    layouts = [image.layout for image, _ in images]
    ome_plate = None if plate is None else plate_of(layouts, plate, valid_name(plate.name or name))
    if ome_plate is not None:
        _describe_plate(ome_plate, about)
    document = OME(
        plates=[] if ome_plate is None else [ome_plate],
        uuid=uuid,
        creator=creator,
        images=ome_images,
        instruments=instrument.elements(),
        experimenters=[] if experimenter is None else [_experimenter(experimenter)],
        structured_annotations=annotations.element,
        rights=_rights(about.annotations),
    )
    head, *tails = to_xml(document, indent=0).split("</Pixels>")
    text = BytesIO()  # of a million planes, there is no room for the text and its parts at once
    text.write(b'<?xml version="1.0" encoding="UTF-8"?>\n' + head.encode())
    for (image, place), of_image, tail in zip(images, shared, tails, strict=True):
        if place.file_name is not None and place.file_uuid is not None:
            pages = page_elements(image.layout, place.first_ifd, place.file_name, place.file_uuid)
            text.writelines(page.encode() for page in pages)
        text.writelines(each.encode() for each in plane_elements(image, of_image))
        text.write(f"</Pixels>{tail}".encode())
    return text.getvalue()


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
        if not np.isnan(position):
            _set_length(label, axis, position)
    return label


def _describe_plate(plate: m.Plate, about: DatasetValues) -> None:
    """Say of a plate what the summary says, and when it was recorded."""
    told = about.told
    plate.description = None if told.plate_description is None else valid_text(told.plate_description)
    plate.external_identifier = optional_name(told.plate_id)
    plate.status = optional_name(told.plate_status)
    if told.plate_row_naming is not None:
        plate.row_naming_convention = m.NamingConvention(told.plate_row_naming)
    if told.plate_column_naming is not None:
        plate.column_naming_convention = m.NamingConvention(told.plate_column_naming)
    for axis, origin_um in (("x", told.plate_origin_x_um), ("y", told.plate_origin_y_um)):
        _set_length(plate, f"well_origin_{axis}", origin_um)
    samples = [m.WellSampleRef(id=sample.id) for well in plate.wells for sample in well.well_samples]
    acquisition = m.PlateAcquisition(id="PlateAcquisition:0", well_sample_refs=samples)
    acquisition.start_time = None if about.started is None else _utc(about.started)
    acquisition.end_time = None if about.ended is None else _utc(about.ended)
    acquisition.maximum_field_count = max(len(well.well_samples) for well in plate.wells)
    plate.plate_acquisitions.append(acquisition)


def _rights(annotations: Mapping[str, str]) -> m.Rights | None:
    """Return what annotations say of the licence."""
    told = {name.casefold(): text for name, text in annotations.items()}
    held = next((valid_text(told[name]) for name in _LICENCES if name in told), None)
    return None if held is None else m.Rights(rights_held=held)


def _experimenter(info: ExperimenterInfo) -> m.Experimenter:
    names = {name: optional_name(value) for name, value in asdict(info).items()}
    return m.Experimenter.model_validate({"id": "Experimenter:0"} | names)


def _pixels(number: int, image: OmeImage, place: Place, instruments: Instruments) -> m.Pixels:
    layout, values = image.layout, image.values
    tiff_data = m.TiffData(ifd=place.first_ifd, plane_count=len(layout.frames))
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
            _channel(f"Channel:{number}:{index}", channel, name, image, instruments)
            for index, (channel, name) in enumerate(_channels(image))
        ],
        tiff_data_blocks=[tiff_data] if place.file_uuid is None else [],
    )
    if image.samples > 1:
        pixels.interleaved = True
    if values.significant_bits is not None and values.significant_bits <= image.bits:
        pixels.significant_bits = values.significant_bits
    for axis, size_um in zip(
        "xyz", (values.pixel_size_x_um, values.pixel_size_y_um, values.z_step_um), strict=True
    ):
        _set_length(pixels, f"physical_size_{axis}", size_um)
    if values.time_interval_s is not None:
        pixels.time_increment = values.time_interval_s
        pixels.time_increment_unit = m.UnitsTime.SECOND
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
        detector_settings=instruments.settings(channel.camera),
        light_source_settings=instruments.light_source(channel),
        light_path=instruments.light_path(channel),
    )
    if info.rgb is not None and image.samples == 1:
        element.color = m.Color(info.rgb)
    if info.acquisition_mode is not None:
        element.acquisition_mode = m.Channel_AcquisitionMode(info.acquisition_mode)
    for kind, wavelength_nm in (("excitation", info.excitation_nm), ("emission", info.emission_nm)):
        _set_length(element, f"{kind}_wavelength", wavelength_nm, m.UnitsLength.NANOMETER)
    return element


def _channels(image: OmeImage) -> Iterator[tuple[ChannelValues, str | None]]:
    """Yield the channel of each index along C, and a name with the value of an axis that is kept inside."""
    layout, channels = image.layout, image.values.channels
    for index in range(layout.sizes["C"]):
        channel = channels[index * len(channels) // layout.sizes["C"]]
        yield channel, valid_name(layout.label("C", index)) or None


def _set_length(
    element: m.StageLabel | m.Plate | m.Pixels | m.Channel,
    attribute: str,
    length: float | None,
    unit: m.UnitsLength = m.UnitsLength.MICROMETER,
) -> None:
    """Set a length and its unit, where it is known."""
    if length is not None:
        setattr(element, attribute, length)
        setattr(element, f"{attribute}_unit", unit)


def _utc(time: datetime) -> datetime:
    """Express a time with a zone in UTC; one without stays as it is."""
    return time if time.tzinfo is None else time.astimezone(UTC)
