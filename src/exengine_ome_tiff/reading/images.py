"""The images of a dataset, with their pixels as NumPy, dask and xarray arrays."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, Self, SupportsIndex, overload

import numpy.typing as npt

from exengine_ome_tiff.dataset.frame_index import FrameIndex
from exengine_ome_tiff.dataset.stored_images import ImageInfo, StoredImage, find_image
from exengine_ome_tiff.reading.calibration import Calibration
from exengine_ome_tiff.reading.image_pages import ImagePages
from exengine_ome_tiff.text_format import count_text

if TYPE_CHECKING:
    import dask.array as da
    import xarray as xr


class PixelSource(NamedTuple):
    """Functions through which images read their pixels.

    Parameters
    ----------
    frames
        Returns the frames; RuntimeError if the storage is closed.
    calibration
        Returns the calibration of an image.
    flush
        Writes the frames that are still in memory.
    """

    frames: Callable[[], FrameIndex]
    calibration: Callable[[StoredImage], Calibration]
    flush: Callable[[], None]


class Image(ImageInfo):
    """One OME image of a dataset, with its pixels.

    It has the attributes of `ImageInfo`. Its arrays have one axis for each of `axes`, in that order, then Y
    and X, then samples for RGB. Planes that were never acquired are zeros. An image does not grow: get
    `TiffStorage.images` again for newer frames. Pickling drops the pixels and leaves an `ImageInfo`.
    """

    __slots__ = ("_source", "_stored")

    _stored: StoredImage
    _source: PixelSource

    @classmethod
    def of(cls, stored: StoredImage, source: PixelSource) -> Self:
        """Make an image from its layout."""
        self = cls(*_values(stored.info()))
        object.__setattr__(self, "_stored", stored)
        object.__setattr__(self, "_source", source)
        return self

    def asarray(self) -> npt.NDArray[Any]:
        """Read all planes.

        Returns
        -------
        numpy.ndarray
            A new array, in the pixel type of the frames.

        Raises
        ------
        RuntimeError
            The storage is closed.
        """
        index = self._source.frames()
        return ImagePages.of(index, self._stored).read(index)

    def asdask(self, level: int = 0) -> "da.Array":
        """Return all planes as a dask array, which reads planes when needed; needs the extra `dask`.

        Returns
        -------
        dask.array.Array
            Chunked as described for `TiffStorage.as_array`.

        Raises
        ------
        ImportError
            dask is not installed.
        OSError
            Frames still in memory could not be written.
        RuntimeError
            The storage is closed.
        """
        from exengine_ome_tiff.reading.dask_array import lazy_array

        index = self._source.frames()
        pages = ImagePages.of(index, self._stored, level)
        array = lazy_array(index, pages.frames, pages.locations, pages.kind)
        self._source.flush()  # last, because other threads may have put frames meanwhile
        return array

    def asxarray(self, level: int = 0) -> "xr.DataArray":
        """Return all planes with axes and units; array and errors as for `TiffStorage.as_xarray`."""
        from exengine_ome_tiff.reading.xarray_array import labelled_array

        index = self._source.frames()
        array = labelled_array(index, self._stored, self._source.calibration(self._stored), level)
        self._source.flush()
        return array

    def __reduce__(self) -> tuple[type[ImageInfo], tuple[Any, ...]]:
        """Drop the pixels: another process does not have the storage."""
        return ImageInfo, _values(self)


class Images(tuple[Image, ...]):
    """The images of a dataset: a tuple that is also indexed by name and by coordinates."""

    __slots__ = ()

    @classmethod
    def of(cls, stored: Iterable[StoredImage], source: PixelSource) -> Self:
        """Make images from their layouts."""
        return cls(Image.of(each, source) for each in stored)

    @overload
    def __getitem__(self, wanted: SupportsIndex | str | Mapping[str, int | str]) -> Image: ...
    @overload
    def __getitem__(self, wanted: slice) -> tuple[Image, ...]: ...
    def __getitem__(
        self, wanted: SupportsIndex | slice | str | Mapping[str, int | str]
    ) -> Image | tuple[Image, ...]:
        """Return an image by number, by name, or by coordinates that only it has.

        Raises
        ------
        IndexError
            There is no image of this number; the message has the number of images.
        KeyError
            No image has this name or these coordinates, or several have; the message lists the images.
        """
        if not isinstance(wanted, str | Mapping):
            try:
                return super().__getitem__(wanted)
            except IndexError as error:
                there = f"there are {count_text(len(self), 'image')}, numbered from 0"
                raise IndexError(f"there is no image {wanted}: {there}") from error
        try:
            return find_image(self, wanted)
        except ValueError as error:
            raise KeyError(str(error)) from error

    def __contains__(self, wanted: object) -> bool:
        """Whether there is such an image, or an image of this name."""
        if isinstance(wanted, str):
            return any(image.name == wanted for image in self)
        return super().__contains__(wanted)


_values: Callable[[ImageInfo], tuple[Any, ...]] = attrgetter(*(field.name for field in fields(ImageInfo)))
"""Returns the values of the fields in order."""
