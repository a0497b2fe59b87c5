"""The unfinished result of a conversion, in a hidden folder beside its destination."""

import json
import logging
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from exengine_ome_tiff.dataset.loader import datasets_in, find_companion, find_dataset
from exengine_ome_tiff.dataset.location import PART_SUFFIX, Location, absolute_path
from exengine_ome_tiff.dataset.records import to_json
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.repair import recover
from exengine_ome_tiff.text_format import list_text
from exengine_ome_tiff.tiff import OPEN_FILES, patiently, read_head, sync_folder, write_whole
from exengine_ome_tiff.tiff_storage import TiffStorage
from exengine_ome_tiff.writing.claim import hold

logger = logging.getLogger(__name__)

_OF_RESUME = ("translators", "checksums", "fsync")
"""Options that a dataset does not store, so that `resume` needs them again."""


class PartialResult:
    """The unfinished result of a conversion; only a conversion with the same request resumes an earlier one.

    Raises
    ------
    FileExistsError
        `dest` exists and must not be replaced, or there is an unfinished result of another request.
    """

    def __init__(self, dest: Path, request: Mapping[str, object], *, overwrite: bool) -> None:
        self._target = Location.of(dest)
        self._overwrite = overwrite
        self.folder = absolute_path(dest.with_name(f".{dest.name}{PART_SUFFIX}"))
        self._deleted = absolute_path(dest.with_name(f".{dest.name}.deleted"))
        self.path = self.folder / dest.name
        """Path of the result until it is published."""
        self._replaced = self.folder / "replaced"
        self._move_back()  # a process that was killed has moved it
        self._check()
        asked = json.loads(to_json(request)[0])
        note = self.folder / "request.json"
        if not self.path.exists() and not note.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(note, json.dumps(asked).encode(), fsync=False)
        elif not note.is_file() or json.loads(note.read_bytes()) != asked:
            raise FileExistsError(
                f"{self.folder} contains an interrupted conversion with different options: "
                "rerun with the same options to resume, or delete it"
            )

    def begin(self, summary_metadata: object, options: Mapping[str, Any]) -> TiffStorage:
        """Start writing, or resume an earlier conversion, which may have finished its dataset."""
        if not self.path.exists():
            try:
                return TiffStorage(self.path, summary_metadata, **options)
            except (TypeError, ValueError, ImportError):
                self.discard()  # an option has an invalid value
                raise
        try:
            paths, _ = find_dataset(self.path)
            if any(read_head(each).is_finished for each in paths):
                # finishes the other files and the companion
                recover(self.path, translators=options.get("translators", ()))
                return TiffStorage.open(self.path)
            of_resume = {name: options[name] for name in _OF_RESUME if name in options}
            return TiffStorage.resume(self.path, **of_resume)
        except OmeTiffError as error:
            logger.warning("the conversion starts over: %s", error)
            return self.start_over(summary_metadata, options)

    def start_over(self, summary_metadata: object, options: Mapping[str, Any]) -> TiffStorage:
        """Delete the earlier result and start writing."""
        location = Location.of(self.path)
        if not location.is_folder:  # `overwrite` refuses a file without a page
            lock = hold(location)
            try:
                OPEN_FILES.release([self.path])
                patiently(partial(self.path.unlink, missing_ok=True))
            finally:
                lock.release()
        return TiffStorage(self.path, summary_metadata, overwrite=True, **options)

    def publish(self) -> Path:
        """Move the result to its destination, delete what it replaces, and return its path."""
        dest = self._target.path
        self._check()
        OPEN_FILES.release([dest, *(dest.iterdir() if dest.is_dir() else ())])  # Windows renames no open file
        if self._target.is_folder and dest.exists():
            if self._replaced.exists():
                shutil.rmtree(self._replaced)  # its deletion was interrupted
            patiently(partial(dest.rename, self._replaced))
        try:
            patiently(partial(self.path.replace, dest))
        except OSError:
            self._move_back()
            raise
        sync_folder(dest.parent)
        self.discard()
        return dest

    def discard(self) -> None:
        """Delete the result and its folder."""
        if self._deleted.exists():
            patiently(partial(shutil.rmtree, self._deleted))
        # in one step, so that no later conversion finds a part of it
        patiently(partial(self.folder.rename, self._deleted))
        patiently(partial(shutil.rmtree, self._deleted))

    def _move_back(self) -> None:
        """Move the dataset that was to be replaced back, unless its path is taken."""
        if self._replaced.exists() and not self._target.path.exists():
            patiently(partial(self._replaced.rename, self._target.path))

    def _check(self) -> None:
        """Refuse a destination that the result must not replace."""
        dest, is_folder = self._target.path, self._target.is_folder
        if not dest.exists():
            return
        if not self._overwrite:
            raise FileExistsError(f"{dest} exists")
        if dest.is_dir() != is_folder:
            kinds = ("a folder", "a file") if dest.is_dir() else ("a file", "a folder")
            raise FileExistsError(f"{dest} is {kinds[0]}, which {kinds[1]} cannot replace")
        if is_folder:
            datasets = datasets_in(dest)
            own = {path for paths in datasets.values() for path in paths}
            own |= {companion for each in datasets if (companion := find_companion(dest, each))}
            own.add(self._target.lock)  # `hold` below finds out whether a process has it
            foreign = sorted(path.name for path in dest.iterdir() if path not in own)
            if len(datasets) > 1 or foreign:
                more = f"other files ({list_text(foreign)})" if foreign else f"{len(datasets)} datasets"
                raise FileExistsError(f"{dest} has {more}: move them, or choose another path")
        try:
            hold(self._target).release()
        except BlockingIOError as error:
            raise FileExistsError(f"{dest} is still being written by a TiffStorage") from error
