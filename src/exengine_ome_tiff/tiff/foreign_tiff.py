"""Reading TIFF files of other programs with tifffile, in bounded time and memory."""

import logging
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt
import tifffile

from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff.page_bounds import PageBounds

NO_FLAVOR: Any = {"is_lsm": False, "is_ndpi": False, "is_scanimage": False}
"""tifffile would read all pages of these kinds of files at once."""
_DESCRIPTION = 270
_INFO = "Info"
_MOST_TAGS = 4096


_is_quiet: ContextVar[bool] = ContextVar("_is_quiet", default=False)


@contextmanager
def tifffile_errors(what: str) -> Iterator[None]:
    """Turn tifffile's errors into OmeTiffError, except OSError, and suppress its log messages.

    Damaged bytes make tifffile raise any kind of error and log warnings.

    Parameters
    ----------
    what
        Start of the error message.
    """
    token = _is_quiet.set(True)
    try:
        yield
    except (OmeTiffError, OSError):
        raise
    except Exception as error:
        raise OmeTiffError(f"{what}: {error}") from error
    finally:
        _is_quiet.reset(token)


logging.getLogger("tifffile").addFilter(lambda _record: not _is_quiet.get())


class ForeignTiff:
    """A TIFF file of another program, open for reading by one thread.

    Parameters
    ----------
    path
        Path of the file.

    Raises
    ------
    OmeTiffError
        The file is not a TIFF file, or has no page.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._bounds = PageBounds(path.stat().st_size)
        with ExitStack() as stack:
            file = stack.enter_context(path.open("rb"))
            self._ifds = ifd_offsets(file)
            if not self._ifds:
                raise OmeTiffError(f"{path.name} is not a TIFF file, or has no page")
            file.seek(0)  # where tifffile starts to read
            with tifffile_errors(f"{path.name} cannot be read"):
                self._tiff = stack.enter_context(tifffile.TiffFile(file, **NO_FLAVOR))
            self._file = file
            stack.pop_all()

    @property
    def n_pages(self) -> int:
        """Number of pages in the main chain."""
        return len(self._ifds)

    def description(self) -> bytes:
        """Return the ImageDescription of the first page, which may be OME-XML; empty if it has none."""
        return self._text(self._page(0), _DESCRIPTION).encode()

    def imagej_info(self) -> str:
        """Return the text that ImageJ shows as image info; empty if there is none."""
        with tifffile_errors(f"the metadata in {self.path.name} cannot be read"):
            found = (self._tiff.imagej_metadata or {}).get(_INFO)
        return found if isinstance(found, str) else ""

    def read(self, number: int) -> npt.NDArray[Any]:
        """Read the pixels of a page.

        Returns
        -------
        numpy.ndarray
            Shape (Y, X), or (Y, X, samples).

        Raises
        ------
        OmeTiffError
            The page cannot be read, has contradictory tags, or shares its pixels with another page.
        """
        if not 0 <= number < self.n_pages:
            raise OmeTiffError(f"{self.path.name} has no page {number}")
        page = self._page(number)
        what = f"page {number} of {self.path.name}"
        self._bounds.check(page, number, what)
        with tifffile_errors(f"{what} cannot be decoded"):
            pixels = page.asarray(maxworkers=1)
        return np.moveaxis(pixels, 0, -1) if page.axes == "SYX" else pixels

    def _page(self, number: int) -> tifffile.TiffPage:
        with tifffile_errors(f"page {number} of {self.path.name} cannot be read"):
            self._tiff.filehandle.seek(self._ifds[number])
            return tifffile.TiffPage(self._tiff, index=number)

    @staticmethod
    def _text(page: tifffile.TiffPage, code: int) -> str:
        value = page.tags.valueof(code)
        return value if isinstance(value, str) else value.decode("utf-8", "replace") if value else ""

    def close(self) -> None:
        """Close the file."""
        self._tiff.close()
        self._file.close()


class _Layout(NamedTuple):
    """Layout of the start of an IFD in a TIFF file."""

    first_at: int
    n_tags: struct.Struct
    offset: struct.Struct
    entry_bytes: int


def ifd_offsets(file: BinaryIO) -> list[int]:
    """Return the offsets of the IFDs in the main chain, up to the first invalid link.

    Parameters
    ----------
    file
        A file open for reading.

    Returns
    -------
    list of int
        Each offset once, in the order of the chain; empty if the file is not a TIFF file.
    """
    layout = _layout(file)
    offsets: dict[int, None] = {}
    if layout is None:
        return []
    link = _number(file, layout.first_at, layout.offset)
    while link and link not in offsets:
        n_tags = _number(file, link, layout.n_tags)
        if n_tags is None or not 0 < n_tags <= _MOST_TAGS:
            break
        next_at = link + layout.n_tags.size + n_tags * layout.entry_bytes
        offsets[link] = None
        link = _number(file, next_at, layout.offset)
    return [*offsets]


def _layout(file: BinaryIO) -> _Layout | None:
    """Recognize classic TIFF or BigTIFF and the byte order; None for other files."""
    file.seek(0)
    head = file.read(4)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 4:
        return None
    version = struct.unpack(f"{order}H", head[2:])[0]
    if version == 42:
        return _Layout(4, struct.Struct(f"{order}H"), struct.Struct(f"{order}I"), 12)
    if version == 43:
        return _Layout(8, struct.Struct(f"{order}Q"), struct.Struct(f"{order}Q"), 20)
    return None


def _number(file: BinaryIO, at: int, form: struct.Struct) -> int | None:
    """Read a number; None if the file ends before it."""
    if at >= 1 << 62:
        return None
    file.seek(at)
    data = file.read(form.size)
    return int(form.unpack(data)[0]) if len(data) == form.size else None
