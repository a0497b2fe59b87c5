"""One image of a dataset as a hyperstack of ImageJ's own, for those who have no Bio-Formats."""

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path

from exengine_ome_tiff.conversion.hyperstack_planes import Planes
from exengine_ome_tiff.inspection.dataset import Opened, opened
from exengine_ome_tiff.tiff import write_hyperstack


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
        Of the pixels in the file.
    gaps
        How many planes are black because no frame was put for them.
    notes
        What is not as it was.
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
    image: str | int | None = None,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> ExportResult:
    """Write an image as an ImageJ hyperstack: with calibration, colours of channels, and labels of slices.

    Signed 8-bit integers become 16-bit ones; 32-bit integers and 64-bit floats become 32-bit floats, and what
    was rounded is told. RGB with 16 bits becomes three channels.

    Parameters
    ----------
    path
        A single file, a folder, or any file of a folder, finished or not; what a dataset that is not finished
        has no OME-XML for, such as the pixel size, is left out.
    dest
        The file to write, ending in .tif or .tiff.
    image
        Name of the image, or its number from 0; may be left out where there is one only.
    overwrite
        Replace a file.
    progress
        Is told how many planes are written, and how many there are.

    Returns
    -------
    ExportResult

    Raises
    ------
    FileNotFoundError
        There is nothing at `path`.
    FileExistsError
        There is something at `dest`.
    LookupError
        There is no such image.
    ValueError
        ImageJ has no such pixels, they do not fit into its 4 GB, or `dest` does not end in .tif, or ends
        in .ome.tif.
    OmeTiffError
        What is at `path` is no dataset.
    OSError
        The file could not be written.
    """
    target = Path(fspath(dest)).absolute()
    if target.suffix.lower() not in (".tif", ".tiff"):
        raise ValueError(f"{target}: a hyperstack of ImageJ ends in .tif")
    if Path(target.stem).suffix.lower() == ".ome":
        raise ValueError(f"{target}: a hyperstack of ImageJ is no OME-TIFF; end its name in .tif alone")
    if target.exists() and not (overwrite and target.is_file()):
        raise FileExistsError(f"{target} exists")
    with opened(path) as data:
        if target.resolve() in [each.resolve() for each in data.paths]:
            raise FileExistsError(f"{target} is the dataset itself")
        number = _find(data, image)
        planes = Planes(data, number)
        stack = planes.stack()
        part = target.with_name(f".{target.name}.part")
        try:
            write_hyperstack(part, stack, planes.all(progress))
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        sizes = dict(zip("TZCYXS", stack.shape, strict=False))
        return ExportResult(
            target,
            data.name(number),
            {axis: sizes[axis] for axis in "TCZYXS" if axis in sizes},
            stack.dtype.name,
            int((planes.numbers < 0).sum()),
            tuple(planes.notes),
        )


def _find(data: Opened, image: str | int | None) -> int:
    """Return the number of an image."""
    names = [data.name(number) for number in range(len(data.images))]
    listed = ", ".join(f"{number} {name!r}" for number, name in enumerate(names[:20]))
    if image is None:
        if len(names) > 1:
            raise LookupError(f"there are {len(names)} images, choose one: {listed}")
        return 0
    if names.count(str(image)) == 1:
        return names.index(str(image))
    try:
        number = int(image)
    except ValueError:
        number = -1
    if not 0 <= number < len(names):
        raise LookupError(f"there is no image {image!r}, there are {listed}")
    return number
