"""Reading a dataset: frames, images, lazy arrays with and without axes, and what a notebook shows."""

from exengine_ome_tiff.reading.images import Image, Images

__all__ = ["Image", "Images"]
