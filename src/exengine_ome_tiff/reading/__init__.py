"""Reading a dataset: frames, images, lazy arrays with and without labels, and the notebook display."""

from exengine_ome_tiff.reading.images import Image, Images

__all__ = ["Image", "Images"]
