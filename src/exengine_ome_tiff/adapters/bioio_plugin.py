"""The entry point `bioio.readers`: file suffixes and the reader."""

from typing import Any

from bioio_base.reader_metadata import ReaderMetadata as _ReaderMetadata


class ReaderMetadata(_ReaderMetadata):
    """Describes the reader, which bioio imports later."""

    @staticmethod
    def get_supported_extensions() -> list[str]:
        """Return the file suffixes.

        bioio tries plugins with fewer suffixes first. Because of ``.companion.ome``, it tries bioio-ome-tiff
        before this plugin, which reads what the other refuses: unfinished files and companion files.
        """
        return [".ome.tiff", ".ome.tif", ".companion.ome"]

    @staticmethod
    def supports_directory_images() -> bool:
        """Return True, because a folder can be a dataset."""
        return True

    @staticmethod
    def get_reader() -> Any:
        """Return the reader class."""
        from exengine_ome_tiff.adapters.bioio_reader import Reader

        return Reader
