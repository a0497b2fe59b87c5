"""Datasets in other projects' viewers (napari and ndv), and thumbnails for notebooks."""
