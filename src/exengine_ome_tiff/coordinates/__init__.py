"""Coordinates of frames: validation, layout of images, plans, wells and file names."""
