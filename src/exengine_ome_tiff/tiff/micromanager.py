"""Reading image stacks of Micro-Manager 1.4 and 2 and of NDTiff 1: TIFF files with their own index.

Layout: "Micro-Manager File Formats" on micro-manager.org, as tifffile reads it. The index has the numbers of
channel, slice, frame and position of each page, and the offset of its IFD. The metadata of a page is JSON in
one of its tags.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy.typing as npt
import tifffile

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff.foreign_tiff import NO_FLAVOR, ifd_offsets, tifffile_errors
from exengine_ome_tiff.tiff.page_bounds import PageBounds

_METADATA = 51123
_PARTS = ("Summary", "IndexMap", "Comments")
_INDICES = ("ChannelIndex", "SliceIndex", "FrameIndex", "PositionIndex")


class StackPage(NamedTuple):
    """A page of an image stack, as listed in the index.

    Parameters
    ----------
    channel, z, time, position
        Numbers from 0.
    ifd_at
        Offset of its IFD.
    """

    channel: int
    z: int
    time: int
    position: int
    ifd_at: int


class ImageStack:
    """A file of an image stack, open for reading by one thread.

    Parameters
    ----------
    path
        Path of the file.

    Raises
    ------
    OmeTiffError
        Micro-Manager did not write it as an image stack.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._bounds = PageBounds(path.stat().st_size)
        with ExitStack() as stack:
            settings: dict[str, Any] = {}
            with tifffile_errors("it cannot be read"):
                self._tiff = stack.enter_context(tifffile.TiffFile(path, **NO_FLAVOR))
                if self._tiff.is_micromanager:
                    settings = tifffile.read_micromanager_metadata(self._tiff.filehandle, _PARTS)
            if settings.get("MajorVersion") not in (0, 1) or not isinstance(settings.get("Summary"), dict):
                raise OmeTiffError("it is not an image stack of Micro-Manager")
            stack.pop_all()
        self.summary: dict[str, Any] = settings["Summary"]
        """Summary metadata of the dataset."""
        comments = settings.get("Comments")
        self.comments: dict[str, Any] = comments if isinstance(comments, dict) else {}
        """Comments on the dataset ("Summary") and on frames."""
        index = settings.get("IndexMap")
        self._index: list[list[int]] = [] if index is None else index.tolist()

    def pages(self) -> list[StackPage]:
        """Return the pages in the index, or all pages of a file whose writer was killed before writing one.

        Raises
        ------
        OmeTiffError
            There is no index, and the metadata of a page lacks its position.
        """
        if self._index:
            return [StackPage(*row) for row in self._index if row[-1]]
        found = []
        with self.path.open("rb") as file:
            offsets = ifd_offsets(file)
        for ifd_at in offsets:
            try:
                metadata = self._page(ifd_at)[1]
                c, z, t, p = (int(metadata[key]) for key in _INDICES)
                found.append(StackPage(c, z, t, p, ifd_at))
            except (OmeTiffError, TypeError, KeyError, ValueError) as error:
                where = f"the page at offset {ifd_at} does not say where it belongs"
                raise OmeTiffError(f"it has no index, and {where}") from error
        return found

    def read(self, page: StackPage) -> tuple[npt.NDArray[Any], dict[str, Any]]:
        """Read the pixels and metadata of a page.

        Raises
        ------
        OmeTiffError
            The page cannot be read.
        """
        found, metadata = self._page(page.ifd_at)
        what = self._name(page.ifd_at)
        self._bounds.check(found, page.ifd_at, what)
        with tifffile_errors(what):
            return found.asarray(), metadata

    def metadata(self, page: StackPage) -> dict[str, Any]:
        """Read the metadata of a page; errors as for `read`."""
        return self._page(page.ifd_at)[1]

    def _page(self, ifd_at: int) -> tuple[tifffile.TiffPage, dict[str, Any]]:
        with tifffile_errors(self._name(ifd_at)):
            self._tiff.filehandle.seek(ifd_at)
            found = tifffile.TiffPage(self._tiff, index=0)
            metadata = found.tags.valueof(_METADATA)
        if not isinstance(metadata, dict):
            raise OmeTiffError(f"{self._name(ifd_at)}: its metadata cannot be read")
        return found, metadata

    def _name(self, ifd_at: int) -> str:
        return f"{self.path.name}, page at offset {ifd_at}"

    def close(self) -> None:
        """Close the file."""
        self._tiff.close()
