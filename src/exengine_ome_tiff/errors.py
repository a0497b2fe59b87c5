"""Errors that say what is wrong with a file, as opposed to what is wrong with a call."""


class OmeTiffError(Exception):
    """A file or folder is not a dataset that this package can read."""


class ForeignFileError(OmeTiffError):
    """A file that no `TiffStorage` wrote."""


class NotFinishedError(OmeTiffError):
    """A dataset's writer ended before `finish`: the frames are there, the OME-XML is not."""


class BeingWrittenError(OmeTiffError):
    """A dataset is being written by a `TiffStorage` at this moment."""
