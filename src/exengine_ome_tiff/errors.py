"""Errors about files and folders, as opposed to errors in a call."""


class OmeTiffError(Exception):
    """A file or folder is not a dataset that this package can read."""


class ForeignFileError(OmeTiffError):
    """A file that no `TiffStorage` wrote."""


class NoFrameError(OmeTiffError):
    """A file without any page: its writer ended before the first frame."""


class NotFinishedError(OmeTiffError):
    """A dataset is not finished: its files contain the frames, but no OME-XML yet."""


class BeingWrittenError(OmeTiffError):
    """A `TiffStorage` is still writing the dataset."""
