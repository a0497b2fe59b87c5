"""The command `exengine-ome-tiff`: one module for each of its commands."""

from exengine_ome_tiff.cli.main import main

__all__ = ["main"]
