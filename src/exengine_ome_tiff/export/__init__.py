"""Exports for other programs: ImageJ hyperstacks, OME-Zarr, mosaics, tile positions and page offsets."""
