"""Making room for a dataset, and nothing more."""

from exengine_ome_tiff.storage.opening import datasets_in
from exengine_ome_tiff.storage.target import COMPANION_SUFFIX, Target


def claim(target: Target, *, overwrite: bool) -> None:
    """Make room for a dataset and create its folder.

    Parameters
    ----------
    target
        Where it will live.
    overwrite
        Delete what is there: a file, or the files of the one dataset in a folder. Other files stay.

    Raises
    ------
    FileExistsError
        Something is there that is not to be overwritten.
    """
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
    (target.path if target.is_folder else target.path.parent).mkdir(parents=True, exist_ok=True)


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
