from exengine_ome_tiff import TiffStorage as TiffStorage
