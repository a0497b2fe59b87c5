"""One OME-XML document for all images of a dataset, without references to pixels."""

import re
from collections.abc import Sequence

from exengine_ome_tiff.inspection.open_dataset import OpenDataset, OpenImage
from exengine_ome_tiff.ome.xml_reader import ImageElement, read_ome
from exengine_ome_tiff.tiff import read_description
from exengine_ome_tiff.writing.contents import CREATOR, describe_image

_TIFF_DATA = re.compile(rb"(?:<TiffData\b[^>]*(?:/>|>.*?</TiffData>)\s*)+", re.DOTALL)


def images_of_document(data: OpenDataset) -> list[OpenImage]:
    """Return the images of a dataset in the order of its document: file by file."""
    return sorted(data.images, key=lambda image: image.file)


def dataset_document(data: OpenDataset) -> bytes:
    """Return the OME-XML of all images, with MetadataOnly instead of each TiffData.

    It is the companion of a finished folder or the document in a finished file. Otherwise it is made from the
    metadata of the frames, as `TiffStorage.finish` would write it.
    """
    companion, written = data.companion, None
    if data.is_finished and not data.location.is_folder:
        written = read_description(data.paths[0])
    elif data.is_finished and companion is not None:
        written = companion.read_bytes()
    if written is None or not _describes(read_ome(written), images_of_document(data)):
        written = _made(data)
    return _TIFF_DATA.sub(b"<MetadataOnly/>", written)


def _describes(elements: Sequence[ImageElement], images: Sequence[OpenImage]) -> bool:
    """Whether the elements of a document match the images, in their order."""
    return [(each.name, each.sizes["X"], each.n_planes) for each in elements] == [
        (image.name, image.pixels.stored_shape[1], len(image.layout.frames)) for image in images
    ]


def _made(data: OpenDataset) -> bytes:
    """Make the document from the metadata of frames."""
    # ome-types takes 0.3 s to import, and a finished dataset does not need it
    from exengine_ome_tiff.ome.document import Place, ome_xml

    facts, images = data.facts, images_of_document(data)
    plate = facts.plate([image.layout for image in images])
    contents = [(describe_image(image, facts), Place(0)) for image in images]
    return ome_xml(data.location.name, contents, plate, facts.about(), data.header.dataset, CREATOR)
