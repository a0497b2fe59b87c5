"""The contents of a dataset: frames by coordinates, records, header and images; and opening a dataset."""

from exengine_ome_tiff.dataset.stored_images import ImageInfo

__all__ = ["ImageInfo"]
