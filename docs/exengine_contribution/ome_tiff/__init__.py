from .ome_tiff_storage import TiffStorage
