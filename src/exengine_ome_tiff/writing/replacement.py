"""A dataset that a new one replaces: it is moved aside, and deleted when the new one is finished.

It is kept in a hidden folder beside the new dataset, ``.NAME.replaced``, in a numbered folder. There are
several of these if processes were killed before they finished the new dataset.
"""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from exengine_ome_tiff.dataset.loader import datasets_in
from exengine_ome_tiff.dataset.location import REPLACED_SUFFIX, Location
from exengine_ome_tiff.tiff import has_no_page, patiently


def folder_of(location: Location) -> Path:
    """Return the folder for replaced datasets."""
    return location.beside(REPLACED_SUFFIX)


def move_aside(location: Location, files: Sequence[Path], *, whole: bool) -> Path | None:
    """Move a dataset aside.

    Parameters
    ----------
    location
        Location of the dataset.
    files
        Its files.
    whole
        Whether to move its folder as a whole and create a new one, because nothing else is in it.

    Returns
    -------
    pathlib.Path or None
        New path of the folder, which contains the lock; None if the folder was not moved.
    """
    if not any(file.exists() for file in files):
        return None
    slots = _slots(location)
    slot = folder_of(location) / f"{int(slots[-1].name) + 1 if slots else 1:06}"
    slot.mkdir(parents=True)
    aside = slot / location.path.name
    if not location.is_folder:
        patiently(partial(location.path.rename, aside))
        return None
    if whole:
        with suppress(PermissionError):  # network shares move no folder with an open file, like the lock
            location.path.rename(aside)
            location.path.mkdir()
            return aside
    aside.mkdir()
    for file in files:
        patiently(partial(file.rename, aside / file.name))
    return None


def move_back(location: Location) -> bool:
    """Move back the dataset that was moved aside last, unless its place has frames of another dataset."""
    for slot in reversed(_slots(location)):
        aside = slot / location.path.name
        if not aside.exists():
            continue
        if _has_others(location, aside):
            return False
        with suppress(FileNotFoundError):  # another process is moving it back
            if location.is_folder and location.path.exists():
                for file in sorted(aside.iterdir()):
                    patiently(partial(file.replace, location.path / file.name))
            else:
                patiently(partial(aside.replace, location.path))
        if len(_slots(location)) == 1:
            delete(location)
        else:
            patiently(partial(shutil.rmtree, slot))
        return True
    return False


def delete(location: Location) -> None:
    """Delete the replaced datasets."""
    waiting, deleted = folder_of(location), location.beside(".deleted")
    if waiting.is_dir():
        if deleted.is_dir():
            patiently(partial(shutil.rmtree, deleted))
        # in one step, so that no part of a dataset is ever moved back
        patiently(partial(waiting.rename, deleted))
    if deleted.is_dir():
        patiently(partial(shutil.rmtree, deleted))


def _slots(location: Location) -> list[Path]:
    folder = folder_of(location)
    return sorted(path for path in folder.iterdir() if path.name.isdecimal()) if folder.is_dir() else []


def _has_others(location: Location, aside: Path) -> bool:
    """Whether another dataset is in the place of one that was moved aside."""
    if not location.path.exists():
        return False
    if location.is_folder:
        return bool(datasets_in(location.path).keys() - datasets_in(aside).keys())
    return not has_no_page(location.path)
