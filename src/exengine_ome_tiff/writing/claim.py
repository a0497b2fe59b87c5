"""Making room for a dataset, and nothing more."""

import os
from collections.abc import Iterable
from pathlib import Path

from exengine_ome_tiff.dataset.loader import datasets_in
from exengine_ome_tiff.dataset.location import COMPANION_SUFFIX, Target
from exengine_ome_tiff.tiff import is_begun, sync_folder
from exengine_ome_tiff.writing.lock import Lock


def hold(target: Target) -> Lock:
    """Keep others from writing a dataset; its file or folder exists.

    Raises
    ------
    BlockingIOError
        Somebody else writes it, in this process or another one.
    """
    if target.is_folder and target.lock.is_symlink():
        target.lock.unlink()  # or a file would be made where the link leads
    return Lock(target.lock, is_own=target.is_folder)


def sync_names(target: Target, new_folders: Iterable[Path] = ()) -> None:
    """Wait until the names of a dataset's files, and of folders made for it, are safe on the disk."""
    for folder in {target.folder, *(folder.parent for folder in new_folders)}:
        sync_folder(folder)


def claim(target: Target, *, overwrite: bool) -> list[Path]:
    """Make room for a dataset and create its folder.

    Parameters
    ----------
    target
        Where it will live.
    overwrite
        Delete what is there: a file, or the files of the one dataset in a folder. Other files stay.

    Returns
    -------
    list of pathlib.Path
        Folders that were created, the innermost first.

    Raises
    ------
    FileExistsError
        Something is there that is not to be overwritten, or another storage still writes there.
    """
    if target.path.exists():
        if not overwrite:
            raise FileExistsError(f"{target.path} exists; TiffStorage(..., overwrite=True) replaces it")
        if target.path.is_dir() != target.is_folder:
            kinds = ("a folder", "a file") if target.path.is_dir() else ("a file", "a folder")
            raise FileExistsError(f"{target.path} is {kinds[0]}, which {kinds[1]} does not replace")
        try:
            lock = hold(target)
        except BlockingIOError as error:
            raise FileExistsError(
                f"{target.path} is still being written by another TiffStorage: close that first"
            ) from error
        try:
            if target.is_folder:
                for file in _files(target):
                    file.unlink(missing_ok=True)
            elif os.name != "nt":
                target.path.unlink(missing_ok=True)  # while nobody else can hold it
        finally:
            lock.release()
        if not target.is_folder:
            target.path.unlink(missing_ok=True)  # Windows deletes no file that is held
    folder = target.folder
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _files(target: Target) -> list[Path]:
    """Return the files of the dataset in a folder, its companion included."""
    datasets = datasets_in(target.path)
    if len(datasets) > 1:
        raise FileExistsError(f"{target.path} has the files of {len(datasets)} datasets, none is replaced")
    files = [file for files in datasets.values() for file in files]
    companions = [
        companion
        for companion in target.path.glob(f"*{COMPANION_SUFFIX}")
        if any(file.name.startswith(companion.name.removesuffix(COMPANION_SUFFIX)) for file in files)
    ]
    return [*companions, *files, *begun_files(target)]


def begun_files(target: Target) -> list[Path]:
    """Return the files in a folder that a killed process has left before it could write a page to them."""
    if not target.is_folder:
        return []
    return [file for file in target.path.glob("*.ome.tiff") if _is_own_name(target, file) and is_begun(file)]


def _is_own_name(target: Target, file: Path) -> bool:
    """Whether a file is called as one of the dataset is."""
    rest = file.name.removeprefix(target.prefix)
    return rest != file.name and rest.startswith(("_", ".")) and not file.is_symlink() and file.is_file()
