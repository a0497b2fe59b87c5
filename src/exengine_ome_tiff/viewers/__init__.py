"""Datasets in the windows of other projects: napari."""
