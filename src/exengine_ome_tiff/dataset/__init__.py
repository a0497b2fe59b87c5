"""What there is: frames by their coordinates, records, header, images, and opening all that."""

from exengine_ome_tiff.dataset.stored_images import ImageInfo

__all__ = ["ImageInfo"]
