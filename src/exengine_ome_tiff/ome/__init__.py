"""OME-XML (schema 2016-06) from the layout of images and their metadata. This package accesses no files.

`exengine_ome_tiff.ome.document` imports ome-types, which takes 0.3 s: import it late.
"""
