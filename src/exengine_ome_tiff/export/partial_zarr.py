"""An unfinished Zarr hierarchy, in a hidden folder beside its destination."""

import json
import shutil
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from exengine_ome_tiff.dataset.location import PART_SUFFIX
from exengine_ome_tiff.tiff import patiently, sync_folder, write_whole

_METADATA = ("zarr.json", ".zgroup")


class PartialZarr:
    """The unfinished result of an export, with a list of the planes written.

    Only an export with the same request resumes it.

    Parameters
    ----------
    dest
        Folder of the result.
    request
        Dataset and options of the export, as JSON.
    overwrite
        Whether to replace a Zarr hierarchy at `dest`.

    Raises
    ------
    FileExistsError
        `dest` exists and must not be replaced, or there is an unfinished result of another request.
    """

    def __init__(self, dest: Path, request: Mapping[str, object], *, overwrite: bool) -> None:
        self._dest, self._overwrite = dest, overwrite
        self._folder = dest.with_name(f".{dest.name}{PART_SUFFIX}")
        self.path = self._folder / dest.name
        """Path of the unfinished result."""
        self._done = self._folder / "done.txt"
        self._replaced = self._folder / "replaced"
        if self._replaced.exists() and not dest.exists():
            patiently(partial(self._replaced.rename, dest))  # moved by a process that was killed
        self._check()
        asked = json.dumps(request, sort_keys=True).encode()
        note = self._folder / "request.json"
        if not self._folder.exists():
            self._folder.mkdir(parents=True)
            write_whole(note, asked, fsync=False)
        elif not note.is_file() or note.read_bytes() != asked:
            raise FileExistsError(
                f"{self._folder} contains an interrupted export with different options, or of another "
                "dataset: rerun with the same options to resume, or delete it"
            )

    def done(self) -> set[tuple[int, int]]:
        """Return image and frame number of each plane written."""
        if not self._done.exists():
            return set()
        lines = self._done.read_text().split("\n")[:-1]  # without an incomplete last line
        return {(int(image), int(frame)) for image, frame in (line.split() for line in lines)}

    def add_done(self, image: int, frames: Iterable[int]) -> None:
        """Record that planes were written."""
        with self._done.open("a", newline="\n") as file:
            file.write("".join(f"{image} {frame}\n" for frame in frames))

    def publish(self) -> None:
        """Move the result to its destination, and delete what it replaces."""
        self._check()
        if self._dest.exists():
            patiently(partial(self._dest.rename, self._replaced))
        patiently(partial(self.path.rename, self._dest))
        sync_folder(self._dest.parent)
        patiently(partial(shutil.rmtree, self._folder))

    def _check(self) -> None:
        """Check that the result may be moved to its destination."""
        if not self._dest.exists():
            return
        if not self._overwrite:
            raise FileExistsError(f"{self._dest} exists")
        if not any((self._dest / name).is_file() for name in _METADATA):
            raise FileExistsError(f"{self._dest} is not a Zarr hierarchy, so it is not replaced")
