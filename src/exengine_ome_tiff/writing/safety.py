"""Options for the safety of a dataset during writing."""

from dataclasses import dataclass
from typing import get_args

from exengine_ome_tiff.tiff import Algorithm, algorithm_of
from exengine_ome_tiff.writing.checkpointer import CheckpointOption, CheckpointRule
from exengine_ome_tiff.writing.put_errors import OnError


@dataclass(frozen=True, slots=True)
class Safety:
    """Options for the safety of a dataset during writing.

    Parameters
    ----------
    on_error, checksums, fsync, checkpoint
        As `TiffStorage` takes them.

    Raises
    ------
    ValueError
        An option is invalid.
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
        """Checksum in the record of each frame; None for none."""
        return algorithm_of(self.checksums)
