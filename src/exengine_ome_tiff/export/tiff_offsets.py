"""Export of the page offsets of a file, so that viewers in a browser need not read the entire file."""

import json
from os import PathLike
from pathlib import Path

from exengine_ome_tiff.dataset.loader import read_header
from exengine_ome_tiff.dataset.location import absolute_path, check_new_file, new_path
from exengine_ome_tiff.errors import NotFinishedError
from exengine_ome_tiff.tiff import ifd_offsets, read_head, write_whole

OFFSETS_SUFFIX = ".offsets.json"


def export_offsets(
    path: str | PathLike[str], dest: str | PathLike[str] | None = None, *, overwrite: bool = False
) -> Path:
    """Write the offset of each page of a finished file, as generate-tiff-offsets does, for Viv and Avivator.

    Parameters
    ----------
    path
        One file: a dataset in a single file, or a file of a folder.
    dest
        The file to write, ending in .offsets.json; by default beside `path`, where Avivator looks for it:
        ``run.offsets.json`` for ``run.ome.tiff``.
    overwrite
        Replace an existing file.

    Returns
    -------
    pathlib.Path
        The file: a JSON list of byte offsets in the order of the pages, without smaller copies.

    Raises
    ------
    FileNotFoundError
        There is nothing at `path`.
    FileExistsError
        `dest` exists.
    ValueError
        `path` is a folder, or `dest` does not end in .offsets.json.
    NotFinishedError
        The file is not finished, so its pages will move.
    OmeTiffError
        No `TiffStorage` wrote the file.
    OSError
        The file could not be written.
    """
    source = absolute_path(path)
    if source.is_dir():
        raise ValueError(f"{source} is a folder: name one file in it")
    read_header(source)
    if not read_head(source).is_finished:
        raise NotFinishedError(
            f"{source} is not finished, so its pages will move: finish or recover it first"
        )
    if dest is None:
        stem = source.name.removesuffix(source.suffix)
        dest = source.with_name(stem.removesuffix(Path(stem).suffix) + OFFSETS_SUFFIX)
    target = new_path(dest)
    if not target.name.endswith(OFFSETS_SUFFIX):
        raise ValueError(f"{target}: the name of an offsets file must end in {OFFSETS_SUFFIX}")
    check_new_file(target, overwrite=overwrite)
    with source.open("rb") as file:
        offsets = ifd_offsets(file)
    write_whole(target, json.dumps(offsets).encode(), fsync=False)
    return target
