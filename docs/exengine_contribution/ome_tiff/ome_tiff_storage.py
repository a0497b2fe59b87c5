"""
OME-TIFF storage. The implementation is in the package exengine-ome-tiff (Python 3.11 or newer).
"""

try:
    from exengine_ome_tiff import TiffStorage
except ModuleNotFoundError as error:
    if error.name != "exengine_ome_tiff":
        raise
    raise ImportError('TiffStorage needs: pip install "exengine[ome_tiff]"') from error

__all__ = ["TiffStorage"]
