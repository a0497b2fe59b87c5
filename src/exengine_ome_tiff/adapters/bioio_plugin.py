"""The entry point of the group `bioio.readers`: bioio asks it for names of files, then for the reader."""

from typing import Any

from bioio_base.reader_metadata import ReaderMetadata as _ReaderMetadata


class ReaderMetadata(_ReaderMetadata):
    """What bioio asks before it imports the reader."""

    @staticmethod
    def get_supported_extensions() -> list[str]:
        """Return the endings of files.

        bioio asks plugins with more kinds of endings later. With these three bioio-ome-tiff comes first, and
        this one reads what it refuses: files that are not finished, and companions.
        """
        return [".ome.tiff", ".ome.tif", ".companion.ome"]

    @staticmethod
    def supports_directory_images() -> bool:
        """Tell that a folder is a dataset."""
        return True

    @staticmethod
    def get_reader() -> Any:
        """Return the reader."""
        from exengine_ome_tiff.adapters.bioio_reader import Reader

        return Reader
