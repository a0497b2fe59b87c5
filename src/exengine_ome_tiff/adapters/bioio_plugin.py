"""The entry point of the group `bioio.readers`: suffixes of files, and the reader."""

from typing import Any

from bioio_base.reader_metadata import ReaderMetadata as _ReaderMetadata


class ReaderMetadata(_ReaderMetadata):
    """Describes the reader; bioio imports it before the reader."""

    @staticmethod
    def get_supported_extensions() -> list[str]:
        """Return the suffixes of files.

        bioio first asks the plugins that have fewer kinds of suffixes. Because of ``.companion.ome``,
        bioio-ome-tiff comes before this plugin, which reads what the other refuses: unfinished files and
        companions.
        """
        return [".ome.tiff", ".ome.tif", ".companion.ome"]

    @staticmethod
    def supports_directory_images() -> bool:
        """Return that a folder can be a dataset."""
        return True

    @staticmethod
    def get_reader() -> Any:
        """Return the reader."""
        from exengine_ome_tiff.adapters.bioio_reader import Reader

        return Reader
