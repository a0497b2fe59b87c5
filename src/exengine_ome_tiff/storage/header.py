"""What the files of a dataset say of it, each of them."""

import json
from dataclasses import dataclass
from typing import Self
from uuid import UUID, uuid4, uuid5

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.storage.records import to_json

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Header:
    """Identity of a dataset.

    Parameters
    ----------
    dataset
        ``urn:uuid:...`` that the files of a folder share; also the UUID of their companion.
    is_folder
        Whether the dataset is a folder of files.
    summary_json
        What describes the whole dataset.
    """

    dataset: str
    is_folder: bool
    summary_json: str

    @classmethod
    def new(cls, *, is_folder: bool, summary_metadata: object) -> Self:
        """Make the header of a new dataset."""
        return cls(uuid4().urn, is_folder, to_json(summary_metadata)[0])

    def file_uuid(self, name: str) -> str:
        """Return ``urn:uuid:...`` of the file of that name, the same each time."""
        return uuid5(UUID(self.dataset), name).urn

    def encode(self) -> bytes:
        """Make the JSON that a file keeps."""
        known = {"exengine_ome_tiff": FORMAT_VERSION, "dataset": self.dataset, "is_folder": self.is_folder}
        return f'{json.dumps(known)[:-1]}, "summary_metadata": {self.summary_json}}}'.encode("ascii")

    @classmethod
    def decode(cls, text: bytes) -> Self:
        """Read what `encode` made.

        Raises
        ------
        OmeTiffError
            It is something else, or of a later version.
        """
        try:
            header = json.loads(text)
            version = header["exengine_ome_tiff"]
            fields = (header["dataset"], header["is_folder"], json.dumps(header["summary_metadata"]))
        except (ValueError, TypeError, KeyError) as error:
            raise OmeTiffError(f"not the header of a dataset: {text[:80]!r}") from error
        if version != FORMAT_VERSION:
            raise OmeTiffError(f"a dataset of format version {version}, this package reads {FORMAT_VERSION}")
        return cls(*fields)
