"""Writing OME-TIFF with Bio-Formats, as its command `bfconvert` and Fiji do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from readers import bioformats

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

PIXEL_TYPES = {"f4": "float", "f8": "double"}
CHANNELS = ("DAPI", "GFP", "Cy5")


def write_by_bioformats(
    path: Path,
    images: Sequence[tuple[str, np.ndarray]],
    *,
    order: str = "XYCZT",
    big_endian: bool = False,
    compression: str | None = None,
    bigtiff: bool = False,
    file_of: Callable[[int], Path] | None = None,
) -> Path:
    """Write images by their names, arrays of shape (T, C, Z, Y, X) or (T, C, Z, Y, X, samples).

    Parameters
    ----------
    file_of
        Returns the file of each image by its number, where each has one of its own.
    """
    bioformats.start()
    metadata = _metadata(images, order, big_endian=big_endian)
    writer = bioformats.java_class("loci.formats.out.OMETiffWriter")()
    writer.setMetadataRetrieve(metadata)
    if compression is not None:
        writer.setCompression(compression)
    if bigtiff:
        writer.setBigTiff(True)
    writer.setInterleaved(images[0][1].ndim == 6)
    writer.setId(str(path))
    for number, (_, array) in enumerate(images):
        writer.setSeries(number)
        if file_of is not None:
            writer.changeOutputFile(str(file_of(number)))
        sizes = dict(zip("TCZ", array.shape, strict=False))
        shape = [sizes[axis] for axis in order[:1:-1]]  # the last axis varies slowest
        for plane, index in enumerate(np.ndindex(*shape)):
            place = dict(zip(order[:1:-1], index, strict=True))
            pixels = array[place["T"], place["C"], place["Z"]]
            data = pixels.astype(pixels.dtype.newbyteorder(">" if big_endian else "<")).tobytes()
            writer.saveBytes(plane, bioformats.java_bytes(data))
    writer.close()
    return path


def _metadata(images: Sequence[tuple[str, np.ndarray]], order: str, *, big_endian: bool) -> Any:
    """Make the metadata of all images, in units that our writer does not use."""
    java = bioformats.java_class
    service = java("loci.formats.services.OMEXMLService").class_
    metadata = java("loci.common.services.ServiceFactory")().getInstance(service).createOMEXMLMetadata()
    metadata.createRoot()
    length, time = java("ome.units.quantity.Length"), java("ome.units.quantity.Time")
    units = java("ome.units.UNITS")

    def positive(number: int) -> Any:
        return java("ome.xml.model.primitives.PositiveInteger")(java("java.lang.Integer").valueOf(number))

    def natural(number: int) -> Any:
        return java("ome.xml.model.primitives.NonNegativeInteger")(java("java.lang.Integer").valueOf(number))

    def real(number: float) -> Any:
        return java("java.lang.Double").valueOf(number)

    for image, (name, array) in enumerate(images):
        (t_size, c_size, z_size, height, width), samples = array.shape[:5], [*array.shape, 1][5]
        kind = PIXEL_TYPES.get(array.dtype.str[1:], array.dtype.name)
        metadata.setImageID(f"Image:{image}", image)
        metadata.setImageName(name, image)
        metadata.setImageAcquisitionDate(
            java("ome.xml.model.primitives.Timestamp")("2024-05-06T07:08:09"), image
        )
        metadata.setPixelsID(f"Pixels:{image}", image)
        dimension_order = java("ome.xml.model.enums.DimensionOrder").fromString(order)
        metadata.setPixelsDimensionOrder(dimension_order, image)
        metadata.setPixelsType(java("ome.xml.model.enums.PixelType").fromString(kind), image)
        metadata.setPixelsBigEndian(java("java.lang.Boolean").valueOf(big_endian), image)
        sizes = {"X": width, "Y": height, "Z": z_size, "C": c_size * samples, "T": t_size}
        for axis, size in sizes.items():
            getattr(metadata, f"setPixelsSize{axis}")(positive(size), image)
        metadata.setPixelsPhysicalSizeX(length(real(0.25), units.MICROMETER), image)
        metadata.setPixelsPhysicalSizeY(length(real(250.0), units.NANOMETER), image)
        metadata.setPixelsPhysicalSizeZ(length(real(1.5), units.MICROMETER), image)
        for channel in range(c_size):
            metadata.setChannelID(f"Channel:{image}:{channel}", image, channel)
            metadata.setChannelSamplesPerPixel(positive(samples), image, channel)
            metadata.setChannelName(CHANNELS[channel], image, channel)
        for plane, (t, z, c) in enumerate(np.ndindex(t_size, z_size, c_size)):
            for axis, index in (("T", t), ("Z", z), ("C", c)):
                getattr(metadata, f"setPlaneThe{axis}")(natural(index), image, plane)
            metadata.setPlaneDeltaT(time(real(t * 1500.0 + c * 20.0), units.MILLISECOND), image, plane)
            metadata.setPlaneExposureTime(time(real(0.02), units.SECOND), image, plane)
            metadata.setPlanePositionX(length(real(10.0 * image), units.MICROMETER), image, plane)
    return metadata
