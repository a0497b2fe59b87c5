"""How carefully a dataset is written."""

from dataclasses import dataclass
from typing import get_args

from exengine_ome_tiff.tiff import Algorithm, algorithm_of
from exengine_ome_tiff.writing.checkpointer import CheckpointOption, CheckpointRule
from exengine_ome_tiff.writing.put_errors import OnError


@dataclass(frozen=True, slots=True)
class Safety:
    """How carefully a dataset is written.

    Parameters
    ----------
    on_error, checksums, fsync, checkpoint
        As `TiffStorage` takes them.

    Raises
    ------
    ValueError
        One has a value that it cannot have.
    """

    on_error: OnError = "raise"
    checksums: bool | Algorithm = False
    fsync: bool = True
    checkpoint: CheckpointOption = "auto"

    def __post_init__(self) -> None:
        if self.on_error not in get_args(OnError):
            raise ValueError(f"got on_error={self.on_error!r}, expected one of {get_args(OnError)}")
        algorithm_of(self.checksums)
        CheckpointRule(self.checkpoint)

    @property
    def algorithm(self) -> Algorithm | None:
        """Which checksum the record of each frame has; None for none."""
        return algorithm_of(self.checksums)
