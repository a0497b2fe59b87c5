"""Making room for a dataset, and nothing more."""

from pathlib import Path
from weakref import WeakKeyDictionary

from exengine_ome_tiff.storage.opening import datasets_in
from exengine_ome_tiff.storage.target import COMPANION_SUFFIX, Target

_being_written: WeakKeyDictionary[object, Path] = WeakKeyDictionary()


def note_writer(writer: object, path: Path) -> None:
    """Remember that a path is written, until `forget_writer` or the end of the writer."""
    _being_written[writer] = path


def forget_writer(writer: object) -> None:
    """Allow others to write to the writer's path again."""
    _being_written.pop(writer, None)


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
        Something is there that is not to be overwritten, or a storage of this process still writes there.
    """
    if any(path == target.path for path in _being_written.values()):
        raise FileExistsError(
            f"{target.path} is still being written by another TiffStorage: close that first"
        )
    if target.path.exists():
        if not overwrite:
            raise FileExistsError(f"{target.path} exists; TiffStorage(..., overwrite=True) replaces it")
        if target.path.is_dir() != target.is_folder:
            kinds = ("a folder", "a file") if target.path.is_dir() else ("a file", "a folder")
            raise FileExistsError(f"{target.path} is {kinds[0]}, which {kinds[1]} does not replace")
        if target.is_folder:
            _empty(target)
        else:
            target.path.unlink()
    folder = target.path if target.is_folder else target.path.parent
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _empty(target: Target) -> None:
    """Delete the files of the dataset in a folder."""
    datasets = datasets_in(target.path)
    if len(datasets) > 1:
        raise FileExistsError(f"{target.path} has the files of {len(datasets)} datasets, none is replaced")
    for files in datasets.values():
        for companion in target.path.glob(f"*{COMPANION_SUFFIX}"):
            if any(file.name.startswith(companion.name.removesuffix(COMPANION_SUFFIX)) for file in files):
                companion.unlink()
        for file in files:
            file.unlink()
