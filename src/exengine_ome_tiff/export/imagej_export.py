"""Export of an image as ImageJ's own hyperstack, which opens without Bio-Formats."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path

from exengine_ome_tiff.dataset.location import check_new_file, new_path
from exengine_ome_tiff.dataset.stored_images import ImageChoice, find_image
from exengine_ome_tiff.export.hyperstack_planes import HyperstackPlanes
from exengine_ome_tiff.inspection.open_dataset import OpenDataset
from exengine_ome_tiff.tiff import patiently, write_hyperstack


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What `export_imagej` wrote.

    Parameters
    ----------
    path
        The file.
    image
        Name of the image.
    sizes
        Planes along T, C and Z, pixels along Y and X, and S for RGB.
    dtype
        Type of the pixels in the file.
    gaps
        Number of planes that are black because no frame was put for them.
    notes
        Changes to the pixels.
    """

    path: Path
    image: str
    sizes: dict[str, int]
    dtype: str
    gaps: int
    notes: tuple[str, ...]


def export_imagej(
    path: str | PathLike[str],
    dest: str | PathLike[str],
    image: ImageChoice = None,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> ExportResult:
    """Write an image as an ImageJ hyperstack: with calibration, colours of channels, and labels of slices.

    Signed 8-bit integers become 16-bit ones; 32-bit integers and 64-bit floats become 32-bit floats, and what
    was rounded is in the notes. RGB with 16 bits becomes three channels.

    Parameters
    ----------
    path
        A single file, a folder, or any file of a folder, finished or not.
    dest
        The file to write, ending in .tif or .tiff.
    image
        Its number in `TiffStorage.images`, its name, or coordinates that only it has; None for the only one.
    overwrite
        Replace a file.
    progress
        Called with the number of planes that are written, and the number of all planes.

    Returns
    -------
    ExportResult

    Raises
    ------
    FileNotFoundError
        There is nothing at `path`.
    FileExistsError
        There is something at `dest`.
    ValueError
        There is no such image, or there are several; ImageJ has no such pixels, or no room for them in its
        4 GB; `dest` does not end in .tif, or ends in .ome.tif.
    OmeTiffError
        There is no dataset at `path`.
    OSError
        The file could not be written.
    """
    target = new_path(dest)
    if target.suffix.lower() not in (".tif", ".tiff"):
        raise ValueError(f"{target}: the name of an ImageJ hyperstack must end in .tif")
    if Path(target.stem).suffix.lower() == ".ome":
        raise ValueError(f"{target}: ImageJ output is not OME-TIFF; use a name ending in .tif, not .ome.tif")
    check_new_file(target, overwrite=overwrite)
    with OpenDataset(path) as data:
        if target.exists() and any(target.samefile(each) for each in data.paths):
            raise FileExistsError(f"{target} is the dataset itself")
        found = find_image(data.images, image)
        planes = HyperstackPlanes(data, found)
        stack = planes.stack()
        part = target.with_name(f".{target.name}.part")
        try:
            write_hyperstack(part, stack, planes.all(progress))
            patiently(partial(part.replace, target))
        finally:
            part.unlink(missing_ok=True)
        sizes = dict(zip("TZCYXS", stack.shape, strict=False))
        return ExportResult(
            target,
            found.name,
            {axis: sizes[axis] for axis in "TCZYXS" if axis in sizes},
            stack.dtype.name,
            int((planes.numbers < 0).sum()),
            tuple(planes.notes),
        )
