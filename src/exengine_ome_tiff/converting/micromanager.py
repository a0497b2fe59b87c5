"""Frames of the image stacks that Micro-Manager 1.4 and 2 write: a folder of multipage TIFF files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from exengine_ome_tiff.converting.sources import Lost, UnreadableFrameError
from exengine_ome_tiff.coordinates import Coordinates
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.tiff import ImageStack, StackPage

_STACK = "_MMStack"
_AXES = ("time", "position", "channel", "z")


class MicroManagerSource:
    """The files of one dataset; one of them is open at a time.

    The index in the files has numbers: those of channels and positions become the names that the summary
    metadata have for them, where these tell them apart.

    Parameters
    ----------
    path
        Their folder, or one of them.

    Raises
    ------
    OmeTiffError
        There are none, or those of several datasets.
    """

    def __init__(self, path: Path) -> None:
        self.path: Path | None = path if path.is_dir() else path.parent
        self.lost: list[Lost] = []
        self.superseded = 0
        self._stack: ImageStack | None = None
        found: dict[tuple[int, ...], tuple[Path, StackPage]] = {}
        summary: dict[str, Any] | None = None
        comments: dict[str, Any] = {}
        for each in _files(path):
            try:
                stack = self._opened(each)
                pages = stack.pages()
            except (OmeTiffError, OSError) as error:
                self.lost.append(Lost(each.name, str(error)))
                continue
            summary = stack.summary if summary is None else summary
            comments |= stack.comments
            for page in pages:
                self.superseded += page[:4] in found
                found[page[:4]] = each, page
        if summary is None:
            raise OmeTiffError(f"{path}: {self.lost[0].reason if self.lost else 'no image stack is in it'}")
        self.summary_metadata: Any = summary
        labels = [
            each.get("Label") if isinstance(each, dict) else None
            for each in summary.get("StagePositions") or ()
        ]
        channels, positions = _telling(summary.get("ChNames")), _telling(labels)
        self._pages: dict[tuple[int | str, ...], tuple[Path, StackPage]] = {
            (page.time, _name(positions, page.position), _name(channels, page.channel), page.z): (each, page)
            for each, page in found.values()
        }
        description = comments.pop("Summary", None)
        self.options: Mapping[str, Any] = (
            {"description": description} if description and isinstance(description, str) else {}
        )
        self.lost += [
            Lost(f"comment {key!r}", "there is no place for it") for key in comments if comments[key]
        ]

    def coordinates(self) -> list[Coordinates]:
        """Return the coordinates of all frames, in the order of the files."""
        return [dict(zip(_AXES, values, strict=True)) for values in self._pages]

    def read(self, coordinates: Coordinates) -> tuple[npt.NDArray[Any], Any]:
        """Read pixels and metadata of a frame."""
        path, page = self._pages[tuple(coordinates[axis] for axis in _AXES)]
        try:
            return self._opened(path).read(page)
        except (OmeTiffError, OSError) as error:
            raise UnreadableFrameError(str(error)) from error

    def _opened(self, path: Path) -> ImageStack:
        if self._stack is None or self._stack.path != path:
            self.close()
            self._stack = ImageStack(path)
        return self._stack

    def close(self) -> None:
        """Close the file that is open."""
        if self._stack is not None:
            self._stack.close()
            self._stack = None


def _files(path: Path) -> list[Path]:
    """Return the files of a dataset in the order in which they were written."""
    folder = path if path.is_dir() else path.parent
    files = [each for each in folder.iterdir() if each.suffix.lower() in (".tif", ".tiff") and each.is_file()]
    if not path.is_dir():
        prefix = path.name.partition(_STACK)[0]
        files = [path, *files] if _STACK not in path.name else files
        files = [each for each in files if each == path or each.name.startswith(f"{prefix}{_STACK}")]
    prefixes = {each.name.partition(_STACK)[0] for each in files if _STACK in each.name}
    if len(prefixes) > 1:
        raise OmeTiffError(f"{path}: image stacks of {len(prefixes)} datasets are in it: name a file of one")
    return sorted(set(files), key=lambda each: (len(each.name), each.name))


def _name(names: Sequence[str], number: int) -> int | str:
    return names[number] if number < len(names) else number


def _telling(names: object) -> list[str]:
    """Return names that tell all that they name apart, else none."""
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        return []
    return names if len(set(names)) == len(names) else []
